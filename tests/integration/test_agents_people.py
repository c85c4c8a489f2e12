"""A person in the loop sees values, answers with values, and leaves none in the state."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from packaging.version import Version
from pydantic import BaseModel, ValidationError

from langchain_secguard.middleware import areveal, reveal
from tests.integration.agent_support import (
    ANSWER,
    ASKED,
    INVOKES,
    STREAM_MODES,
    STREAMS,
    VALUES,
    Checkpoints,
    config,
    desk,
    mail,
)
from tests.integration.scripted_model import call

OTHER = 'Zoë "Zed" O\'Hara'
MODES = [
    "batched",
    pytest.param(
        "per_call",
        marks=pytest.mark.skipif(
            Version(version("langchain")) < Version("1.4.6"), reason="LangChain asked of all calls at once"
        ),
    ),
]
shaped = pytest.mark.skipif(
    Version(version("langgraph")) < Version("1.2.12"), reason="LangGraph had no shape for an answer"
)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path)


def reviewed(saver: Any, mode: Any = "batched", **options: Any) -> Any:
    asking: Any = {} if mode == "batched" else {"interrupt_mode": mode}
    review = HumanInTheLoopMiddleware(interrupt_on={"send_mail": True}, **asking)
    return desk(saver, before=[review], **options)


def edit(to: str) -> dict[str, Any]:
    return {
        "type": "edit",
        "edited_action": {"name": "send_mail", "args": {"to": to, "body": f"Dear {OTHER}"}},
    }


class TestReview:
    @pytest.mark.parametrize("way", INVOKES)
    def test_shows_values_to_the_person(self, way: str) -> None:
        agent, _, mailer = reviewed(InMemorySaver())
        [asked] = INVOKES[way](agent, {"messages": ASKED}, config())["__interrupt__"]
        [request] = asked.value["action_requests"]
        assert request["name"] == "send_mail"
        assert request["args"] == {"to": "jane.doe@example.com", "body": "Dear Jane Doe"}
        assert "PERSON_" not in repr(asked)
        assert mailer.seen == []
        INVOKES[way](agent, Command(resume={"decisions": [{"type": "approve"}]}), config())
        assert mailer.seen == [("jane.doe@example.com", "Dear Jane Doe")]

    @pytest.mark.parametrize("mode", MODES)
    def test_takes_values_from_the_person_and_keeps_none(self, mode: str, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, model, mailer = reviewed(saver, mode)
            [asked] = agent.invoke({"messages": ASKED}, config())["__interrupt__"]
            assert agent.get_state(config()).interrupts[0].value == asked.value
            assert not any(checkpoints.holds(value) for value in VALUES)
            answer = edit("jane.doe@example.com")
            resume = {"decisions": [answer]} if mode == "batched" else {asked.id: answer}
            agent.invoke(Command(resume=resume), config())
        assert mailer.seen == [("jane.doe@example.com", f"Dear {OTHER}")]
        assert not any(checkpoints.holds(value) or model.saw(value) for value in VALUES)

    @pytest.mark.parametrize(
        ("decision", "told"),
        [
            ({"type": "reject", "message": f"Ask {OTHER} first."}, "Ask [PERSON_2] first."),
            ({"type": "respond", "message": f"{OTHER} has it."}, "[PERSON_2] has it."),
        ],
    )
    @pytest.mark.parametrize("mode", MODES)
    def test_tells_the_model_what_the_person_said(
        self, mode: str, decision: Any, told: str, checkpoints: Checkpoints
    ) -> None:
        with checkpoints.saver() as saver:
            agent, model, mailer = reviewed(saver, mode, script=[mail(), "Well, [PERSON_2]."])
            agent.invoke({"messages": ASKED}, config())
            resume = {"decisions": [decision]} if mode == "batched" else decision
            last = agent.invoke(Command(resume=resume), config())["messages"][-1]
        assert last.text == f"Well, {OTHER}."
        assert model.last().endswith(told)
        assert mailer.seen == []
        assert not any(checkpoints.holds(value) or model.saw(value) for value in VALUES)

    @pytest.mark.parametrize("way", STREAMS)
    @pytest.mark.parametrize("mode", STREAM_MODES)
    def test_streams_in_every_mode(self, mode: str, way: str) -> None:
        agent, model, mailer = reviewed(InMemorySaver())
        first = STREAMS[way](agent, {"messages": ASKED}, config(), stream_mode=mode)
        again = STREAMS[way](agent, Command(resume={"decisions": [edit("x")]}), config(), stream_mode=mode)
        assert "PERSON_" not in repr((first, again))
        if mode in ("values", "updates", "tasks", "checkpoints", "debug"):
            assert "Dear Jane Doe" in repr(first)
        assert mailer.seen == [("x", f"Dear {OTHER}")]
        assert not any(model.saw(value) for value in VALUES)


class Choice(BaseModel):
    who: str


def asking(*, shown: bool = True, **options: Any) -> Any:
    @tool
    def ask(about: str) -> str:
        """Ask a person."""
        answer = interrupt({"question": f"Who is to know of {about}?"}, **options)
        answer = reveal(answer) if shown else answer
        heard.append((about, answer))
        return f"{answer} is to know of {about}"

    heard: list[tuple[str, Any]] = []
    return ask, heard


class TestToolsThatAsk:
    SCRIPT = (call("ask", about="[PERSON_1]"), "So [PERSON_2] will know, [PERSON_1].")

    def test_ask_with_values_and_are_answered_with_values(self, checkpoints: Checkpoints) -> None:
        ask, heard = asking()
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver, tools=[ask], script=self.SCRIPT)
            [asked] = agent.invoke({"messages": ASKED}, config())["__interrupt__"]
            assert asked.value == {"question": "Who is to know of Jane Doe?"}
            last = agent.invoke(Command(resume=OTHER), config())["messages"][-1]
        assert heard == [("Jane Doe", OTHER)]
        assert last.text == f"So {OTHER} will know, Jane Doe."
        assert model.last() == "[PERSON_2] is to know of [PERSON_1]"
        assert not any(checkpoints.holds(value) or model.saw(value) for value in VALUES)

    def test_see_placeholders_where_they_do_not_reveal_the_answer(self) -> None:
        ask, heard = asking(shown=False)
        agent, _, _ = desk(InMemorySaver(), tools=[ask], script=self.SCRIPT)
        agent.invoke({"messages": ASKED}, config())
        agent.invoke(Command(resume=OTHER), config())
        assert heard == [("Jane Doe", "[PERSON_2]")]

    @shaped
    def test_are_answered_again_after_an_answer_of_another_shape(self, checkpoints: Checkpoints) -> None:
        ask, heard = asking(response_schema=Choice)
        with checkpoints.saver() as saver:
            agent, _, _ = desk(saver, tools=[ask], script=self.SCRIPT)
            agent.invoke({"messages": ASKED}, config())
            with pytest.raises(ValidationError):
                agent.invoke(Command(resume={"whom": OTHER}), config())
            agent.invoke(Command(resume={"who": OTHER}), config())
        assert heard == [("Jane Doe", Choice(who=OTHER))]
        assert not any(checkpoints.holds(value) for value in VALUES)

    def test_reveal_in_async_code_and_only_what_the_tool_may_have(self) -> None:
        @tool
        async def ask(about: str) -> str:
            """Ask a person."""
            heard.append(await areveal(interrupt("Who?")))
            return "asked"

        heard: list[str] = []
        types = {"ask": ["EMAIL_ADDRESS"]}
        agent, _, _ = desk(InMemorySaver(), tools=[ask], script=self.SCRIPT, tool_entity_types=types)

        async def run() -> None:
            await agent.ainvoke({"messages": ASKED}, config())
            await agent.ainvoke(Command(resume=f"{OTHER}, jane.doe@example.com"), config())

        asyncio.run(run())
        assert heard == ["[PERSON_2], jane.doe@example.com"]

    def test_reveal_is_for_tools(self) -> None:
        with pytest.raises(RuntimeError, match="AnonymizeMiddleware"):
            reveal("[PERSON_1]")


class TestBreakpoints:
    def test_a_run_goes_on_where_it_was_stopped(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, _, mailer = desk(saver, interrupt_before=["tools"])
            agent.invoke({"messages": ASKED}, config())
            assert agent.get_state(config()).next == ("tools",)
            agent.invoke(None, config())
        assert mailer.seen == [("jane.doe@example.com", "Dear Jane Doe")]
        assert ANSWER.encode() in checkpoints.held()
        assert not any(checkpoints.holds(value) for value in VALUES)
