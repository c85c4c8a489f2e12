"""Agents in agents, as tools and as nodes; the pair as nodes of a graph; structured answers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from langchain_secguard import Anonymizer, Deanonymizer, UnprotectedStateError
from langchain_secguard.middleware import AnonymizeMiddleware, protect_agent
from tests.integration.agent_support import (
    ASKED,
    INVOKES,
    STREAMS,
    VALUES,
    Checkpoints,
    anonymizer,
    config,
    desk,
)
from tests.integration.scripted_model import ScriptedModel, call

OTHER = 'Zoë "Zed" O\'Hara'


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path)


class Team:
    """An agent whose tool is another agent, both with the same pair."""

    def __init__(self, saver: Any, *, inner: Any = None, protected: bool = True, **options: Any) -> None:
        self.hiding = anonymizer()
        self.secure = AnonymizeMiddleware(anonymizer=self.hiding)
        answer = "[PERSON_1] has account AC-9911-X".replace("AC-9911-X", "[ACCOUNT_1]")
        self.inner_model = ScriptedModel(script=inner or [call("look_up", of="[PERSON_1]"), answer])
        self.looked_up: list[str] = []

        @tool
        def look_up(of: str) -> str:
            """Look an account up."""
            self.looked_up.append(of)
            return f"AC-9911-X, kept by {OTHER}"

        clerk: Any = create_agent(self.inner_model, [look_up], middleware=[self.secure], name="clerk")
        if protected:
            clerk = self.secure.protect(clerk)

        @tool
        def ask_clerk(question: str) -> str:
            """Ask the clerk."""
            said: str = clerk.invoke({"messages": question})["messages"][-1].text
            return said

        @tool
        async def aask_clerk(question: str) -> str:
            """Ask the clerk."""
            said: str = (await clerk.ainvoke({"messages": question}))["messages"][-1].text
            return said

        script = [
            call(options.pop("ask", "ask_clerk"), question="Account of [PERSON_1]?"),
            "It is [ACCOUNT_1].",
        ]
        self.agent, self.model, _ = desk(
            saver, anonymizer=self.hiding, tools=[ask_clerk, aask_clerk], script=script, **options
        )


class TestAgentsAsTools:
    @pytest.mark.parametrize("way", INVOKES)
    def test_share_the_vault_and_see_placeholders(self, way: str) -> None:
        team = Team(InMemorySaver(), ask="ask_clerk" if way == "invoke" else "aask_clerk")
        last = INVOKES[way](team.agent, {"messages": ASKED}, config())["messages"][-1]
        assert last.text == "It is AC-9911-X."
        assert team.looked_up == ["Jane Doe"]
        assert team.inner_model.sent[0][-1].text == "Account of [PERSON_1]?"
        assert team.model.last() == "[PERSON_1] has account [ACCOUNT_1]"
        assert not any(team.model.saw(value) or team.inner_model.saw(value) for value in VALUES)

    def test_leave_no_value_in_the_checkpointer(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            Team(saver).agent.invoke({"messages": ASKED}, config())
        assert not any(checkpoints.holds(value) for value in VALUES)

    @pytest.mark.parametrize("way", STREAMS)
    @pytest.mark.parametrize("mode", ["values", "updates", "messages", "tasks", "debug"])
    def test_stream_with_subgraphs(self, mode: str, way: str) -> None:
        team = Team(InMemorySaver(), ask="ask_clerk" if way == "stream" else "aask_clerk")
        chunks = STREAMS[way](team.agent, {"messages": ASKED}, config(), stream_mode=mode, subgraphs=True)
        assert "PERSON_" not in repr(chunks)
        assert {len(chunk[0]) for chunk in chunks} >= {0, 1}

    def test_that_are_not_protected_are_refused(self) -> None:
        team = Team(InMemorySaver(), protected=False)
        with pytest.raises(UnprotectedStateError):
            team.agent.invoke({"messages": ASKED}, config())
        assert team.inner_model.sent == []

    def test_that_may_have_no_values_need_no_protection(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            plain = ScriptedModel(script=["Of [PERSON_1] I know nothing."])
            clerk: Any = create_agent(plain)

            @tool
            def ask_clerk(question: str) -> str:
                """Ask the clerk."""
                said: str = clerk.invoke({"messages": question})["messages"][-1].text
                return said

            script = [call("ask_clerk", question="Account of [PERSON_1]?"), "Nothing, [PERSON_1]."]
            agent, model, _ = desk(saver, tools=[ask_clerk], script=script, tool_entity_types={})
            messages = agent.invoke({"messages": ASKED}, config())["messages"]
        assert plain.sent[0][-1].text == "Account of [PERSON_1]?"
        assert model.last() == "Of [PERSON_1] I know nothing."
        assert [message.text for message in messages[2:]] == [
            "Of Jane Doe I know nothing.",
            "Nothing, Jane Doe.",
        ]
        assert not any(checkpoints.holds(value) for value in VALUES)

    def test_ask_a_person_through_the_outer_agent(self, checkpoints: Checkpoints) -> None:
        @tool
        def confirm(of: str) -> str:
            """Confirm."""
            answer = interrupt({"question": f"Tell about {of} and {OTHER}?"})
            return f"The person says {answer}"

        secure = AnonymizeMiddleware(anonymizer=(hiding := anonymizer()))
        inner = ScriptedModel(script=[call("confirm", of="[PERSON_1]"), "Yes for [PERSON_1]."])
        clerk = secure.protect(create_agent(inner, [confirm], middleware=[secure], name="clerk"))

        @tool
        def ask_clerk(question: str) -> str:
            """Ask the clerk."""
            said: str = clerk.invoke({"messages": question})["messages"][-1].text
            return said

        script = [call("ask_clerk", question="May [PERSON_1]?"), "Confirmed, [PERSON_1]."]
        with checkpoints.saver() as saver:
            agent, _, _ = desk(saver, anonymizer=hiding, tools=[ask_clerk], script=script)
            [asked] = agent.invoke({"messages": ASKED}, config())["__interrupt__"]
            assert asked.value == {"question": f"Tell about Jane Doe and {OTHER}?"}
            last = agent.invoke(Command(resume="yes, Jane Doe"), config())["messages"][-1]
        assert last.text == "Confirmed, Jane Doe."
        assert inner.last() == "The person says yes, [PERSON_1]"
        assert not any(checkpoints.holds(value) for value in VALUES)

    async def test_events_of_both(self) -> None:
        team = Team(InMemorySaver(), ask="aask_clerk")
        events = [event async for event in team.agent.astream_events({"messages": ASKED}, config())]
        shown = [event for event in events if event["name"] not in ("Anonymizer", "Deanonymizer")]
        assert "PERSON_" not in repr(shown)


class TestAgentsAsNodes:
    @pytest.mark.parametrize("way", INVOKES)
    def test_one_protection_is_enough(self, way: str, checkpoints: Checkpoints) -> None:
        secure = AnonymizeMiddleware(anonymizer=anonymizer())
        model = ScriptedModel(script=["Hello [PERSON_1]."])
        clerk = create_agent(model, middleware=[secure], name="clerk")
        graph = StateGraph(MessagesState)
        graph.add_node("clerk", clerk)
        graph.add_edge(START, "clerk")
        with checkpoints.saver() as saver:
            made: Any = saver if way == "invoke" else InMemorySaver()
            agent = secure.protect(graph.compile(checkpointer=made))
            messages = INVOKES[way](agent, {"messages": [HumanMessage(ASKED)]}, config())["messages"]
            saver.setup()
        assert messages[-1].text == "Hello Jane Doe."
        assert not any(model.saw(value) or checkpoints.holds(value) for value in VALUES)


class Person(BaseModel):
    name: str
    account: str
    aliases: list[str] = []


class TestStructuredAnswers:
    ARGS: ClassVar[dict[str, Any]] = {
        "name": "[PERSON_1]",
        "account": "[EMAIL_ADDRESS_1]",
        "aliases": ["[PERSON_1]"],
    }

    @pytest.mark.parametrize("way", INVOKES)
    @pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
    def test_are_restored(self, strategy: Any, way: str) -> None:
        person = Person(**self.ARGS)
        answer = call("Person", **self.ARGS) if strategy is ToolStrategy else person.model_dump_json()
        agent, _, _ = desk(InMemorySaver(), script=[answer], response_format=strategy(Person))
        state = INVOKES[way](agent, {"messages": ASKED}, config())
        wanted = Person(name="Jane Doe", account="jane.doe@example.com", aliases=["Jane Doe"])
        assert state["structured_response"] == wanted
        assert agent.agent.get_state(config()).values["structured_response"] == person
        assert "PERSON_" not in repr(state)

    def test_leave_no_value_in_the_checkpointer(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, model, _ = desk(
                saver, script=[call("Person", **self.ARGS)], response_format=ToolStrategy(Person)
            )
            agent.invoke({"messages": ASKED}, config())
        assert not any(model.saw(value) or checkpoints.holds(value) for value in VALUES)

    def test_that_do_not_fit_are_asked_for_again(self) -> None:
        script = [call("Person", name="[PERSON_1]"), call("Person", **self.ARGS)]
        agent, model, _ = desk(script=script, response_format=ToolStrategy(Person))
        assert agent.invoke({"messages": ASKED}, config())["structured_response"].name == "Jane Doe"
        assert not any(model.saw(value) for value in VALUES)
        assert isinstance(model.sent[-1][-1], ToolMessage)


class Case(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: dict[str, Any]
    person: Person


Build = Callable[[Any], Any]


def answer(state: Any) -> Any:
    return {"messages": [AIMessage(f"You said: {state['messages'][-1].text}")]}


class TestTheWrapperAroundAnyGraph:
    @pytest.mark.parametrize("way", INVOKES)
    def test_every_channel_is_hidden(self, way: str, checkpoints: Checkpoints) -> None:
        seen: list[Any] = []

        def work(state: Case) -> Any:
            seen.append(state)
            return {**answer(state), "notes": {"of": f"{state['person'].name} again"}}

        graph = StateGraph(Case)
        graph.add_node("work", work)
        graph.add_edge(START, "work")
        with checkpoints.saver() as saver:
            made: Any = saver if way == "invoke" else InMemorySaver()
            agent = protect_agent(graph.compile(checkpointer=made), anonymizer=anonymizer())
            given = {
                "messages": [HumanMessage(ASKED)],
                "notes": {"of": ["Jane Doe"]},
                "person": Person(name="Jane Doe", account="AC-9911-X"),
            }
            state = INVOKES[way](agent, given, config())
            saver.setup()
        assert not any(value in repr(seen) or checkpoints.holds(value) for value in VALUES)
        assert state["notes"] == {"of": "Jane Doe again"}
        assert state["person"] == given["person"]
        assert state["messages"][-1].text == f"You said: {ASKED}"

    def test_what_is_sent_to_nodes_is_hidden(self, checkpoints: Checkpoints) -> None:
        seen: list[Any] = []
        graph = StateGraph(MessagesState)

        def work(state: MessagesState) -> Any:
            seen.append(state)
            return answer(state)

        graph.add_node("work", work)
        graph.add_edge(START, END)
        with checkpoints.saver() as saver:
            agent = protect_agent(graph.compile(checkpointer=saver), anonymizer=anonymizer())
            agent.invoke({"messages": [HumanMessage("Hi.")]}, config())
            go: Command[Any] = Command(goto=[Send("work", {"messages": [HumanMessage(ASKED)]})])
            messages = agent.invoke(go, config())["messages"]
        assert messages[-1].text == f"You said: {ASKED}"
        assert not any(value in repr(seen) or checkpoints.holds(value) for value in VALUES)

    def test_retries_keep_placeholders(self, checkpoints: Checkpoints) -> None:
        tried: list[str] = []

        def work(state: MessagesState) -> Any:
            tried.append(state["messages"][-1].text)
            if len(tried) < 3:
                raise ConnectionError(f"no answer to {state['messages'][-1].text}")
            return answer(state)

        graph = StateGraph(MessagesState)
        graph.add_node("work", work, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
        graph.add_edge(START, "work")
        with checkpoints.saver() as saver:
            agent = protect_agent(graph.compile(checkpointer=saver), anonymizer=anonymizer())
            agent.invoke({"messages": [HumanMessage(ASKED)]}, config())
        assert len(set(tried)) == 1
        assert not any(value in repr(tried) or checkpoints.holds(value) for value in VALUES)

    def test_a_run_that_failed_goes_on_with_its_placeholders(self, checkpoints: Checkpoints) -> None:
        tried: list[str] = []

        def work(state: MessagesState) -> Any:
            tried.append(state["messages"][-1].text)
            if len(tried) == 1:
                raise ConnectionError(f"no answer to {state['messages'][-1].text}")
            return answer(state)

        graph = StateGraph(MessagesState)
        graph.add_node("work", work)
        graph.add_edge(START, "work")
        with checkpoints.saver() as saver:
            agent = protect_agent(graph.compile(checkpointer=saver), anonymizer=anonymizer())
            with pytest.raises(ConnectionError):
                agent.invoke({"messages": [HumanMessage(ASKED)]}, config())
            assert agent.invoke(None, config())["messages"][-1].text == f"You said: {ASKED}"
        assert tried[0] == tried[1]
        assert not any(checkpoints.holds(value) for value in VALUES)


class TestThePairAsNodes:
    """The vault is the thread's, but what the graph is given is kept as it is."""

    def graph(self, model: Any) -> Any:
        hiding = anonymizer()
        graph = StateGraph(MessagesState)
        graph.add_node("hide", hiding | (lambda state: {"messages": state["messages"]}))
        graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.add_node("restore", Deanonymizer(store=hiding.store))
        graph.add_edge(START, "hide")
        graph.add_edge("hide", "model")
        graph.add_edge("model", "restore")
        return graph

    @pytest.mark.parametrize("way", INVOKES)
    def test_the_model_sees_placeholders_and_the_thread_names_the_vault(self, way: str) -> None:
        model = ScriptedModel(script=["Hello [PERSON_1]."])
        agent = self.graph(model).compile()
        messages = INVOKES[way](agent, {"messages": [HumanMessage(ASKED)]}, config())["messages"]
        assert messages[-1].text == "Hello Jane Doe."
        assert not any(model.saw(value) for value in VALUES)

    def test_the_checkpointer_keeps_what_the_nodes_were_given(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent = self.graph(ScriptedModel(script=["Hello [PERSON_1]."])).compile(checkpointer=saver)
            agent.invoke({"messages": [HumanMessage(ASKED)]}, config())
        assert checkpoints.holds("Jane Doe")  # why the wrapper exists


def test_a_deanonymizer_alone_brings_its_anonymizer() -> None:
    after = Deanonymizer(store=anonymizer().store)
    graph = StateGraph(MessagesState)
    graph.add_node("work", answer)
    graph.add_edge(START, "work")
    agent = protect_agent(graph.compile(), deanonymizer=after)
    said = asyncio.run(agent.ainvoke({"messages": [HumanMessage("I am Jane Doe.")]}, config()))
    assert said["messages"][-1].text == "You said: I am Jane Doe."
    assert isinstance(agent._pair.anonymizer, Anonymizer)
