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
_STAND_IN = "x"


def may_hold_url(text: str) -> bool:
    """Tell at little cost whether ``text`` could hold a URL at all: each holds one of these."""
    return (
        "/" in text or ":" in text or "](" in text or "?" in text or "#" in text or "www." in text.casefold()
    )


def url_start(run: str) -> int | None:
    """Return where the URL begins that is open at the end of ``run``, which has no white space or quotes."""
    if not may_hold_url(run):
        return None
    position = 0
    while match := _START.search(run, position):
        start = match.end() if match[0] == "](" else match.start()
        closed = _link_end(run, start) if run[start - 2 : start] == "](" else None
        if closed is None:
            return start
        position = closed
    return None


def _link_end(run: str, start: int) -> int | None:
    """Return the end of the Markdown link target that begins at ``start``, if its parenthesis is closed."""
    depth = 1
    for match in re.finditer(r"[()]", run[start:]):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return start + match.end()
    return None


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

    What it tells depends on the text alone, not on how it was cut.
    """

    __slots__ = ("_pieces", "_size", "_url_before")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._url_before = False

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if text and text[-1] in _ENDS:
            self._pieces, self._size, self._url_before = [], 0, False
            return
        last = _RUN.match(text[::-1])
        length = len(last[0]) if last else 0
        if length < len(text):
            self._restart(text[len(text) - length :], url_before=False)
        elif text:
            self._pieces.append(text)
            self._size += length

    def skip(self, entity_type: str) -> None:
        """Pass over a value of this type that is hidden here, or restored here.

        What follows a URL at once belongs to it; any other value counts as one letter.
        """
        if entity_type == "URL":
            self._restart("", url_before=True)
        else:
            self._pieces.append(_STAND_IN)
            self._size += 1

    def _restart(self, run: str, *, url_before: bool) -> None:
        self._pieces = [run] if run else []
        self._size = len(run)
        self._url_before = url_before

    @property
    def run(self) -> str:
        """What stands here without white space or quotes, up to this point; one letter for each value."""
        return "".join(self._pieces)

    @property
    def opened(self) -> bool:
        """Whether all of :attr:`run` counts as inside a URL: it follows one, or is longer than any text."""
        return self._url_before or self._size > _LONGEST_RUN

    def refuses(self, entity_type: str) -> bool:
        """Tell whether a value of this type must not be put here, inside a URL that somebody else wrote.

        A URL may stand where a Markdown link has its target, since it is that target whole.
        """
        if not self._size:
            return self._url_before
        if self.opened:
            return True
        start = url_start(self.run)
        return start is not None and (entity_type != "URL" or start < self._size)
