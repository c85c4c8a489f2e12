"""Characters that nobody sees: a way to hand a model what its user would not send."""

import re

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.confusables import INVISIBLE
from langchain_secguard.scan.embedded.local import LocalScanner

_KILLERS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
"""Signs that take the vowel from an Indian letter; a joiner behind one shapes it, also at a word's end."""
_JOINERS = "\u200c\u200d"
_NEEDED = re.compile(
    # joiners between letters of scripts that are shaped by them, and in emoji; selectors behind a symbol
    f"(?<=[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff])[{_JOINERS}](?=[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff])"
    f"|(?<=[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2190-\u2bff\U0001f000-\U0001faff])"
    "|(?<=[#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f]"
    f"|(?<=[{_KILLERS}])\u200d"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    "|(?<=\U0001f3f4)[\U000e0020-\U000e007f]{3,7}"
)  # fmt: skip
_SPLIT = re.compile("\u00ad\\w\u00ad\\w\u00ad")
"""Two letters between soft hyphens: words break into syllables, not into letters."""
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class InvisibleTextScanner(LocalScanner):
    """Take out characters that are not seen: zero-width ones, tags, fillers, turned directions.

    What a script or an emoji needs stays: joiners between letters of Arabic or of Indian scripts, direction
    marks in text that has right-to-left letters, selectors behind a symbol, flags. A soft hyphen and a byte
    order mark go without raising the risk.

    Args:
        remove: Hand the text on without them; ``False`` refuses it.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.
    """

    def __init__(self, *, remove: bool = True, name: str = "InvisibleText", sees: Sees = "values") -> None:
        super().__init__(name=name, sees=sees)
        self._remove = remove
        self.sanitizes = remove

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``."""
        found = [] if text.isascii() else _unneeded(text)
        if not found:
            return self._result(text, valid=True, risk=0.0)
        harmless = all(text[at] in "\u00ad\ufeff" for at in found) and not _SPLIT.search(text)
        if harmless and not self._remove:
            return self._result(text, valid=True, risk=0.0)
        seen = _without(text, found) if self._remove else text
        return self._result(seen, valid=self._remove, risk=0.0 if harmless else 1.0)


def _unneeded(text: str) -> list[int]:
    """Return the offsets of invisible characters that no script and no emoji needs."""
    needed = {at for match in _NEEDED.finditer(text) for at in range(*match.span())}
    if _RIGHT_TO_LEFT.search(text):
        needed |= {match.start() for match in _DIRECTIONS.finditer(text)}
    return [match.start() for match in INVISIBLE.finditer(text) if match.start() not in needed]


def _without(text: str, offsets: list[int]) -> str:
    dropped = set(offsets)
    return "".join(character for at, character in enumerate(text) if at not in dropped)
