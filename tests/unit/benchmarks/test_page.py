import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from benchmarks import page, plots, quality
from benchmarks.page import SECTIONS
from benchmarks.report import Row
from benchmarks.results import Result


def result(part: str, *, quick: bool = False, machine: str = "- one machine") -> Result:
    rows = [Row(f"subject of {part}", "2.0x", "at most 3x", met=True, faster=None)]
    return Result(part, "2026-11-26 01:00 UTC", machine, quick, rows, {})


@pytest.fixture(autouse=True)
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "faster", lambda *_: None)


def test_each_part_is_shown_once() -> None:
    main = Path("benchmarks/__main__.py").read_text(encoding="utf-8")
    shown = [part for section in SECTIONS for part in section.parts]
    assert len(shown) == len(set(shown))
    listed = main[main.index("_PARTS: Parts = {") : main.index("\n}\n")]
    assert {line.split('"')[1] for line in listed.splitlines()[1:]} == set(shown)


def test_the_page_shows_what_was_kept_and_leaves_the_rest_out(tmp_path: Path) -> None:
    told = page.write({"pair": result("pair"), "stores": result("stores")}, tmp_path).read_text("utf-8")
    assert "| subject of pair | at most 3x | 2.0x | met |" in told
    assert "## Vault stores" in told
    assert "## Serving" not in told
    assert "quick run" not in told
    assert told.count("- one machine") == 1


def test_other_machines_and_quick_runs_are_named(tmp_path: Path) -> None:
    kept = {"pair": result("pair"), "vaults": result("vaults", quick=True, machine="- another")}
    told = page.write(kept, tmp_path).read_text("utf-8")
    assert "- one machine" in told
    assert "- another" in told
    assert "A quick run" in told


def test_the_model_card_is_named_where_quality_was_not_measured(tmp_path: Path) -> None:
    told = page.write({"patterns": result("patterns")}, tmp_path).read_text("utf-8")
    assert "[model card](model-card.md)" in told


def test_a_result_outlives_its_file() -> None:
    told = json.loads(json.dumps(asdict(result("pair"))))
    assert Result(**{**told, "rows": [Row(**row) for row in told["rows"]]}) == result("pair")


def test_the_tables_of_the_model_are_kept_by_set(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "\ndev/one\n     F1\nn  0.5\n\ndev/two\nn  0.6\n"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: CompletedProcess([], 0, stdout=told))
    found = quality.measure(Path("sets"))
    assert found == "**dev/one**\n\n```text\n     F1\nn  0.5\n```\n\n**dev/two**\n\n```text\nn  0.6\n```"
