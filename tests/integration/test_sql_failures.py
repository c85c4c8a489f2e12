"""A SQL database down, slow, locked, full or read-only: the chain fails closed, quietly, and in time."""

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
import sqlalchemy

from langchain_secguard import VaultUnavailableError
from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import BOB, JANE
from langchain_secguard.vault import Entity, SQLVaultStore
from tests.integration.broken_stores import (
    NAME,
    PASSWORD,
    PATIENCE,
    TIMEOUT,
    around,
    fails_closed_and_quietly,
    turns_while_waiting,
    within_patience,
)
from tests.servers import PostgresServer, StallProxy, free_port
from tests.support import config

pytestmark = pytest.mark.loopback

Broken: TypeAlias = Iterator[SQLVaultStore]


@contextlib.contextmanager
def opened(url: str) -> Broken:
    store = SQLVaultStore(url, timeout=TIMEOUT)
    yield store
    store.close()


def through(proxy: StallProxy, server: PostgresServer) -> str:
    return f"postgresql://{server.address}".replace(f":{server.port}/", f":{proxy.port}/")


@contextlib.contextmanager
def down(server: PostgresServer, folder: Path) -> Broken:
    with opened(f"postgresql://user:{PASSWORD}@127.0.0.1:{free_port()}/postgres") as store:
        yield store


@contextlib.contextmanager
def stalled(server: PostgresServer, folder: Path) -> Broken:
    with StallProxy(server.port) as proxy, opened(through(proxy, server)) as store:
        store.assign("case-42", [JANE])
        proxy.stall()
        yield store


@contextlib.contextmanager
def never_answering(server: PostgresServer, folder: Path) -> Broken:
    with StallProxy(server.port) as proxy, opened(through(proxy, server)) as store:
        proxy.stall()
        yield store


@contextlib.contextmanager
def refusing(server: PostgresServer, folder: Path) -> Broken:
    with opened(f"postgresql://nobody:{PASSWORD}@127.0.0.1:{server.port}/postgres") as store:
        yield store


@contextlib.contextmanager
def read_only(server: PostgresServer, folder: Path) -> Broken:
    url = f"postgresql://{server.address}?options=-c%20default_transaction_read_only%3Don"
    with opened(url) as store:
        yield store


@contextlib.contextmanager
def locked(server: PostgresServer, folder: Path) -> Broken:
    url = f"postgresql://{server.address}"
    with opened(url) as store, psycopg.connect(url) as admin:
        store.entries("case-42")
        admin.execute("LOCK TABLE secguard_vaults")
        yield store


@contextlib.contextmanager
def holding_something_else(server: PostgresServer, folder: Path) -> Broken:
    url = f"postgresql://{server.address}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS other_schema AS SELECT 1 AS version")
    store = SQLVaultStore(url, timeout=TIMEOUT, table_prefix="other")
    yield store
    store.close()


@contextlib.contextmanager
def locked_file(server: PostgresServer, folder: Path) -> Broken:
    with opened(f"sqlite:///{folder}/vaults.db") as store:
        store.assign("case-42", [JANE])
        with closing(sqlite3.connect(folder / "vaults.db", isolation_level=None)) as admin:
            admin.execute("BEGIN IMMEDIATE")
            yield store


@contextlib.contextmanager
def read_only_file(server: PostgresServer, folder: Path) -> Broken:
    with opened(f"sqlite:///{folder}/vaults.db") as store:
        store.assign("case-42", [JANE])
    with opened(f"sqlite:///file:{folder}/vaults.db?uri=true&mode=ro") as store:
        yield store


@contextlib.contextmanager
def full_file(server: PostgresServer, folder: Path) -> Broken:
    with opened(f"sqlite:///{folder}/vaults.db") as store:
        store.assign("case-42", [JANE])

        def limit(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1").close()

        sqlalchemy.event.listen(store._engines._blocking(), "connect", limit)
        store._engines._blocking().dispose()
        yield store


FAILURES = [
    down,
    stalled,
    never_answering,
    refusing,
    read_only,
    locked,
    holding_something_else,
    locked_file,
    read_only_file,
    full_file,
]


class TestChain:
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
    def test_fails_closed_and_quietly(
        self,
        failure: Callable[[PostgresServer, Path], contextlib.AbstractContextManager[SQLVaultStore]],
        postgres_server: PostgresServer,
        tmp_path: Path,
    ) -> None:
        long = "Quenby " * 5_000  # more than one page of a file that is full
        with failure(postgres_server, tmp_path) as store:
            fails_closed_and_quietly(store, long)

    def test_restores_nothing_when_the_server_is_gone_behind_the_model(
        self, postgres_server: PostgresServer
    ) -> None:
        with StallProxy(postgres_server.port) as proxy, opened(through(proxy, postgres_server)) as store:
            chain = around(store, lambda _: proxy.stall())
            within_patience(lambda: chain.invoke(f"{NAME} is here.", config()))


class FullServer(PostgresServer):
    """Let no file grow beyond two megabytes: PostgreSQL takes that for a full disk."""

    made_with = ("--wal-segsize", "1")  # megabytes of each file of its log, which must have its place

    def command(self) -> list[str]:
        """Return the command line of the server, under a limit in blocks of 512 bytes."""
        return ["sh", "-c", f'ulimit -f {(2 << 20) // 512} && exec "$@"', "sh", *super().command()]


class TestFullDisk:
    def test_reads_on_and_writes_nothing_by_halves(self) -> None:
        with FullServer() as server:
            store = SQLVaultStore(f"postgresql://{server.address}", timeout=3 * PATIENCE)
            (entry,) = store.assign("v", [JANE]).entries
            large = [Entity("SECRET", secrets.token_hex(1 << 17)) for _ in range(12)]
            with pytest.raises(VaultUnavailableError):
                store.assign("v", [*large, BOB])
            assert "File too large" in server.log
            assert store.entries("v") == [entry]
            assert store.lookup("v", [entry.ref]) == [entry]
            assert store.assign("v", [JANE]).entries == [entry]
            (bob,) = store.assign("v", [BOB]).entries  # what is small has its place
            assert (bob.ref, store.entries("v")) == (Ref("PERSON", 2), [entry, bob])
            store.close()


class TestRecovery:
    def test_goes_on_when_the_server_is_back(self) -> None:
        with PostgresServer() as server, opened(f"postgresql://{server.address}") as store:
            (entry,) = store.assign("v", [JANE]).entries
            server.kill()
            within_patience(lambda: store.lookup("v", [entry.ref]))
            server.start()
            patient = SQLVaultStore(f"postgresql://{server.address}", timeout=PATIENCE)
            assert patient.lookup("v", [entry.ref]) == [entry]
            server.restart()  # its connections are dead, and one more attempt is made
            assert patient.lookup("v", [entry.ref]) == [entry]

            async def outlive() -> None:
                assert await patient.alookup("v", [entry.ref]) == [entry]
                await asyncio.to_thread(server.restart)
                assert await patient.alookup("v", [entry.ref]) == [entry]
                await patient.aclose()

            asyncio.run(outlive())
            patient.close()

    def test_a_connection_that_is_cut_is_made_anew(self, postgres_server: PostgresServer) -> None:
        with StallProxy(postgres_server.port) as proxy:
            store = SQLVaultStore(through(proxy, postgres_server), timeout=PATIENCE)
            (entry,) = store.assign("v", [JANE]).entries
            for _ in range(3):
                proxy.cut()
                assert store.assign("v", [JANE]).entries == [entry]
            store.close()

    async def test_a_call_that_stalls_ends_and_its_connection_is_not_used_again(
        self, postgres_server: PostgresServer
    ) -> None:
        with StallProxy(postgres_server.port) as proxy:
            store = SQLVaultStore(through(proxy, postgres_server), timeout=TIMEOUT)
            with contextlib.suppress(VaultUnavailableError):
                await store.aassign("v", [JANE])
            proxy.stall()
            begun = time.monotonic()
            with pytest.raises(VaultUnavailableError):
                await store.aassign("v", [JANE])
            assert time.monotonic() - begun < PATIENCE
            proxy.flow()
            await store.aclose()


class TestCancellation:
    async def test_leaves_the_store_usable(self, postgres_server: PostgresServer) -> None:
        with StallProxy(postgres_server.port) as proxy:
            store = SQLVaultStore(through(proxy, postgres_server), timeout=PATIENCE)
            (entry,) = (await store.aassign("v", [JANE])).entries
            proxy.stall()
            tasks = [asyncio.create_task(store.alookup("v", [entry.ref, Ref("PERSON", n)])) for n in range(9)]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            proxy.flow()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in ended} == {asyncio.CancelledError}
            for _ in range(20):
                assert await store.alookup("v", [entry.ref]) == [entry]
            await store.aclose()

    async def test_a_slow_server_does_not_hold_up_the_event_loop(
        self, postgres_server: PostgresServer
    ) -> None:
        with StallProxy(postgres_server.port) as proxy:
            store = SQLVaultStore(through(proxy, postgres_server), timeout=PATIENCE)
            await store.aassign("v", [JANE])
            await turns_while_waiting(store, proxy.stall, proxy.flow)
            await store.aclose()

    async def test_a_locked_file_does_not_hold_up_the_event_loop(self, tmp_path: Path) -> None:
        store = SQLVaultStore(f"sqlite:///{tmp_path}/vaults.db", timeout=PATIENCE)
        await store.aassign("w", [JANE])
        admin = sqlite3.connect(tmp_path / "vaults.db", isolation_level=None, check_same_thread=False)
        await turns_while_waiting(
            store, lambda: admin.execute("BEGIN IMMEDIATE"), lambda: admin.execute("COMMIT")
        )
        admin.close()
        await store.aclose()
