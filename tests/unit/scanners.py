"""Scanners for tests: scripted, careful, hanging, failing, and talking nonsense."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from langchain_secguard.scan import ScanResult, Sees

SECRET = "Jane Doe's secret"


class Words:
    """Refuse what holds one of its words; remember all texts and prompts that it was given."""

    def __init__(
        self,
        *words: str,
        name: str = "Words",
        sees: Sees = "values",
        risk: float = 0.9,
        threshold: float = 0.5,
    ) -> None:
        self.words = words
        self.name = name
        self.sees = sees
        self.risk = risk
        self.threshold = threshold
        self.texts: list[str] = []
        self.prompts: list[str | None] = []

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        self.texts.append(text)
        self.prompts.append(prompt)
        risk = self.risk if any(word in text for word in self.words) else 0.1
        return ScanResult(name=self.name, text=text, valid=risk < self.threshold, risk_score=risk)

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        await asyncio.sleep(0)
        return self.scan(text, prompt=prompt)


class Replacing(Words):
    """Put another text in the place of a word."""

    sanitizes = True

    def __init__(self, word: str, new: str, name: str = "Replacing") -> None:
        super().__init__(name=name)
        self.word = word
        self.new = new

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        self.texts.append(text)
        risk = 1.0 if self.word in text else 0.0
        return ScanResult(name=self.name, text=text.replace(self.word, self.new), valid=True, risk_score=risk)


class Hanging(Words):
    """Hang until it is let go."""

    def __init__(self, name: str = "Hanging") -> None:
        super().__init__(name=name)
        self.free = threading.Event()
        self.cancelled = 0
        self._asked: asyncio.Queue[str] = asyncio.Queue()

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        self.texts.append(text)
        self.free.wait(30)
        return ScanResult(name=self.name, text=text, valid=True)

    async def has(self, number: int) -> None:
        """Wait until so many scans are under way."""
        for _ in range(number):
            await asyncio.wait_for(self._asked.get(), 5)

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        self.texts.append(text)
        self._asked.put_nowait(text)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return ScanResult(name=self.name, text=text, valid=True)


class Failing(Words):
    """Raise what it is told to, with the text in it."""

    def __init__(self, make: Callable[[str], BaseException] = RuntimeError, name: str = "Failing") -> None:
        super().__init__(name=name)
        self.make = make

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        error = self.make(f"cannot scan {text!r}")
        error.add_note(text)
        raise error from KeyError(text)


class Nonsense(Words):
    """Give what is no result."""

    def __init__(self, make: Callable[[str], Any], name: str = "Nonsense") -> None:
        super().__init__(name=name)
        self.make = make

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        result: ScanResult = self.make(text)
        return result


class Meeting(Words):
    """Wait until as many scans are under way as it is told, in all scanners of one barrier."""

    def __init__(self, barrier: threading.Barrier, arrived: "Arrivals", name: str) -> None:
        super().__init__(name=name)
        self.barrier = barrier
        self.arrived = arrived

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        self.barrier.wait(5)
        return ScanResult(name=self.name, text=text, valid=True)

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        await self.arrived.wait()
        return ScanResult(name=self.name, text=text, valid=True)


class Arrivals:
    """A barrier for tasks."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._all = asyncio.Event()

    async def wait(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._all.set()
        await asyncio.wait_for(self._all.wait(), 5)
