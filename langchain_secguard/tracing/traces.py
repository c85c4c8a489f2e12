"""What is known of a trace while its runs are open and a short while after: values, and the worst verdict."""

import threading
import weakref
from collections import deque

from langchain_secguard.lru import Lru
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.checks import Verdict, worst

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
        self._lock = threading.Lock()

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
