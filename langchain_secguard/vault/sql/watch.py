"""A watchdog over calls to a database, whose drivers wait for an answer without end."""

import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, cast


class Watchdog:
    """Stop calls that take longer than ``seconds``: from one thread, which ends when there are none."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._numbers = count()
        self._calls: dict[int, tuple[float, Callable[[], None]]] = {}  # in the order of their deadlines
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, stop: Callable[[], None]) -> Iterator[None]:
        """Watch what is done inside; ``stop`` is called from another thread when it takes too long."""
        with self._lock:
            number = next(self._numbers)
            self._calls[number] = (time.monotonic() + self._seconds, stop)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True, name="secguard-watchdog")
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._calls.pop(number, None)

    def _watch(self) -> None:
        while True:
            with self._lock:
                number = next(iter(self._calls), None)
                if number is None:
                    self._thread = None
                    return
                deadline, stop = self._calls[number]
                left = deadline - time.monotonic()
                if left <= 0:
                    del self._calls[number]
                    with suppress(Exception):
                        stop()
            time.sleep(max(left, 0))


def stopper(connection: Any) -> Callable[[], None]:
    """Make what ends a call on a connection of a driver: an interrupt, or a cut of its socket."""
    if hasattr(connection, "fileno"):
        return lambda: _cut(connection.fileno())
    interrupt = connection.interrupt
    if inspect.iscoroutinefunction(interrupt):  # aiosqlite's, which waits for nothing
        return lambda: _run(interrupt())
    return cast("Callable[[], None]", interrupt)


def _cut(number: int) -> None:
    with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as line:
        line.shutdown(socket.SHUT_RDWR)


def _run(coroutine: Any) -> None:
    with suppress(StopIteration):
        coroutine.send(None)
