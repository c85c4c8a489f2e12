"""Many processes on one vault in Redis: no number twice, nothing lost, whoever is killed or restarted.

With the environment variable ``SECGUARD_FULL_SIZE`` set, every test allocates 20,000 values.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing.context import ForkServerContext

import pytest
from cryptography.fernet import Fernet

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Entity
from tests.integration import redis_workers
from tests.servers import RedisServer

pytestmark = pytest.mark.loopback

PROCESSES = 8
FULL_SIZE = bool(os.environ.get("SECGUARD_FULL_SIZE"))
VALUES = 20_000 if FULL_SIZE else 4_000
KILLED, AT_ONCE = 50, 5
KEYS = [[], [Fernet.generate_key().decode()]]

both = pytest.mark.parametrize("keys", KEYS, ids=["plain", "encrypted"])
restarts = pytest.mark.parametrize(
    ("keys", "crash"),
    [(KEYS[0], False), (KEYS[0], True), (KEYS[1], True)],
    ids=["stopped", "killed", "killed, encrypted"],
)


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Fork processes from a server that has imported what they run, which saves each a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", redis_workers.__name__])  # pytest is their main module
    return context


@pytest.fixture
def durable() -> Iterator[RedisServer]:
    with RedisServer(append_only=True) as server:
        yield server


def held(server: RedisServer, keys: list[str]) -> dict[str, str]:
    store = redis_workers.open_store(server.url, keys)
    entries = store.entries("v")
    store.close()
    assert len({entry.ref for entry in entries}) == len({entry.value for entry in entries}) == len(entries)
    return {entry.value: f"{entry.ref.entity_type}:{entry.ref.number}" for entry in entries}


def await_fields(server: RedisServer, count: int) -> None:
    """Wait until the vault has grown to so many fields: some three for each value."""
    deadline = time.monotonic() + 60
    while int(server.cli("hlen", "secguard:{v}")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_one_to_one(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Check that every value has one ref, and every ref one value, and return the refs by value."""
    refs: defaultdict[str, set[str]] = defaultdict(set)
    values: defaultdict[str, set[str]] = defaultdict(set)
    for one in given:
        for value, ref in one.items():
            refs[value].add(ref)
            values[ref].add(value)
    assert [value for value, owned in refs.items() if len(owned) > 1] == []
    assert [ref for ref, owned in values.items() if len(owned) > 1] == []
    return {value: next(iter(owned)) for value, owned in refs.items()}


FORKING = """
import os, sys
from langchain_secguard.vault import Entity, RedisVaultStore

store = RedisVaultStore(sys.argv[1])
(entry,) = store.assign("v", [Entity("PERSON", "Jane Doe")]).entries
child = os.fork()
for number in range(200):
    assert store.assign("v", [Entity("PERSON", f"{child == 0} {number}")]).entries[0].ref.number > 1
    assert store.lookup("v", [entry.ref]) == [entry]
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_connections_of_its_own(redis_server: RedisServer) -> None:
    """Run apart, since to fork is no good idea in a process with the threads of other tests."""
    redis_server.cli("flushall")
    ran = subprocess.run([sys.executable, "-c", FORKING, redis_server.url], check=False, timeout=60)
    assert ran.returncode == 0
    assert len(held(redis_server, [])) == 401


class TestManyProcesses:
    @both
    def test_agree_on_every_value(
        self, context: ForkServerContext, durable: RedisServer, keys: list[str]
    ) -> None:
        asked = [(durable.url, keys, worker, VALUES, 100) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            given = pool.starmap(redis_workers.allocate, asked)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert len(refs) == VALUES
        assert held(durable, keys) == refs

    @restarts
    def test_lose_nothing_when_the_server_is_restarted(
        self, context: ForkServerContext, durable: RedisServer, keys: list[str], crash: bool
    ) -> None:
        asked = [(durable.url, keys, worker, VALUES, 10) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            running = pool.starmap_async(redis_workers.allocate, asked)
            for share in (0.1, 0.4, 0.8):
                await_fields(durable, int(3 * VALUES * share))
                (durable.kill if crash else durable.stop)()
                time.sleep(0.05)
                durable.start()
            given = running.get(120)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert sum(failures for _, failures in given) > 0
        assert len(refs) == VALUES
        assert held(durable, keys) == refs

    @both
    def test_keep_what_was_acknowledged_when_they_are_killed(
        self, context: ForkServerContext, durable: RedisServer, keys: list[str]
    ) -> None:
        """Five at once write values that overlap, and are killed in the middle of it, until fifty were."""
        told: dict[str, str] = {}
        for round_ in range(KILLED // AT_ONCE):
            writers = [Writer(context, durable.url, keys, 3 * round_ + place) for place in range(AT_ONCE)]
            for writer in writers:
                writer.hear(5)
            for writer in writers:
                writer.kill()
            told = assert_one_to_one([told, *(writer.refs for writer in writers)])
        kept = held(durable, keys)
        assert told.items() <= kept.items()
        store = redis_workers.open_store(durable.url, keys)
        again = store.assign("v", [Entity("PERSON", value) for value in told]).entries
        assert {entry.value: named(entry.ref) for entry in again} == told
        store.close()


class Writer:
    """Run a process that writes, and hear what was acknowledged to it."""

    def __init__(self, context: ForkServerContext, url: str, keys: list[str], start: int) -> None:
        self.refs: dict[str, str] = {}
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=redis_workers.write_until_killed, args=(url, keys, start, sender)
        )
        self._process.start()
        sender.close()

    def hear(self, count: int) -> None:
        for _ in range(count):
            value, ref = self._receiver.recv()
            self.refs[value] = named(ref)

    def kill(self) -> None:
        """Kill it, and hear what it had to say before."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL
        with contextlib.suppress(EOFError), self._receiver:
            while self._receiver.poll():
                self.hear(1)


def named(ref: Ref) -> str:
    return f"{ref.entity_type}:{ref.number}"
