import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from opentelemetry.trace import get_current_span

from langchain_secguard import Deanonymizer
from langchain_secguard.tracing import LangfuseHandler
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import TEXT, UNSEEN, VALUES, Echo, anonymizer, mask

pytestmark = pytest.mark.loopback

TEXTS = [f"{TEXT} And {' or '.join(UNSEEN)}.", "Nothing here.", "Ask Jane Doe."]
TREE: dict[str, Any] = {
    "LangGraph": {
        "hide": {"Anonymizer": {}},
        "model": {"answer": {"Echo": {}}},
        "restore": {"Deanonymizer": {}},
    }
}


@pytest.fixture
def handler(langfuse: LangfuseServer) -> LangfuseHandler:
    return LangfuseHandler(public_key="pk-test", mask=mask())


def graph(**model: Any) -> Any:
    """Build a graph whose nodes are the pair and a model between them, and which keeps its threads."""
    store, echo = InMemoryVaultStore(), Echo(**model)

    def answer(state: MessagesState) -> Any:
        return {"messages": [echo.invoke(state["messages"])]}

    async def answer_async(state: MessagesState) -> Any:
        return {"messages": [await echo.ainvoke(state["messages"])]}

    building = StateGraph(MessagesState)
    building.add_node("hide", anonymizer(store=store))
    building.add_node("model", RunnableLambda(answer, answer_async))
    building.add_node("restore", Deanonymizer(store=store))
    building.add_edge(START, "hide")
    building.add_edge("hide", "model")
    building.add_edge("model", "restore")
    building.add_edge("restore", END)
    return building.compile(checkpointer=InMemorySaver())


def asked(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def configs(handler: LangfuseHandler, count: int = len(TEXTS)) -> list[RunnableConfig]:
    return [
        RunnableConfig(
            callbacks=[handler],
            configurable={"thread_id": f"thread-{number}"},
            metadata={"langfuse_user_id": f"user-{number}"},
        )
        for number in range(count)
    ]


def invoke(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    return [chain.invoke(item, each) for item, each in zip(given, named, strict=True)]


def batch(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    return list(chain.batch(list(given), list(named)))


def stream(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    return [
        list(chain.stream(item, each, stream_mode="values"))[-1]
        for item, each in zip(given, named, strict=True)
    ]


def stream_messages(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    for item, each in zip(given, named, strict=True):
        list(chain.stream(item, each, stream_mode="messages"))
    return [chain.get_state(each).values for each in named]


def together(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    async def gather() -> list[Any]:
        return await asyncio.gather(*map(chain.ainvoke, given, named))

    return asyncio.run(gather())


def astream(chain: Any, given: Sequence[Any], named: Sequence[RunnableConfig]) -> list[Any]:
    async def exhaust(item: Any, each: RunnableConfig) -> Any:
        return [values async for values in chain.astream(item, each, stream_mode="values")][-1]

    return [asyncio.run(exhaust(item, each)) for item, each in zip(given, named, strict=True)]


MODES = {each.__name__: each for each in (invoke, batch, stream, stream_messages, together, astream)}


def assert_clean(langfuse: LangfuseServer) -> None:
    assert langfuse.requests
    assert [value for value in (*VALUES, *UNSEEN) if langfuse.saw(value)] == []
    assert not any(langfuse.saw(json.dumps(value)[1:-1]) for value in VALUES)


@pytest.mark.parametrize("mode", MODES)
class TestAGraphWithThePairAsNodes:
    def test_is_a_trace_of_its_own_for_each_call(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        states = MODES[mode](graph(), [asked(text) for text in TEXTS], configs(handler))
        handler.flush()
        assert [state["messages"][-1].text for state in states] == TEXTS
        assert langfuse.trees() == [TREE] * len(TEXTS)
        users = {one.trace_id: one.attributes["user.id"] for one in langfuse.observations}
        assert sorted(users.values()) == ["user-0", "user-1", "user-2"]
        assert all(one.attributes["user.id"] == users[one.trace_id] for one in langfuse.observations)
        assert not get_current_span().get_span_context().is_valid

    def test_leaves_no_value_in_it(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        MODES[mode](graph(), [asked(text) for text in TEXTS], configs(handler))
        handler.flush()
        assert_clean(langfuse)
        assert {one.get("type") for one in langfuse.observations if one.name == "Anonymizer"} == {"guardrail"}
        assert sorted(score.value for score in langfuse.scores if score.name == "Anonymizer.risk") == [
            0,
            1,
            1,
        ]

    def test_leaves_no_value_where_its_model_fails(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        with pytest.raises(ValueError, match="refused"):
            MODES[mode](graph(fails_after=1), [asked(TEXTS[0])], configs(handler, 1))
        handler.flush()
        assert_clean(langfuse)


def test_a_thread_that_goes_on_is_masked_of_what_was_hidden_before(
    langfuse: LangfuseServer, handler: LangfuseHandler
) -> None:
    chain, (named,) = graph(), configs(handler, 1)
    for text in (TEXTS[0], "And then?"):
        chain.invoke(asked(text), named)
    handler.flush()
    assert langfuse.trees() == [TREE] * 2
    assert_clean(langfuse)


def test_tools_called_in_a_graph_stand_below_their_node(
    langfuse: LangfuseServer, handler: LangfuseHandler
) -> None:
    @tool
    def look_up(name: str) -> str:
        """Look somebody up."""
        return f"{name} pays with 4111 1111 1111 1111"

    store = InMemoryVaultStore()
    pair = anonymizer(store=store) | Deanonymizer(store=store)

    def call(state: MessagesState) -> Any:
        found = look_up.invoke({"name": state["messages"][-1].text})
        return {"messages": [AIMessage(pair.invoke(found))]}

    building = StateGraph(MessagesState)
    building.add_node("tools", call)
    building.add_edge(START, "tools")
    building.add_edge("tools", END)
    chain: Any = building.compile()
    state = chain.invoke(asked("Jane Doe"), configs(handler, 1)[0])
    handler.flush()
    assert state["messages"][-1].text == "Jane Doe pays with 4111 1111 1111 1111"
    below: dict[str, Any] = {"look_up": {}, "RunnableSequence": {"Anonymizer": {}, "Deanonymizer": {}}}
    assert langfuse.trees() == [{"LangGraph": {"tools": below}}]
    assert_clean(langfuse)
