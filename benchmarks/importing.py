"""What importing the package costs, above the part of LangChain that it stands on."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.clock import timing
from benchmarks.report import Row, duration

_PROGRAM = """
import time
from langchain_core.runnables import RunnableSerializable
from langchain_core.messages import AIMessageChunk
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
before = resident()
start = time.perf_counter()
import langchain_secguard
print(time.perf_counter() - start, resident() - before)
"""
_PROCESSES = 11
_SECONDS, _MEGABYTES = 0.1, 30


def measure() -> Iterator[Row]:
    """Import in fresh processes; their memory is what Linux says is resident."""
    outputs = [_import().split() for _ in range(_PROCESSES)]
    taken = timing([float(seconds) for seconds, _ in outputs])
    memory = sorted(float(kibibytes) * 1024 / 1e6 for _, kibibytes in outputs)
    yield Row(
        "`import langchain_secguard`, time",
        f"{duration(taken.best)} more (median {duration(taken.median)})",
        f"at most {duration(_SECONDS)} more",
        met=taken.best <= _SECONDS,
    )
    yield Row(
        "`import langchain_secguard`, memory",
        f"{memory[len(memory) // 2]:.1f} MB more",
        f"at most {_MEGABYTES} MB more",
        met=memory[len(memory) // 2] <= _MEGABYTES,
    )


def _import() -> str:
    return subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout
