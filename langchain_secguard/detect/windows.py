"""Long texts, cut into windows that overlap, so that no entity is lost at a cut.

A window is a stretch of units: characters, words, or the tokens of a tokenizer, whichever an engine counts.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from langchain_secguard.detect.base import Span, overlapping


def windows(count: int, *, size: int, overlap: int) -> list[range]:
    """Cut ``count`` units into windows of ``size``, of which neighbours share ``overlap``.

    Every stretch of at most ``overlap`` units lies whole in at least one window. There is always one window,
    be it empty.

    Raises:
        ValueError: ``overlap`` is negative, or not smaller than ``size``.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"windows of {size} units cannot overlap by {overlap}")
    step = size - overlap
    starts = range(0, max(1, count - overlap), step)
    return [range(start, min(count, start + size)) for start in starts]


def unite(stretches: Sequence[tuple[int, int]], found: Sequence[Iterable[Span]]) -> list[Span]:
    """Put together what was found in each window of one text; return it sorted.

    Overlapping spans of one type become one, so that an entity longer than the overlap stays whole. A span
    that ends at a cut and lies within a span of the next window is the half of it, whatever type it was
    taken for, and is dropped.

    Args:
        stretches: The windows, in order, as characters of the text: (start, end).
        found: The spans of each window, in characters of the text.
    """
    if len(stretches) == 1:
        return sorted(span for spans in found for span in spans)
    marked = [
        (span, _is_cut(span, number, stretches)) for number, spans in enumerate(found) for span in spans
    ]
    whole = [span for span, cut in marked if not cut]
    cover = _Cover(whole)
    halves = [span for span, cut in marked if cut and not cover.holds(span)]
    return sorted(_joined([*whole, *halves]))


def _is_cut(span: Span, number: int, stretches: Sequence[tuple[int, int]]) -> bool:
    start, end = stretches[number]
    return (number > 0 and span.start <= start) or (number + 1 < len(stretches) and span.end >= end)


class _Cover:
    """Tell whether a span lies within one of others."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._clusters = list(overlapping(spans))
        self._starts = [cluster[0].start for cluster in self._clusters]

    def holds(self, span: Span) -> bool:
        place = bisect_right(self._starts, span.start) - 1
        return place >= 0 and any(
            other.start <= span.start and span.end <= other.end for other in self._clusters[place]
        )


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Join overlapping spans of one type."""
    by_type: dict[str, list[Span]] = {}
    for span in spans:
        by_type.setdefault(span.entity_type, []).append(span)
    for entity_type, alike in by_type.items():
        for cluster in overlapping(alike):
            end, score = max(span.end for span in cluster), max(span.score for span in cluster)
            yield Span(cluster[0].start, end, entity_type, score)
