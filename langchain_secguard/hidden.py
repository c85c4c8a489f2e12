"""What the texts of one call held, and what was put in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from langchain_secguard.content import Kind
from langchain_secguard.detect.base import Span
from langchain_secguard.find import WORD_EDGE
from langchain_secguard.json_text import Edit, apply

Leaf: TypeAlias = tuple[str, Kind]
Spelling: TypeAlias = tuple[str, str]
"""An entity type and a value as it is written."""

_LONGEST = 64
"""So many letters of a word are seen before and behind what is hidden of it."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Tell what is put where in each leaf.

    ``counts`` has the number of hidden spans for each entity type; ``cached`` and ``read`` the number of
    texts whose spans were remembered, and of those that were given to the detector; ``placeholders`` those
    of the values that were looked up in the vault.
    """

    edits: Mapping[Leaf, Sequence[Edit]] = field(repr=False)
    counts: Mapping[str, int]
    cached: int
    read: int
    placeholders: Mapping[Spelling, str] = field(default_factory=dict, repr=False)

    def text(self, text: str, kind: Kind) -> str:
        """Write a leaf with its edits."""
        return apply(text, self.edits[text, kind])

    def values(self) -> dict[str, str]:
        """Map each value that is hidden to what stands for it; to its placeholder where that is a fake."""
        values = {
            text[start:end]: new for (text, _), edits in self.edits.items() for start, end, new in edits
        }
        values |= {value: placeholder for (_, value), placeholder in self.placeholders.items()}
        for (text, _), edits in self.edits.items():
            values |= _around(text, [(start, end, values[text[start:end]]) for start, end, _ in edits])
        return values


@dataclass(slots=True)
class Page:
    """One text of a call: its spans, and how much the vault knew when they were last looked over.

    ``edits`` are those of an earlier call, good in the ``epoch`` of the vault in which they were made;
    ``escaped`` tells whether the text may be written with escapes.
    """

    text: str
    spans: Sequence[Span]
    generation: int = 0
    edits: Sequence[Edit] | None = None
    epoch: int = 0
    escaped: bool = True
    fresh: bool = True


def labels(found: Mapping[str, Page]) -> dict[str, str]:
    """Map each value that was found in texts to the label of its entity type."""
    values: dict[str, str] = {}
    for text, page in found.items():
        edits = [(span.start, span.end, f"[{span.entity_type}]") for span in page.spans]
        values |= {text[start:end]: label for start, end, label in edits} | _around(text, edits)
    return values


def _around(text: str, edits: Sequence[Edit]) -> dict[str, str]:
    """Map each word of which only a part is hidden, as "jane" in "jane2024", to what becomes of it."""
    wider: list[tuple[int, int, list[Edit]]] = []
    for start, end, new in edits:
        first, last = _whole_words(text, start, end)
        inside = [(start, end, new)]
        while wider and first < wider[-1][1]:
            before = wider.pop()
            first, last, inside = min(first, before[0]), max(last, before[1]), [*before[2], *inside]
        wider.append((first, last, inside))
    return {
        text[first:last]: apply(
            text[first:last], [(start - first, end - first, new) for start, end, new in inside]
        )
        for first, last, inside in wider
        if (first, last) != inside[0][:2]
    }


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the words begin and end that characters ``start`` to ``end`` begin and end in."""
    first, last = start, end
    while WORD_EDGE.match(text, first) and start - _LONGEST < first > 0 and WORD_EDGE.match(text, first - 1):
        first -= 1
    while WORD_EDGE.match(text, last - 1) and last < end + _LONGEST and WORD_EDGE.match(text, last):
        last += 1
    return first, last


def risk(found: Mapping[str, Page]) -> float:
    """Return the highest score of what was found in texts, from 0.0, where nothing was, to 1.0."""
    scores = (span.score for page in found.values() for span in page.spans)
    return max((min(max(score, 0.0), 1.0) if score == score else 1.0 for score in scores), default=0.0)  # noqa: PLR0124 - what has no score (NaN) is hidden
