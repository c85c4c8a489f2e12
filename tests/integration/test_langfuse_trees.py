import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.tools import tool
from langfuse import Langfuse, observe
from opentelemetry.trace import get_current_span

from langchain_secguard.tracing import LangfuseHandler
from langchain_secguard.tracing.langfuse import runs
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import MODES, PAIR_TREE, Echo, config, mask, pair

pytestmark = pytest.mark.loopback

ITEMS = ["Call Jane Doe.", "Nothing here.", "Ask jane.doe@example.com."]


@pytest.fixture
def client(langfuse_running: tuple[LangfuseServer, Langfuse]) -> Langfuse:
    return langfuse_running[1]


@pytest.fixture
def handler(client: Langfuse) -> LangfuseHandler:
    return LangfuseHandler(public_key="pk-test", mask=mask())


def configs(handler: LangfuseHandler, count: int = len(ITEMS)) -> list[RunnableConfig]:
    """Give each item a vault and a user."""
    return [
        config(
            handler,
            f"vault-{number}",
            langfuse_user_id=f"user-{number}",
            langfuse_session_id=f"session-{number}",
            langfuse_tags=[f"tag-{number}"],
        )
        for number in range(count)
    ]


def users(langfuse: LangfuseServer) -> dict[str, set[tuple[Any, Any, tuple[str, ...]]]]:
    """Return who is named on the observations of each trace."""
    named: dict[str, set[tuple[Any, Any, tuple[str, ...]]]] = {}
    for one in langfuse.observations:
        who = (
            one.attributes.get("user.id"),
            one.attributes.get("session.id"),
            tuple(one.attributes.get("langfuse.trace.tags", ())),
        )
        named.setdefault(one.trace_id, set()).add(who)
    return named


def assert_one_trace_for_each(
    langfuse: LangfuseServer, tree: Any = PAIR_TREE, count: int = len(ITEMS)
) -> None:
    assert langfuse.trees() == [tree] * count
    expected = [{(f"user-{number}", f"session-{number}", (f"tag-{number}",))} for number in range(count)]
    assert sorted(map(sorted, users(langfuse).values())) == sorted(map(sorted, expected))


@pytest.mark.parametrize("mode", MODES)
class TestInEveryMode:
    def test_a_chain_is_a_trace_of_its_own(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        outputs = MODES[mode](pair(), ITEMS, configs(handler))
        handler.flush()
        assert [output.text for output in outputs] == ITEMS
        assert_one_trace_for_each(langfuse)

    def test_nothing_is_ambient_afterwards(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        MODES[mode](pair(), ITEMS, configs(handler))
        assert not get_current_span().get_span_context().is_valid
        handler.flush()

    def test_nothing_is_kept_afterwards(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        left = runs.BUDGET._left
        chain, failing = pair(), pair(Echo(fails_after=1))
        steps = [weakref.ref(step) for each in (chain, failing) for step in (each.first, each.last)]  # type: ignore[attr-defined]
        MODES[mode](chain, ITEMS, configs(handler))
        with pytest.raises(ValueError, match="refused"):
            MODES[mode](failing, ITEMS[:1], configs(handler, 1))
        gc.collect()  # closes the streams within a failed one
        handler.flush()
        kept = (handler._trees.runs, handler._trees._trees, handler._runs, handler._run_states)
        assert [len(each) for each in kept] == [0] * 4
        assert runs.BUDGET._left == left
        del chain, failing
        gc.collect()
        assert [step() for step in steps] == [None] * 4

    def test_a_chain_stands_in_the_span_around_it(
        self, mode: str, langfuse: LangfuseServer, client: Langfuse, handler: LangfuseHandler
    ) -> None:
        with client.start_as_current_observation(name="request") as around:
            MODES[mode](pair(), ITEMS, configs(handler))
            assert get_current_span() is around._otel_span
        handler.flush()
        if mode in ("threads", "bare threads"):  # threads of the user's own know of no span around them
            assert langfuse.trees().count(PAIR_TREE) == 3
        else:
            names = ["RunnableSequence", "RunnableSequence #2", "RunnableSequence #3"]
            assert langfuse.trees() == [{"request": dict.fromkeys(names, PAIR_TREE["RunnableSequence"])}]

    def test_branches_stand_below_their_parallel(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = RunnableParallel(one=pair(), other=pair()) | RunnableLambda(lambda both: both["one"])
        MODES[mode](chain, ITEMS, configs(handler))
        handler.flush()
        below = PAIR_TREE["RunnableSequence"]
        tree = {
            "RunnableSequence": {
                "RunnableParallel<one,other>": {"RunnableSequence": below, "RunnableSequence #2": below},
                "RunnableLambda": {},
            }
        }
        assert_one_trace_for_each(langfuse, tree)

    def test_a_chain_called_in_a_function_stands_below_it(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        inner = pair()

        def sync(text: str) -> Any:
            return inner.invoke(text)

        async def anew(text: str) -> Any:
            return await inner.ainvoke(text)

        MODES[mode](RunnableLambda(sync, anew, name="outer"), ITEMS, configs(handler))
        handler.flush()
        assert_one_trace_for_each(langfuse, {"outer": PAIR_TREE})

    def test_a_chain_called_with_callbacks_of_its_own_stands_there_too(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        inner = pair()

        def sync(text: str) -> Any:
            return inner.invoke(text, {"callbacks": [handler]})

        async def anew(text: str) -> Any:
            return await inner.ainvoke(text, {"callbacks": [handler]})

        MODES[mode](RunnableLambda(sync, anew, name="outer"), ITEMS, configs(handler))
        handler.flush()
        assert_one_trace_for_each(langfuse, {"outer": PAIR_TREE})

    def test_a_span_opened_by_hand_stands_between(
        self, mode: str, langfuse: LangfuseServer, client: Langfuse, handler: LangfuseHandler
    ) -> None:
        inner = pair()

        def sync(text: str) -> Any:
            with client.start_as_current_observation(name="by hand"):
                return inner.invoke(text)

        async def anew(text: str) -> Any:
            with client.start_as_current_observation(name="by hand"):
                return await inner.ainvoke(text)

        MODES[mode](RunnableLambda(sync, anew, name="outer"), ITEMS, configs(handler))
        handler.flush()
        assert_one_trace_for_each(langfuse, {"outer": {"by hand": PAIR_TREE}})

    def test_an_observed_function_stands_below_its_step(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        @observe(name="observed", capture_input=False, capture_output=False)
        def observed(text: str) -> str:
            return text

        def step(text: str) -> str:
            return observed(text, langfuse_public_key="pk-test")  # type: ignore[call-arg]

        MODES[mode](RunnableLambda(step, name="step") | pair(), ITEMS, configs(handler))
        handler.flush()
        tree = {"RunnableSequence": {"step": {"observed": {}}, **PAIR_TREE["RunnableSequence"]}}
        assert_one_trace_for_each(langfuse, tree)

    def test_a_batch_in_a_function_stands_below_it(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        inner = pair()

        def sync(text: str) -> Any:
            return inner.batch([text, text])[0]

        async def anew(text: str) -> Any:
            return (await inner.abatch([text, text]))[0]

        MODES[mode](RunnableLambda(sync, anew, name="outer"), ITEMS, configs(handler))
        handler.flush()
        below = PAIR_TREE["RunnableSequence"]
        tree = {"outer": {"RunnableSequence": below, "RunnableSequence #2": below}}
        assert_one_trace_for_each(langfuse, tree)


class TestParts:
    def test_a_tool_and_a_retriever_have_their_types_and_children(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        inner = pair()

        @tool
        def look_up(text: str) -> str:
            """Look up a text."""
            return str(inner.invoke(text).text)

        class Retriever(BaseRetriever):
            def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
                answer = inner.invoke(query, {"callbacks": run_manager.get_child()})
                return [Document(page_content=answer.text)]

        chain = look_up | Retriever()
        chain.invoke({"text": "Call Jane Doe."}, configs(handler)[0])
        handler.flush()
        assert langfuse.trees() == [{"RunnableSequence": {"look_up": PAIR_TREE, "Retriever": PAIR_TREE}}]
        assert langfuse.named("look_up").get("type") == "tool"
        assert langfuse.named("Retriever").get("type") == "retriever"
        assert {one.get("type") for one in langfuse.observations if one.name == "Echo"} == {"generation"}

    @pytest.mark.parametrize("kind", ["tool", "retriever", "model"])
    def test_a_root_that_is_no_chain_names_its_user_too(
        self, kind: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        @tool
        def look_up(text: str) -> str:
            """Look up a text."""
            return text

        class Retriever(BaseRetriever):
            def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
                return []

        roots: dict[str, Runnable[Any, Any]] = {"tool": look_up, "retriever": Retriever(), "model": Echo()}
        roots[kind].invoke("some text", configs(handler)[1])
        handler.flush()
        assert users(langfuse).popitem()[1] == {("user-1", "session-1", ("tag-1",))}
        assert not get_current_span().get_span_context().is_valid

    def test_models_started_together_are_traces_of_their_own(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        Echo().generate([[HumanMessage("one")], [HumanMessage("other")]], callbacks=[handler])
        handler.flush()
        assert langfuse.trees() == [{"Echo": {}}, {"Echo": {}}]

    def test_a_handler_bound_to_a_step_traces_that_step_alone(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain: Runnable[Any, Any] = RunnablePassthrough() | pair().with_config(configs(handler)[2])
        chain.invoke("Call Jane Doe.")
        handler.flush()
        assert langfuse.trees() == [PAIR_TREE]
        assert users(langfuse).popitem()[1] == {("user-2", "session-2", ("tag-2",))}

    def test_a_run_that_is_heard_twice_is_traced_once(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = pair().with_config(callbacks=[handler])
        chain.invoke("Call Jane Doe.", configs(handler)[0])
        handler.flush()
        assert langfuse.trees() == [PAIR_TREE]

    def test_times_are_those_of_the_runs(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        pair().invoke("Call Jane Doe.", configs(handler)[0])
        handler.flush()
        root = langfuse.named("RunnableSequence")
        steps = [langfuse.named(name) for name in ("Anonymizer", "Echo", "Deanonymizer")]
        times = [root.start, *(time for step in steps for time in (step.start, step.end)), root.end]
        assert times == sorted(times)

    def test_the_first_token_is_noted(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        list(pair().stream("Call Jane Doe.", configs(handler)[0]))
        handler.flush()
        assert langfuse.named("Echo").get("completion_start_time") is not None


class TestInTheConsumerOfAStream:
    def test_a_new_run_is_no_child_of_the_stream(
        self, langfuse: LangfuseServer, client: Langfuse, handler: LangfuseHandler
    ) -> None:
        stream = pair().stream("Call Jane Doe.", configs(handler)[0])
        next(stream)
        pair().invoke("Something else.", configs(handler)[1])
        list(stream)
        assert not get_current_span().get_span_context().is_valid
        handler.flush()
        assert_one_trace_for_each(langfuse, count=2)

    def test_an_abandoned_stream_leaves_nothing_to_later_runs(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        abandoned = [pair().stream("Call Jane Doe.", configs(handler)[0])]
        next(abandoned[0])
        abandoned.clear()
        pair().invoke("Something else.", configs(handler)[1])
        handler.flush()
        assert len({one.trace_id for one in langfuse.observations}) == 2
        assert {who[0] for who in users(langfuse)[langfuse.observations[-1].trace_id]} in (
            {"user-0"},
            {"user-1"},
        )

    async def test_an_async_stream_closed_elsewhere_leaves_nothing_to_later_runs(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        stream = pair().astream("Call Jane Doe.", configs(handler)[0])
        await anext(stream)
        await asyncio.create_task(stream.aclose())  # type: ignore[attr-defined]
        await pair().ainvoke("Something else.", configs(handler)[1])
        handler.flush()
        assert PAIR_TREE in langfuse.trees()
        assert len(langfuse.trees()) == 2


class TestMany:
    async def test_200_runs_at_once_have_200_right_trees(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = RunnableParallel(one=pair(), other=RunnablePassthrough())
        texts = [f"Call Jane Doe about {number}." for number in range(200)]
        await asyncio.gather(*map(chain.ainvoke, texts, configs(handler, 200)))
        handler.flush()
        tree = {"RunnableParallel<one,other>": {**PAIR_TREE, "RunnablePassthrough": {}}}
        assert_one_trace_for_each(langfuse, tree, 200)

    def test_two_tenants_in_threads_do_not_mix(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain, barrier = pair(), threading.Barrier(2)

        def tenant(number: int) -> None:
            barrier.wait()
            for _ in range(10):
                chain.batch(ITEMS, [configs(handler)[number]] * 3)

        threads = [threading.Thread(target=tenant, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        handler.flush()
        assert langfuse.trees() == [PAIR_TREE] * 60
        whole = list(users(langfuse).values())
        assert whole.count({("user-0", "session-0", ("tag-0",))}) == 30
        assert whole.count({("user-1", "session-1", ("tag-1",))}) == 30

    def test_a_generator_step_streams_in_the_right_place(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        def letters(chunks: Iterator[Any]) -> Iterator[Any]:
            for chunk in chunks:
                yield chunk.text

        list((pair() | RunnableGenerator(letters)).stream("Call Jane Doe.", configs(handler)[0]))
        handler.flush()
        assert langfuse.trees() == [{"RunnableSequence": {**PAIR_TREE["RunnableSequence"], "letters": {}}}]
