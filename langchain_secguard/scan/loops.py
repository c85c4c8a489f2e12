"""One client for each event loop: a client of asyncio is good in the loop in which it connected alone."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


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
