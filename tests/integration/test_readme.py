"""The code blocks of README.md and docs/ run as they stand, top to bottom, against a local model."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.openai_server import OpenAIServer, Reply

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
VALUES = ("Jane Doe", "jane@example.com", "Robert Alvarez", "(217) 555-0142")


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def answer(request: dict[str, Any]) -> Reply:
    return Reply(text=f"About: {request['messages'][-1]['content']}", chunk_size=3)


@pytest.mark.loopback
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_code_runs_as_it_stands(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(answer) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        names: dict[str, Any] = {}
        for number, block in enumerate(blocks(page), 1):
            exec(compile(block, f"{page.name}, block {number}", "exec"), names)
        assert not any(server.saw(value) for value in VALUES)
        if server.requests:
            assert "Jane Doe" in capsys.readouterr().out
