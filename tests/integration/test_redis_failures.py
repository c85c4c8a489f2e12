"""Redis down, slow, full, read-only or refusing: the chain fails closed, quietly, and in time."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import JANE
from langchain_secguard.vault import Entity, RedisVaultStore, Text
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
from tests.servers import RedisCluster, RedisServer, StallProxy, free_port
from tests.support import config

pytestmark = pytest.mark.loopback

Broken = Iterator[RedisVaultStore]


@contextlib.contextmanager
def down() -> Broken:
    yield RedisVaultStore(f"redis://127.0.0.1:{free_port()}", timeout=TIMEOUT)


@contextlib.contextmanager
def stalled() -> Broken:
    with RedisServer() as server, StallProxy(server.port) as proxy:
        store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", timeout=TIMEOUT)
        store.assign("case-42", [JANE])
        proxy.stall()
        yield store
        store.close()


@contextlib.contextmanager
def never_answering() -> Broken:
    with RedisServer() as server, StallProxy(server.port) as proxy:
        proxy.stall()
        yield RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", timeout=TIMEOUT)


@contextlib.contextmanager
def full() -> Broken:
    with RedisServer(maxmemory="1", maxmemory_policy="noeviction") as server:
        yield RedisVaultStore(server.url, timeout=TIMEOUT)


@contextlib.contextmanager
def read_only() -> Broken:
    with RedisServer(replicaof=f"127.0.0.1 {free_port()}") as server:
        yield RedisVaultStore(server.url, timeout=TIMEOUT)


@contextlib.contextmanager
def refusing() -> Broken:
    with RedisServer(requirepass="another") as server:
        yield RedisVaultStore(f"redis://:{PASSWORD}@127.0.0.1:{server.port}", timeout=TIMEOUT)


@contextlib.contextmanager
def without_scripts() -> Broken:
    with RedisServer() as server:
        server.cli("acl", "setuser", "default", "-@scripting")
        yield RedisVaultStore(server.url, timeout=TIMEOUT)


@contextlib.contextmanager
def holding_something_else() -> Broken:
    with RedisServer() as server:
        server.cli("set", "secguard:{case-42}", "x")
        yield RedisVaultStore(server.url, timeout=TIMEOUT)


@contextlib.contextmanager
def cut_off_cluster() -> Broken:
    with RedisCluster(nodes=1) as cluster:
        store = RedisVaultStore(cluster.url, cluster=True, timeout=TIMEOUT)
        store.assign("case-42", [JANE])
        for node in cluster.nodes:
            node.kill()
        yield store
        store.close()


FAILURES = [
    down,
    stalled,
    never_answering,
    full,
    read_only,
    refusing,
    without_scripts,
    holding_something_else,
    cut_off_cluster,
]


class TestChain:
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
    def test_fails_closed_and_quietly(
        self, failure: Callable[[], contextlib.AbstractContextManager[RedisVaultStore]]
    ) -> None:
        with failure() as store:
            fails_closed_and_quietly(store)

    def test_restores_nothing_when_the_server_is_gone_behind_the_model(self) -> None:
        with RedisServer() as server:
            store = RedisVaultStore(server.url, timeout=TIMEOUT)
            chain = around(store, lambda _: server.kill())
            within_patience(lambda: chain.invoke(f"{NAME} is here.", config()))

    def test_goes_on_when_the_server_is_back(self) -> None:
        with RedisServer(append_only=True) as server:
            store = RedisVaultStore(server.url, timeout=TIMEOUT)
            (entry,) = store.assign("v", [JANE]).entries
            server.kill()
            within_patience(lambda: store.lookup("v", [entry.ref]))
            server.start()
            assert store.lookup("v", [entry.ref]) == [entry]
            server.restart()  # its connections are dead, and one more attempt is made
            assert store.lookup("v", [entry.ref]) == [entry]
            store.close()


class TestFull:
    def test_reads_on_and_writes_nothing_by_halves(self) -> None:
        with RedisServer(maxmemory_policy="noeviction") as server:
            store = RedisVaultStore(server.url, ttl=60)
            (entry,) = store.assign("v", [JANE]).entries
            kept = server.cli("hgetall", "secguard:{v}"), server.cli("hgetall", "secguard:{v}:numbers")
            server.cli("config", "set", "maxmemory", "1")
            new = [Entity("PERSON", "Bob Roe", ("Max Muster",)), Entity("PERSON", "Al Kay")]
            within_patience(lambda: store.assign("v", [JANE, *new], [Text("Jane Doe")]))
            assert (
                server.cli("hgetall", "secguard:{v}"),
                server.cli("hgetall", "secguard:{v}:numbers"),
            ) == kept
            assert store.lookup("v", [entry.ref]) == [entry]
            assert store.assign("v", [JANE]).entries == [entry]
            assert len(store.find("v", [Text("Jane Doe")]).hits[0]) == 1
            assert store.erase_value("v", "Jane Doe") == 1
            store.close()


def await_turns(proxy: StallProxy, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while proxy.turns < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestCancellation:
    @pytest.mark.parametrize("ttl", [None, 60])
    async def test_leaves_the_store_usable(self, ttl: float | None) -> None:
        with RedisServer() as server, StallProxy(server.port) as proxy:
            store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", timeout=30, ttl=ttl)
            (entry,) = (await store.aassign("v", [JANE])).entries
            proxy.stall()
            before = proxy.turns
            tasks = [asyncio.create_task(store.alookup("v", [entry.ref, Ref("PERSON", n)])) for n in range(9)]
            await asyncio.to_thread(await_turns, proxy, before + len(tasks))  # each has asked, or says hello
            for task in tasks:
                task.cancel()
            assert {type(done) for done in await asyncio.gather(*tasks, return_exceptions=True)} == {
                asyncio.CancelledError
            }
            proxy.flow()
            for _ in range(20):
                assert await store.alookup("v", [entry.ref]) == [entry]
            await store.aclose()

    async def test_a_slow_server_does_not_hold_up_the_event_loop(self) -> None:
        with RedisServer() as server, StallProxy(server.port) as proxy:
            store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", timeout=30)
            await store.aassign("v", [JANE])
            await turns_while_waiting(store, proxy.stall, proxy.flow)
            await store.aclose()


class TestCut:
    def test_a_connection_that_is_cut_is_made_anew(self) -> None:
        with RedisServer() as server, StallProxy(server.port) as proxy:
            store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", timeout=TIMEOUT)
            (entry,) = store.assign("v", [JANE]).entries
            for _ in range(5):
                proxy.cut()
                assert store.assign("v", [JANE]).entries == [entry]
            store.close()
