"""How long an engine takes: seconds for each text, and words for each second."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Return seconds that only grow, as ``time.perf_counter`` does."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Hold durations in seconds.

    ``first`` is the first call, in which an engine loads; ``p50`` and ``p95`` are of calls with one text each
    (``calls`` of them); ``words_per_second`` counts words set apart by white space.
    """

    first: float
    p50: float
    p95: float
    calls: int
    words_per_second: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of the values do not exceed (nearest rank).

    This is definition 1 of Hyndman and Fan, *Sample Quantiles in Statistical Packages* (1996): the result is
    one of the values, never one that was not measured.

    Raises:
        ValueError: There are no values, or ``share`` is not above 0 and at most 1.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values, and a share above 0 and at most 1")
    return sorted(values)[math.ceil(share * len(values)) - 1]


def spread(count: int, wanted: int) -> list[int]:
    """Choose at most ``wanted`` of ``count`` places, evenly."""
    if count <= wanted:
        return list(range(count))
    return [place * count // wanted for place in range(wanted)]
