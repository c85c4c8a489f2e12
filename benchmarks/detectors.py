"""Detectors side by side: words a second in three kinds of text, and the time to a first result.

Each reads with all that it has and no model to download: the embedded detector with and without its model of
names, Presidio's patterns, and LLM Guard's pattern-only analyzer with its default entity types.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from benchmarks.clock import side_by_side
from benchmarks.report import Row, duration
from benchmarks.texts import dense, names, prose, sprinkled
from langchain_secguard.detect import EmbeddedDetector, PresidioDetector

_SIZE = 5_000
_PROCESSES = 3
_FIRST = "Write to jane.doe@example.com."
_PROGRAM = """
import time
from langchain_core.runnables import RunnableLambda
start = time.perf_counter()
{code}
print(time.perf_counter() - start)
"""
_LOADING = {
    "embedded detector": f"from langchain_secguard.detect import *; EmbeddedDetector().detect([{_FIRST!r}])",
    "embedded, patterns alone": (
        f"from langchain_secguard.detect import *; EmbeddedDetector(names=False).detect([{_FIRST!r}])"
    ),
    "Presidio's patterns": (
        f"from langchain_secguard.detect import *; PresidioDetector().detect([{_FIRST!r}])"
    ),
    "LLM Guard's patterns": (
        "from benchmarks.peers.llm_guard import pattern_analyzer; "
        "from llm_guard.input_scanners.anonymize import DEFAULT_ENTITY_TYPES as types; "
        f"pattern_analyzer(types)({_FIRST!r})"
    ),
}


def measure() -> Iterator[Row]:
    """Read each text with each detector that is installed, in turns; then load each in fresh processes."""
    detectors = _detectors()
    source = names(3)
    for what, text in (
        ("prose", prose(_SIZE)),
        ("prose with names", sprinkled([next(source) for _ in range(50)], _SIZE)),
        ("text dense with entities", dense(_SIZE)),
    ):
        words = len(text.split())
        actions = [lambda read=read, text=text: read(text) for read in detectors.values()]
        for name, taken in zip(detectors, side_by_side(*actions, seconds=6), strict=True):
            yield Row(f"{name}, {what}", f"{words / taken.best:,.0f} words a second")
    for name in detectors:
        yield Row(f"{name}, first result", duration(min(_load(_LOADING[name]) for _ in range(_PROCESSES))))


def _detectors() -> dict[str, Callable[[str], object]]:
    """Return what reads a text, by name."""
    embedded, patterns = EmbeddedDetector(), EmbeddedDetector(names=False)
    found: dict[str, Callable[[str], object]] = {
        "embedded detector": lambda text: embedded.detect([text]),
        "embedded, patterns alone": lambda text: patterns.detect([text]),
    }
    if find_spec("presidio_analyzer"):
        presidio = PresidioDetector()
        found["Presidio's patterns"] = lambda text: presidio.detect([text])
    if find_spec("llm_guard"):
        from llm_guard.input_scanners.anonymize import DEFAULT_ENTITY_TYPES  # noqa: PLC0415 - it loads torch

        from benchmarks.peers.llm_guard import pattern_analyzer  # noqa: PLC0415 - it loads torch

        found["LLM Guard's patterns"] = pattern_analyzer(DEFAULT_ENTITY_TYPES)
    return found


def _load(code: str) -> float:
    """Return the seconds that ``code`` takes in a process of its own, langchain-core's import aside."""
    program = [sys.executable, "-c", _PROGRAM.format(code=code)]
    return float(subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()[-1])
