"""How well a detector found what it should: counts that add up, and the measures made of them.

Two questions are asked of the same spans. *Strict*: is a span found with the same start, end and type? This
is the exact match of CoNLL-2003 (Tjong Kim Sang and De Meulder, https://aclanthology.org/W03-0419). *Hidden*:
is what should be hidden covered, under whatever type? This is the recall of the Text Anonymization Benchmark
(Pilan et al., https://aclanthology.org/2022.cl-4.19), and it is what decides whether a value leaks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from langchain_secguard.detect.base import Span, resolve
from langchain_secguard.detect.tokens import tokenize

_SMALL = frozenset({"the", "of", "and", "a", "an", "in", "on", "at", "to", "s", "for"})
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof"})
_NO_WORDS = _SMALL | _TITLES


def ratio(part: float, whole: float) -> float | None:
    """Return ``part / whole``, or ``None`` where there is nothing to take a part of."""
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Counts:
    """Count spans of the same start, end and type: expected, found, and both (``right``)."""

    expected: int = 0
    found: int = 0
    right: int = 0

    @property
    def precision(self) -> float | None:
        """The share of found spans that were expected; ``None`` if none was found."""
        return ratio(self.right, self.found)

    @property
    def recall(self) -> float | None:
        """The share of expected spans that were found; ``None`` if none was expected."""
        return ratio(self.right, self.expected)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, 2·right / (expected + found)."""
        return ratio(2 * self.right, self.expected + self.found)

    @property
    def false_alarms(self) -> int:
        """The number of found spans that were not expected."""
        return self.found - self.right

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.expected + other.expected, self.found + other.found, self.right + other.right)


@dataclass(frozen=True, slots=True)
class Masked:
    """Count what should be hidden, and how much of it is: words, and whole mentions.

    A word is hidden if each of its characters is in some found span, of whatever type; a mention is, if all
    of its words are. See :func:`words` for what a word is.
    """

    words: int = 0
    hidden: int = 0
    mentions: int = 0
    whole: int = 0

    @property
    def word_recall(self) -> float | None:
        """The share of expected words that are hidden."""
        return ratio(self.hidden, self.words)

    @property
    def mention_recall(self) -> float | None:
        """The share of expected mentions that are hidden to the last word."""
        return ratio(self.whole, self.mentions)

    def __add__(self, other: "Masked") -> "Masked":
        return Masked(
            self.words + other.words,
            self.hidden + other.hidden,
            self.mentions + other.mentions,
            self.whole + other.whole,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Hold the counts of one text, or of many: scores add up.

    ``strict`` and ``masked`` are by entity type. ``covered`` counts the words in found spans of the judged
    types, and ``personal`` those of them that are in an expected span of any type.
    """

    strict: Mapping[str, Counts] = field(default_factory=dict)
    masked: Mapping[str, Masked] = field(default_factory=dict)
    covered: int = 0
    personal: int = 0

    @property
    def micro(self) -> Counts:
        """The strict counts of all types together: frequent types weigh more (micro-average)."""
        return sum(self.strict.values(), Counts())

    @property
    def all_masked(self) -> Masked:
        """The masked counts of all types together."""
        return sum(self.masked.values(), Masked())

    @property
    def word_precision(self) -> float | None:
        """The share of covered words that are personal: what is lost to it is prose, shredded for nothing."""
        return ratio(self.personal, self.covered)

    def __add__(self, other: "Score") -> "Score":
        return Score(
            {key: self.strict.get(key, Counts()) + other.strict.get(key, Counts())
             for key in sorted({*self.strict, *other.strict})},
            {key: self.masked.get(key, Masked()) + other.masked.get(key, Masked())
             for key in sorted({*self.masked, *other.masked})},
            self.covered + other.covered,
            self.personal + other.personal,
        )  # fmt: skip


def total(scores: Iterable[Score]) -> Score:
    """Add up scores."""
    return sum(scores, Score())


def words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text stand: what is hidden is counted in them.

    A word is a run of letters, or of digits. Signs and a few English words that name nobody are none: the
    smallest ("of", "the"), and titles ("Mr"), which some corpora annotate and some detectors leave in sight.
    """
    tokens = tokenize(text)
    return [
        (start, end)
        for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True)
        if word[0].isalnum() and word.lower() not in _NO_WORDS
    ]


class Words:
    """Find the words of a text that lie within stretches of it."""

    def __init__(self, text: str) -> None:
        self.places = words(text)
        self._starts = [start for start, _ in self.places]

    def inside(self, stretches: Iterable[tuple[int, int]]) -> set[int]:
        """Return the numbers of the words of which each character is in some stretch."""
        found: set[int] = set()
        for low, high in _merged(stretches):
            place = bisect_left(self._starts, low)
            while place < len(self.places) and self.places[place][1] <= high:
                found.add(place)
                place += 1
        return found


def _merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def score(
    text: str,
    expected: Sequence[Span],
    found: Sequence[Span],
    *,
    ignored: Sequence[tuple[int, int]] = (),
    entity_types: Iterable[str] | None = None,
) -> Score:
    """Compare what was found in a text with what was expected.

    Args:
        text: The text, of which words are counted.
        expected: Annotated spans; they may overlap.
        found: Spans of a detector, at or above the threshold. Where spans of judged types overlap, the one
            that an Anonymizer would choose is judged (:func:`langchain_secguard.detect.resolve`).
        ignored: Stretches, (start, end), in which words do not count, and in which found spans do not.
        entity_types: Judge these types alone; ``None`` for all that occur. Spans of other types still hide
            words, and words expected under another type are personal all the same.
    """
    judged = (
        frozenset(entity_types) if entity_types is not None else {s.entity_type for s in (*expected, *found)}
    )
    places = Words(text)
    skipped = places.inside(ignored)
    due = [span for span in expected if span.entity_type in judged]
    ours = [span for span in found if span.entity_type in judged]
    covered = places.inside(map(_stretch, ours)) - skipped
    personal = places.inside(map(_stretch, expected))
    hidden = places.inside(map(_stretch, found))
    return Score(
        _strict(due, _counted(places, resolve(ours), skipped), judged),
        _masked(places, due, hidden, judged),
        len(covered),
        len(covered & personal),
    )


def _stretch(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _counted(places: Words, spans: Iterable[Span], skipped: set[int]) -> list[Span]:
    """Leave out spans whose words are all ignored."""
    if not skipped:
        return list(spans)
    return [
        span for span in spans if not (inside := places.inside([_stretch(span)])) or not inside <= skipped
    ]


def _strict(expected: Iterable[Span], found: Iterable[Span], judged: Iterable[str]) -> dict[str, Counts]:
    due = {(span.start, span.end, span.entity_type) for span in expected}
    ours = {(span.start, span.end, span.entity_type) for span in found}
    return {
        entity_type: Counts(
            sum(key[2] == entity_type for key in due),
            sum(key[2] == entity_type for key in ours),
            sum(key[2] == entity_type for key in due & ours),
        )
        for entity_type in sorted(judged)
    }


def _masked(
    places: Words, expected: Iterable[Span], hidden: set[int], judged: Iterable[str]
) -> dict[str, Masked]:
    masked = dict.fromkeys(sorted(judged), Masked())
    for span in expected:
        inside = places.inside([_stretch(span)])
        if inside:  # a span of signs alone has nothing to hide
            mention = Masked(len(inside), len(inside & hidden), 1, int(inside <= hidden))
            masked[span.entity_type] += mention
    return masked
