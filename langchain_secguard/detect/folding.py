"""Text as the patterns read it: typographic variants folded to ASCII, with a way back to the original offsets.

A value may be written with no-break spaces, en dashes, full-width digits or invisible characters inside (a
tab copied from a PDF, or an attempt at hiding). Folding is one character for one character, except that
invisible characters are removed; ``origin`` then maps offsets back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from langchain_secguard.detect.lazy import Lazy

_BEFORE, _BETWEEN, _AFTER = 80, 110, 120  # characters in which a number's context is looked for

_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_invisible = Lazy(f"[{_INVISIBLE}]")
_visible = Lazy(f"[^{_INVISIBLE}]")
_odd = Lazy(
    "[\u00a0\u0130\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u1680\u2000-\u200a\u2010-\u2013\u202f\u205f"
    "\u2212\u3000\ufe58\ufe63\uff01-\uff5e]"
)
_escape = Lazy(r"\\[nrt]")
_numeric = Lazy(rf"[0-9](?:[^0-9]{{0,{_BETWEEN}}}+[0-9])*+")

_DIGIT_ZEROS = (0x0660, 0x06F0, 0x0966)  # Arabic-Indic, extended Arabic-Indic, Devanagari
_PLAIN = (
    {chr(code): " " for code in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)}
    | {chr(code): "-" for code in (*range(0x2010, 0x2014), 0x2212, 0xFE58, 0xFE63)}
    | {chr(zero + digit): str(digit) for zero in _DIGIT_ZEROS for digit in range(10)}
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {"\u0130": "I"}  # the one character whose lower case is two characters
)


@dataclass(frozen=True)
class Folded:
    """Hold a folded text; ``origins`` is None where offsets are those of the original text."""

    text: str
    origins: list[int] | None = None

    @cached_property
    def low(self) -> str:
        """Give the text in lower case, offset for offset."""
        return self.text.lower()

    @cached_property
    def regions(self) -> list[tuple[int, int]]:
        """Give the parts of the text that lie near a digit, in order and disjoint."""
        regions: list[tuple[int, int]] = []
        for run in _numeric.regex.finditer(self.text):
            start = max(run.start() - _BEFORE, regions[-1][1] if regions else 0)
            regions.append((start, self._word_end(run.end() + _AFTER)))
        return regions

    def near_digits(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the regions near digits."""
        for start, end in self.regions:
            yield from pattern.regex.finditer(self.text, start, end)

    def low_near_digits(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the lower-case text of the regions near digits."""
        for start, end in self.regions:
            yield from pattern.regex.finditer(self.low, start, end)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the folded text to the original text."""
        if self.origins is None:
            return start, end
        return self.origins[start], self.origins[end - 1] + 1

    def _word_end(self, offset: int) -> int:
        """Move an offset to the next space, so that no region ends within a word."""
        space = self.text.find(" ", offset, offset + 40)
        return space if space >= 0 else offset + 40


def fold(text: str) -> Folded:
    """Fold a text: spaces, dashes, digits and full-width forms to ASCII, escaped line ends to spaces."""
    origins = None
    if not text.isascii():
        if _invisible.regex.search(text):
            origins = [match.start() for match in _visible.regex.finditer(text)]
            text = _invisible.regex.sub("", text)
        text = _odd.regex.sub(lambda match: _PLAIN[match[0]], text)
    if "\\" in text:  # JSON in a string: "\n" is a line end, not the letter n before a value
        text = _escape.regex.sub(" \n", text)
    return Folded(text, origins)
