"""The runs of a handler while they are open, and all that they are given until they are sent.

A run stands in for the observation that Langfuse's handler would write to: it takes the same calls and keeps
what it is given. The span itself runs meanwhile, without a text on it.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span

from langchain_secguard.lru import Lru
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.checks import Check
from langchain_secguard.tracing.langfuse.snapshot import DROPPED, Budget, snapshot
from langchain_secguard.tracing.langfuse.traces import trace_of

_LIMIT = 100_000_000
_OLDEST = 3600.0
_MOST = 10_000
_LATE = 1024

GUARDRAIL = "guardrail"
"""The type of our steps' observations."""

TEXTS = ("input", "output", "metadata", "status_message", "model", "model_parameters")
"""What of an observation may hold text."""

BUDGET = Budget(_LIMIT)
"""How many characters of this process may wait to be masked."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Hold what is known of a run before its span is started."""

    run_id: UUID
    kind: str
    parent: "Run | None"
    resume: Context


class Run:
    """Keep what a run is given until its tree is sent.

    Args:
        opening: What the run is.
        name: Its name, not masked.
        as_type: The type of its observation.
        observation: Langfuse's observation, started with nothing on it.
    """

    def __init__(self, opening: Opening, *, name: str, as_type: str, observation: Any) -> None:
        self.run_id = opening.run_id
        self.kind = opening.kind
        self.parent = opening.parent
        self.resume = opening.resume
        self.context: Context = get_current()
        self.name = name
        self.as_type = as_type
        self.observation = observation
        self.span: Span = observation._otel_span  # noqa: SLF001 - there is no public way to it
        self.trace_id: str = observation.trace_id
        self.id: str = observation.id
        self.is_recorded = self.span.is_recording()
        self.fields: dict[str, Any] = {}
        self.checks: list[Check] = []
        self.scores: dict[str, float | str] = {}
        self.end_time: int | None = None
        self.tree: Tree = self.parent.tree if self.parent is not None else Tree(self)
        self._kept = 0

    @property
    def _otel_span(self) -> Span:
        """The span, by the name under which Langfuse's handler looks for it."""
        return self.span

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.end_time is not None

    def line(self) -> set[UUID]:
        """Return the ids of the run and of all that it stands below."""
        ids = set()
        run: Run | None = self
        while run is not None:
            ids.add(run.run_id)
            run = run.parent
        return ids

    def update(self, **given: Any) -> Self:
        """Keep what is given, as it is now; of metadata, what is new in it."""
        if self.is_recorded:
            for name, value in given.items():
                if value is not None:
                    self._set(name, self._keep(value) if name in TEXTS else value)
        return self

    def end(self, *, end_time: int | None = None) -> Self:
        """Keep the time at which the run ended, in nanoseconds since the epoch."""
        if self.end_time is None:
            self.end_time = end_time or time.time_ns()
        return self

    def forget(self) -> None:
        """Let go of what was kept, when it is sent."""
        self.fields = {}
        BUDGET.give_back(self._kept)
        self._kept = 0

    def _set(self, name: str, kept: Any) -> None:
        old = self.fields.get(name)
        if name == "metadata" and isinstance(old, Mapping) and isinstance(kept, Mapping):
            kept = {**old, **kept}
        self.fields[name] = kept

    def _keep(self, value: Any) -> Any:
        copied, characters = snapshot(value)
        if not BUDGET.take(characters):
            return DROPPED
        self._kept += characters
        return copied


class Tree:
    """Hold a root and its runs until they are sent: when the root has ended, and what it started as well.

    What is still open a while after its root (a branch that outlives a failure) does not keep the rest
    waiting, and is sent by itself when it ends.
    """

    def __init__(self, root: Run) -> None:
        self.root = root
        self.trace = trace_of(root.trace_id)
        self.trace.opened()
        self.started = time.monotonic()
        self.talk: str | None = None
        self.ids: list[UUID] = []
        self._sights: dict[int, Sight] = {}
        self._open: dict[UUID, Run] = {}
        self._ended: list[Run] = []
        self._sent = False
        self._lock = threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether every run of the tree has ended."""
        with self._lock:
            return self.root.ended and not self._open

    @property
    def is_ready(self) -> bool:
        """Whether nothing more is to be heard of the tree; a stream that is closed early reports late."""
        with self._lock:
            silent = any(run.as_type == GUARDRAIL and not run.checks for run in self._ended)
            return self.root.ended and not self._open and not silent

    @property
    def is_sent(self) -> bool:
        """Whether a part of the tree is sent, so that the rest waits for nothing."""
        with self._lock:
            return self._sent

    @property
    def sights(self) -> list[Sight]:
        """What the steps of the tree saw so far, and what those of other trees of its trace did."""
        others = self.trace.sights
        with self._lock:
            return list((self._sights | {id(sight): sight for sight in others}).values())

    def learn(self, sight: Sight) -> None:
        """Keep what a step saw."""
        with self._lock:
            new = id(sight) not in self._sights
            self._sights[id(sight)] = sight
        if new:
            self.trace.learn(sight)

    def add(self, run: Run) -> None:
        """Count a run that was started."""
        with self._lock:
            self.ids.append(run.run_id)
            self._open[run.run_id] = run

    def close(self, run: Run) -> bool:
        """Count a run that has ended, and tell whether the root has, too."""
        with self._lock:
            if self._open.pop(run.run_id, None) is not None:
                self._ended.append(run)
            return self.root.ended

    def open_runs(self) -> list[Run]:
        """List the runs that have not ended."""
        with self._lock:
            return list(self._open.values())

    def take(self) -> list[Run]:
        """Return the runs that have ended and are not sent yet."""
        with self._lock:
            taken, self._ended = self._ended, []
            return taken

    def sent(self) -> None:
        """Say that what was taken is sent: of what steps saw, their values are kept, and no texts."""
        with self._lock:
            first, self._sent = not self._sent, True
            sights = list(self._sights.values())
        if first:
            self.trace.sent()
        for sight in sights:
            sight.settle()


class Trees:
    """Find the open runs of a handler by their ids.

    Args:
        oldest: Seconds after which a tree whose root never ended is given up.
        most: Trees that are kept; the oldest is given up for one more.
    """

    def __init__(self, oldest: float = _OLDEST, most: int = _MOST) -> None:
        self.runs: dict[UUID, Run] = {}
        self._trees: dict[UUID, Tree] = {}
        self._oldest = oldest
        self._most = most
        self._late: Lru[UUID, Run] = Lru(_LATE)
        self._lock = threading.Lock()

    def add(self, run: Run) -> list[Tree]:
        """Keep a run, and return the trees that are given up."""
        run.tree.add(run)
        with self._lock:
            self.runs[run.run_id] = run
            if run.parent is not None:
                return []
            self._trees[run.run_id] = run.tree
            return self._overdue(run.tree)

    def close(self, run: Run) -> bool:
        """Count a run as ended, and tell whether its tree can be sent."""
        ready = run.tree.close(run)
        if run.tree.is_complete:
            self.remove(run.tree)
        return ready

    def remove(self, tree: Tree) -> None:
        """Forget a tree."""
        with self._lock:
            self._trees.pop(tree.root.run_id, None)
            for run_id in tree.ids:
                run = self.runs.pop(run_id, None)
                if run is not None and run.as_type == GUARDRAIL:
                    self._late.put(run_id, run)

    def late(self, run_id: UUID) -> Run | None:
        """Return a step's run, also a short while after its tree was forgotten."""
        return self.runs.get(run_id) or self._late.get(run_id)

    def _overdue(self, newest: Tree) -> list[Tree]:
        overdue: list[Tree] = []
        for tree in self._trees.values():
            fits = len(self._trees) - len(overdue) <= self._most
            if tree is newest or (fits and newest.started - tree.started < self._oldest):
                break
            overdue.append(tree)
        return overdue
