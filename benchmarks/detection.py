"""How fast the embedded detector reads, patterns and names together."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.clock import side_by_side
from benchmarks.report import Row, duration
from benchmarks.stand_ins import embedded
from benchmarks.texts import dense, names, prose, sprinkled, written
from langchain_secguard.detect import EmbeddedDetector

_PROGRAM = """
import time
from langchain_secguard import Anonymizer
start = time.perf_counter()
from langchain_secguard.detect import EmbeddedDetector
EmbeddedDetector().detect(["Jane Doe called."])
print(time.perf_counter() - start)
"""
_PROCESSES = 5
_WORDS, _SECONDS = 105, 2e-3
"""A text of so many words; what a hundred of them may take."""


def measure() -> Iterator[Row]:
    """Read texts of several kinds, and load the model in fresh processes."""
    detector = embedded()
    if detector is None:
        yield Row("embedded detector", "its model is not there")
        return
    yield from _short(detector)
    source = names(3)
    for what, text in (
        ("prose without names", prose(10_000)),
        ("prose with names", sprinkled([next(source) for _ in range(100)], 10_000)),
        ("text dense with entities", dense(10_000)),
    ):
        (taken,) = side_by_side(lambda text=text: detector.detect([text]))  # type: ignore[misc]
        words = len(text.split())
        yield Row(
            f"embedded detector, {what}",
            f"{words / taken.best:,.0f} words a second (10 KB in {duration(taken.best)})",
        )
    long = prose(1_000_000)
    start = time.process_time()
    detector.detect([long])
    yield Row("embedded detector, 1 MB of prose", duration(time.process_time() - start))
    loads = [float(_load()) for _ in range(_PROCESSES)]
    yield Row("embedded detector, first use", duration(min(loads)))


def _short(detector: EmbeddedDetector) -> Iterator[Row]:
    """Read a short text full of names whole, and by its parts."""
    text = " ".join(written(_WORDS))
    patterns = EmbeddedDetector(names=False)
    both, without = side_by_side(lambda: detector.detect([text]), lambda: patterns.detect([text]))
    hundred, median = both.best * 100 / _WORDS, both.median * 100 / _WORDS
    yield Row(
        "embedded detector, 100 words full of names",
        f"{duration(hundred)} (median {duration(median)}), of which patterns "
        f"{duration(without.best * 100 / _WORDS)}",
        f"at most {duration(_SECONDS)}",
        met=hundred <= _SECONDS,
    )


def _load() -> str:
    return subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout
