"""What the pages say that no other test holds: options and defaults, who is linked, figures of the model."""

import ast
import inspect
import re
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel, ParrotFakeChatModel
from langchain_core.messages import AIMessageChunk
from langfuse.api import ScoreSource
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import StateUpdate

from langchain_secguard import Anonymizer, Deanonymizer, Vault
from langchain_secguard.detect import FunctionDetector, LLMGuardDetector, PresidioDetector
from langchain_secguard.middleware import protect_agent
from langchain_secguard.serve import Limits, Settings, add_secure_routes
from langchain_secguard.vault import RedisVaultStore, SQLVaultStore
from tests.integration.cookbook_support import Listening
from tests.integration.test_readme import ROOT, blocks


def options(page: str, heading: str) -> dict[str, list[str]]:
    """Return the cells beside each name in the table of options, or limits, below a heading of a page."""
    section = (ROOT / "docs" / page).read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    rows = re.split(r"^\| (?:option|limit) \| default \|.*\n\|[-|]+\n", section, flags=re.MULTILINE)[1]
    cells = [line.strip("|").split(" | ") for line in rows.split("\n\n")[0].splitlines()]
    return {name: beside for names, *beside in cells for name in re.findall(r"`(\w+)`", names)}


@pytest.mark.parametrize(
    ("page", "heading", "described", "elsewhere"),
    [
        ("pair.md", "## Anonymizer", Anonymizer, {"args", "name", "store", "vault"}),
        ("pair.md", "## Deanonymizer", Deanonymizer, {"args", "name", "store", "vault"}),
        ("detection.md", "## LLM Guard", LLMGuardDetector, set()),
        ("stores.md", "## Redis", RedisVaultStore, {"server"}),
        ("stores.md", "## SQLite and PostgreSQL", SQLVaultStore, {"database"}),
        ("serving.md", "## What is open, and what is not", add_secure_routes, {"app", "chain"}),
        ("serving.md", "## Limits", Limits, set()),
    ],
)
def test_options_and_their_defaults_are_those_of_the_code(
    page: str, heading: str, described: Any, elsewhere: set[str]
) -> None:
    told = options(page, heading)
    parameters = inspect.signature(described).parameters
    assert told.keys() == parameters.keys() - elsewhere
    for name, (default, *_) in told.items():
        if re.fullmatch(r"`[^`()]+`", default.strip()) and isinstance(
            parameters[name].default, bool | int | float | str
        ):
            assert ast.literal_eval(default.strip(" `")) == parameters[name].default, name
        elif default.strip() == "none":
            assert not parameters[name].default, name


def test_every_limit_can_be_set_in_the_environment() -> None:
    told = options("serving.md", "## Limits")
    for name, cells in told.items():
        (variable,) = re.findall(r"`(SECGUARD_\w+)`", cells[1])
        assert getattr(Settings.from_environment({variable: "7"}).limits, name) == 7
    assert told.keys() == {field.name for field in fields(Limits)}


NAMES = [
    "Jane Doe",
    "John Doe",
    "Jane Mary Doe",
    "Jane Doe Jr",
    "Doe, Jane",
    "J. Doe",
    "Janey",
    "Doe",
    "Jane",
]


def whole_names(text: str) -> list[tuple[int, int, str]]:
    """Mark names as they stand in the table of docs/pair.md, the longest first."""
    longest = "|".join(map(re.escape, sorted(NAMES, key=len, reverse=True)))
    return [(*match.span(), "PERSON") for match in re.finditer(rf"\b(?:{longest})\b", text, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("later", "linked"),
    [
        ("Doe won.", True),
        ("Jane won.", True),
        ("Ms. Doe won.", True),
        ("Dr. Doe won.", True),
        ("Dr. Jane Doe won.", True),
        ("Jane Doe, Esq., won.", True),
        ("JANE DOE won.", True),
        ("Jane Doe's case.", True),
        ("Jane\nDoe won.", True),
        ("Mr. Doe won.", False),
        ("Mr. and Mrs. Doe won.", False),
        ("Judge Doe and Dr. Doe won.", False),
        ("J. Doe won.", False),
        ("Janey won.", False),
        ("Jane Mary Doe won.", False),
        ("Doe, Jane, won.", False),
        ("Jane Doe Jr. won.", False),
        ("John Doe and Doe won.", False),
    ],
)
def test_names_are_linked_as_the_table_says(later: str, linked: bool) -> None:
    anonymizer = Anonymizer(detector=FunctionDetector(whole_names), vault=Vault())
    hidden = anonymizer.invoke(f"Jane Doe sued. {later}")
    assert hidden.startswith("[PERSON_1] sued. ")
    assert ("[PERSON_1" in hidden[17:]) is linked
    assert Deanonymizer(vault=anonymizer.vault).invoke(hidden) == f"Jane Doe sued. {later}"


@pytest.mark.parametrize(
    ("text", "context", "threshold", "hidden"),
    [
        ("so 123456789", [], 0.4, False),
        ("passport 123456789", [], 0.5, False),
        ("passport 123456789", [], 0.4, True),
        ("so 123456789", ["passport"], 0.4, True),
    ],
)
def test_presidios_passports_are_hidden_from_the_threshold_on_that_the_page_says(
    text: str, context: list[str], threshold: float, hidden: bool
) -> None:
    detector = PresidioDetector(context=context)
    anonymizer = Anonymizer(detector=detector, threshold=threshold, vault=Vault())
    assert ("[US_PASSPORT_1]" in anonymizer.invoke(text)) is hidden


class TestStart:
    """The five minutes, for somebody without a key."""

    def test_run_with_a_model_that_repeats(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        names: dict[str, Any] = {"ParrotFakeChatModel": ParrotFakeChatModel}
        for block in blocks(ROOT / "docs/start.md"):
            code = block.replace('ChatOpenAI(model="gpt-4o-mini")', "ParrotFakeChatModel()")
            exec(compile(code, "start.md", "exec"), names)
        shown = capsys.readouterr().out
        assert shown.count("I am Jane Doe, jane@example.com. My card 4111 1111 1111 1111 was") == 2
        assert "I am [PERSON_1], [EMAIL_ADDRESS_1]. My card [CREDIT_CARD_1] was charged twice." in shown


class TestAgents:
    """Ways to a protected graph that the page names."""

    @pytest.fixture
    def graph(self) -> Any:
        model = FakeListChatModel(responses=["Dear [PERSON_1]"])
        builder = StateGraph(MessagesState)
        builder.add_node("answer", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_edge(START, "answer")
        return protect_agent(builder.compile(checkpointer=InMemorySaver()))

    def test_the_pair_around_an_agent_without_a_checkpointer(self) -> None:
        model = Listening(responses=["Dear [PERSON_1]"])
        chain = Anonymizer() | create_agent(model) | Deanonymizer()
        config: Any = {"configurable": {"vault_id": "around"}}
        answer = chain.invoke({"messages": [("user", "I am Jane Doe.")]}, config)["messages"]
        assert [message.text for message in answer] == ["I am Jane Doe.", "Dear Jane Doe"]
        assert model.asked == ["I am [PERSON_1]."]

    def test_tokens_of_a_graph_are_restored_outside(self) -> None:
        model = FakeListChatModel(responses=["Dear [PERSON_1]!"])
        builder = StateGraph(MessagesState)
        builder.add_node("hide", Anonymizer())
        builder.add_node("answer", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_edge(START, "hide")
        builder.add_edge("hide", "answer")
        config: Any = {"configurable": {"thread_id": "outside"}}
        asked: Any = {"messages": [("user", "I am Jane Doe.")]}
        tokens = builder.compile().stream(asked, config, stream_mode="messages")
        shown = list(Deanonymizer().transform((chunk for chunk, _ in tokens), config))
        said = [message.text for message in shown if isinstance(message, AIMessageChunk)]
        assert "".join(said) == "Dear Jane Doe!"
        assert len(said) > 1
        assert "PERSON" not in str([message.text for message in shown])

    @pytest.mark.parametrize("version", ["v1", "v3"])
    async def test_events_of_another_version_are_refused(self, graph: Any, version: Any) -> None:
        config = {"configurable": {"thread_id": "1"}}
        with pytest.raises(NotImplementedError):
            async for _ in graph.astream_events({"messages": "I am Jane Doe"}, config, version=version):
                pass
        with pytest.raises(NotImplementedError):
            graph.stream_events({"messages": "I am Jane Doe"}, config, version=version)

    def test_a_checkpointer_keeps_no_value_of_an_update_in_bulk(self, graph: Any) -> None:
        config: Any = {"configurable": {"thread_id": "1"}}
        update = {"messages": [("user", "I am Jane Doe.")]}
        graph.bulk_update_state(config, [[StateUpdate(update, START)]])
        assert graph.get_state(config).values["messages"][0].text == "I am Jane Doe."
        assert graph.agent.get_state(config).values["messages"][0].text == "I am [PERSON_1]."


def test_the_model_is_as_large_as_its_card_says() -> None:
    path = ROOT / "langchain_secguard/detect/data/names.npz"
    card = (ROOT / "docs/model-card.md").read_text(encoding="utf-8")
    with np.load(path, allow_pickle=False) as file:
        words, places = (bytes(file[name]).count(b"\n") + 1 for name in ("words", "places"))
        vectors, reach, width = len(file["vectors.weight"]), sum(file["early"]), len(file["place.bias"])
        assert {str(file[name].dtype) for name in file if name.endswith("weight")} == {"int8"}
    assert f"8-bit weights, {words // 1000},000 words ({vectors // 1000},000 with a vector)" in card
    assert f"{round(places, -3):,} places of several words take {path.stat().st_size / 1e6:.1f} MB" in card
    assert f"one vector of {width} numbers" in card
    assert f"look up to {reach} words to each side" in " ".join(card.split())


def test_scores_have_the_sources_that_dashboards_compare() -> None:
    page = (ROOT / "docs/tracing.md").read_text(encoding="utf-8")
    for source in ("API", "ANNOTATION", "EVAL"):
        assert ScoreSource(source).value == source
        assert f"`{source}`" in page


PEERS = {
    "langchain-secguard": ["langchain-secguard 0.1.0"],
    "LLM Guard, exact matching": ["LLM Guard, exact 0.3.16"],
    "LLM Guard, fuzzy matching": ["LLM Guard, fuzzy 0.3.16"],
    "`PresidioReversibleAnonymizer`, fakes or labels": [
        "PresidioReversibleAnonymizer, fakes 0.4.2",
        "PresidioReversibleAnonymizer, labels 0.4.2",
    ],
    "piighost 2.1.1": ["piighost 2.1.1"],
    "maskflow-langchain 0.1.1": ["maskflow-langchain 0.1.1"],
}
"""The rows of the README's last table, and those of the benchmark's page that they repeat."""


def row(text: str, first: str) -> list[str]:
    """Return the cells behind the one that a row begins with."""
    (line,) = (
        line for line in text.splitlines() if re.match(rf"\| {re.escape(first)} \| (0|\d+(\.\d)?%)", line)
    )
    return [cell.strip() for cell in line.strip("| ").split(" | ")[1:]]


@pytest.mark.parametrize("name", PEERS)
def test_the_figures_of_the_readme_are_those_of_the_benchmark(name: str) -> None:
    told = row((ROOT / "README.md").read_text(encoding="utf-8"), name)
    page = (ROOT / "docs/benchmark.md").read_text(encoding="utf-8")
    measured = [row(page, peer) for peer in PEERS[name]]

    def share(cells: list[str], column: int) -> str:
        found = re.search(r"\((\d+)\)", cells[column])
        return f"{100 * int(found[1]) / int(cells[4]):.0f}%" if found else "0"

    for shown, column in zip(told, (0, 1, 3), strict=False):
        assert shown == ", ".join(dict.fromkeys(share(cells, column) for cells in measured))
    assert {told[3]} == {cells[6] for cells in measured}


def costs() -> dict[str, list[float]]:
    """Read the table of what tools cost, in milliseconds."""
    page = (ROOT / "docs/benchmark.md").read_text(encoding="utf-8")
    _, _, table = page.partition("## What hiding and restoring cost")
    lines = [
        line.strip("| ").split(" | ") for line in table.split("\n## ")[0].splitlines() if "of 120 |" in line
    ]
    return {
        name: [
            float(number) / (1_000 if unit == "\u00b5s" else 1)
            for number, unit in re.findall(r"\(([\d.]+) (\u00b5s|ms)\)", " ".join(cells))
        ]
        for name, *cells in lines
    }


def test_what_the_readme_says_of_speed_is_on_the_page() -> None:
    ours, *theirs = costs().values()
    many = [one[2] + one[3] for one in theirs]
    late = [one[5] for one in theirs]
    hides = sorted(
        ours[0] / cost[0] for name, cost in costs().items() if name in ("piighost", "maskflow-langchain")
    )
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"took {ours[2] + ours[3]:.1f} ms here and {min(many):.1f} to {max(many):.0f} ms with the others; "
        f"turn 100 of a chat took {ours[5]:.0f} ms, and {min(late):.0f} to {max(late):.0f} ms."
    ) in readme
    assert [round(ratio) for ratio in hides] == [2, 5]
    assert round(ours[1] / costs()["LLM Guard, exact"][1]) == 4


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"])
def test_links_beside_the_site_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        headings = (
            re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            if anchor
            else []
        )
        anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target


def test_the_files_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("The layout follows")[1]
    named = re.findall(r"`(\w+(?:\.py|/))`", text)
    assert len(named) > 15
    assert [one for one in named if not (ROOT / "langchain_secguard" / one).exists()] == []
