"""An event loop in a thread of its own, for engines that are async inside: they block nobody else's loop."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """Run coroutines in one loop, from any thread and any loop.

    What an engine connects in that loop stays good for all callers, and what it runs there without awaiting
    anything holds up its own calls alone. A coroutine runs in a copy of its caller's context, so that traces
    are those of the caller.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for a coroutine in this thread."""
        future = self._start(function)
        try:
            return future.result()
        finally:
            future.cancel()

    async def arun(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for a coroutine in this event loop; when the wait is cancelled, so is the coroutine."""
        return await asyncio.wrap_future(self._start(function))

    def _start(self, function: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(function(), self._running())

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the process's loop: a thread does not survive a fork."""
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                loop = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(loop,), name=self._name, daemon=True).start()
                weakref.finalize(self, loop.call_soon_threadsafe, loop.stop)
                self._loop, self._process = loop, os.getpid()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
