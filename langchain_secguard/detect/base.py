"""What a detector is, and what it finds: the spans of a text that hold personal data."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from langchain_secguard.detect.union import UnionDetector


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


class Uniting:
    """Give a detector the operator ``|``: what either side finds is found."""

    def __or__(self, other: Any) -> "UnionDetector":
        """Unite with a detector, or with a function that :class:`FunctionDetector` takes."""
        return self._united(self, other)

    def __ror__(self, other: Any) -> "UnionDetector":
        """Unite with a detector that has no operator of its own."""
        return self._united(other, self)

    @staticmethod
    def _united(left: Any, right: Any) -> "UnionDetector":
        from langchain_secguard.detect.union import UnionDetector, is_detector  # noqa: PLC0415 - it stands on this

        return UnionDetector(left, right) if is_detector(left) and is_detector(right) else NotImplemented


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Choose among overlapping spans, and return the rest sorted and disjoint.

    The longest span wins, so that no character that was marked is lost to a shorter one; among spans of one
    length the higher score wins, then the one that begins first. What a loser marks outside the winner stays
    marked, as the loser's type.
    """
    resolved: list[Span] = []
    for cluster in overlapping(spans):
        resolved += cluster if len(cluster) == 1 else _resolve_cluster(cluster)
    return resolved


def overlapping(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Group spans, sorted, so that spans of different groups do not overlap."""
    cluster: list[Span] = []
    end = 0
    for span in sorted(spans):
        if cluster and span.start >= end:
            yield cluster
            cluster = []
        end = max(end, span.end) if cluster else span.end
        cluster.append(span)
    if cluster:
        yield cluster


def _resolve_cluster(cluster: Sequence[Span]) -> list[Span]:
    chosen: list[Span] = []
    for span in sorted(cluster, key=lambda span: (span.start - span.end, -span.score, span.start)):
        chosen += _uncovered(span, chosen)
    return sorted(chosen)


def _uncovered(span: Span, taken: Sequence[Span]) -> list[Span]:
    """Cut what ``taken`` covers out of ``span``."""
    parts = [(span.start, span.end)]
    for other in taken:
        parts = [
            (start, end)
            for begin, stop in parts
            for start, end in ((begin, min(stop, other.start)), (max(begin, other.end), stop))
            if start < end
        ]
    return [Span(start, end, span.entity_type, span.score) for start, end in parts]
