"""What a store costs beside the bare driver: calls a second, the slowest calls, and how both grow.

The bare side sends the same number of the same commands in one redis-py pipeline: it decides nothing, is not
atomic, and knows what to ask for beforehand. Both sides take turns in short rounds, in wall time.
"""

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis

from benchmarks.report import Row, duration
from benchmarks.texts import names, sprinkled
from langchain_secguard.links import link_keys
from langchain_secguard.vault import Entity, RedisVaultStore, Text
from tests.servers import RedisServer

Call = Callable[[], object]

_CLIENTS = (1, 8, 64)
_ENTITIES = (1, 10, 100)
_ROUNDS = 6
_ROUND = 0.12  # seconds
_TARGET = 0.7
_SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_FILLING = 150  # seconds
_COMMANDS = ("hget", "hset", "hincrby", "hmget", "hexists")


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what some clients did: their calls a second, and how long the slowest of a hundred calls took."""

    rate: float
    p99: float


def measure() -> Iterator[Row]:
    """Measure the store in Redis, on a server of its own."""
    with RedisServer() as server:
        for kind, entities, clients in itertools.product(_KINDS, _ENTITIES, _CLIENTS):
            yield _beside(server, kind, entities, clients)
    with RedisServer() as server:
        yield from _growth(server)


def in_turns(clients: int, *sides: Callable[[], Call]) -> list[Load]:
    """Let ``clients`` threads make calls, of one side after the other, for some rounds.

    Each side makes the call of one client.
    """
    calls = [[make() for _ in range(clients)] for make in sides]
    rates: list[list[float]] = [[] for _ in sides]
    taken: list[list[float]] = [[] for _ in sides]
    with ThreadPoolExecutor(clients) as pool:
        for _ in range(_ROUNDS):
            for side, own in enumerate(calls):
                times, seconds = _round(pool, own)
                rates[side].append(len(times) / seconds)
                taken[side] += times
    return [
        Load(statistics.median(rate), statistics.quantiles(times, n=100)[98])
        for rate, times in zip(rates, taken, strict=True)
    ]


def _round(pool: ThreadPoolExecutor, calls: Sequence[Call]) -> tuple[list[float], float]:
    start = threading.Barrier(len(calls) + 1)
    end = time.perf_counter() + _ROUND

    def work(call: Call) -> list[float]:
        start.wait()
        times: list[float] = []
        while not times or time.perf_counter() < end:
            begun = time.perf_counter()
            call()
            times.append(time.perf_counter() - begun)
        return times

    working = [pool.submit(work, call) for call in calls]
    start.wait()
    begun = time.perf_counter()
    times = [one for future in working for one in future.result()]
    return times, time.perf_counter() - begun


def _beside(server: RedisServer, kind: str, entities: int, clients: int) -> Row:
    store, bare = RedisVaultStore(server.url, connections=clients), redis.Redis.from_url(server.url)
    people = _people(entities * 1_000 + clients)
    make = _KINDS[kind](store, people, entities, clients)
    commands = _commands(bare, make())
    ours, theirs = in_turns(clients, make, lambda: _pipeline(bare, commands))
    store.close()
    bare.close()
    ratio = ours.rate / theirs.rate
    return Row(
        f"{kind}, {entities} a call, {clients} {'client' if clients == 1 else 'clients'}",
        f"{ratio:.2f} ({ours.rate:,.0f} calls/s, bare {theirs.rate:,.0f}; "
        f"p99 {duration(ours.p99)}, bare {duration(theirs.p99)})",
        f"at least {_TARGET}",
        met=ratio >= _TARGET,
    )


def _hide_new(
    store: RedisVaultStore, people: Iterator[Entity], entities: int, clients: int
) -> Callable[[], Call]:
    def take() -> list[Entity]:
        return list(itertools.islice(people, entities))

    def make() -> Call:
        ready = [take() for _ in range(max(2 * _ROUNDS, 6_000 // entities // clients))]
        more = itertools.chain(ready, iter(take, []))
        return lambda: store.assign("new", next(more))

    return make


def _hide_known(
    store: RedisVaultStore, people: Iterator[Entity], entities: int, _clients: int
) -> Callable[[], Call]:
    known = list(itertools.islice(people, entities))
    store.assign("known", known)
    return lambda: lambda: store.assign("known", known)


def _restore(
    store: RedisVaultStore, people: Iterator[Entity], entities: int, _clients: int
) -> Callable[[], Call]:
    refs = [entry.ref for entry in store.assign("restored", list(itertools.islice(people, entities))).entries]
    return lambda: lambda: store.lookup("restored", refs)


_KINDS: dict[str, Callable[[RedisVaultStore, Iterator[Entity], int, int], Callable[[], Call]]] = {
    "hide new names": _hide_new,
    "hide known names": _hide_known,
    "restore": _restore,
}


def _people(seed: int) -> Iterator[Entity]:
    lock = threading.Lock()
    source = names(seed)

    def one() -> Entity:
        with lock:
            name = next(source)
        return Entity("PERSON", name, keys=link_keys("PERSON", name))

    return iter(one, None)


def _commands(admin: Any, call: Call) -> dict[str, int]:
    """Count the commands that the script carries out for one call."""
    call()
    admin.config_resetstat()
    call()
    stats = admin.info("commandstats")
    return {name: stats[f"cmdstat_{name}"]["calls"] for name in _COMMANDS if f"cmdstat_{name}" in stats}


def _pipeline(bare: Any, commands: dict[str, int]) -> Call:
    """Make a call that sends as many commands, of fields and values as long as ours."""
    counts = iter(range(1 << 60))
    value = b"x" * 60

    def call() -> object:
        pipeline = bare.pipeline(transaction=False)
        number = next(counts)
        for name, count in commands.items():
            for step in range(count):
                field = b"%s%016d" % (name.encode(), number * count + step)
                if name == "hset":
                    pipeline.hset("bare", field, value)
                elif name == "hincrby":
                    pipeline.hincrby("bare-numbers", "PERSON", 1)
                else:
                    pipeline.hget("bare", b"hset" + field[4:])
        return pipeline.execute()

    return call


def _growth(server: RedisServer) -> Iterator[Row]:
    """Fill one vault, and look at its size and at the time of calls on the way."""
    store: Any = RedisVaultStore(server.url, timeout=60)
    admin: Any = redis.Redis.from_url(server.url)
    entities = (Entity("PERSON", name) for name in names(1))
    known, filled, begun = list(itertools.islice(entities, 10)), 10, time.perf_counter()
    refs = [entry.ref for entry in store.assign("v", known).entries]
    text = Text(sprinkled([entity.value for entity in known], 2_000))
    calls: dict[str, Call] = {
        "hide 10 known": lambda: store.assign("v", known),
        "restore 10": lambda: store.lookup("v", refs),
        "search 2 KB of new text": lambda: store.assign("v", [], [text]),
    }
    for size in _SIZES:
        while filled < size and time.perf_counter() - begun < _FILLING:
            filled += len(
                store.assign("v", list(itertools.islice(entities, min(2_000, size - filled)))).entries
            )
        if filled < size:
            yield Row(f"a vault of {size:,}", f"not filled in {_FILLING} s: {filled:,}")
            return
        measured = ", ".join(f"{name} {duration(_median(call))}" for name, call in calls.items())
        weight = admin.memory_usage("secguard:{v}", samples=0) / filled
        yield Row(f"a vault of {size:,}", f"{weight:,.0f} bytes an entry; {measured}")
    store.assign("people", list(itertools.islice(_people(2), 10_000)))
    weight = admin.memory_usage("secguard:{people}", samples=0) / 10_000
    yield Row("a person with what they may be called, of 10,000", f"{weight:,.0f} bytes")


def _median(call: Call) -> float:
    times: list[float] = []
    for _ in range(200):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
