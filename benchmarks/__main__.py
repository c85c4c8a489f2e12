"""Measure, print a table, and keep it: ``python -m benchmarks [part ...] [--page]``.

Run it from the repository's root, in the environment that ``benchmarks/peers/llm_guard.py`` describes. What
each part measured last is kept in ``benchmarks/results``, and the page is written from it.
"""

import argparse
import datetime
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import (
    chat,
    clock,
    cost,
    detection,
    detectors,
    guarding,
    importing,
    llm_guard_model,
    machine,
    masking,
    onnx_session,
    page,
    pair,
    patterns,
    quality,
    restoring,
    results,
    scanning,
    serving,
    stores,
    streaming,
    tracing,
    vaults,
)
from benchmarks.faithfulness import part as faithfulness
from benchmarks.report import Row, table
from benchmarks.results import Result

Parts: TypeAlias = dict[str, Callable[[], Iterator[Row]]]

# What needs LLM Guard comes last: it fills the process with torch.
_PARTS: Parts = {
    "importing": importing.measure,
    "pair": pair.measure,
    "streaming": streaming.measure,
    "chat": chat.measure,
    "vaults": vaults.measure,
    "detection": detection.measure,
    "onnx": onnx_session.measure,
    "restoring": restoring.measure,
    "patterns": patterns.measure,
    "detectors": detectors.measure,
    "llm-guard": llm_guard_model.measure,
    "masking": masking.measure,
    "tracing": tracing.measure,
    "guarding": guarding.measure,
    "scanning": scanning.measure,
    "stores": stores.measure,
    "serving": serving.measure,
}
_BESIDE_PEERS: dict[str, Callable[..., tuple[list[Row], dict[str, Any]]]] = {
    "faithfulness": faithfulness.measure,
    "cost": cost.measure,
}
"""What is given the interpreter of LLM Guard's environment and that of the other peers."""
_QUICK = tuple(part for part in _PARTS if part not in ("onnx", "llm-guard", "tracing", "stores", "serving"))
"""What a quick run leaves out takes minutes by itself."""


def main() -> None:
    """Run the parts that are named, or all, and write the page if asked to."""
    options = _options()
    parts: Parts = {**_PARTS, "stores": partial(stores.measure, full=options.full)}
    every = _QUICK if options.quick else tuple(parts)
    chosen = options.part or ([] if options.page_only else [*_BESIDE_PEERS, *every])
    if options.quick:
        clock.hurry(0.05)
    done: list[Result] = []
    for part in chosen:
        done.append(_measure(part, parts, options))
        results.keep(done[-1])
    if options.ner and not options.page_only:
        done.append(_result("quality", [], {"tables": quality.measure(options.ner)}, options))
        results.keep(done[-1])
    if done:
        print(_report(done))
    if options.page or options.page_only:
        print(page.write(results.kept([*_BESIDE_PEERS, "quality", *parts])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = [*_BESIDE_PEERS, *_PARTS]
    parser.add_argument("part", nargs="*", choices=[[], *known], help=f"any of {', '.join(known)}")
    parser.add_argument(
        "--full", action="store_true", help="fill vaults of all stores to 1,000,000, for 20 minutes"
    )
    parser.add_argument("--quick", action="store_true", help="try it out: small sizes, and no servers")
    parser.add_argument("--page", action="store_true", help="then write docs/benchmark.md and its plots")
    parser.add_argument("--page-only", action="store_true", help="write them from what was measured before")
    parser.add_argument("--ner", type=Path, help="the folder of sets on which to measure the name model")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(".venv-peers/bin/python"),
        help="the interpreter of the other peers",
    )
    return parser.parse_args()


def _measure(part: str, parts: Parts, options: argparse.Namespace) -> Result:
    print(f"measuring: {part}", file=sys.stderr)
    if part in _BESIDE_PEERS:
        measured = _BESIDE_PEERS[part](Path(sys.executable), options.peers, quick=options.quick)
        return _result(part, *measured, options)
    return _result(part, _shown(parts[part]()), {}, options)


def _shown(rows: Iterator[Row]) -> list[Row]:
    """Show each row as it comes; what came before an interrupt (Ctrl-C) is not lost."""
    came: list[Row] = []
    try:
        for row in rows:
            came.append(row)
            print(f"{row.subject}: {row.measured} {row.verdict}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        came.append(Row("interrupted", "the rest was not measured"))
    return came


def _result(part: str, rows: list[Row], data: dict[str, Any], options: argparse.Namespace) -> Result:
    now = datetime.datetime.now(tz=datetime.UTC)
    when = f"{now:%Y-%m-%d %H:%M} UTC, load {machine.load():.1f}"
    return Result(part, when, machine.describe(), options.quick, rows, data)


def _report(done: list[Result]) -> str:
    note = (
        "Times are processor time: the best of many short rounds, the two sides in turns. Those of stores "
        "are wall time, with the servers on the same machine."
    )
    rows = [row for result in done for row in result.rows]
    return f"# Benchmark of {done[0].when}\n\n{done[0].machine}\n\n{note}\n\n{table(rows)}\n"


if __name__ == "__main__":
    main()
