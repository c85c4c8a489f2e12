"""What was measured, kept between runs: rows and texts of each part, with when and on what."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import Row

_FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Result:
    """Hold what a part measured; ``data`` is what its pages show besides."""

    part: str
    when: str
    machine: str
    quick: bool
    rows: Sequence[Row]
    data: Mapping[str, Any] = field(default_factory=dict)


def keep(result: Result) -> None:
    """Keep the newest result of a part."""
    _FOLDER.mkdir(exist_ok=True)
    told = json.dumps(asdict(result), indent=1)
    (_FOLDER / f"{result.part}.json").write_text(told, encoding="utf-8")


def kept(parts: Iterable[str]) -> dict[str, Result]:
    """Return the newest results of those parts that were ever measured here."""
    found: dict[str, Result] = {}
    for part in parts:
        path = _FOLDER / f"{part}.json"
        if path.exists():
            told = json.loads(path.read_text(encoding="utf-8"))
            told["rows"] = [Row(**row) for row in told["rows"]]
            found[part] = Result(**told)
    return found
