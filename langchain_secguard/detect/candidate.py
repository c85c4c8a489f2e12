"""What a pattern proposes, and which proposals stand where they overlap."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

_SURE = 0.5


class Rank(IntEnum):
    """Order the reasons to believe a candidate."""

    FORMAT = 0
    CONTEXT = 1
    VALID = 2


class Candidate(NamedTuple):
    """Propose that the characters ``start`` to ``end`` (exclusive) are a value of ``entity_type``."""

    start: int
    end: int
    entity_type: str
    score: float
    rank: Rank = Rank.FORMAT


def settle(candidates: Iterable[Candidate], length: int) -> list[Candidate]:
    """Choose disjoint candidates: the better reason wins, then the longer span, then the higher score.

    A candidate that is likely wrong never wins over one that is likely right, however long it is.

    A URL that no other value contains stands beside the values inside it. ``length`` is that of the text.
    """
    ordered = sorted(candidates, key=lambda c: (-c.rank, c.score < _SURE, c.start - c.end, -c.score, c.start))
    if len(ordered) < 2:
        return ordered
    taken, urls = bytearray(length), bytearray(length)
    chosen = []
    for candidate in ordered:
        start, end, entity_type = candidate[:3]
        mine, other = (urls, taken) if entity_type == "URL" else (taken, urls)
        if mine.find(1, start, end) >= 0 or _crosses(other, start, end, entity_type == "URL"):
            continue
        mine[start:end] = b"\1" * (end - start)
        chosen.append(candidate)
    return sorted(chosen)


def _crosses(marks: bytearray, start: int, end: int, is_url: bool) -> bool:
    """Tell whether a span neither holds (a URL) nor lies within (anything else) what is marked."""
    if marks.find(1, start, end) < 0:
        return False
    before, after = marks[start - 1 : start] == b"\1", marks[end : end + 1] == b"\1"
    if is_url:  # what it meets must end where it ends, or before
        return (marks[start] == 1 and before) or (marks[end - 1] == 1 and after)
    return marks.find(0, start, end) >= 0
