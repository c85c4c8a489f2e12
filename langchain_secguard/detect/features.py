"""Describe words and their surroundings in numbers, for the name model: at run time and in training alike.

Needs numpy, so it is imported only when names are first looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from langchain_secguard.detect.tokens import BLANK_LINE, GLUED, NEWLINE, OPENING, Tokens, fold

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

LOWER, TITLE, UPPER, INITIAL, MIXED, DIGITS, SIGN, UNCASED, PLACEHOLDER = range(9)
"""The shapes that a word can have."""

FIRST_NAME, LAST_NAME, PLACE, PLACE_START, HONORIFIC = (1 << bit for bit in range(5))
"""What the lexicon can say of a word; the next 3 bits hold how common it is, 3 more how often a capital."""

COMMONNESS, CAPITALS = 5, 8
CHARS = 16
WORD_FLAGS = 9 + 1 + 4 + 8 + 8
TOKEN_FLAGS = 18
LETTERS = 26 + 14 + 1
_SIGN, _OPEN, _CLOSE = 38, 36, 37
_SCRIPTS: tuple[tuple[int, int], ...] = (  # where a range of characters ends, and its number
    *((0x61, _SIGN), *((0x62 + letter, 1 + letter) for letter in range(26)), (0x80, _SIGN)),
    *((0x250, 27), (0x370, 28), (0x400, 29), (0x530, 39), (0x590, 30), (0x600, 31), (0x900, 32)),
    *((0xE00, 39), (0x1100, 34), (0x1200, 39), (0x1E00, 27), (0x1F00, 28), (0x2000, 38), (0x3040, 35)),
    *((0x3400, 33), (0xA000, 39), (0xAC00, 34), (0xD800, 39), (0x110000, 39)),
)
_ENDS, _NUMBERS = np.array(_SCRIPTS).T
_MOST_WORDS_IN_PLACE = 5
_SENTENCE_OPENERS = frozenset('.!?:;"“”•*-—(>|')


@dataclass(frozen=True)
class Lexicon:
    """Know words: ``index`` gives a folded word's row, ``bits`` what it is, ``places`` longer names.

    The first ``vectors`` rows have a word vector; row 0 is the unknown word.
    """

    index: Mapping[str, int]
    bits: NDArray[np.uint16]
    places: frozenset[str]
    vectors: int

    @cached_property
    def openings(self) -> frozenset[str]:
        """Give the first two words of each of ``places``, which most texts that could name one lack."""
        return frozenset(" ".join(place.split(" ", 2)[:2]) for place in self.places)


@dataclass(frozen=True)
class Words:
    """Tell of words what the lexicon knows, and their shapes: an entry for each word."""

    rows: Integers
    shapes: Integers
    bits: Integers

    def at(self, places: Integers) -> "Words":
        """Take the words at ``places``, one of them as often as it is named."""
        return Words(self.rows[places], self.shapes[places], self.bits[places])


@dataclass(frozen=True)
class WordInputs:
    """Describe words for the network.

    ``rows`` are those of word vectors, ``letters`` is (words, ``CHARS``), ``flags`` (words, ``WORD_FLAGS``).
    """

    rows: Integers
    letters: Integers
    flags: Floats


def shape(word: str) -> int:
    """Tell which of the shapes ``word`` has."""
    if word.islower():
        return LOWER
    if word.istitle():
        return TITLE if len(word) > 1 else INITIAL
    if word.isupper():
        return UPPER if word.isalpha() else (PLACEHOLDER if len(word) > 2 else SIGN)
    if word.isalpha():
        return MIXED if word.lower() != word else UNCASED
    if word.isdecimal():
        return DIGITS
    if len(word) > 2 and word[0] == "[":
        return PLACEHOLDER
    return UNCASED if word[0].isalpha() else SIGN


def _look_up(words: Sequence[str], folded: Sequence[str], lexicon: Lexicon) -> Words:
    """Find what the lexicon knows of each word."""
    get = lexicon.index.get
    rows = np.array([get(key, 0) for key in folded], dtype=np.int64)
    shapes = np.array([shape(word) for word in words], dtype=np.int64)
    return Words(rows, shapes, lexicon.bits[rows].astype(np.int64))


def _number(words: Sequence[str]) -> tuple[list[str], Integers]:
    """Number ``words`` by their first place: the distinct words, and for each word the number of its own."""
    distinct: dict[str, int] = {}
    numbers = [distinct.setdefault(word, len(distinct)) for word in words]
    return list(distinct), np.array(numbers, dtype=np.int64)


def word_inputs(words: Sequence[str], lexicon: Lexicon) -> WordInputs:
    """Describe ``words``, each by itself."""
    folded = [fold(word) for word in words]
    known = _look_up(words, folded, lexicon)
    rows = np.where(known.rows < lexicon.vectors, known.rows, 0)
    return WordInputs(rows, _letters(folded), _word_flags(known, [not word.isascii() for word in words]))


def _letters(folded: Sequence[str]) -> Integers:
    """Spell each word in ``CHARS`` numbers, the middle of a long word left out."""
    half = CHARS // 2 - 1
    kept = [word if len(word) <= 2 * half else word[:half] + word[-half:] for word in folded]
    sizes = np.array([len(word) for word in kept])
    codes = np.frombuffer("".join(kept).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    spelled = np.zeros((len(kept), CHARS), dtype=np.int64)
    spelled[:, 0] = _OPEN
    spelled[np.arange(len(kept)), sizes + 1] = _CLOSE
    spelled[:, 1:][np.arange(CHARS - 1) < sizes[:, None]] = _NUMBERS[np.searchsorted(_ENDS, codes, "right")]
    return spelled


def _word_flags(words: Words, foreign: Sequence[bool]) -> Floats:
    """Spread shapes, name lists and habits of each word over ``WORD_FLAGS`` columns."""
    count = len(words.rows)
    flags = np.zeros((count, WORD_FLAGS), dtype=np.float32)
    each = np.arange(count)
    flags[each, words.shapes] = 1
    flags[:, 9] = foreign
    flags[:, 10:14] = (words.bits[:, None] & (FIRST_NAME, LAST_NAME, PLACE, HONORIFIC)) > 0
    flags[each, 14 + ((words.bits >> COMMONNESS) & 7)] = 1
    flags[each, 22 + ((words.bits >> CAPITALS) & 7)] = 1
    return flags


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold the tokens of several texts, one text after another.

    ``words`` are distinct, and ``order`` has the number of each token's word; ``flags`` is (tokens,
    ``TOKEN_FLAGS``); ``keys`` has one number for all tokens of a word in a text, and another in another text;
    ``texts`` has the number of each token's text, in ascending order.
    """

    words: Sequence[str]
    order: Integers
    flags: Floats
    keys: Integers
    texts: Integers

    def part(self, start: int, end: int) -> "Batch":
        """Take the tokens from ``start`` to ``end``, with what their flags know of the whole texts."""
        kept, order = np.unique(self.order[start:end], return_inverse=True)
        keys = np.unique(self.keys[start:end], return_inverse=True)[1]
        words = [self.words[word] for word in kept.tolist()]
        return Batch(words, order, self.flags[start:end], keys, self.texts[start:end])


def batch(texts: Sequence[Tokens], lexicon: Lexicon) -> Batch:
    """Describe each token by its place in the line and by the other tokens of its whole text."""
    distinct, order = _number([word for tokens in texts for word in tokens.words])
    line = _line_up(texts, distinct, order, lexicon)
    flags = np.zeros((len(line.gaps), TOKEN_FLAGS), dtype=np.float32)
    flags[np.arange(len(flags)), line.gaps] = 1
    flags[:, 6] = line.opening
    _mark_places(flags, line, lexicon)
    flags[:, 9] = (np.bincount(line.texts, line.capital) == 0)[line.texts]
    _mark_lines(flags, line)
    flags[:, 12:17] = _habits(line)
    flags[:-1, 17] = line.gaps[1:] == GLUED
    return Batch(distinct, order, flags, line.keys * 2 + line.lower, line.texts)


@dataclass(frozen=True, slots=True)
class _Line:
    """Hold the tokens of all texts of a batch: ``keys`` tell folded words apart, and texts."""

    texts: Integers
    gaps: Integers
    words: Words
    folded: Sequence[str]
    keys: Integers
    signs: Booleans
    capital: Booleans
    lower: Booleans
    opening: Booleans


def _line_up(texts: Sequence[Tokens], distinct: Sequence[str], order: Integers, lexicon: Lexicon) -> _Line:
    folded = [fold(word) for word in distinct]
    words = _look_up(distinct, folded, lexicon).at(order)
    gaps = np.array([gap for tokens in texts for gap in tokens.gaps], dtype=np.int64)
    signs = np.array([word in _SENTENCE_OPENERS for word in distinct], dtype=np.bool_)[order]
    opening = gaps >= NEWLINE
    opening[1:] |= signs[:-1]
    text = np.repeat(np.arange(len(texts)), [len(tokens) for tokens in texts])
    keys = _number(folded)[1][order]
    if len(texts) > 1:
        keys = np.unique(text * len(folded) + keys, return_inverse=True)[1]
    capital = (words.shapes >= TITLE) & (words.shapes <= MIXED)
    spelled = [folded[word] for word in order.tolist()]
    return _Line(text, gaps, words, spelled, keys, signs, capital, words.shapes == LOWER, opening)


def _mark_places(flags: Floats, line: _Line, lexicon: Lexicon) -> None:
    starts = np.flatnonzero(line.words.bits & PLACE_START)
    ends = np.searchsorted(line.texts, line.texts[starts], "right")
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        words = line.folded[start : min(end, start + _MOST_WORDS_IN_PLACE)]
        if " ".join(words[:2]) not in lexicon.openings:
            continue
        for length in range(len(words), 1, -1):
            if " ".join(words[:length]) in lexicon.places:
                flags[start, 7] = 1
                flags[start + 1 : start + length, 8] = 1
                break


def _mark_lines(flags: Floats, line: _Line) -> None:
    gaps, shapes = line.gaps, line.words.shapes
    lines = np.cumsum((gaps == NEWLINE) | (gaps == BLANK_LINE) | (gaps == OPENING))
    cased = np.bincount(lines, shapes <= MIXED)
    upper = np.bincount(lines, shapes == UPPER)
    title = np.bincount(lines, shapes == TITLE)
    flags[:, 10] = ((upper > 0.7 * cased) & (cased > 2))[lines]
    flags[:, 11] = ((title + upper > 0.6 * cased) & (cased > 3))[lines]


def _habits(line: _Line) -> Floats:
    """Tell of each capitalized token how its word is written elsewhere in the text."""
    keys, capital = line.keys, line.capital
    size = int(keys.max(initial=0)) + 1
    times = np.bincount(keys, capital, size)
    columns = (
        np.bincount(keys, line.lower, size) > 0,
        np.bincount(keys, capital & _titled(line), size) > 0,
        np.bincount(keys, capital & ~line.opening, size) > 0,
        times >= 2,
        times >= 4,
    )
    return np.stack([column[keys] & capital for column in columns], axis=1).astype(np.float32)


def _titled(line: _Line) -> Booleans:
    """Tell before which tokens an honorific stands, with or without a sign behind it."""
    honorific = ((line.words.bits & HONORIFIC) > 0) & line.capital
    goes_on = line.gaps != OPENING
    titled = np.zeros(len(goes_on), dtype=np.bool_)
    titled[1:] = honorific[:-1] & goes_on[1:]
    titled[2:] |= honorific[:-2] & line.signs[1:-1] & goes_on[1:-1] & goes_on[2:]
    return titled
