"""The part of the benchmark that measures faithfulness: its rows, its tables, and what is drawn of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faithfulness import tables
from benchmarks.faithfulness.chunkings import WHOLE
from benchmarks.faithfulness.measure import QUICK, Findings, Size, measure_all
from benchmarks.faithfulness.mutations import MUTATIONS
from benchmarks.report import Row


def measure(python: Path, apart: Path, *, quick: bool = False) -> tuple[list[Row], dict[str, Any]]:
    """Measure all peers; return rows, and the tables and counts that the page shows."""
    found = list(measure_all(python, apart, QUICK if quick else Size()))
    return list(tables.rows(found)), told(found)


def told(found: Sequence[Findings]) -> dict[str, Any]:
    """Return what the page shows."""
    return {
        "headline": tables.headline(found),
        "mutations": tables.mutations(found),
        "chunkings": tables.chunkings(found),
        "scenes": tables.scenes(found),
        "crowds": tables.crowds(found),
        "notes": tables.notes(found),
        "outcomes": {
            findings.name: {str(outcome): count for outcome, count in tables.alike(findings).outcomes.items()}
            for findings in found
        },
        "worst": {
            findings.name: {
                mutation.name: str(next(tally.worst()))
                for mutation in MUTATIONS
                if (tally := findings.bent.get((mutation.name, WHOLE)))
            }
            for findings in found
        },
        "order": [mutation.name for mutation in MUTATIONS],
    }
