"""What tools cost is asked of a peer in a process of its own, as of the real ones."""

import sys
from pathlib import Path

from benchmarks import cost
from benchmarks.cost import Cost
from benchmarks.faithfulness.client import PeerProcess

PYTHON = Path(sys.executable)


def test_a_tool_is_timed_by_the_text_and_by_the_turn() -> None:
    with PeerProcess(PYTHON, "tests.unit.benchmarks.wrong_peer", "right") as peer:
        found = cost.of(peer, turns=3)
    assert found.right == 120
    assert min(found.hide, found.restore, found.hide_many, found.restore_many) > 0
    assert min(found.early, found.late) > 0


def test_texts_that_do_not_come_back_are_counted_out() -> None:
    with PeerProcess(PYTHON, "tests.unit.benchmarks.wrong_peer", "leaks") as peer:
        assert cost.of(peer, turns=1).right == 0


def test_the_ratio_to_ours_stands_first() -> None:
    ours = Cost("ours", 1e-3, 1e-3, 1e-3, 1e-3, 2e-3, 4e-3, 120)
    theirs = Cost("theirs", 2e-3, 0.5e-3, 2e-3, 30e-3, 2e-3, 8e-3, 118)
    assert cost.table([ours, theirs]).splitlines()[-1] == (
        "| theirs | **2.0x** (2.00 ms) | **0.5x** (500 µs) | **2.0x** (2.00 ms) | **30x** (30.00 ms) "
        "| **1.0x** (2.00 ms) | **2.0x** (8.00 ms) | 118 of 120 |"
    )
