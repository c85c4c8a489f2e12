"""What hiding and restoring cost, tool beside tool: of a text, with many names in the vault, in a long chat.

Each tool is called as its documentation says, in a process of its own, with the same detector as in
``benchmarks/faithfulness``; ours, and others that are steps of LangChain, take the time of a step with it.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faithfulness.client import PeerProcess
from benchmarks.faithfulness.measure import ANYBODY, PEERS
from benchmarks.report import Row, duration
from benchmarks.texts import names, sprinkled

_NAMES, _SIZE = 10, 1_000
_FEW, _MANY = 20, 120
"""Texts after which a vault is small still, and after which it holds more than a thousand names."""
_SAMPLES = 5
_TURNS = 100
_LEFT_OUT = ("check", "case_insensitive", "fuzzy")
"""Ways of a tool that is measured already; the last two take gigabytes of a text like these."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what one tool took, in seconds of processor time: the best of several."""

    name: str
    hide: float
    restore: float
    hide_many: float
    restore_many: float
    early: float
    late: float
    right: int
    """Texts, of those that were timed one by one, that were hidden and came back as they were."""


def measure(python: Path, apart: Path, *, quick: bool = False) -> tuple[list[Row], dict[str, Any]]:
    """Measure every tool; ``apart`` is the interpreter of the peers' own environment."""
    costs: list[Cost] = []
    for launch in PEERS:
        if not set(launch.arguments).intersection(_LEFT_OUT):
            print(f"measuring: cost of {' '.join((launch.module, *launch.arguments))}", file=sys.stderr)
            module = f"benchmarks.peers.{launch.module}"
            with PeerProcess(apart if launch.apart else python, module, *launch.arguments) as peer:
                costs.append(of(peer, turns=_TURNS // 10 if quick else _TURNS))
    return list(_rows(costs)), {"costs": table(costs)}


def of(peer: PeerProcess, *, turns: int = _TURNS) -> Cost:
    """Measure one tool."""
    texts = _texts(1, _MANY, _NAMES)
    session = peer.open([(ANYBODY, "PERSON")])
    times = session.time(texts)
    few, many = times[1:_FEW], times[-_FEW:]
    return Cost(
        peer.name,
        min(one.hide for one in few),
        min(one.restore for one in few),
        min(one.hide for one in many),
        min(one.restore for one in many),
        *_chat(peer, turns),
        sum(one.right for one in times),
    )


def _chat(peer: PeerProcess, turns: int) -> tuple[float, float]:
    """Hide all messages of a chat, two more at each turn: time its second turn, and that after ``turns``."""
    early: list[float] = []
    for seed in range(_SAMPLES):
        messages = _texts(seed + 2, 4, 3)
        session = peer.open([(ANYBODY, "PERSON")])
        session.turn(messages[:2])
        early.append(session.turn(messages))
    messages = _texts(99, 2 * (turns + _SAMPLES), 3)
    session = peer.open([(ANYBODY, "PERSON")])
    session.turn(messages[: 2 * turns - 2])
    late = [session.turn(messages[: 2 * turn]) for turn in range(turns, turns + _SAMPLES)]
    return min(early), min(late)


def _texts(seed: int, count: int, people: int) -> list[str]:
    source = names(seed)
    return [sprinkled(list(itertools.islice(source, people)), _SIZE) for _ in range(count)]


def table(costs: Sequence[Cost]) -> str:
    """Write one line for each tool; how many times ours it takes stands before what it took."""
    ours = costs[0]
    head = (
        "hide 1 KB, ten new names", "restore it", "hide, 1,000 names in the vault", "restore it",
        "turn 2 of a chat", f"turn {_TURNS}", "texts that came back as they were",
    )  # fmt: skip
    lines = [f"| | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for cost in costs:
        pairs = zip(_figures(cost), _figures(ours), strict=True)
        cells = " | ".join(_cell(one, base) for one, base in pairs)
        lines.append(f"| {cost.name} | {cells} | {cost.right} of {_MANY} |")
    return "\n".join(lines)


def _figures(cost: Cost) -> tuple[float, ...]:
    return cost.hide, cost.restore, cost.hide_many, cost.restore_many, cost.early, cost.late


def _cell(seconds: float, ours: float) -> str:
    ratio = seconds / ours
    return (
        f"**{ratio:,.0f}x** ({duration(seconds)})"
        if ratio >= 20
        else f"**{ratio:.1f}x** ({duration(seconds)})"
    )


def _rows(costs: Sequence[Cost]) -> Iterator[Row]:
    ours = costs[0]
    for cost in costs:
        whole = cost.hide + cost.restore
        yield Row(
            f"hide and restore 1 KB with ten new names: {cost.name}",
            f"{whole / (ours.hide + ours.restore):.1f}x ours ({duration(whole)}); with 1,000 names "
            f"{duration(cost.hide_many + cost.restore_many)}; turn {_TURNS} of a chat "
            f"{cost.late / cost.early:.1f}x its turn 2",
        )
