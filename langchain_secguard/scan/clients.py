"""Clients that are good where they connected alone: in one process, or, of asyncio, in one event loop."""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class Closable(Protocol):
    """Have connections that can be closed."""

    def close(self) -> None:
        """Close them."""
        ...


C = TypeVar("C", bound=Closable)


class PerProcess(Generic[C]):
    """Make a client when one is asked for, and another in a process that was forked since.

    Connections that a fork inherited would be read by two.

    Args:
        make: Makes a client; it should not hold who holds this, so that both go when nobody needs them.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._lock = threading.Lock()
        self._make = make
        self._client: C | None = None
        self._process = 0

    def get(self) -> C:
        """Return the process's client."""
        with self._lock:
            if self._client is None or self._process != os.getpid():
                self._client, self._process = self._make(), os.getpid()
                weakref.finalize(self, self._client.close)
            return self._client

    def close(self) -> None:
        """Close the client; a later call makes another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


class PerLoop(Generic[T]):
    """Make a client for each event loop that asks for one, and close it when its loop ends.

    Args:
        make: Makes a client, within the running loop.
        close: Closes it, within the same loop.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._lock = threading.Lock()
        self._make = make
        self._close = close
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T, None]]] = (
            WeakKeyDictionary()
        )

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        held = self._clients.get(loop)
        if held is None:
            lease = self._lease()
            held = (await anext(lease), lease)  # no other task runs meanwhile
            with self._lock:
                for ended in [other for other in list(self._clients) if other.is_closed()]:
                    del self._clients[ended]
                self._clients[loop] = held
        return held[0]

    async def aclose(self) -> None:
        """Close the running loop's client; a later call makes another."""
        held = self._clients.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].aclose()

    async def _lease(self) -> AsyncGenerator[T, None]:
        """Hold a client as long as its loop: one that shuts down closes the generators that run in it."""
        client = self._make()
        try:
            yield client
        finally:
            self._clients.pop(asyncio.get_running_loop(), None)
            await self._close(client)
