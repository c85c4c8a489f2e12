"""How fast the embedded detector reads. For information: there is no target."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.clock import side_by_side
from benchmarks.report import Row, duration
from benchmarks.stand_ins import embedded
from benchmarks.texts import dense, names, prose, sprinkled

_PROGRAM = """
import time
from langchain_secguard import Anonymizer
start = time.perf_counter()
from langchain_secguard.detect import EmbeddedDetector
EmbeddedDetector().detect(["Jane Doe called."])
print(time.perf_counter() - start)
"""
_PROCESSES = 5


def measure() -> Iterator[Row]:
    """Read texts of several kinds, and load the model in fresh processes."""
    detector = embedded()
    if detector is None:
        yield Row("embedded detector", "its model is not there")
        return
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


def _load() -> str:
    return subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout
