"""Measure, print a table, and keep it: ``python -m benchmarks [part ...]``.

Run it from the repository's root, in the environment that ``benchmarks/peers/llm_guard.py`` describes.
"""

import argparse
import datetime
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

from benchmarks import (
    chat,
    detection,
    detectors,
    guarding,
    importing,
    llm_guard_model,
    machine,
    masking,
    onnx_session,
    pair,
    patterns,
    restoring,
    serving,
    stores,
    streaming,
    tracing,
    vaults,
)
from benchmarks.report import Row, table

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
    "stores": stores.measure,
    "serving": serving.measure,
}
_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *_PARTS], help=f"any of {', '.join(_PARTS)}")
    parser.add_argument("--full", action="store_true", help="fill vaults to 1,000,000 entries, for hours")
    arguments = parser.parse_args()
    parts: Parts = {**_PARTS, "stores": partial(stores.measure, full=arguments.full)}
    chosen = arguments.part or list(parts)
    now = datetime.datetime.now(tz=datetime.UTC)
    heading = f"# Benchmark of {now:%Y-%m-%d %H:%M} UTC\n\n{machine.describe()}\n"
    rows: list[Row] = []
    for part in chosen:
        print(f"measuring: {part}", file=sys.stderr)
        rows += parts[part]()
    note = (
        "Times are processor time: the best of many short rounds, the two sides in turns. Those of stores "
        "are wall time, with the servers on the same machine."
    )
    report = f"{heading}\n{note}\n\n{table(rows)}\n"
    print(report)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{now:%Y-%m-%d}.md").write_text(report)


if __name__ == "__main__":
    main()
