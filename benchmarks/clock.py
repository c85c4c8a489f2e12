"""Time functions side by side, so that a noisy machine disturbs both sides alike."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Action = Callable[[], object]

_ROUND = 0.003
_share = 1.0


def hurry(share: float) -> None:
    """Measure for a share of the usual time from now on, where a command is only tried out."""
    global _share  # noqa: PLW0603
    _share = share


@dataclass(frozen=True, slots=True)
class Timing:
    """Hold what one call took, in seconds of processor time: the best of all rounds, and their median.

    Whatever else a machine does only ever adds time, so the best is what verdicts are given on.
    """

    best: float
    median: float


def side_by_side(*actions: Action, seconds: float = 3.0) -> list[Timing]:
    """Time ``actions`` in turns, in short rounds, for about ``seconds`` in all."""
    calls = [_calls_in_a_round(action) for action in actions]
    times: list[list[float]] = [[] for _ in actions]
    gc.collect()
    end = time.perf_counter() + seconds * _share
    while len(times[0]) < 5 or time.perf_counter() < end:
        for action, count, taken in zip(actions, calls, times, strict=True):
            taken.append(_round(action, count))
    return [timing(taken) for taken in times]


def timing(times: Sequence[float]) -> Timing:
    """Sum up the times of several rounds."""
    return Timing(min(times), statistics.median(times))


def _calls_in_a_round(action: Action) -> int:
    action()
    return max(1, int(_ROUND / max(_round(action, 1), 1e-9)))


def _round(action: Action, calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        action()
    return (time.thread_time() - start) / calls
