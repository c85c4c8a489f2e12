"""The code blocks of README.md and docs/ run as they stand, top to bottom, with a local model and traces."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from langfuse.api.metrics.client import MetricsClient

from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import named_langfuse
from tests.integration.openai_server import OpenAIServer
from tests.integration.page_model import answer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
VALUES = ("Jane Doe", "jane@example.com", "Robert Alvarez", "(217) 555-0142")


def blocks(page: Path, language: str = "python") -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def langfuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangfuseServer]:
    with named_langfuse(monkeypatch) as server:
        yield server


@pytest.mark.loopback
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")  # message histories
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_code_runs_as_it_stands(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    langfuse: LangfuseServer,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("SECGUARD_VAULT_KEYS", Fernet.generate_key().decode())
    if "REDIS_URL" in page.read_text(encoding="utf-8"):
        monkeypatch.setenv("REDIS_URL", request.getfixturevalue("redis_server").url)
    with OpenAIServer(answer) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        names: dict[str, Any] = {}
        for number, block in enumerate(blocks(page), 1):
            exec(compile(block, f"{page.name}, block {number}", "exec"), names)
        assert not any(server.saw(value) or langfuse.saw(value) for value in VALUES)
        if server.requests:
            assert "Jane Doe" in capsys.readouterr().out
    if page.name == "tracing.md":
        assert langfuse.named("Anonymizer").get("type") == "guardrail"
        assert {score.name for score in langfuse.scores} >= {"Anonymizer.risk", "verdict", "Shouting.valid"}


class TestDashboards:
    """The queries of docs/tracing.md name what the metrics API has, by the description in Langfuse's SDK."""

    VIEWS = re.split(r"^ +### (\S+)$", MetricsClient.metrics.__doc__ or "", flags=re.MULTILINE)[1:]

    def offered(self, view: str) -> set[str]:
        listed = dict(zip(self.VIEWS[::2], self.VIEWS[1::2], strict=True))
        fields = set(re.findall(r"^ +- `(\w+)` - ", listed[view].split("## High")[0], re.MULTILINE))
        if view in ("scores-boolean", "scores-categorical"):  # described by what differs from scores-numeric
            fields |= self.offered("scores-numeric")
        return fields | ({"stringValue"} if view == "scores-categorical" else set())

    @pytest.mark.parametrize("block", blocks(ROOT / "docs/tracing.md", "json"))
    def test_name_fields_that_exist(self, block: str) -> None:
        query = json.loads(block)
        asked = {field["field"] for field in query.get("dimensions", ())}
        asked |= {metric["measure"] for metric in query["metrics"]}
        asked |= {one["column"] for one in query.get("filters", ())}
        assert asked <= self.offered(query["view"])
        assert query["fromTimestamp"] < query["toTimestamp"]
