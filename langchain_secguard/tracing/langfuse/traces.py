"""What is known of a trace while its runs are open and a short while after: values, and the worst verdict."""

import threading
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

from langchain_secguard.events import Verdict
from langchain_secguard.lru import Lru
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.checks import worst

_RECENT = 256
_SIGHTS = 256
_MASKED = 8192


class Trace:
    """Hold what the steps of a trace saw and found: the last of it, where a trace goes on for long."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self._verdict: Verdict | None = None
        self._open = 0
        self._sights: deque[Sight] = deque(maxlen=_SIGHTS)
        self._masked: Lru[str, bool] = Lru(_MASKED)
        self._lock = threading.Condition()

    @property
    def sights(self) -> list[Sight]:
        """What the steps of the trace saw so far."""
        with self._lock:
            return list(self._sights)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict so far."""
        with self._lock:
            return self._verdict

    @property
    def is_open(self) -> bool:
        """Whether more may become known of it: a tree of runs in it is not sent yet."""
        with self._lock:
            return self._open > 0

    def learn(self, sight: Sight) -> None:
        """Keep what a step saw."""
        with self._lock:
            self._sights.append(sight)

    def judge(self, verdict: Verdict) -> None:
        """Keep the worst verdict."""
        with self._lock:
            self._verdict = verdict if self._verdict is None else worst(self._verdict, verdict)

    def mark_masked(self, span_id: str) -> None:
        """Note that a span of the trace holds no raw text."""
        self._masked.put(span_id, True)

    def has_masked(self, span_id: str) -> bool:
        """Tell whether a span was noted so."""
        return self._masked.get(span_id) is not None

    def opened(self) -> None:
        """Count a tree of runs."""
        with self._lock:
            self._open += 1

    def sent(self) -> None:
        """Count a tree of runs that was sent."""
        with self._lock:
            self._open -= 1
            self._lock.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until no tree of runs is open, for ``timeout`` seconds, and tell whether none is."""
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, timeout)


class Talks:
    """Keep what was seen in conversations, for their next runs: what was hidden may be said again.

    Args:
        size: Conversations that are kept, those of the latest runs.
    """

    def __init__(self, size: int = _RECENT) -> None:
        self._sights: Lru[str, dict[object, Sight]] = Lru(size)

    def learn(self, name: str | None, sight: Sight) -> None:
        """Keep the last sight of a vault, which knows what the earlier ones saw, too."""
        if name is not None and sight.vault is not None and not sight.failed:
            self._sights.put(name, (self._sights.get(name) or {}) | {sight.vault.vault_id: sight})

    def sights(self, name: str | None) -> list[Sight]:
        """Return what was seen in a conversation."""
        return list((self._sights.get(name) or {}).values()) if name is not None else []


def talk_of(metadata: Mapping[str, Any] | None) -> str | None:
    """Return the name of a run's conversation: its session in Langfuse, or its thread in LangGraph."""
    names = [(metadata or {}).get(key) for key in ("langfuse_session_id", "thread_id")]
    return next((str(name) for name in names if isinstance(name, str | int)), None)


_traces: weakref.WeakValueDictionary[str, Trace] = weakref.WeakValueDictionary()
_recent: Lru[str, Trace] = Lru(_RECENT)
_lock = threading.Lock()


def trace_of(trace_id: str) -> Trace:
    """Return what is known of a trace that has open runs."""
    with _lock:
        trace = _traces.get(trace_id)
        if trace is None:
            trace = _traces[trace_id] = Trace(trace_id)
    _recent.put(trace_id, trace)
    return trace


def known_trace(trace_id: str) -> Trace | None:
    """Return what is known of a trace, if a handler has, or had a short while ago, runs in it."""
    with _lock:
        return _traces.get(trace_id)
