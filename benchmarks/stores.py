"""What stores cost beside their bare drivers: calls a second, the slowest calls, and how both grow.

The sides take turns in short rounds, in wall time: the store and what is bare, plain and encrypted. What bare
does is told in ``store_bare`` and ``store_bare_sql``.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from cryptography.fernet import Fernet

from benchmarks.loads import Call, Load, in_turns, median
from benchmarks.report import Row, duration
from benchmarks.store_backends import Backend, backends
from benchmarks.store_bare import NAMES_READY, Job, Kind
from benchmarks.texts import names, sprinkled
from langchain_secguard.links import link_keys
from langchain_secguard.vault import EncryptedVaultStore, Entity, Text

_CLIENTS = (1, 8, 64)
_ENTITIES = (1, 10, 100)
_TARGET = 0.7
_SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_FILLING = 8.0
"""Seconds for which the vault of a store is filled, where it is not filled whole."""
_FILLING_WHOLE = 100.0
_FILLING_FULL = 180.0
_WHOLE = ("memory", "Redis")
"""The stores that are filled whole, but for their encrypted ones."""
_BATCH = 2_000
_SEEDS = itertools.count()


def measure(*, full: bool = False) -> Iterator[Row]:
    """Measure each store, plain and encrypted; fill the vaults of all of them to a million if ``full``."""
    with backends() as measured:
        for backend in measured:
            yield Row(f"{backend.name}: round trips", backend.trips(_trips))
            for kind, entities in itertools.product(_KINDS, _ENTITIES):
                yield from _beside(backend, kind, entities)
    for encrypted in (False, True):
        with backends() as measured:
            for backend in measured:
                seconds = _FILLING_FULL if full else _FILLING
                if not (full or encrypted) and backend.name in _WHOLE:
                    seconds = _FILLING_WHOLE
                yield from _growth(backend, encrypted=encrypted, seconds=seconds)


def _trips(store: Any, sent: Callable[[], int]) -> str:
    """Count what is sent for calls of 1 and of 100 entities, by stores that know the vault."""
    told: list[str] = []
    for name, used in (("plain", store), ("encrypted", EncryptedVaultStore(store, [Fernet.generate_key()]))):
        vault_id = f"trips {name}"
        for count in (1, 100):
            people = list(itertools.islice(_people(), count))
            refs = [entry.ref for entry in used.assign(vault_id, people).entries]
            more = list(itertools.islice(_people(), count))
            counts = [
                f"new {_sent(sent, partial(used.assign, vault_id, more))}",
                f"known {_sent(sent, partial(used.assign, vault_id, people))}",
                f"restore {_sent(sent, partial(used.lookup, vault_id, refs))}",
            ]
            told.append(f"{name}, {count} a call: {', '.join(counts)}")
    return "<br>".join(told)


def _sent(sent: Callable[[], int], call: Call) -> int:
    before = sent()
    call()
    return sent() - before


def _beside(backend: Backend, kind: Kind, entities: int) -> Iterator[Row]:
    """Let 1, 8 and 64 clients call the store, the store encrypted, and what does the same bare."""
    told: dict[bool, list[str]] = {False: [], True: []}
    met = {False: True, True: True}
    for clients in _CLIENTS:
        store = backend.store(clients)
        loads = _loads(backend, store, kind, entities, clients)
        for encrypted, (load, bare) in loads.items():
            told[encrypted].append(_told(clients, load, bare))
            met[encrypted] = met[encrypted] and (bare is None or load.ratio(bare) >= _TARGET)
        getattr(store, "close", lambda: None)()
    target = "" if backend.name == "memory" else f"at least {_TARGET}"
    for encrypted, what in ((False, ""), (True, ", encrypted")):
        subject = f"{backend.name}{what}: {kind}, {entities} a call"
        yield Row(subject, "<br>".join(told[encrypted]), target, met=met[encrypted] if target else None)


def _loads(
    backend: Backend, store: Any, kind: Kind, entities: int, clients: int
) -> dict[bool, tuple[Load, Load | None]]:
    """Load the store, plain and encrypted, each with what is bare, if anything is."""
    sides: list[Callable[[], Call]] = []
    for encrypted in (False, True):
        used = EncryptedVaultStore(store, [Fernet.generate_key()]) if encrypted else store
        make = _KINDS[kind](used, f"{kind} {next(_SEEDS)}", entities, clients)
        bare = backend.bare(Job(kind, make(), entities, encrypted), clients)
        sides += [make, bare] if bare else [make]
    loads = in_turns(clients, *sides)
    if len(loads) == 2:
        return {False: (loads[0], None), True: (loads[1], None)}
    return {False: (loads[0], loads[1]), True: (loads[2], loads[3])}


def _told(clients: int, load: Load, bare: Load | None) -> str:
    ratio = f"**{load.ratio(bare):.2f}**, " if bare else ""
    beside = f" (bare {bare.rate:,.0f}/s, {duration(bare.p99)})" if bare else ""
    who = "client" if clients == 1 else "clients"
    return f"{clients} {who}: {ratio}{load.rate:,.0f}/s, p99 {duration(load.p99)}{beside}"


def _hide_new(store: Any, vault_id: str, entities: int, _clients: int) -> Callable[[], Call]:
    """Let each client write to a vault of its own."""
    places = itertools.count()

    def make() -> Call:
        own, people = f"{vault_id} of {next(places)}", itertools.chain(_ready(), _people())
        return lambda: store.assign(own, list(itertools.islice(people, entities)))

    return make


def _hide_known(store: Any, vault_id: str, entities: int, _clients: int) -> Callable[[], Call]:
    known = list(itertools.islice(_people(), entities))
    store.assign(vault_id, known)
    return lambda: lambda: store.assign(vault_id, known)


def _restore(store: Any, vault_id: str, entities: int, _clients: int) -> Callable[[], Call]:
    refs = [
        entry.ref for entry in store.assign(vault_id, list(itertools.islice(_people(), entities))).entries
    ]
    return lambda: lambda: store.lookup(vault_id, refs)


_KINDS: dict[Kind, Callable[[Any, str, int, int], Callable[[], Call]]] = {
    "hide new names": _hide_new,
    "hide known names": _hide_known,
    "restore": _restore,
}


@cache
def _ready() -> Sequence[Entity]:
    """Make people once, who are new to every vault."""
    return list(itertools.islice(_people(), NAMES_READY))


def _people() -> Iterator[Entity]:
    lock = threading.Lock()
    source = names(next(_SEEDS))

    def one() -> Entity:
        with lock:
            name = next(source)
        return Entity("PERSON", name, keys=link_keys("PERSON", name))

    return iter(one, None)


def _growth(backend: Backend, *, encrypted: bool, seconds: float) -> Iterator[Row]:
    """Fill one vault, and look at its size and at the time of calls on the way."""
    store = backend.store(1)
    if encrypted:
        store = EncryptedVaultStore(store, [Fernet.generate_key()])
    what = f"{backend.name}{', encrypted' if encrypted else ''}: a vault of"
    people = _people()
    known, filled, begun = list(itertools.islice(people, 10)), 10, time.perf_counter()
    refs = [entry.ref for entry in store.assign("v", known).entries]
    text = Text(sprinkled([entity.value for entity in known], 2_000))
    calls: dict[str, Call] = {
        "hide 10 known": lambda: store.assign("v", known),
        "restore 10": lambda: store.lookup("v", refs),
        "search 2 KB of new text": lambda: store.assign("v", [], [text]),
    }
    for size in _SIZES:
        while filled < size and time.perf_counter() - begun < seconds:
            batch = list(itertools.islice(people, min(_BATCH, size - filled)))
            filled += len(store.assign("v", batch).entries)
        if filled < size:
            yield Row(f"{what} {size:,}", f"not filled in {seconds:.0f} s: {filled:,}")
            break
        measured = ", ".join(f"{name} {duration(median(call))}" for name, call in calls.items())
        weight = (
            f"{backend.weigh('v') / filled:,.0f} bytes a person; " if filled >= backend.weighed_from else ""
        )
        yield Row(f"{what} {size:,}", f"{weight}{measured}")
    getattr(store, "close", lambda: None)()
