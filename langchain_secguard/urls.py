"""Where a text is inside a URL: a link or an image in an answer is a way out for data.

Wider than RFC 3986 on purpose: whatever a chat window or a Markdown renderer might fetch counts, so a
scheme, ``www.``, a host with a path, the target of any Markdown link (CommonMark 0.31, section 6.3), and an
attribute of HTML or a ``url()`` of CSS that leads to another site. How a URL ends depends on where it
stands: inside quotes a browser reads on over white space (WHATWG URL, section 4.4), and a link's target
ends with its parenthesis alone.
"""

import re
from typing import NamedTuple

_SITE = r"(?:[a-z][a-z0-9+.\-]{0,30}:[\\/]|(?:https?|ftp|data|javascript|vbscript):|[\\/]{2})"
_START = re.compile(
    r"(?P<attribute>(?<![\w\-])(?:src|href|srcset|poster|action|formaction|background|ping)\s*=\s*"
    r"(?P<mark>[\"']?)\s*)"
    r"|(?P<css>\burl\(\s*(?P<css_mark>[\"']?)\s*)"
    rf"|(?P<quoted>[=(]\s*(?P<quote>[\"'])\s*)(?={_SITE})"
    r"|(?P<target>\]\(\s*(?:(?P<angle><)\s*)?)"
    rf"|(?P<defined>\]:\s*(?:(?P<defined_angle><)\s*|(?={_SITE})))"
    r"|[a-z][a-z0-9+.\-]{0,30}://|(?<![\w:/])//|(?<![\w:/\\])\\\\[\w.\-]{2,63}\\"
    r"|\b(?:www\.|https?:|ftp:|mailto:|tel:|sms:|data:|javascript:|vbscript:)"
    r"|\b[\w\-]{1,63}(?:\.[\w\-]{1,63}){0,8}\.(?:[a-z]{2,24}|xn--[a-z0-9\-]{2,59})(?::\d{1,5})?[/?#]",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"[:&\\]|/\s*/")  # without one of these an attribute stays on its own site
_LONGEST_START = 256
_STAND_IN = "x"


class _Place(NamedTuple):
    """Say where a URL stands: what ends it there, and whether that place is seen before the URL begins.

    A ``quiet`` place counts only once what stands in it leads to another site. ``whole`` allows one URL of
    the user's, whole.
    """

    end: re.Pattern[str]
    ahead: bool = False
    quiet: bool = False
    whole: bool = False


_BARE = _Place(re.compile(r"[\s\"<>`]|\](?=\()"))
_DEFINED = _Place(re.compile(r"\s"))
_TARGET = _Place(re.compile(r"\\[()]|[()\s]"), ahead=True, whole=True)
_ANGLE_END = re.compile(r"\\[<>]|[<>\n]")
_ANGLE = _Place(_ANGLE_END, ahead=True, whole=True)
_DEFINED_ANGLE = _Place(_ANGLE_END, ahead=True, quiet=True)
_QUOTED = {mark: _Place(re.compile(mark)) for mark in "\"'"}
_ATTRIBUTE = {mark: _Place(re.compile(mark or r"[\s>]"), ahead=True, quiet=True) for mark in ("", '"', "'")}
_CSS = {**_ATTRIBUTE, "": _Place(re.compile(r"[\s)]"), ahead=True, quiet=True)}


def may_hold_url(text: str) -> bool:
    """Tell at little cost whether ``text`` could hold a URL at all: each holds one of these."""
    return (
        "/" in text
        or ":" in text
        or "](" in text
        or "?" in text
        or "#" in text
        or "\\" in text
        or "&" in text
        or "www." in text.casefold()
    )


def may_begin_url(text: str) -> bool:
    """Tell whether a URL might begin in ``text``: each beginning holds one of these where it is complete."""
    return (
        ":" in text
        or "/" in text
        or "?" in text
        or "(" in text
        or "=" in text
        or "#" in text
        or "\\" in text
        or ("." in text and "www." in text.casefold())
    )


class UrlTracker:
    """Tell whether a text that arrives in pieces is inside a URL where it stands now.

    What it tells depends on the text and on where it was asked before, not on how the text was cut. Who asks
    in the midst of what begins a URL is answered by what has come. Of that, only what stands behind the last
    white space is kept, at most 256 characters, so that the URL may then be seen to begin later, or to be of
    another kind, than by who asks behind it alone. What is kept is looked at again for the next answer, and
    nothing else is.
    """

    __slots__ = ("_depth", "_leads", "_looked", "_parentheses", "_pieces", "_place", "_text")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._text = ""  # what stood last, while no URL is open
        self._looked = 0
        self._place: _Place | None = None
        self._depth = self._parentheses = 0
        self._leads = False

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if text:
            self._pieces.append(text)

    def skip(self, entity_type: str) -> None:
        """Pass over a value of this type that is hidden here, or restored here.

        What follows a URL at once belongs to it; any other value counts as one letter.
        """
        if entity_type == "URL":
            self._look()
            if self._place is None:
                self._enter(_BARE)
            self._leads = True
        self._pieces.append(_STAND_IN)

    def hide(self, label: str = "") -> None:
        """Pass over the open URL, which is hidden whole up to here, for good if ``label`` stands for it."""
        self._look()
        place = self._place if self._place and self._place.ahead else None if label else _BARE
        self._enter(place)
        self._leads = not label
        self._pieces.append(label or _STAND_IN)

    def refuses(self, entity_type: str) -> bool:
        """Tell whether a value of this type must not be put here, inside a URL that somebody else wrote.

        A URL may stand where a Markdown link has its target, since it is that target whole.
        """
        self._look()
        if self._place is None:
            return False
        if self._place.quiet:
            return self._leads
        return not self._place.whole or self._depth > 0 or entity_type != "URL"

    @property
    def depth(self) -> int:
        """How many characters ago the open URL began; each value counts as one."""
        self._look()
        return self._depth

    def end(self, text: str, start: int) -> int:
        """Return where the URL that is open at ``start`` ends in ``text``."""
        match, _ = self._closing(text, start) if self._place else (None, 0)
        return match.start() if match else len(text)

    def _look(self) -> None:
        """Look at what has come since."""
        if not self._pieces:
            return
        new = "".join(self._pieces)
        self._pieces = []
        quiet = self._place is None and not may_begin_url(new)
        if quiet and new[-1] in " \n":
            self._text, self._looked = new[-1], 1
            return
        text, position = self._text + new, self._looked
        if quiet:
            self._keep(text, position)
            return
        while True:
            if self._place is None:
                match = _START.search(text, position)
                if match is None:
                    self._keep(text, position)
                    return
                position = self._open(match)
            else:
                closing, self._parentheses = self._closing(text, position)
                stop = closing.start() if closing else len(text)
                self._leads = self._leads or bool(_ELSEWHERE.search(text, position, stop))
                if closing is None:
                    self._depth += stop - position
                    self._text, self._looked = "", 0
                    return
                self._place = None
                position = closing.start() if closing[0] == "]" else closing.end()

    def _keep(self, text: str, position: int) -> None:
        """Keep what may be the beginning of a URL, and one character before it."""
        space = max(text.rfind(" "), text.rfind("\n"))
        if space >= position and len(text) - space < _LONGEST_START:
            self._text, self._looked = text[space:], 1
        else:
            first = max(position, space + 1, len(text) - _LONGEST_START)
            self._text, self._looked = text[max(0, first - 1) :], min(first, 1)

    def _open(self, match: re.Match[str]) -> int:
        """Enter the URL that begins here, and return where to look on."""
        if match["attribute"] is not None:
            place = _ATTRIBUTE[match["mark"]]
        elif match["css"] is not None:
            place = _CSS[match["css_mark"]]
        elif match["quoted"] is not None:
            place = _QUOTED[match["quote"]]
        elif match["target"] is not None:
            place = _ANGLE if match["angle"] else _TARGET
        elif match["defined"] is not None:
            place = _DEFINED_ANGLE if match["defined_angle"] else _DEFINED
        else:
            place = _BARE
        self._enter(place)
        return match.start() if place is _BARE else match.end()

    def _enter(self, place: _Place | None) -> None:
        self._place, self._depth, self._parentheses, self._leads = place, 0, 1, False
        self._text, self._looked = "", 0

    def _closing(self, text: str, position: int) -> tuple[re.Match[str] | None, int]:
        """Find what ends the open URL, and count the parentheses that are open in it."""
        open_ = self._parentheses
        place = self._place
        assert place is not None  # noqa: S101 - only asked while a URL is open
        for match in place.end.finditer(text, position):
            if len(match[0]) == 2:  # escaped
                continue
            if place is _TARGET and match[0] in "()":
                open_ += 1 if match[0] == "(" else -1
                if open_:
                    continue
            return match, open_
        return None, open_
