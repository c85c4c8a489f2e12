import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_secguard.scan.clients import PerLoop, PerProcess


class Client:
    """Note that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class TestPerProcess:
    def test_makes_one_client_for_all_threads(self) -> None:
        clients = PerProcess(Client)
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: clients.get(), range(32)))
        assert set(got) == {clients.get()}

    def test_makes_another_behind_one_that_was_closed(self) -> None:
        clients = PerProcess(Client)
        clients.close()  # there is none yet
        first = clients.get()
        clients.close()
        assert first.closed
        assert not clients.get().closed
        assert clients.get() is not first

    def test_makes_another_in_a_forked_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clients = PerProcess(Client)
        first = clients.get()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert clients.get() is not first
        assert clients.get() is clients.get()
        assert not first.closed

    def test_closes_its_client_when_it_is_gone(self) -> None:
        clients = PerProcess(Client)
        client = clients.get()
        del clients
        assert client.closed


class TestPerLoop:
    def test_makes_one_client_for_each_loop_and_closes_it_with_the_loop(self) -> None:
        clients = PerLoop(Client, Client.aclose)

        async def several() -> set[Client]:
            return set(await asyncio.gather(*(clients.get() for _ in range(8))))

        (first,), (second,) = asyncio.run(several()), asyncio.run(several())
        assert first is not second
        assert first.closed
        assert second.closed

    async def test_makes_another_behind_one_that_was_closed(self) -> None:
        clients = PerLoop(Client, Client.aclose)
        await clients.aclose()  # there is none yet
        first = await clients.get()
        await clients.aclose()
        second = await clients.get()
        assert first.closed
        assert not second.closed
        assert await clients.get() is second
        await clients.aclose()
