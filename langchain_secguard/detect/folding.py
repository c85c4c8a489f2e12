"""Text as the patterns read it: typographic variants folded to ASCII, with a way back to the offsets.

A value may be written with no-break spaces, en dashes, full-width digits or invisible characters inside (a
tab copied from a PDF, or an attempt at hiding). Folding is one character for one character, except that
invisible characters are removed; ``origin`` then maps offsets back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from langchain_secguard.detect.lazy import Lazy

_NEAR = (48, 48)  # characters before and after a number within which its pattern begins and ends
_WIDE = (80, 120)  # the same for an address, and for the word that announces a number

_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_invisible = Lazy(f"[{_INVISIBLE}]")
_visible = Lazy(f"[^{_INVISIBLE}]")
_odd = Lazy(
    "[\u00a0\u0130\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u1680\u2000-\u200a\u2010-\u2013\u202f\u205f"
    "\u2212\u3000\ufe58\ufe63\uff01-\uff5e]"
)
_escape = Lazy(r"\\[nrt]")
_numeric = Lazy(r"[0-9](?:[^0-9]{0,40}+[0-9])*+")
_long_number = Lazy(r"[0-9](?:[ ().\-/]{0,3}[0-9]){6}")
_five_digits = Lazy(r"[0-9]{5}")
_joined = Lazy(r"[-/.:](?:(?<=[0-9].)[0-9A-Za-z]|(?<=[0-9A-Za-z].)[0-9])")

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
        return self._around(*_NEAR)

    @cached_property
    def wide_regions(self) -> list[tuple[int, int]]:
        """Give the parts of the text that lie within an address's length of a digit."""
        return self._around(*_WIDE)

    @cached_property
    def longest(self) -> int:
        """Count the characters of the longest stretch without a space."""
        return max(map(len, self.text.split()), default=0)

    @cached_property
    def has_long_number(self) -> bool:
        """Tell whether seven digits stand together, separators aside: a telephone number's least."""
        return _long_number.regex.search(self.text) is not None

    @cached_property
    def has_five_digits(self) -> bool:
        """Tell whether five digits stand side by side."""
        return _five_digits.regex.search(self.text) is not None

    @cached_property
    def has_joined_digits(self) -> bool:
        """Tell whether a digit is joined to something by a dash, slash, dot or colon."""
        return _joined.regex.search(self.text) is not None

    def near_digits(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the regions near digits."""
        for start, end in self.regions:
            yield from pattern.regex.finditer(self.text, start, end)

    def low_near_digits(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the lower-case text of the regions near digits."""
        for start, end in self.regions:
            yield from pattern.regex.finditer(self.low, start, end)

    def widely(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the wide regions."""
        for start, end in self.wide_regions:
            yield from pattern.regex.finditer(self.text, start, end)

    def low_widely(self, pattern: Lazy) -> Iterator[re.Match[str]]:
        """Find a pattern in the lower-case text of the wide regions."""
        for start, end in self.wide_regions:
            yield from pattern.regex.finditer(self.low, start, end)

    def words_before_numbers(self, word: Lazy) -> Iterator[re.Match[str]]:
        """Find the words, in lower case, that may announce a number after them."""
        for start, end in self._around(_WIDE[0], 0):
            yield from word.regex.finditer(self.low, start, end)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the folded text to the original text."""
        if self.origins is None:
            return start, end
        return self.origins[start], self.origins[end - 1] + 1

    @cached_property
    def _numbers(self) -> list[tuple[int, int]]:
        """Give the runs of digits that stand close together."""
        return [match.span() for match in _numeric.regex.finditer(self.text)]

    def _around(self, before: int, after: int) -> list[tuple[int, int]]:
        """Widen the runs of digits, and join those that meet."""
        regions: list[tuple[int, int]] = []
        for first, last in self._numbers:
            start, end = max(0, first - before), self._word_end(last + after)
            if regions and start <= regions[-1][1]:
                start = regions.pop()[0]
            regions.append((start, end))
        return regions

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
