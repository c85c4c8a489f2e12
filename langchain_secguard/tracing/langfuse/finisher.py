"""The thread that masks what ended trees hold, and ends their spans: one for the process."""

import atexit
import heapq
import itertools
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor

from langchain_secguard.tracing.langfuse.runs import Run, Tree
from langchain_secguard.tracing.quiet import log

Send = Callable[[Sequence[Run]], None]
"""Masks runs and ends their spans."""

_GRACE = 5.0
_AT_EXIT = 10.0


class Finisher:
    """Send trees in the background, each when it is complete or ``grace`` seconds after its root has ended.

    Args:
        grace: How long a tree waits for the runs that outlive its root, in seconds.
    """

    def __init__(self, grace: float = _GRACE) -> None:
        self._grace = grace
        self.sent = 0
        self._reset()

    def _reset(self) -> None:
        """Begin anew, as a forked process must: it has no thread, and its spans are the parent's."""
        self._changed = threading.Condition()
        self._queue: deque[tuple[Tree, Send]] = deque()
        self._lingering: list[tuple[float, int, Tree, Send]] = []
        self._numbers = itertools.count()
        self._busy = False
        self._urgent = 0
        self._thread: threading.Thread | None = None

    def put(self, tree: Tree, send: Send) -> None:
        """Send what a tree has to send, soon."""
        with self._changed:
            self._queue.append((tree, send))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="secguard-tracing", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all that has ended is sent; what is still open is not waited for.

        Returns:
            Whether it is, within ``timeout`` seconds.
        """
        if threading.current_thread() is self._thread:
            return True
        with self._changed:
            self._urgent += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._is_idle, timeout)
            finally:
                self._urgent -= 1

    def _is_idle(self) -> bool:
        return not (self._queue or self._lingering or self._busy)

    def _run(self) -> None:
        while True:
            tree, send = self._next()
            try:
                self._finish(tree, send)
            except Exception as error:  # noqa: BLE001 - the thread must live, and a message may hold text
                log.error("A trace was not sent: %s.", type(error).__name__)
            del tree, send

    def _finish(self, tree: Tree, send: Send) -> None:
        runs = tree.take()
        try:
            if runs:
                send(runs)
                self.sent += len(runs)
        finally:
            tree.sent()

    def _next(self) -> tuple[Tree, Send]:
        """Wait for a tree that is due."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                due = self._due()
                if due is not None:
                    self._busy = True
                    return due
                self._changed.wait(self._lingering[0][0] - time.monotonic() if self._lingering else None)

    def _due(self) -> tuple[Tree, Send] | None:
        while self._queue:
            tree, send = self._queue.popleft()
            if tree.is_ready or tree.is_sent:
                return tree, send
            heapq.heappush(self._lingering, (time.monotonic() + self._grace, next(self._numbers), tree, send))
        if self._lingering and (self._urgent or self._lingering[0][0] <= time.monotonic()):
            _, _, tree, send = heapq.heappop(self._lingering)
            return tree, send
        return None


FINISHER = Finisher()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FINISHER._reset)  # noqa: SLF001


class FlushProcessor(SpanProcessor):
    """Drain the finisher whenever the provider is flushed, so that a client's own ``flush`` sends all.

    Langfuse's processor is flushed before this one, so what was ended since is flushed once more.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = weakref.ref(provider)
        self._flushed = 0

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what has ended."""
        done = FINISHER.drain(timeout_millis / 1000)
        provider = self._provider()
        sent, before = FINISHER.sent, self._flushed
        self._flushed = sent
        if sent > before and provider is not None:
            return bool(provider.force_flush(timeout_millis)) and done
        return done


_processors: weakref.WeakKeyDictionary[Any, FlushProcessor] = weakref.WeakKeyDictionary()


def flush_with(provider: Any) -> None:
    """Let a flush of ``provider``, and the end of the process, send what has ended."""
    if provider is not None and hasattr(provider, "add_span_processor") and provider not in _processors:
        _processors[provider] = FlushProcessor(provider)
        provider.add_span_processor(_processors[provider])
    atexit.unregister(_drain_at_exit)
    atexit.register(_drain_at_exit)  # the hook that is registered last runs first: before the clients' own


def _drain_at_exit() -> None:
    FINISHER.drain(_AT_EXIT)
