"""Many processes on one vault in Redis: no number twice, nothing lost, whoever is killed or restarted."""

import multiprocessing
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing.context import ForkServerContext

import pytest

from langchain_secguard.vault.redis import RedisVaultStore
from tests.integration import redis_workers
from tests.servers import RedisServer

pytestmark = pytest.mark.loopback

PROCESSES = 8


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Fork processes from a server that has imported what they run, which saves each a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([redis_workers.__name__])
    return context


@pytest.fixture
def durable() -> Iterator[RedisServer]:
    with RedisServer(append_only=True) as server:
        yield server


def held(server: RedisServer) -> dict[str, str]:
    store = RedisVaultStore(server.url)
    entries = store.entries("v")
    store.close()
    assert len({entry.ref for entry in entries}) == len(entries)
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
    assert len(held(redis_server)) == 401


class TestManyProcesses:
    def test_agree_on_twenty_thousand_values(self, context: ForkServerContext, durable: RedisServer) -> None:
        asked = [(durable.url, worker, 20_000, 100) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            given = pool.starmap(redis_workers.allocate, asked)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert len(refs) == 20_000
        assert held(durable) == refs

    @pytest.mark.parametrize("crash", [False, True], ids=["stopped", "killed"])
    def test_lose_nothing_when_the_server_is_restarted(
        self, context: ForkServerContext, durable: RedisServer, crash: bool
    ) -> None:
        asked = [(durable.url, worker, 8_000, 10) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            running = pool.starmap_async(redis_workers.allocate, asked)
            for fields in (500, 3_000, 6_000):
                await_fields(durable, fields)
                (durable.kill if crash else durable.stop)()
                time.sleep(0.05)
                durable.start()
            given = running.get(60)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert sum(failures for _, failures in given) > 0
        assert held(durable) == refs

    def test_keep_what_was_acknowledged_when_they_are_killed(
        self, context: ForkServerContext, durable: RedisServer
    ) -> None:
        told: dict[str, str] = {}
        for _ in range(50):
            receiver, sender = context.Pipe(duplex=False)
            writer = context.Process(target=redis_workers.write_until_killed, args=(durable.url, sender))
            writer.start()
            sender.close()
            acknowledged = [receiver.recv() for _ in range(5)]
            writer.kill()
            writer.join()
            while receiver.poll():
                try:
                    acknowledged.append(receiver.recv())
                except EOFError:
                    break
            receiver.close()
            told = assert_one_to_one(
                [told, {value: f"{ref.entity_type}:{ref.number}" for value, ref in acknowledged}]
            )
        assert told.items() <= held(durable).items()
