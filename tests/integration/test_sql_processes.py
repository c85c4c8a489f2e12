"""Many processes on one vault in SQL: no number twice, nothing lost, whoever is killed or restarted.

The suite runs them small; with the environment variable SECGUARD_FULL_LOAD they have 20,000 values, and 50
processes are killed.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

import psycopg
import pytest

from langchain_secguard.vault import SQLVaultStore
from tests.integration import sql_workers
from tests.servers import PostgresServer

pytestmark = pytest.mark.loopback

PROCESSES = 8
FULL = bool(os.environ.get("SECGUARD_FULL_LOAD"))
VALUES, BATCH = (20_000, 100) if FULL else (800, 50)
RESTARTED_VALUES, RESTARTS_AT = (8_000, (500, 3_000, 6_000)) if FULL else (600, (60, 200, 400))
KILLS = 50 if FULL else 5
PATIENCE = 120.0


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Fork processes from a server that has imported what they run, which saves each a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([sql_workers.__name__])
    return context


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    with PostgresServer(max_connections="200") as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a database whose vaults are empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/vaults.db"
    server: PostgresServer = request.getfixturevalue("durable")
    return emptied(server)


def emptied(server: PostgresServer) -> str:
    url = f"postgresql://{server.address}"
    with psycopg.connect(url) as admin:
        for table in ("schema", "vaults", "rows", "keys"):
            admin.execute(f"DROP TABLE IF EXISTS secguard_{table}".encode())
    return url


def held(url: str) -> dict[str, str]:
    store = SQLVaultStore(url, timeout=PATIENCE)
    entries = store.entries("v")
    store.close()
    assert len({entry.ref for entry in entries}) == len(entries)
    return {entry.value: f"{entry.ref.entity_type}:{entry.ref.number}" for entry in entries}


def await_rows(url: str, count: int) -> None:
    """Wait until so many rows are written."""
    deadline = time.monotonic() + PATIENCE
    store = SQLVaultStore(url, timeout=PATIENCE)
    while len(store.entries("v")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    store.close()


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
from langchain_secguard.vault import Entity, SQLVaultStore

store = SQLVaultStore(sys.argv[1], timeout=60)
(entry,) = store.assign("v", [Entity("PERSON", "Jane Doe")]).entries
store._engines._turn.acquire()  # as another thread may have it at the time
child = os.fork()
if child:
    store._engines._turn.release()
for number in range(8):
    assert store.assign("v", [Entity("PERSON", f"{child == 0} {number}")]).entries[0].ref.number > 1
    assert store.lookup("v", [entry.ref]) == [entry]
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_connections_and_locks_of_its_own(url: str) -> None:
    """Run apart, since to fork is no good idea in a process with the threads of other tests."""
    ran = subprocess.run([sys.executable, "-c", FORKING, url], check=False, timeout=PATIENCE)
    assert ran.returncode == 0
    assert len(held(url)) == 17


class TestManyProcesses:
    def test_agree_on_overlapping_values(self, context: ForkServerContext, url: str) -> None:
        asked = [(url, worker, VALUES, BATCH, PATIENCE) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            given = pool.starmap(sql_workers.allocate, asked)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert sum(failures for _, failures in given) == 0
        assert len(refs) == VALUES
        assert held(url) == refs

    def test_keep_what_was_acknowledged_when_they_are_killed(
        self, context: ForkServerContext, url: str
    ) -> None:
        told: dict[str, str] = {}
        for _ in range(KILLS):
            receiver, sender = context.Pipe(duplex=False)
            writer = context.Process(target=sql_workers.write_until_killed, args=(url, sender))
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
            told = assert_one_to_one([told, dict(acknowledged)])
        assert told.items() <= held(url).items()

    def test_lose_nothing_when_the_server_is_restarted(
        self, context: ForkServerContext, durable: PostgresServer
    ) -> None:
        url = f"postgresql://{durable.address}"
        with psycopg.connect(url) as admin:
            admin.execute(
                "DROP TABLE IF EXISTS secguard_schema, secguard_vaults, secguard_rows, secguard_keys"
            )
        asked = [(url, worker, RESTARTED_VALUES, 10, 2.0) for worker in range(PROCESSES)]
        with context.Pool(PROCESSES) as pool:
            running = pool.starmap_async(sql_workers.allocate, asked)
            for rows, end in zip(RESTARTS_AT, (durable.stop, durable.kill, durable.stop), strict=True):
                await_rows(url, rows)
                end()
                time.sleep(0.05)
                durable.start()
            given = running.get(2 * PATIENCE)
        refs = assert_one_to_one(refs for refs, _ in given)
        assert sum(failures for _, failures in given) > 0
        assert held(url) == refs
