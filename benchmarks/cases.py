"""Texts that the embedded scanners should refuse or pass, from the tables of ``benchmarks/data``."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Split: TypeAlias = Literal["tune", "held_out"]

_DATA = Path(__file__).parent / "data"
_MARK = "<|>"
"""Stands in the made-up keys, so that scanners of repositories do not take them for real ones."""


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one text, and whether a scanner should find something in it."""

    id: str
    kind: str
    split: Split
    text: str
    bad: bool


def cases(table: str, *, bad: bool | None = None) -> list[Case]:
    """Read a table; ``bad`` says what all of it is, where its lines do not."""
    lines = (_DATA / f"{table}.jsonl").read_text(encoding="utf-8").split("\n")
    return [_case(json.loads(line), bad=bad) for line in lines if line]


def prompt_of_leaks() -> tuple[str, str]:
    """Return the system prompt that the answers of ``leaks.jsonl`` give away, and its canary."""
    held = json.loads((_DATA / "leak_prompt.json").read_text(encoding="utf-8"))
    return held["prompt"], held["canary"]


def wilson(found: int, total: int) -> tuple[float, float]:
    """Return the 95% interval of a rate, after Wilson (https://doi.org/10.1080/01621459.1927.10502953)."""
    if not total:
        return 0.0, 1.0
    z = 1.96
    rate = found / total
    middle = rate + z * z / (2 * total)
    half = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    below, above = (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)
    return max(0.0, below), min(1.0, above)


def rate(found: int, total: int) -> str:
    """Write a rate with its counts and its interval."""
    if not total:
        return "none"
    low, high = wilson(found, total)
    return f"{found / total:.1%} ({found} of {total}; {low:.0%} to {high:.0%})"


def kinds(all_of: Iterable[Case]) -> list[str]:
    """Return the kinds, in the order in which the table has them."""
    return list(dict.fromkeys(case.kind for case in all_of))


def _case(line: dict[str, Any], *, bad: bool | None) -> Case:
    return Case(
        id=line["id"],
        kind=line["kind"],
        split=line["split"],
        text=line["text"].replace(_MARK, ""),
        bad=line["bad"] if bad is None else bad,
    )
