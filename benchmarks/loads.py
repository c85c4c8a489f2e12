"""Let many clients call at once, of several sides in turns, in wall time."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

Call = Callable[[], object]

_ROUNDS = 4
_ROUND = 0.1  # seconds
_LONGEST = 3.0
"""Seconds after which no further round is begun: of calls that take long, one is enough."""


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what some clients did: calls a second in each round, and what the slowest of a hundred took."""

    rates: tuple[float, ...]
    p99: float

    @property
    def rate(self) -> float:
        """Calls a second, in the median of all rounds."""
        return statistics.median(self.rates)

    def ratio(self, other: "Load") -> float:
        """Tell how many times as fast it was as another, in the median of the rounds taken in turns."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.rates, other.rates, strict=True))


def in_turns(clients: int, *sides: Callable[[], Call]) -> list[Load]:
    """Let ``clients`` threads make calls, of one side after the other, for some rounds.

    Each side makes the call of one client.
    """
    calls = [[make() for _ in range(clients)] for make in sides]
    rates: list[list[float]] = [[] for _ in sides]
    taken: list[list[float]] = [[] for _ in sides]
    with ThreadPoolExecutor(clients) as pool:
        for own in calls:  # connects, and prepares what a driver prepares
            list(pool.map(lambda call: call(), own))
        begun = time.perf_counter()
        for turn in range(_ROUNDS):
            if turn and time.perf_counter() > begun + _LONGEST:
                break
            for side, own in enumerate(calls):
                times, seconds = _round(pool, own)
                rates[side].append(len(times) / seconds)
                taken[side] += times
    return [
        Load(tuple(rate), statistics.quantiles(times, n=100)[98])
        for rate, times in zip(rates, taken, strict=True)
    ]


def _round(pool: ThreadPoolExecutor, calls: Sequence[Call]) -> tuple[list[float], float]:
    """Return how long each call took, and all together, from the first beginning to the last end."""
    start = threading.Barrier(len(calls))

    def work(call: Call) -> tuple[list[float], float, float]:
        start.wait()
        times: list[float] = []
        now = first = time.perf_counter()
        while not times or now < first + _ROUND:
            begun = time.perf_counter()
            call()
            now = time.perf_counter()
            times.append(now - begun)
        return times, first, now

    done = list(pool.map(work, calls))
    seconds = max(last for _, _, last in done) - min(first for _, first, _ in done)
    return [one for times, _, _ in done for one in times], seconds


def median(call: Call, *, seconds: float = 0.4) -> float:
    """Return the median time of a call, of as many as there is time for."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
