"""Run scans at the same time, each with its timeout: whatever a scanner does, its scan ends."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeAlias

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import Scanner, ScanResult
from langchain_secguard.scan.calling import acall, call
from langchain_secguard.scan.threads import leave, start

_LANES = 16
"""So many texts of one call are with one scanner at a time."""

_GRACE = 1.0
"""Seconds that tasks have to end when they are cancelled."""

Outcome: TypeAlias = ScanResult | ScannerError


class Scan(NamedTuple):
    """Ask one scanner about one text."""

    scanner: Scanner
    timeout: float | None
    text: str
    prompt: str | None


class Scanned(NamedTuple):
    """Tell what came of a scan, and how many seconds after the first began."""

    outcome: Outcome
    seconds: float


def run(scans: Sequence[Scan]) -> list[Scanned]:
    """Run scans in threads of their own; a scanner that is late is left behind, and asked no more."""
    return _Batch(scans).run()


class _Batch:
    """The scans of one call: which are waiting, which are under way, and what came of the others."""

    def __init__(self, scans: Sequence[Scan]) -> None:
        self._scans = scans
        self._began = time.monotonic()
        self._answers: dict[int, Scanned] = {}
        self._waiting = _by_scanner(scans)
        self._active: dict[int, tuple[Future[None], float]] = {}
        self._done: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()

    def run(self) -> list[Scanned]:
        try:
            for scanner in self._waiting:
                for _ in range(_LANES):
                    self._launch(scanner)
            while self._active:
                self._wait()
        finally:
            for number, (future, _) in self._active.items():
                leave(future, self._scans[number].scanner)
        return [self._answers[number] for number in range(len(self._scans))]

    def _launch(self, scanner: int) -> None:
        """Start the next scan of a scanner, if one waits."""
        while self._waiting[scanner]:
            number = self._waiting[scanner].popleft()
            scan = self._scans[number]
            try:
                future = start(partial(_put, self._done, number, scan), scan.scanner)
            except ScannerError as error:
                self._answer(number, error)
                continue
            limit = float("inf") if scan.timeout is None else time.monotonic() + scan.timeout
            self._active[number] = (future, limit)
            return

    def _wait(self) -> None:
        """Wait for the next answer, or until the next scan is late."""
        first = min(limit for _, limit in self._active.values())
        left = None if first == float("inf") else max(first - time.monotonic(), 0)
        try:
            number, outcome = self._done.get(timeout=left)
        except Empty:
            self._give_up()
            return
        if self._active.pop(number, None) is not None:
            self._answer(number, outcome)
            self._launch(id(self._scans[number].scanner))

    def _give_up(self) -> None:
        """Leave the scanners behind that are late, with all that they were to scan."""
        now = time.monotonic()
        late = {
            id(self._scans[number].scanner) for number, (_, limit) in self._active.items() if limit <= now
        }
        for number, (future, _) in list(self._active.items()):
            if id(self._scans[number].scanner) in late:
                leave(future, self._scans[number].scanner)
                del self._active[number]
                self._answer(number, _late(self._scans[number]))
        for scanner in late:
            for number in self._waiting[scanner]:
                self._answer(number, _late(self._scans[number]))
            self._waiting[scanner].clear()

    def _answer(self, number: int, outcome: Outcome) -> None:
        self._answers[number] = Scanned(outcome, time.monotonic() - self._began)


def _put(done: "SimpleQueue[tuple[int, Outcome]]", number: int, scan: Scan) -> None:
    try:
        outcome: Outcome = call(scan.scanner, scan.text, scan.prompt)
    except ScannerError as error:
        outcome = error
    except BaseException as error:  # noqa: BLE001 - an engine that ends the process ends its scan alone
        outcome = _ended(scan, error)
    done.put((number, outcome))


async def arun(scans: Sequence[Scan]) -> list[Scanned]:
    """Do what :func:`run` does, with tasks; those of a call that is cancelled are cancelled with it."""
    began = time.monotonic()
    lanes = {scanner: _Lane() for scanner in _by_scanner(scans)}

    async def one(scan: Scan) -> Scanned:
        outcome = await lanes[id(scan.scanner)].scan(scan)
        return Scanned(outcome, time.monotonic() - began)

    if len(scans) == 1:
        return [await one(scans[0])]
    return list(await asyncio.gather(*map(one, scans)))


class _Lane:
    """The scans of one scanner, of which so many are under way at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_LANES)
        self._tasks: set[asyncio.Task[ScanResult]] = set()
        self._is_late = False

    async def scan(self, scan: Scan) -> Outcome:
        async with self._free:
            if self._is_late:
                return _late(scan)
            task = asyncio.ensure_future(_asked(scan))
            self._tasks.add(task)
            try:
                await asyncio.wait({task}, timeout=scan.timeout)
            except asyncio.CancelledError:
                task.cancel()
                await asyncio.wait({task}, timeout=_GRACE)
                _forget(task)
                raise
            finally:
                self._tasks.discard(task)
            return self._outcome(scan, task)

    def _outcome(self, scan: Scan, task: "asyncio.Task[ScanResult]") -> Outcome:
        if not task.done():
            self._is_late = True
            for other in (task, *self._tasks):
                other.cancel()
            _forget(task)
            return _late(scan)
        if task.cancelled():
            return _late(scan) if self._is_late else _ended(scan, asyncio.CancelledError())
        error = task.exception()
        if error is None:
            return task.result()
        return error if isinstance(error, ScannerError) else _ended(scan, error)


async def _asked(scan: Scan) -> ScanResult:
    try:
        return await acall(scan.scanner, scan.text, scan.prompt)
    except SystemExit as error:  # it would end the event loop
        failure = _ended(scan, error)
    raise failure


_forgotten: set[asyncio.Task[Any]] = set()


def _forget(task: "asyncio.Task[Any]") -> None:
    """Keep a task that nobody waits for until it ends, and let nobody be told what it raised."""

    def end(task: "asyncio.Task[Any]") -> None:
        _forgotten.discard(task)
        with suppress(asyncio.CancelledError):
            task.exception()

    _forgotten.add(task)
    task.add_done_callback(end)


def _by_scanner(scans: Sequence[Scan]) -> Mapping[int, deque[int]]:
    numbers: dict[int, deque[int]] = {}
    for number, scan in enumerate(scans):
        numbers.setdefault(id(scan.scanner), deque()).append(number)
    return numbers


def _late(scan: Scan) -> ScannerError:
    seconds = scan.timeout or 0
    return ScannerError(
        f"{type(scan.scanner).__name__} was not done after {seconds:g} s; the text counts as refused."
    )


def _ended(scan: Scan, error: BaseException) -> ScannerError:
    return ScannerError(
        f"{type(scan.scanner).__name__} ended with {type(error).__name__}; the text counts as refused."
    )
