"""Where a text is inside a URL: a link or an image in an answer is a way out for data.

Wider than RFC 3986 on purpose: whatever a chat window or a Markdown renderer might fetch counts, so a
scheme, ``www.``, a host with a path, and the target of any Markdown link (CommonMark 0.31, section 6.3).
White space, quotes, angle brackets and backticks end it, and so does the parenthesis that closes a link.
"""

import re

_END = re.compile(r"[\s\"<>`]")
_RUN = re.compile(r"[^\s\"<>`]*")
_START = re.compile(
    r"[a-z][a-z0-9+.\-]{0,30}://|(?<![\w:/])//(?=.)|\b(?:www\.|mailto:|tel:|sms:|data:|javascript:)|\]\("
    r"|\b[\w\-]{1,63}(?:\.[\w\-]{1,63}){0,8}\.[a-z]{2,24}(?::\d{1,5})?[/?#]",
    re.IGNORECASE,
)
_ENDS = ' \n\t"<>`'
_LONGEST_RUN = 65_536
_LONGEST_START = 300  # a host has at most 253 characters (RFC 1035, section 2.3.4)
_STAND_IN = "x"
_PARENTHESIS = re.compile(r"[()]")


def may_hold_url(text: str) -> bool:
    """Tell at little cost whether ``text`` could hold a URL at all: each holds one of these."""
    return (
        "/" in text or ":" in text or "](" in text or "?" in text or "#" in text or "www." in text.casefold()
    )


def url_start(run: str) -> int | None:
    """Return where the URL begins that is open at the end of ``run``, which has no white space or quotes."""
    tracker = UrlTracker()
    tracker.feed(run)
    return tracker.start()


def url_end(text: str, start: int) -> int:
    """Return where the URL that is open at ``start`` ends in ``text``."""
    match = _END.search(text, start)
    return match.start() if match else len(text)


def run_start(text: str, end: int) -> int:
    """Return where the run of characters begins that could belong to a URL and ends at ``end``."""
    match = _RUN.match(text[:end][::-1])
    return end - (len(match[0]) if match else 0)


class UrlTracker:
    """Tell whether a text that arrives in pieces is inside a URL where it stands now.

    What it tells depends on the text alone, not on how it was cut, and no character is looked at again for
    each answer.
    """

    __slots__ = ("_depth", "_looked", "_pieces", "_run", "_size", "_start", "_url_before")

    def __init__(self) -> None:
        self._restart("", url_before=False)

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if text and text[-1] in _ENDS:
            self._restart("", url_before=False)
            return
        last = _RUN.match(text[::-1])
        length = len(last[0]) if last else 0
        if length < len(text):
            self._restart(text[len(text) - length :], url_before=False)
        elif text:
            self._append(text)

    def skip(self, entity_type: str) -> None:
        """Pass over a value of this type that is hidden here, or restored here.

        What follows a URL at once belongs to it; any other value counts as one letter.
        """
        if entity_type == "URL":
            self._restart("", url_before=True)
        else:
            self._append(_STAND_IN)

    def _append(self, text: str) -> None:
        self._size += len(text)
        if self._size <= _LONGEST_RUN:
            self._pieces.append(text)

    def _restart(self, run: str, *, url_before: bool) -> None:
        self._run = ""
        self._pieces = [run] if run else []
        self._size = len(run)
        self._url_before = url_before
        self._looked = self._depth = 0
        self._start: int | None = None

    @property
    def size(self) -> int:
        """How many characters stand here without white space or quotes; one for each value."""
        return self._size

    @property
    def opened(self) -> bool:
        """Whether all that stands here counts as inside a URL: it follows one, or is longer than any text."""
        return self._url_before or self._size > _LONGEST_RUN

    def refuses(self, entity_type: str) -> bool:
        """Tell whether a value of this type must not be put here, inside a URL that somebody else wrote.

        A URL may stand where a Markdown link has its target, since it is that target whole.
        """
        if not self._size:
            return self._url_before
        if self.opened:
            return True
        start = self.start()
        return start is not None and (entity_type != "URL" or start < self._size)

    def start(self) -> int | None:
        """Return which of the last :attr:`size` characters the open URL begins at, if one is open."""
        if self._pieces:
            new, before = "".join(self._pieces), self._run[-3:]
            self._run, self._pieces = self._run + new, []
            if self._start is None and not may_hold_url(before + new):
                return None
        while self._start is None or self._is_closed():
            match = _START.search(self._run, self._looked)
            if match is None:
                self._looked = max(self._looked, len(self._run) - _LONGEST_START)
                return None
            self._looked = self._start = match.end() if match[0] == "](" else match.start()
            self._depth = 1 if self._run[self._start - 2 : self._start] == "](" else 0
        return self._start

    def _is_closed(self) -> bool:
        """Tell whether the open URL is a link's target and its parenthesis has been closed."""
        if not self._depth:
            return False
        for match in _PARENTHESIS.finditer(self._run, self._looked):
            self._depth += 1 if match[0] == "(" else -1
            if not self._depth:
                self._looked, self._start = match.end(), None
                return True
        self._looked = len(self._run)
        return False
