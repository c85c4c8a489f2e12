"""Find persons, organizations and locations with the small model that comes with the package.

numpy and the model are loaded when names are first looked for, once for the process.
"""

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.mentions import Mention, is_titled, join, tidy
from langchain_secguard.detect.tokens import PLACEHOLDER, Tokens, fold, tokenize

if TYPE_CHECKING:
    from langchain_secguard.detect.features import Floats

TYPES = ("PERSON", "LOCATION", "ORGANIZATION")

MODEL = Path(__file__).parent / "data" / "names.npz"
_CUT = 1.0  # how much O's log-probability is lowered, so that a miss counts for more than a false alarm
_PERSON = 0.7  # how much more a missed person counts than another name
_FAINT = 3.0  # the same for spans whose score stays below one half
_MARGIN = 2.0
_RARE = 3
_ECHO_SCORE = 0.55
_IMPOSSIBLE = -1e9


class NameModel:
    """Find names with the model in the file ``path``; one instance serves all threads.

    The vectors of up to ``cached_words`` words are remembered; each takes half a kilobyte.
    """

    def __init__(self, path: Path = MODEL, *, cached_words: int = 12_000) -> None:
        from langchain_secguard.detect.reader import Reader  # noqa: PLC0415 - numpy only when it is needed

        self._reader = Reader(path, cached_words=cached_words)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the names of each text: sorted, disjoint spans.

        A score of one half is where recall and precision are balanced in favour of recall; spans down to
        about 0.1 are returned for callers that set a lower threshold.
        """
        tokenized = [tokenize(text) for text in texts]
        logs = self._reader.log_probabilities(tokenized)
        return [self._spans(tokens, rows) for tokens, rows in zip(tokenized, logs, strict=True)]

    def _spans(self, tokens: Tokens, logs: "Floats") -> list[Span]:
        logs = logs.astype(float)
        for place, word in enumerate(tokens.words):
            if word[0] == "[" and PLACEHOLDER.fullmatch(word):
                logs[place] = [0.0] + [_IMPOSSIBLE] * (2 * len(TYPES))
        logs[:, 1:3] += _PERSON
        outside, stretches = logs[:, 0].tolist(), list(_stretches(logs))
        labels = [_label(stretch, _CUT) for stretch in stretches]
        clear = join(mention for found in _mentions(stretches, labels) for mention in tidy(tokens, found))
        taken = _covered(clear, len(tokens))
        echoes = _free(self._echoes(tokens, clear, taken), taken)
        guesses = (mention for found in _guesses(stretches, labels) for mention in tidy(tokens, found))
        faint = _free(guesses, _covered([*clear, *echoes], len(tokens)))
        return sorted(
            [
                *(_span(tokens, outside, mention, 0.5, 1.0) for mention in clear),
                *(_span(tokens, None, mention, _ECHO_SCORE, _ECHO_SCORE) for mention in echoes),
                *(_span(tokens, outside, mention, 0.0, 0.499) for mention in faint),
            ]
        )

    def _echoes(
        self, tokens: Tokens, mentions: Iterable[Mention], taken: Sequence[bool]
    ) -> Iterator[Mention]:
        """Find further places where a rare word of a person's name stands alone.

        A lone word without a title is too weak a witness: it may be a term that the text writes large.
        """
        names = {
            fold(word)
            for mention in mentions
            if mention.kind == "PERSON" and (mention.first < mention.last or is_titled(tokens, mention))
            for word in tokens.words[mention.first : mention.last + 1]
            if len(word) > 2 and not word.islower() and self._reader.commonness(word) < _RARE
        }
        places = (
            place
            for place, word in enumerate(tokens.words)
            if len(word) > 2 and word[0].isupper() and not taken[place] and fold(word) in names
        )
        for start, end in _runs(places if names else ()):
            yield from tidy(tokens, Mention(start, end - 1, "PERSON"))


_lock = threading.Lock()
_loaded: list[NameModel] = []


def find_names(texts: Sequence[str]) -> list[list[Span]]:
    """Find the persons, organizations and locations of each text with the model of the package."""
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(NameModel())
    return _loaded[0].find(texts)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Tokens that follow one another and may all belong to names: the first of them, and the rows of all."""

    first: int
    rows: list[list[float]]


def _stretches(logs: "Floats") -> Iterator[_Stretch]:
    """Find where names are possible at all: most of a text is passed over."""
    possible = logs[:, 1:].max(axis=1, initial=_IMPOSSIBLE) > logs[:, 0] - _FAINT - _MARGIN
    for start, end in _runs(possible.nonzero()[0].tolist()):
        yield _Stretch(start, logs[start:end].tolist())


def _runs(places: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join places that follow one another: the first of each run, and the place behind its last."""
    start = end = -1
    for place in places:
        if place != end:
            if start >= 0:
                yield start, end
            start = place
        end = place + 1
    if start >= 0:
        yield start, end


def _label(stretch: _Stretch, lowered: float) -> list[int]:
    """Choose labels so that an inside label only follows a label of its own type.

    Where each token's best label keeps to that, as it mostly does, no other sequence can be better.
    """
    rows = [[row[0] - lowered, *row[1:]] for row in stretch.rows]
    labels = [row.index(max(row)) for row in rows]
    if all(
        label == 0 or label % 2 or before in {label, label - 1} for before, label in pairwise([0, *labels])
    ):
        return labels
    return _viterbi(rows)


def _viterbi(rows: Sequence[Sequence[float]]) -> list[int]:
    values = list(rows[0])
    values[2::2] = [_IMPOSSIBLE] * len(TYPES)
    steps: list[list[int]] = []
    for row in rows[1:]:
        best = max(values)
        step, following = [values.index(best)] * len(values), [best + score for score in row]
        for inside in range(2, len(values), 2):
            step[inside] = inside if values[inside] >= values[inside - 1] else inside - 1
            following[inside] = values[step[inside]] + row[inside]
        values = following
        steps.append(step)
    labels = [values.index(max(values))]
    for step in reversed(steps):
        labels.append(step[labels[-1]])
    return labels[::-1]


def _guesses(stretches: Iterable[_Stretch], labels: Iterable[Sequence[int]]) -> Iterator[Mention]:
    """Find what lowering O further adds: only a stretch that has an O can change."""
    for stretch, clear in zip(stretches, labels, strict=True):
        if 0 in clear and (faint := _label(stretch, _FAINT)) != clear:
            yield from _mentions([stretch], [faint])


def _mentions(stretches: Iterable[_Stretch], labels: Iterable[Sequence[int]]) -> Iterator[Mention]:
    for stretch, chosen in zip(stretches, labels, strict=True):
        start = 0
        for place, (label, following) in enumerate(pairwise([*chosen, 0])):
            if label % 2:
                start = place
            if label and (following == 0 or following % 2):
                yield Mention(stretch.first + start, stretch.first + place, TYPES[(label - 1) // 2])


def _free(mentions: Iterable[Mention], taken: Sequence[bool]) -> list[Mention]:
    return [mention for mention in join(mentions) if not any(taken[mention.first : mention.last + 1])]


def _covered(mentions: Iterable[Mention], size: int) -> list[bool]:
    covered = [False] * size
    for mention in mentions:
        covered[mention.first : mention.last + 1] = [True] * (mention.last + 1 - mention.first)
    return covered


def _span(tokens: Tokens, outside: Sequence[float] | None, mention: Mention, low: float, high: float) -> Span:
    score = low
    if outside is not None:
        logs = outside[mention.first : mention.last + 1]
        chance = sum(1 - math.exp(min(0.0, log)) for log in logs) / len(logs)
        odds = math.exp(_CUT + (_PERSON if mention.kind == "PERSON" else 0)) * chance / max(1e-6, 1 - chance)
        score = min(high, max(low, odds / (1 + odds)))
    return Span(tokens.starts[mention.first], tokens.ends[mention.last], mention.kind, round(score, 3))
