"""Known values, and where they stand in a text: whatever their case, and whatever joins their words.

Words are compared whole, but for a plural, so that "Will" is not found in "goodwill"; what has more than
letters in it is found wherever it stands. Between the words of a value any white space or a few signs may
stand ("Jane_Doe", "jane.doe"), or nothing ("janedoe"), and two words may be turned around ("Doe, Jane"). A
number is the same number however its digits are grouped. Scripts that do not set words apart have no words
to compare: their values are found wherever they stand.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from langchain_secguard.find import UNSPACED
from langchain_secguard.vault.phrases import fold_case

_WORD = re.compile(rf"[^\W_{UNSPACED}]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LOOSE = re.compile(r"[\s_.,+*~>/\u2019\u2010-\u2015-]{1,4}")
_COMMA = re.compile(r",\s{0,4}")
_DIGITS = re.compile(r"(?<!\w)\+?\(?[0-9](?:[\s().\u2010-\u2015/-]{0,3}[0-9]){6,40}(?!\w)")
_LETTER = re.compile(r"[^\W\d_]")
_LONG_ENOUGH = 7
"""Digits that make a number known by its digits alone, and letters that make joined words known."""
_LOOSE_ENOUGH = 4
"""Letters and digits that make a value known with other signs between its words."""
_PART = 5
"""A value of so many characters, and not of letters alone, is known inside a word, too."""
_NONE: frozenset[int] = frozenset()
_FEW = 32
"""Up to this many phrases are looked for one by one before a text is searched for all."""
_FEW_SIGNS = 4
"""A value of fewer signs, and no letter or digit, is part of any text."""


class Found(NamedTuple):
    """Mark a known value: characters ``start`` to ``end`` (exclusive), and what is put there."""

    start: int
    end: int
    stand_in: str


class _Phrase(NamedTuple):
    """Hold the words of a value; ``gaps`` is ``None`` where its two words are turned around."""

    words: tuple[str, ...]
    gaps: tuple[str, ...] | None
    before: str
    after: str
    stand_in: str


class Known:
    """Find values in texts, at a cost that grows with the text and not with the number of values.

    Args:
        values: Maps each value to what stands for it.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._phrases: dict[tuple[str, ...], list[_Phrase]] = {}
        self._longest: dict[str, set[int]] = {}
        self._literals: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._lengths: set[int] = set()
        self._parts: dict[str, str] = {}
        self._begun: dict[str, list[str]] = {}
        for value, stand_in in values.items():
            forms = {value} if value.isascii() else {unicodedata.normalize(f, value) for f in ("NFC", "NFD")}
            for form in forms | {value}:
                self._add(form, stand_in)

    def __bool__(self) -> bool:
        return bool(self._phrases or self._literals or self._numbers)

    def find(self, text: str) -> list[Found]:
        """Find the values in ``text``; what is found may overlap."""
        ways = (self._in_words, self._as_literals, self._in_digits, self._whole)
        return list(dict.fromkeys(found for way in ways for found in way(text)))

    def _add(self, value: str, stand_in: str) -> None:
        spans = [match.span() for match in _WORD.finditer(value)]
        if _UNSPACED.search(value) or not spans:
            if spans or not value.isascii() or len(value.strip()) >= _FEW_SIGNS:
                self._literals.setdefault(value, stand_in)
            return
        words = tuple(_folded([value[start:end] for start, end in spans]))
        gaps = tuple(value[left[1] : right[0]] for left, right in pairwise(spans))
        self._learn(_Phrase(words, gaps, value[: spans[0][0]], value[spans[-1][1] :], stand_in))
        if len(value) >= _PART and not value.isalpha():
            part = value.lower() if len(value.lower()) == len(value) else value
            self._parts.setdefault(part, stand_in)
            self._begun.setdefault(part[:_PART], []).append(part)
        if len(words) == 2 and all(map(str.isalpha, words)):
            self._learn(_Phrase(words[::-1], None, "", "", stand_in))
        joined = "".join(words)
        if len(words) > 1 and len(joined) >= _LONG_ENOUGH and _LETTER.search(joined):
            self._learn(_Phrase((joined,), (), "", "", stand_in))
        digits = "".join(filter(str.isdigit, value))
        if digits.isascii() and len(digits) >= _LONG_ENOUGH and not _LETTER.search(value):
            self._numbers.setdefault(digits, stand_in)
            self._lengths.add(len(digits))

    def _learn(self, phrase: _Phrase) -> None:
        self._phrases.setdefault(phrase.words, []).append(phrase)
        self._longest.setdefault(phrase.words[0], set()).add(len(phrase.words))

    def _in_words(self, text: str) -> Iterator[Found]:
        if not self._phrases or not self._may_hold(text):
            return
        spans = [match.span() for match in _WORD.finditer(text)]
        words = _folded([text[start:end] for start, end in spans])
        for position, word in enumerate(words):
            lengths = self._longest.get(word, _NONE) | (self._longest.get(_singular(word), _NONE) & {1})
            for length in sorted(lengths, reverse=True) if lengths else ():
                found = self._at(text, words, spans, position, length)
                if found:
                    yield found
                    break

    def _at(
        self, text: str, words: list[str], spans: list[tuple[int, int]], position: int, length: int
    ) -> Found | None:
        """Return the value of ``length`` words that begins at ``position``."""
        key = tuple(words[position : position + length])
        if len(key) < length:
            return None
        several = ((key, False), ((*key[:-1], _singular(key[-1])), True))
        own = spans[position : position + length]
        marks = (
            _mark(phrase, text, own, plural=plural)
            for phrases, plural in ((self._phrases.get(form, ()), plural) for form, plural in several)
            for phrase in phrases
        )
        return next((mark for mark in marks if mark), None)

    def _may_hold(self, text: str) -> bool:
        """Tell whether ``text`` may hold one of few phrases: quicker than to look at its words."""
        if len(self._longest) > _FEW:
            return True
        folded = fold_case(text)
        return any(word in folded for word in self._longest)

    def _as_literals(self, text: str) -> Iterator[Found]:
        for value, stand_in in self._literals.items():
            start = text.find(value)
            while start >= 0:
                yield Found(start, start + len(value), stand_in)
                start = text.find(value, start + len(value))

    def _in_digits(self, text: str) -> Iterator[Found]:
        for match in _DIGITS.finditer(text) if self._numbers else ():
            digits = "".join(filter(str.isdigit, match[0]))
            stand_in = self._number(digits)
            if stand_in is not None:
                yield Found(*match.span(), stand_in)

    def _whole(self, text: str) -> Iterator[Found]:
        """Find values of more than one word, or with signs or digits, where letters stand around them too."""
        folded = text.lower()
        if len(folded) != len(text):
            folded = text
        if len(self._parts) <= _FEW:
            found = (part for part in self._parts if part in folded)
        else:
            beginnings = {folded[start : start + _PART] for start in range(len(folded) - _PART + 1)}
            begun = beginnings & self._begun.keys()
            found = (part for beginning in begun for part in self._begun[beginning] if part in folded)
        for part in found:
            start = folded.find(part)
            while start >= 0:
                yield Found(start, start + len(part), self._parts[part])
                start = folded.find(part, start + len(part))

    def _number(self, digits: str) -> str | None:
        """Return what stands for a number, with or without the code of its country before it."""
        lengths = (length for length in self._lengths if len(digits) - 3 <= length <= len(digits))
        ends = (self._numbers.get(digits[-length:]) for length in sorted(lengths, reverse=True))
        return next((stand_in for stand_in in ends if stand_in is not None), None)


def _mark(phrase: _Phrase, text: str, spans: list[tuple[int, int]], *, plural: bool) -> Found | None:
    """Mark ``phrase``, whose words are at ``spans``, if what is between them is what may be."""
    loose = sum(map(len, phrase.words)) >= _LOOSE_ENOUGH
    gaps = phrase.gaps if phrase.gaps is not None else (None,)
    betweens = (text[before[1] : after[0]] for before, after in pairwise(spans))
    if not all(_joins(between, gap, loose=loose) for between, gap in zip(betweens, gaps, strict=True)):
        return None
    start, end = spans[0][0], spans[-1][1] - plural
    if phrase.before and text.endswith(phrase.before, 0, start):
        start -= len(phrase.before)
    if phrase.after and text.startswith(phrase.after, end):
        end += len(phrase.after)
    return Found(start, end, phrase.stand_in)


def _joins(between: str, gap: str | None, *, loose: bool) -> bool:
    """Tell whether ``between`` joins two words of a value as ``gap`` does; ``None`` asks for a comma."""
    if gap is None:
        return _COMMA.fullmatch(between) is not None
    return between == gap or between.isspace() or (loose and _LOOSE.fullmatch(between) is not None)


def _singular(word: str) -> str:
    """Return a word without the "s" that makes it a plural; nothing where it is none."""
    return word[:-1] if len(word) > 3 and word[-1] == "s" else ""


def _folded(words: Iterable[str]) -> list[str]:
    """Fold the case of words: all in one call, which is many times faster."""
    return fold_case(" ".join(words)).split(" ")
