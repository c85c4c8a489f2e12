"""The trace of an agent shows its steps, and no value: not of its user, its tools, or their errors."""

import asyncio
from typing import Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_secguard import Guard, ToolCallError
from langchain_secguard.middleware import GuardMiddleware
from langchain_secguard.scan import FunctionScanner
from langchain_secguard.tracing import LangfuseHandler, Mask
from tests.integration.agent_support import ANSWER, ASKED, RESTORED, VALUES, config, desk, mail
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.scripted_model import call
from tests.integration.test_agents_nested import Team
from tests.support import LexiconDetector, spellings

pytestmark = pytest.mark.loopback

OTHER = 'Zoë "Zed" O\'Hara'


@pytest.fixture
def handler(langfuse: LangfuseServer) -> LangfuseHandler:
    # What a tool gives is known when it is hidden; the mask's own detector finds nothing.
    return LangfuseHandler(public_key="pk-test", mask=Mask(detector=LexiconDetector({"nobody": "PERSON"})))


def traced(handler: LangfuseHandler, thread_id: str = "thread-1") -> Any:
    return {**config(thread_id), "callbacks": [handler]}


def leaks(langfuse: LangfuseServer) -> list[str]:
    return [value for value in VALUES if any(langfuse.saw(spelling) for spelling in spellings(value))]


def ainvoke(agent: Any, given: Any, configured: Any) -> Any:
    return asyncio.run(agent.ainvoke(given, configured))


def invoke(agent: Any, given: Any, configured: Any) -> Any:
    return agent.invoke(given, configured)


def stream(agent: Any, given: Any, configured: Any) -> Any:
    return list(agent.stream(given, configured, stream_mode=["messages", "values"]))


def astream(agent: Any, given: Any, configured: Any) -> Any:
    async def run() -> list[Any]:
        return [chunk async for chunk in agent.astream(given, configured, stream_mode="messages")]

    return asyncio.run(run())


WAYS = [invoke, ainvoke, stream, astream]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
class TestOneRun:
    def test_no_value_leaves(self, way: Any, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        agent, _, _ = desk(InMemorySaver())
        way(agent, {"messages": ASKED}, traced(handler))
        handler.flush()
        assert leaks(langfuse) == []
        assert langfuse.saw("[PERSON_1]")

    def test_the_steps_stand_in_one_tree_as_guardrails(
        self, way: Any, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        agent, _, _ = desk(InMemorySaver())
        way(agent, {"messages": ASKED}, traced(handler))
        handler.flush()
        [tree] = langfuse.trees()
        [root] = tree.values()
        assert set(root) == {"Anonymizer", "LangGraph", "Deanonymizer"}
        kinds = {one.name: one.get("type") for one in langfuse.observations}
        assert kinds["Anonymizer"] == kinds["Deanonymizer"] == "guardrail"
        assert kinds["send_mail"] == "tool"
        assert {score.name for score in langfuse.scores} >= {"Anonymizer.risk", "verdict"}

    def test_an_error_of_a_tool_is_traced_without_its_text(
        self, way: Any, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        @tool
        def fail(to: str) -> str:
            """Fail."""
            raise KeyError(f"no such user: {to}, {to!r}, jane.doe@example.com")

        agent, _, _ = desk(InMemorySaver(), script=[call("fail", to="[PERSON_1]"), ANSWER], tools=[fail])
        with pytest.raises(ToolCallError):
            way(agent, {"messages": ASKED}, traced(handler))
        handler.flush()
        assert leaks(langfuse) == []
        assert langfuse.saw("ToolCallError") or langfuse.saw("The tool fail failed with KeyError")

    def test_agents_in_agents_leave_no_value(
        self, way: Any, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        team = Team(InMemorySaver(), ask="aask_clerk" if way in (ainvoke, astream) else "ask_clerk")
        way(team.agent, {"messages": ASKED}, traced(handler))
        handler.flush()
        assert leaks(langfuse) == []
        assert len(langfuse.trees()) == 1

    def test_what_a_person_decides_leaves_no_value(
        self, way: Any, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        review = HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})
        agent, _, mailer = desk(InMemorySaver(), before=[review])
        way(agent, {"messages": ASKED}, traced(handler))
        action = {"name": "send_mail", "args": {"to": "jane.doe@example.com", "body": f"Dear {OTHER}"}}
        resume: Command[Any] = Command(resume={"decisions": [{"type": "edit", "edited_action": action}]})
        way(agent, resume, traced(handler))
        handler.flush()
        assert mailer.seen == [("jane.doe@example.com", f"Dear {OTHER}")]
        assert leaks(langfuse) == []


def test_the_user_of_a_traced_agent_gets_values(langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
    agent, _, _ = desk(InMemorySaver())
    assert agent.invoke({"messages": ASKED}, traced(handler))["messages"][-1].text == RESTORED
    handler.flush()


def test_guards_are_scored(langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
    def polite(text: str) -> float:
        return 0.1

    guard = Guard(scanners=[FunctionScanner(polite)])
    agent, _, _ = desk(
        InMemorySaver(), before=[GuardMiddleware(prompts=guard, answers=guard)], script=[mail(), ANSWER]
    )
    agent.invoke({"messages": ASKED}, traced(handler))
    handler.flush()
    assert leaks(langfuse) == []
    assert {"polite.risk", "polite.valid"} <= {score.name for score in langfuse.scores}
    assert "Guard" in {one.name for one in langfuse.observations if one.get("type") == "guardrail"}
