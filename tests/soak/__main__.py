"""Run every part of the soak within so many seconds, and print a table; ends with 1 where a part failed.

python -m tests.soak --seconds 300 [--only fuzz machine load cancel]
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.soak import targets
from tests.soak.fuzz import BUILD

SHARES = {"fuzz": 0.45, "machine": 0.2, "cancel": 0.15, "load": 0.2}
STORES = ("memory", "encrypted", "sqlite", "sqlite-encrypted", "redis", "redis-encrypted")
CANCELLED = ("memory", "encrypted", "sqlite", "redis", "redis-encrypted")
GRACE = 120
"""Seconds that a part may take beyond its own, to begin, to end its last step, and to shrink a failure."""


class Part(NamedTuple):
    """Name one process of the soak."""

    kind: str
    name: str
    command: Sequence[str]


class Outcome(NamedTuple):
    """Tell what came of a part."""

    part: Part
    status: int
    seconds: float
    told: str


def main() -> int:
    """Run what is asked for, two processes at a time; the load has the machine to itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--only", nargs="+", choices=SHARES, default=list(SHARES))
    parser.add_argument("--at-once", type=int, default=2, help="processes at the same time")
    asked = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    total = sum(SHARES[kind] for kind in asked.only)
    outcomes: list[Outcome] = []
    for kind in asked.only:
        names = _names(kind)
        at_once = 1 if kind == "load" else asked.at_once
        rounds = -(-len(names) // at_once)
        seconds = max(2, int(asked.seconds * SHARES[kind] / total / rounds))
        print(f"== {kind}: {', '.join(names)}, {seconds} s each", flush=True)
        parts = [Part(kind, name, _command(kind, name, seconds)) for name in names]
        with ThreadPoolExecutor(at_once) as pool:
            outcomes += pool.map(lambda part, limit=seconds + GRACE: _run(part, limit), parts)
    print(_table(outcomes))
    return 1 if any(outcome.status for outcome in outcomes) else 0


def _names(kind: str) -> Sequence[str]:
    return {"fuzz": targets.NAMES, "machine": STORES, "cancel": CANCELLED, "load": ("pair",)}[kind]


def _command(kind: str, name: str, seconds: int) -> Sequence[str]:
    named = [] if kind == "load" else [name]
    return [sys.executable, "-m", f"tests.soak.{kind}", *named, "--seconds", str(seconds)]


def _run(part: Part, limit: float) -> Outcome:
    """Run a part, and keep what it says in a file; one that does not end is ended."""
    began = time.monotonic()
    log = BUILD / f"{part.kind}-{part.name}.log"
    with log.open("w") as out:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # a product of small matrices is no work for two
        try:
            ended = subprocess.run(
                part.command,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=limit,
                check=False,
            )
            status = ended.returncode
        except subprocess.TimeoutExpired:
            status = 124
    text = log.read_text(errors="replace")
    told = _told_of_fuzzing(text) if part.kind == "fuzz" else _told(text.splitlines())
    if status:
        told = f"FAILED ({status}), see {log}{_found(text)}; {told}"
    print(f"   {part.name}: {told}", flush=True)
    return Outcome(part, status, time.monotonic() - began, told)


def _told_of_fuzzing(text: str) -> str:
    """Read libFuzzer's statistics."""
    runs = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text) or re.findall(
        r"^#(\d+)", text, re.MULTILINE
    )
    edges = re.findall(r"cov: (\d+)", text)
    if not runs or not edges:
        return "did not begin"
    return f"{int(runs[-1]):,} executions, {edges[-1]} edges (seeds alone {edges[0]})"


def _found(text: str) -> str:
    found = re.findall(r"Test unit written to (\S+)", text)
    if not found:
        return ""
    target = Path(found[-1]).name.split("-")[0]
    return f"; replay: python -m tests.soak.fuzz {target} {found[-1]}"


def _told(lines: Iterable[str]) -> str:
    return "; ".join(_fact(json.loads(line)) for line in lines if line.startswith("{") and line.endswith("}"))


def _fact(fact: dict[str, Any]) -> str:
    if "what" in fact:
        return f"{fact['what']} {fact['first']} to {fact['last']}{'' if fact['holds'] else ' TOO MUCH'}"
    return ", ".join(f"{name} {value}" for name, value in fact.items())


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [(one.part.kind, one.part.name, f"{one.seconds:.0f} s", one.told) for one in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
