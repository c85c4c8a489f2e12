"""What is masked in a text: marks that may overlap, made into edits that leave placeholders as they are."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from langchain_secguard.find import STANDARD_TYPES
from langchain_secguard.json_text import Edit

_PLACEHOLDER = re.compile(
    r"\[(?:REDACTED_)?(?P<type>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*?)(?:_[1-9][0-9]{0,8}[a-z]{0,2}(?:_[A-Z]{5})?"
    r"|\#[0-9a-f]{16})?\]"
)


class Mark(NamedTuple):
    """Put ``stand_in`` where characters ``start`` to ``end`` (exclusive) are.

    ``sure`` tells a known value from what a detector thinks to be one.
    """

    start: int
    end: int
    stand_in: str
    sure: bool = True


def entity_types(stand_ins: Iterable[str]) -> set[str]:
    """Return the entity types that placeholders and labels name."""
    return {match["type"] for text in stand_ins if (match := _PLACEHOLDER.fullmatch(text))}


def settle_marks(text: str, marks: Iterable[Mark], types: Collection[str]) -> list[Edit]:
    """Make marks into edits of ``text``, sorted and disjoint.

    Marks that overlap become one edit: no character that was marked stays. A placeholder or label, of a
    standard type or one of ``types``, stays as it is, unless it is part of a known value.
    """
    clusters = _clusters(sorted(_outside(text, marks, types)))
    return [(cluster[0].start, max(mark.end for mark in cluster), _stand_in(cluster)) for cluster in clusters]


def _outside(text: str, marks: Iterable[Mark], types: Collection[str]) -> Iterator[Mark]:
    kept = [
        match.span()
        for match in (_PLACEHOLDER.finditer(text) if "[" in text else ())
        if match["type"] in STANDARD_TYPES or match["type"] in types
    ]
    for mark in marks:
        inside = any(start <= mark.start and mark.end <= end for start, end in kept)
        if mark.sure and not inside:
            yield mark
        elif not inside:
            yield from _cut(mark, kept)


def _cut(mark: Mark, kept: Sequence[tuple[int, int]]) -> Iterator[Mark]:
    """Cut placeholders out of a mark."""
    position = mark.start
    for start, end in kept:
        if end <= position or start >= mark.end:
            continue
        if start > position:
            yield mark._replace(start=position, end=start)
        position = end
    if position < mark.end:
        yield mark._replace(start=position)


def _clusters(marks: Iterable[Mark]) -> Iterator[list[Mark]]:
    cluster: list[Mark] = []
    end = 0
    for mark in marks:
        if mark.start >= mark.end:
            continue
        if cluster and mark.start >= end:
            yield cluster
            cluster = []
        end = max(end, mark.end) if cluster else mark.end
        cluster.append(mark)
    if cluster:
        yield cluster


def _stand_in(cluster: Sequence[Mark]) -> str:
    """Choose what says most of what stood there: the longest, and a placeholder before a label."""
    return max(
        cluster, key=lambda mark: ((mark.end - mark.start) * (2 if mark.sure else 1), mark.sure)
    ).stand_in
