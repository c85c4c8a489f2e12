"""What a detector is, and what it finds: the spans of a text that hold personal data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Mark the characters ``start`` to ``end`` (exclusive) of a text as one entity.

    ``entity_type`` carries one of Presidio's names (``PERSON``, ``EMAIL_ADDRESS``, ...) or a name of the
    detector's own; ``score`` is the detector's confidence, from 0 to 1.
    """

    start: int
    end: int
    entity_type: str
    score: float = 1.0


@runtime_checkable
class Detector(Protocol):
    """Find the entities of each text: one list of spans for each text, in the order of the texts.

    Spans may overlap: what overlaps is settled by :func:`resolve`, after the caller has dropped the entity
    types that it does not want. A detector is called from several threads at once.
    """

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text."""
        ...

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text without blocking the event loop."""
        ...


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Choose among overlapping spans, and return the rest sorted and disjoint.

    The longest span wins, so that no character that a detector marked is lost to a shorter one; among spans
    of one length the higher score wins, then the one that was listed first. What remains of a loser outside
    the winner is kept under the loser's type, so that every marked character stays marked.
    """
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, -span.score)):
        chosen.extend(_uncovered(span, chosen))
    return sorted(chosen)


def _uncovered(span: Span, taken: Sequence[Span]) -> list[Span]:
    """Cut what ``taken`` covers out of ``span``."""
    parts = [(span.start, span.end)]
    for other in taken:
        parts = [
            piece
            for start, end in parts
            for piece in ((start, min(end, other.start)), (max(start, other.end), end))
            if piece[0] < piece[1]
        ] if any(start < other.end and other.start < end for start, end in parts) else parts
    return [Span(start, end, span.entity_type, span.score) for start, end in parts]
