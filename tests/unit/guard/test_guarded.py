"""`guard | chain`: a refused call ends with the refusal, in the type of the chain, which is not called."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import PydanticOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnablePassthrough
from pydantic import BaseModel

from langchain_secguard import BlockedError, Guard
from langchain_secguard.guard.guarded import Guarded
from langchain_secguard.guard.refusals import AnswerKind, asked, kind_of
from langchain_secguard.scan import FunctionScanner
from tests.support import Recorder
from tests.unit.scanners import SECRET, Hanging, Replacing, Words

PROMPT = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{text}")])
REFUSAL = "This is not child safe, please request another topic"


class Person(BaseModel):
    name: str


def typed(messages: list[AIMessage]) -> AIMessage:
    return messages[0]


def untyped(value):  # type: ignore[no-untyped-def]
    return value


def model(answer: str = "Hello.") -> FakeListChatModel:
    return FakeListChatModel(responses=[answer])


def guard(**options: Any) -> Guard:
    return Guard([Words("secret")], **({"on_fail": REFUSAL} | options))


def _stream(chain: Any, value: Any) -> Any:
    return _sum(list(chain.stream(value)))


def _astream(chain: Any, value: Any) -> Any:
    async def read() -> list[Any]:
        return [chunk async for chunk in chain.astream(value)]

    return _sum(asyncio.run(read()))


def _sum(chunks: list[Any]) -> Any:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda chain, value: chain.invoke(value),
    "ainvoke": lambda chain, value: asyncio.run(chain.ainvoke(value)),
    "batch": lambda chain, value: chain.batch([value])[0],
    "stream": _stream,
    "astream": _astream,
}

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class TestRefusals:
    @every_call
    def test_of_a_chain_that_gives_text(self, call: Any) -> None:
        chain = guard() | PROMPT | model() | StrOutputParser()
        assert call(chain, {"text": SECRET}) == REFUSAL
        assert call(chain, {"text": "safe"}) == "Hello."

    @every_call
    def test_of_a_chat_model(self, call: Any) -> None:
        for refused in (
            call(guard() | model(), [HumanMessage(SECRET)]),
            call(guard() | PROMPT | model(), {"text": SECRET}),
            call(PROMPT | (guard() | model()), {"text": SECRET}),
            call({"text": RunnablePassthrough()} | (guard() | PROMPT | model()), SECRET),
        ):
            assert isinstance(refused, AIMessage)
            assert refused.content == REFUSAL
        assert call(guard() | PROMPT | model(), {"text": "safe"}).content == "Hello."

    def test_of_a_chat_model_that_streams_is_its_last_chunk(self) -> None:
        [chunk] = list((guard() | model()).stream(SECRET))
        assert isinstance(chunk, AIMessageChunk)
        assert chunk.chunk_position == "last"

    @every_call
    def test_nothing_behind_the_guard_runs(self, call: Any) -> None:
        ran: list[Any] = []

        def note(value: Any) -> Any:
            ran.append(value)
            return value

        chain = guard() | note | model() | note
        assert call(chain, SECRET) == REFUSAL
        assert ran == []

    @every_call
    def test_of_a_graph_is_a_state(self, call: Any) -> None:
        chain = guard() | RunnableLambda(untyped)
        given: dict[str, Any] = {"messages": [HumanMessage(SECRET)], "step": 1}
        answer = call(chain, given)
        assert answer["messages"] == [*given["messages"], AIMessage(REFUSAL)]
        assert answer["step"] == 1

    @every_call
    def test_of_what_has_no_type_is_what_was_given(self, call: Any) -> None:
        assert call(guard() | RunnableLambda(untyped), SECRET) == REFUSAL
        assert call(guard(on_fail=AIMessage(REFUSAL)) | RunnableLambda(untyped), SECRET).content == REFUSAL
        assert call(guard() | RunnableLambda(untyped), [HumanMessage(SECRET)]).content == REFUSAL

    @every_call
    def test_of_structured_output_is_an_error_that_holds_it(self, call: Any) -> None:
        chain = guard() | PROMPT | model() | PydanticOutputParser(pydantic_object=Person)
        with pytest.raises(BlockedError) as caught:
            call(chain, {"text": SECRET})
        assert caught.value.refusal == REFUSAL
        assert "secret" not in str(caught.value)

    @every_call
    def test_by_a_runnable_is_what_that_gives(self, call: Any) -> None:
        chain = guard(on_fail=lambda value: Person(name="nobody")) | PydanticOutputParser(
            pydantic_object=Person
        )
        assert call(chain, SECRET) == Person(name="nobody")

    @every_call
    def test_one_guard_behind_the_other(self, call: Any) -> None:
        chain = guard() | guard(on_fail="Never reached.") | Guard([Words("bad")], on_fail="Bad.") | model()
        assert call(chain, SECRET).content == REFUSAL
        assert call(chain, "bad").content == "Bad."
        assert call(chain, "safe").content == "Hello."

    @every_call
    def test_around_a_guarded_answer(self, call: Any) -> None:
        chain = guard() | PROMPT | model(SECRET) | guard(on_fail="No.") | StrOutputParser()
        assert call(chain, {"text": "safe"}) == "No."

    @every_call
    def test_what_is_sanitized_goes_on(self, call: Any) -> None:
        chain = Guard([Replacing("secret", "***")], on_fail=REFUSAL) | RunnableLambda(untyped)
        assert call(chain, SECRET) == "Jane Doe's ***"

    @every_call
    def test_that_are_raised_or_only_measured_need_no_more_than_a_sequence(self, call: Any) -> None:
        with pytest.raises(BlockedError):
            call(guard(on_fail="raise") | model(), SECRET)
        assert call(guard(on_fail="monitor") | model(), SECRET).content == "Hello."
        fallback = (guard(on_fail="raise") | model()).with_fallbacks(
            [RunnableLambda(lambda _: AIMessage("Sorry."))], exceptions_to_handle=(BlockedError,)
        )
        assert call(fallback, SECRET).content == "Sorry."


class TestKinds:
    @pytest.mark.parametrize(
        ("chain", "kind"),
        [
            (model(), "message"),
            (model().bind(stop=["x"]), "message"),
            (model().with_config(tags=["a"]), "message"),
            (model().with_retry(), "message"),
            (PROMPT | model(), "message"),
            (PROMPT | model() | StrOutputParser(), "text"),
            (FakeListLLM(responses=["a"]), "text"),
            (RunnableLambda(typed), "message"),
            (RunnableLambda(untyped), "unknown"),
            (PydanticOutputParser(pydantic_object=Person), "other"),
            (RunnablePassthrough(), "unknown"),
            ({"a": model()} | RunnablePassthrough.assign(b=lambda _: 1), "other"),
            (guard() | model() | StrOutputParser(), "text"),
        ],
    )
    def test_of_what_a_runnable_gives(self, chain: Runnable[Any, Any], kind: AnswerKind) -> None:
        assert kind_of(chain) == kind


class TestQuestions:
    @pytest.mark.parametrize(
        ("value", "question"),
        [
            ("why?", "why?"),
            (HumanMessage("why?"), "why?"),
            ([HumanMessage("old"), AIMessage("so"), HumanMessage("why?"), AIMessage("so")], "why?"),
            ([("system", "s"), ("human", "why?")], "why?"),
            ([{"role": "system", "content": "s"}, {"role": "user", "content": "why?"}], "why?"),
            (HumanMessage([{"type": "text", "text": "why"}, {"type": "text", "text": "?"}]), "why?"),
            (PROMPT.invoke({"text": "why?"}), "why?"),
            ({"messages": [HumanMessage("why?")]}, "why?"),
            ({"question": "why?", "n": 1}, "why?"),
            ({"a": "why?", "b": "how?"}, "why?\nhow?"),
            ([AIMessage("so")], None),
            (AIMessage("so"), None),
            (7, None),
            ({}, None),
        ],
    )
    def test_are_what_a_person_wrote_last(self, value: Any, question: str | None) -> None:
        assert asked(value) == question


class TestSequence:
    def test_the_schemas_and_options_are_those_of_what_is_guarded(self) -> None:
        chain = PROMPT | model()
        guarded = guard() | chain
        assert guarded.get_input_jsonschema() == chain.get_input_jsonschema()
        assert guarded.get_output_jsonschema() == chain.get_output_jsonschema()
        assert guarded.config_specs == chain.config_specs
        assert not guarded.is_lc_serializable()

    def test_the_graph_shows_each_step(self) -> None:
        nodes = [node.name for node in (guard() | PROMPT | model()).get_graph().nodes.values()]
        assert nodes[1:-1] == ["Guard", "ChatPromptTemplate", "FakeListChatModel"]

    def test_pipe_is_the_same(self) -> None:
        piped = guard().pipe(PROMPT, model(), name="chain")
        assert isinstance(piped, Guarded)
        assert piped.get_name() == "chain"
        assert piped.pipe(StrOutputParser()).invoke({"text": SECRET}) == REFUSAL

    def test_what_a_call_is_given_besides_goes_to_what_is_guarded(self) -> None:
        def note(value: Any, **kwargs: Any) -> Any:
            return kwargs

        assert (guard() | RunnableLambda(note)).invoke("safe", stop=["x"]) == {"stop": ["x"]}

    def test_it_is_one_run_with_the_guard_and_the_rest_below(self) -> None:
        names: list[tuple[str, bool]] = []

        class Starts(Recorder):
            def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
                names.append((kwargs["name"], kwargs["parent_run_id"] is None))

        (guard() | PROMPT | StrOutputParser()).invoke({"text": SECRET}, {"callbacks": [Starts()]})
        assert names == [("Guarded", True), ("Guard", False)]


class Slow:
    """A model that streams as long as it is let, and notes what became of it."""

    def __init__(self, wait: threading.Event | None = None, chunks: int = 50) -> None:
        self.wait = wait
        self.chunks = chunks
        self.given = 0
        self.started = asyncio.Event()
        self.ended: list[str] = []
        self.step: Runnable[Any, str] = RunnableGenerator(self._sync, self._async)

    def _sync(self, inputs: Iterator[Any]) -> Iterator[str]:
        list(inputs)
        try:
            for number in range(self.chunks):
                self.given += 1
                yield f"{number} "
                if self.wait is not None and number == 1:
                    self.wait.set()
        except GeneratorExit:
            self.ended.append("closed")
            raise
        self.ended.append("done")

    async def _async(self, inputs: AsyncIterator[Any]) -> AsyncIterator[str]:
        async for _ in inputs:
            pass
        try:
            for number in range(self.chunks):
                self.given += 1
                yield f"{number} "
                self.started.set()
                await asyncio.sleep(0 if self.wait is None else 0.001)
        except (GeneratorExit, asyncio.CancelledError):
            self.ended.append("closed")
            raise
        self.ended.append("done")


ALL = "".join(f"{number} " for number in range(50))


class TestConcurrent:
    """The guard runs beside the model: a verdict waits for the model to have begun, so both are under way."""

    def waiting(self, verdict: bool) -> tuple[Slow, Any]:
        begun = threading.Event()
        slow = Slow(begun)

        def scan(text: str) -> bool:
            begun.wait(5)
            return verdict

        return slow, Guard([FunctionScanner(scan, name="S")], on_fail=REFUSAL, concurrent=True) | slow.step

    def test_an_answer_comes_when_the_guard_has_let_its_question_pass(self) -> None:
        slow, chain = self.waiting(verdict=True)
        assert "".join(chain.stream("go")) == ALL
        assert chain.invoke("go again") == ALL
        assert slow.ended == ["done", "done"]

    def test_a_refusal_ends_the_stream_of_the_model(self) -> None:
        slow, chain = self.waiting(verdict=False)
        assert list(chain.stream("go")) == [REFUSAL]
        assert slow.ended in (["closed"], ["done"])
        slow, chain = self.waiting(verdict=False)
        assert chain.invoke("go") == REFUSAL

    async def awaiting(self, *, verdict: bool) -> tuple[Slow, Any]:
        slow = Slow(threading.Event())

        async def scan(text: str) -> bool:
            await slow.started.wait()
            return verdict

        return slow, Guard([FunctionScanner(scan, name="S")], on_fail=REFUSAL, concurrent=True) | slow.step

    async def test_an_answer_is_awaited_with_its_guard(self) -> None:
        slow, chain = await self.awaiting(verdict=True)
        assert "".join([chunk async for chunk in chain.astream("go")]) == ALL
        assert await chain.ainvoke("go again") == ALL
        assert slow.ended == ["done", "done"]

    async def test_a_refusal_cancels_the_model(self) -> None:
        slow, chain = await self.awaiting(verdict=False)
        assert [chunk async for chunk in chain.astream("go")] == [REFUSAL]
        assert slow.ended == ["closed"]
        assert slow.given < 50
        slow, chain = await self.awaiting(verdict=False)
        assert await chain.ainvoke("go") == REFUSAL
        assert slow.given < 50
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_nothing_of_the_answer_gets_out_before_the_verdict_in_events_of_the_chain(self) -> None:
        _, chain = await self.awaiting(verdict=False)
        chunks = [
            event["data"]["chunk"]
            async for event in chain.astream_events("go", version="v2")
            if event["event"] == "on_chain_stream" and event["name"] == "Guarded"
        ]
        assert chunks == [REFUSAL]

    @every_call
    def test_a_refusal_is_raised(self, call: Any) -> None:
        chain = guard(on_fail="raise", concurrent=True) | model()
        with pytest.raises(BlockedError):
            call(chain, SECRET)
        assert call(chain, "safe").content == "Hello."

    @every_call
    def test_a_model_that_fails_says_so_if_the_question_may_pass(self, call: Any) -> None:
        def fail(value: str) -> str:
            raise ConnectionError("model down")

        chain = guard(concurrent=True) | RunnableLambda(fail)
        with pytest.raises(ConnectionError):
            call(chain, "safe")
        assert call(chain, SECRET) == REFUSAL

    async def test_a_cancelled_call_leaves_nothing_running(self) -> None:
        hanging, slow = Hanging(), Slow(threading.Event(), chunks=100_000)
        chain = Guard([hanging], on_fail=REFUSAL, concurrent=True) | slow.step

        async def read() -> None:
            async for _ in chain.astream("go"):
                pass

        for work in (read, lambda: chain.ainvoke("go")):
            task = asyncio.ensure_future(work())
            await hanging.has(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.01)  # the event loop closes the streams within it
        assert hanging.cancelled == 2
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def test_a_hung_guard_blocks_when_it_is_late(self) -> None:
        hanging = Hanging()
        chain = Guard([hanging], on_fail=REFUSAL, concurrent=True, timeout=0.1) | model()
        assert chain.invoke("go").content == REFUSAL
        assert _sum(list(chain.stream("go on"))).content == REFUSAL
        hanging.free.set()
