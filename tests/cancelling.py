"""Cancel a call where it waits, at each of its await points in turn, in whatever task of its own it is."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

PATIENCE = 60.0
"""Seconds in which what does not hang has ended, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Tell how a call ended that was to be cancelled at one of its awaits.

    ``cancelled`` is false where it ended before it came to that await, or would not be stopped by it.
    ``left`` counts the tasks that went on behind it.
    """

    cancelled: bool
    reached: bool
    left: int


def cancel_at(number: int, call: Callable[[], Awaitable[Any]]) -> Ended:
    """Run a call in an event loop of its own, and cancel it as it waits for the ``number``-th time, from 1.

    Each task that the call begins counts its waits, too. Returns when all threads of the loop have ended.
    """
    return asyncio.run(_cancelled(number, call))


async def _cancelled(number: int, call: Callable[[], Awaitable[Any]]) -> Ended:
    loop = asyncio.get_running_loop()
    counter = _Counter(number)

    async def called() -> None:
        await call()

    loop.set_task_factory(counter.task)  # type: ignore[arg-type]  # it takes the context of Python 3.11
    counter.outermost = asyncio.create_task(called())
    cancelled = False
    try:
        await asyncio.wait_for(asyncio.shield(counter.outermost), PATIENCE)
    except asyncio.CancelledError:
        cancelled = True
    loop.set_task_factory(None)
    for _ in range(3):  # what is cancelled by what was cancelled ends a turn later
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=0.2)
    return Ended(cancelled, counter.waits >= number, sum(not task.done() for task in left))


class _Counter:
    """Count the waits of all tasks of a call, and cancel the outermost as one waits."""

    def __init__(self, number: int) -> None:
        self.outermost: asyncio.Task[None] | None = None
        self.waits = 0
        self._number = number

    def task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> "asyncio.Task[Any]":
        """Make a task that counts its waits."""
        return asyncio.Task(_Waits(self, coroutine), loop=loop, **options)

    def wait(self) -> None:
        """Count one wait; it has begun when the event loop does what comes next."""
        self.waits += 1
        if self.waits == self._number and self.outermost is not None:
            asyncio.get_running_loop().call_soon(self.outermost.cancel)


class _Waits(Coroutine[Any, Any, Any]):
    """Be a coroutine that tells of each time that it waits."""

    def __init__(self, counter: _Counter, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._counter = counter
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        """Go on, up to where the coroutine waits again."""
        waiting = self._coroutine.send(value)
        self._counter.wait()
        return waiting

    def throw(self, *error: Any) -> Any:
        """Do what :meth:`send` does, with an error."""
        waiting = self._coroutine.throw(*error)
        self._counter.wait()
        return waiting

    def close(self) -> None:
        """End the coroutine where it waits."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Be awaited as the coroutine itself is."""
        return self._coroutine.__await__()
