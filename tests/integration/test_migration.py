"""What the pages of docs/migration replace, and what they put there: it runs, hides and restores."""

from functools import partial
from typing import Any

import presidio_analyzer
import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer
from tldextract import TLDExtract, tldextract

from tests.integration.cookbook_support import Listening
from tests.integration.test_readme import ROOT, blocks
from tests.pages import migration
from tests.unit.detect.test_presidio import blank_engine

TEXT = "Jane Doe (jane@example.com, badge B-123456) paid with 4111 1111 1111 1111."
PAGES = ("llm-guard.md", "presidio-reversible-anonymizer.md", "pii-middleware.md")


class Calling(Listening):
    """Bear tools, and call none."""

    def bind_tools(self, tools: Any, **options: Any) -> "Calling":
        return self


@tool
def look_up(badge: str) -> str:
    """Look a badge up."""
    return badge


def run(code: str, page: str, **names: Any) -> Any:
    """Run one side of a page's change, and return the answer that it came to."""
    exec(compile(code, page, "exec"), names)
    return names["answer"]


@pytest.mark.parametrize("page", PAGES)
def test_both_sides_are_code(page: str) -> None:
    before, behind = migration(page)
    assert before != behind
    for side in (before, behind):
        assert "answer" in compile(side, page, "exec").co_names


class TestFromPresidio:
    """From ``PresidioReversibleAnonymizer``."""

    def test_the_model_sees_placeholders_and_the_user_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = blank_engine("en", named=["Jane Doe"])  # in place of a model that would be downloaded
        made = partial(AnalyzerEngine, nlp_engine=engine)
        monkeypatch.setattr(presidio_analyzer, "AnalyzerEngine", made)
        offline = TLDExtract(cache_dir=None, suffix_list_urls=())
        monkeypatch.setattr(tldextract, "TLD_EXTRACTOR", offline)
        model = Listening(responses=["[PERSON_1], [EMAIL_ADDRESS_1] and [BADGE_1]"])
        answer = run(
            migration(PAGES[1])[1],
            PAGES[1],
            badge_recognizer=PatternRecognizer("BADGE", patterns=[Pattern("badge", r"B-[0-9]{6}", 0.9)]),
            prompt=ChatPromptTemplate.from_template("Who paid? {text}"),
            llm=model,
            text=TEXT,
        )
        assert model.asked == [
            "Who paid? [PERSON_1] ([EMAIL_ADDRESS_1], badge [BADGE_1]) paid with 4111 1111 1111 1111."
        ]
        assert answer == "Jane Doe, jane@example.com and B-123456"


class TestFromPIIMiddleware:
    """From LangChain's own middleware, whose side runs as well."""

    @pytest.fixture
    def badges(self) -> Any:
        names: dict[str, Any] = {}
        for block in blocks(ROOT / "docs/migration" / PAGES[2]):
            exec(compile(block, PAGES[2], "exec"), names)
        return names["badges"]

    def test_the_model_sees_no_value_and_the_user_the_name(self, badges: Any) -> None:
        model = Calling(responses=["Dear [PERSON_1], thank you."])
        answer = run(migration(PAGES[2])[1], PAGES[2], model=model, tools=[look_up], badges=badges, text=TEXT)
        (asked,) = model.asked
        assert asked.startswith("[PERSON_1] ([EMAIL_ADDRESS], badge [BADGE#")
        assert asked.endswith("paid with ***************1111.")
        assert answer == "Dear Jane Doe, thank you."

    def test_what_it_replaces_lets_the_name_go(self) -> None:
        model = Calling(responses=["Dear Jane Doe, thank you."])
        answer = run(migration(PAGES[2])[0], PAGES[2], model=model, tools=[look_up], text=TEXT)
        (asked,) = model.asked
        assert asked.startswith("Jane Doe ([REDACTED_EMAIL], badge <badge_hash:")
        assert asked.endswith("paid with **** **** **** 1111.")
        assert answer == "Dear Jane Doe, thank you."

    def test_what_it_replaces_reads_the_last_message_of_the_user_alone(self) -> None:
        model = Calling(responses=["Noted."])
        messages = [("user", "First jane@example.com."), ("ai", "Yes."), ("user", "Last jane@example.com.")]
        run(migration(PAGES[2])[0], PAGES[2], model=model, tools=[look_up], text=messages)
        assert model.asked == ["First jane@example.com.\nYes.\nLast [REDACTED_EMAIL]."]
