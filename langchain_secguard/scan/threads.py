"""Threads for scanners: one that never comes back is left behind, and holds up neither others nor the exit.

The pools of :mod:`concurrent.futures` and of :func:`asyncio.to_thread` have a few threads each, which hung
calls use up, and are waited for when the interpreter ends.
"""

import asyncio
import contextvars
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from langchain_secguard.errors import ScannerError

T = TypeVar("T")

_MOST_IDLE = 32
_IDLE_SECONDS = 10.0
_MOST_LEFT = 32
"""So many calls of one scanner may hang before it is called no more."""

_lock = threading.Lock()
_idle: list["_Worker"] = []
_left: Counter[int] = Counter()


class _Worker:
    """A daemon thread that does one job after the other, and ends when it has none for a while."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name="secguard-scan", daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()
            del job
            with _lock:
                if len(_idle) >= _MOST_IDLE:
                    return
                _idle.append(self)

    def _next(self) -> Callable[[], None] | None:
        while True:
            try:
                return self.jobs.get(timeout=_IDLE_SECONDS)
            except Empty:
                with _lock:
                    if self in _idle:
                        _idle.remove(self)
                        return None


def start(function: Callable[[], T], owner: object) -> "Future[T]":
    """Call ``function`` in a thread, in a copy of the caller's context.

    Args:
        function: What is called.
        owner: Whose call it is: of each owner only so many calls may be left behind.

    Raises:
        ScannerError: Too many calls of the owner were left behind, and still hang.
    """
    if _left[id(owner)] >= _MOST_LEFT:
        raise ScannerError(
            f"{type(owner).__name__} is not asked: {_MOST_LEFT} calls of it still hang. "
            "The text counts as refused."
        )
    future: Future[T] = Future()
    job = partial(_run, future, contextvars.copy_context(), function)
    with _lock:
        worker = _idle.pop() if _idle else None
    (worker or _Worker()).jobs.put(job)
    return future


def leave(future: "Future[Any]", owner: object) -> None:
    """Give up on a call: nobody waits for it any more."""
    if future.cancel() or future.done():
        return
    with _lock:
        _left[id(owner)] += 1
    future.add_done_callback(lambda _: _came_back(owner))


async def to_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Do what :func:`asyncio.to_thread` does; a call that hangs is left behind when its caller is cancelled.

    Raises:
        ScannerError: Too many calls of the function, or of the object it is a method of, still hang.
    """
    owner = getattr(function, "__self__", function)
    future = start(partial(function, *args, **kwargs), owner)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        leave(future, owner)
        raise


def _run(future: "Future[T]", context: contextvars.Context, function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = context.run(function)
    except BaseException as error:  # noqa: BLE001 - an engine that ends the process ends its call alone
        future.set_exception(_as_failure(error))
    else:
        future.set_result(result)


def _as_failure(error: BaseException) -> Exception:
    """Make an error of what would end the event loop, or what waits on it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return ScannerError(f"a scanner ended with {type(error).__name__}; the text counts as refused.")


def _came_back(owner: object) -> None:
    with _lock:
        _left[id(owner)] -= 1
        if not _left[id(owner)]:
            del _left[id(owner)]


def _reset() -> None:
    """Forget the threads of the parent process: a fork has none of them."""
    global _lock, _idle, _left
    _lock, _idle, _left = threading.Lock(), [], Counter()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
