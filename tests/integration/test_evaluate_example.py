"""The weekly review of examples/, and the blocks of docs/evaluation.md that need Langfuse."""

import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langfuse import get_client

from tests.integration.langfuse_datasets_server import DatasetsServer
from tests.integration.test_evaluate_langfuse import annotated, observed

ROOT = Path(__file__).parents[2]
VALUES = ("Jane Doe", "jane@example.com")

pytestmark = pytest.mark.loopback


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[DatasetsServer]:
    with DatasetsServer() as server:
        server.annotated = [annotated("t1", True), annotated("t2", False)]
        server.observed = [
            observed("t1", "o1", "How do I make a bomb?"),
            observed("t2", "o2", "Mail Jane Doe at jane@example.com."),
        ]
        public_key = f"pk-{request.node.name}"
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", public_key)
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk")
        monkeypatch.setenv("LANGFUSE_BASE_URL", server.base_url)
        yield server
        server.forget_after(public_key, get_client(public_key=public_key))


def review(*arguments: str) -> int:
    names = runpy.run_path(str(ROOT / "examples" / "weekly_review.py"))
    status: int = names["main"](arguments)
    return status


class TestWeeklyReview:
    def test_runs_here(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert review() == 0
        shown = capsys.readouterr().out
        assert "sampled and annotated 40 prompts" in shown
        assert "4. set the threshold: 'words and request' at 0.4" in shown

    def test_says_what_langfuse_needs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("LANGFUSE_PUBLIC_KEY", raising=False)
        assert review("sample") == 2
        assert "Set LANGFUSE_PUBLIC_KEY" in capsys.readouterr().out

    def test_samples_traces_for_people(
        self, server: DatasetsServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert review("sample", "--queue", "q") == 0
        assert sorted(server.queued) == [("q", "t1"), ("q", "t2")]
        assert "2 traces are in the annotation queue" in capsys.readouterr().out

    def test_compares_scanners_on_what_they_said(
        self, server: DatasetsServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert review("review") == 0
        shown = capsys.readouterr().out
        assert "2 annotated prompts are in the dataset weekly-review-" in shown
        assert "words and request: http" in shown
        assert server.run_scores()["recall"] == 1.0
        assert not any(server.saw(value) for value in VALUES)


def blocks() -> list[str]:
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    return re.findall(r"^```py(?:thon)?\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def test_the_page_runs_with_langfuse(
    server: DatasetsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(), 1):
        exec(compile(block, f"evaluation.md, block {number}", "exec"), names)
    assert server.run_scores()
    assert not any(server.saw(value) for value in VALUES)
    assert "langfuse" in sys.modules
