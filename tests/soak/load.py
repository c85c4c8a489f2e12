"""The load of hours in minutes: calls of every kind, vaults that come and go, traces; nothing may grow.

    python -m tests.soak.load --seconds 60

The clock of the store runs sixty times as fast, so that vaults expire by the thousand. Prints one line of
JSON for each thing that was held against its bound, and ends with 1 where one is broken.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableConfig

from langchain_secguard import Anonymizer, Deanonymizer, Guard, Vault, protect
from langchain_secguard.lru import Lru
from langchain_secguard.tracing import LangfuseHandler, Mask
from langchain_secguard.tracing.langfuse import runs, traces
from langchain_secguard.vault import EncryptedVaultStore, InMemoryVaultStore, SQLVaultStore, VaultStore
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import plain_client
from tests.integration.scripted_model import ScriptedModel
from tests.support import LexiconDetector, PatternDetector
from tests.unit.scanners import Words

FASTER = 60
LIFE = 3.0
"""Seconds after which a vault expires that nobody uses."""

NAMES = 300
VAULTS = 200
CACHED = 64
NAME = r"Ann\d+ Doe\d+"
BOUNDS = {
    "rss": (12 << 20, 1.08),
    "blocks": (25_000, 1.05),
    "objects": (8_000, 1.05),
    "files": (4, 1.0),
    "sockets": (4, 1.0),
    "threads": (4, 1.0),
    "tasks": (2, 1.0),
}
"""How much each may have grown from the first third to the last: so much, and by so large a factor."""

SLOWER = 2.5
"""The factor by which the 99th percentile may grow, beyond what the machine itself grew slower."""

TEXT = "Ann{0} Doe{0} asked Ann{1} Doe{1} about case {0}, and Ann{0} Doe{0} said: write to Ann{1} Doe{1}."


Call = Callable[[str, RunnableConfig], Awaitable[str]]


class Quiet(Words):
    """Scan as a test's scanner does, and remember nothing."""

    def scan(self, text: str, *, prompt: str | None = None) -> Any:
        result = super().scan(text, prompt=prompt)
        self.texts.clear()
        self.prompts.clear()
        return result


class Forgetful(ScriptedModel):
    """Answer what it was sent, and forget it; fail where a value is in it."""

    def _answer(self, messages: Any, kwargs: Any) -> Any:
        answer = super()._answer(messages, kwargs)
        text = self.last()
        self.sent.clear()
        self.bound.clear()
        if "Doe" in text:
            raise AssertionError("a value was sent to the model")
        return answer


def _answering(messages: Any) -> str:
    return str(messages[-1].text)


@dataclass(slots=True)
class Sample:
    """Hold what was measured at one moment, and the times of the calls since the one before, in seconds."""

    rss: int
    blocks: int
    objects: int
    files: int
    sockets: int
    threads: int
    tasks: int
    times: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)


class Load:
    """Call chains round after round."""

    def __init__(self, folder: Path, handler: LangfuseHandler) -> None:
        now = time.monotonic()
        self._clock = lambda: now + (time.monotonic() - now) * FASTER
        memory = InMemoryVaultStore(ttl=LIFE * FASTER, clock=self._clock)
        self.sql = SQLVaultStore(f"sqlite:///{folder}/vaults.db", ttl=LIFE, timeout=30)
        self.stores: Sequence[VaultStore] = [
            memory,
            EncryptedVaultStore(memory, [bytes(range(32))]),
            EncryptedVaultStore(self.sql, [bytes(range(32))]),
        ]
        self._handler = handler
        self._round = 0
        self.chains = [self._chain(store) for store in self.stores]
        self.own = protect(
            Forgetful(script=_answering),
            anonymizer=Anonymizer(detector=PatternDetector(NAME), cache_size=CACHED),
        )

    def _chain(self, store: VaultStore) -> Runnable[Any, Any]:
        model: Runnable[Any, Any] = Forgetful(script=_answering)
        anonymizer = Anonymizer(detector=PatternDetector(NAME), store=store, cache_size=CACHED)
        chain: Runnable[Any, Any] = Guard([Quiet("bomb")]) | anonymizer | model | Deanonymizer(store=store)
        return chain

    async def round(self, sample: Sample) -> None:
        """Make some calls of each kind at once, and end some vaults."""
        self._round += 1
        number = self._round
        place = number % len(self.chains)
        chain, store = self.chains[place], self.stores[place]
        named = {"vault_id": f"v{number % VAULTS}"}
        calls = [
            (self._invoked(chain), named), (self._streamed(chain), named), (self._in_thread(chain), named),
            (self._cancelled(chain), named), (self._invoked(self.own), {}), (self._streamed(self.own), {}),
        ]  # fmt: skip
        await asyncio.gather(
            *(self._timed(sample, call, 6 * number + at, given) for at, (call, given) in enumerate(calls))
        )
        sample.probes.append(_probe())
        vault = Vault(f"v{number % VAULTS}", store=store)
        if number % 3 == 0:
            await vault.aerase()
        elif number % 3 == 1:
            await vault.aerase_value(f"Ann{number % NAMES} Doe{number % NAMES}")

    async def _timed(self, sample: Sample, call: Call, number: int, named: dict[str, Any]) -> None:
        text = TEXT.format(number % NAMES, (number * 7) % NAMES)
        callbacks: list[BaseCallbackHandler] = [self._handler] if number % 8 == 0 else []
        given = RunnableConfig(configurable=named, callbacks=callbacks)
        began = time.perf_counter()
        answer = await call(text, given)
        seconds = time.perf_counter() - began
        sample.times.append(seconds)
        assert answer in ("", text) or seconds > LIFE, "an answer was not restored"

    def _invoked(self, chain: Runnable[Any, Any]) -> Call:
        async def invoked(text: str, given: RunnableConfig) -> str:
            return str((await chain.ainvoke(text, given)).text)

        return invoked

    def _streamed(self, chain: Runnable[Any, Any]) -> Call:
        async def streamed(text: str, given: RunnableConfig) -> str:
            return "".join([chunk.text async for chunk in chain.astream(text, given)])

        return streamed

    def _in_thread(self, chain: Runnable[Any, Any]) -> Call:
        async def in_thread(text: str, given: RunnableConfig) -> str:
            return await asyncio.to_thread(lambda: "".join(chunk.text for chunk in chain.stream(text, given)))

        return in_thread

    def _cancelled(self, chain: Runnable[Any, Any]) -> Call:
        async def cancelled(text: str, given: RunnableConfig) -> str:
            task = asyncio.create_task(chain.ainvoke(text, given))
            for _ in range(self._round % 12):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                return str((await task).text)
            return ""

        return cancelled


def _probe() -> float:
    """Measure how busy the machine is: the time of work that is always the same."""
    began = time.perf_counter()
    sum(number * number for number in range(20_000))
    return time.perf_counter() - began


def _measure() -> Sample:
    gc.collect()
    links = list(_links())
    return Sample(
        rss=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        blocks=sys.getallocatedblocks(),
        objects=len(gc.get_objects()),
        files=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
    )


def _links() -> Iterator[str]:
    """List what is open; a file may be closed meanwhile."""
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield str(path.readlink())


async def run(load: Load, seconds: float, samples: int = 30) -> list[Sample]:
    """Call for some seconds, a sixth of them to warm up, and measure."""
    await _during(load, seconds / 6, _measure())
    measured = []
    for _ in range(samples):
        sample = _measure()
        await _during(load, seconds * 5 / 6 / samples, sample)
        measured.append(sample)
    measured.append(_measure())
    return measured


async def _during(load: Load, seconds: float, sample: Sample) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await load.round(sample)


def judge(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Hold the last third of the samples against the first: a bound for each thing that may not grow."""
    third = len(samples) // 3
    first, last = samples[:third], samples[-third:]
    calls = sum(len(sample.times) for sample in samples)
    verdicts = []
    for name, (room, share) in BOUNDS.items():
        before, after = (sorted(getattr(one, name) for one in part)[len(part) // 2] for part in (first, last))
        verdicts.append(_verdict(name, before, after, after <= before * share + room))
    before, after = _p99(first, "times"), _p99(last, "times")
    slower = (after / before) / max(1.0, _median(last) / _median(first))
    verdicts.append(_verdict("p99 ms", round(before * 1000, 1), round(after * 1000, 1), slower <= SLOWER))
    return [{"calls": calls}, *verdicts]


def _verdict(name: str, before: float, after: float, holds: bool) -> dict[str, Any]:
    return {"what": name, "first": before, "last": after, "holds": holds}


def _p99(samples: Sequence[Sample], name: str) -> float:
    times = sorted(seconds for sample in samples for seconds in getattr(sample, name))
    return float(times[int(len(times) * 0.99)])


def _median(samples: Sequence[Sample]) -> float:
    probes = sorted(seconds for sample in samples for seconds in sample.probes)
    return probes[len(probes) // 2]


@contextmanager
def _langfuse() -> Iterator[str]:
    """Run Langfuse's part in a process of its own, whose memory is not measured."""
    command = [sys.executable, "-m", "tests.soak.langfuse"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate("\n", timeout=60)


class _Elsewhere(LangfuseServer):
    """Be the address of a server in another process."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._url = base_url

    @property
    def base_url(self) -> str:
        """Return the address to give to a client."""
        return self._url


def main() -> int:
    """Run the load, and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.load")
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    logging.disable()
    _make_caches_small()
    folder = Path("build/soak/load")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    with _langfuse() as base_url, plain_client(_Elsewhere(base_url)):
        mask = Mask(detector=LexiconDetector({}), pseudonym_key=b"a key of the load's own", cache_size=CACHED)
        load = Load(folder, LangfuseHandler(public_key="pk-test", mask=mask))
        samples = asyncio.run(run(load, seconds))
        verdicts = judge(samples)
        if not all(verdict.get("holds", True) for verdict in verdicts):
            _trace(load, min(20.0, seconds / 4))
        load.sql.close()
    for verdict in verdicts:
        print(json.dumps(verdict))
    return 0 if all(verdict.get("holds", True) for verdict in verdicts) else 1


def _make_caches_small() -> None:
    """Make what the traces remember of late runs small, so that it is full when the warm-up ends."""
    for module, name, size in ((runs, "_LATE", 32), (traces, "_MASKED", 64), (traces, "_recent", Lru(16))):
        assert hasattr(module, name)
        setattr(module, name, size)


def _trace(load: Load, seconds: float) -> None:
    """Say where what grew is allocated."""
    tracemalloc.start(12)
    asyncio.run(_during(load, seconds / 2, _empty()))
    gc.collect()
    before = tracemalloc.take_snapshot()
    asyncio.run(_during(load, seconds / 2, _empty()))
    gc.collect()
    grown = tracemalloc.take_snapshot().compare_to(before, "lineno")
    for line in grown[:15]:
        print(line, file=sys.stderr)


def _empty() -> Sample:
    return Sample(0, 0, 0, 0, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main())
