"""`Guard` on streams: no character of a window gets out before it has passed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda
from langchain_core.runnables.utils import AddableDict

from langchain_secguard import BlockedError, Guard
from langchain_secguard.guard.streaming import Sentences, Whole, Window, without_beginnings
from tests.support import Capture, Recorder
from tests.unit.scanners import SECRET, Failing, Hanging, Replacing, Words

ANSWER = f"First sentence. Second one! The third is {SECRET}. And more."


class Source:
    """A model that streams chunks, and notes how far it was read and that it was closed."""

    def __init__(self, chunks: Sequence[Any]) -> None:
        self.chunks = chunks
        self.given = 0
        self.closed = False

    def _sync(self, _: Iterator[Any]) -> Iterator[Any]:
        list(_)
        try:
            for chunk in self.chunks:
                self.given += 1
                yield chunk
        finally:
            self.closed = True

    async def _async(self, _: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for _one in _:
            pass
        try:
            for chunk in self.chunks:
                self.given += 1
                await asyncio.sleep(0)
                yield chunk
        finally:
            self.closed = True

    def __or__(self, other: Runnable[Any, Any]) -> Runnable[Any, Any]:
        return RunnableGenerator(self._sync, self._async) | other


def letters(text: str = ANSWER, size: int = 3) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def message_chunks(text: str = ANSWER, size: int = 3, **last: Any) -> list[AIMessageChunk]:
    chunks = [AIMessageChunk(content=part, id="m1") for part in letters(text, size)]
    closing = AIMessageChunk(content="", id="m1", chunk_position="last", **last)
    return [AIMessageChunk(content="", id="m1"), *chunks, closing]


def _sync(chain: Any, config: Any = None) -> list[Any]:
    return list(chain.stream("go", config))


def _async(chain: Any, config: Any = None) -> list[Any]:
    async def read() -> list[Any]:
        return [chunk async for chunk in chain.astream("go", config)]

    return asyncio.run(read())


def _events(chain: Any, config: Any = None) -> list[Any]:
    """Read what the events of the chain and of the guard give; the model's own are the model's."""

    async def read() -> list[Any]:
        events = [event async for event in chain.astream_events("go", config, version="v2")]
        guards = [one for one in events if one["name"] in ("Guard", "RunnableSequence")]
        text = repr([{**one["data"], "chunk": None} for one in guards if "start" in one["event"]])
        assert SECRET not in text
        ends = [one["data"] for one in guards if one["event"] == "on_chain_end"]
        given = [
            one["data"]["chunk"]
            for one in events
            if one["name"] == "Guard" and one["event"] == "on_chain_stream"
        ]
        if given and SECRET not in repr(total(given)):
            assert SECRET not in repr(ends)
        return given

    return asyncio.run(read())


Stream = Callable[..., list[Any]]
every_way = pytest.mark.parametrize("stream", [_sync, _async, _events], ids=["sync", "async", "events"])


def text_of(chunks: Sequence[Any]) -> str:
    return "".join(chunk if isinstance(chunk, str) else str(chunk.text) for chunk in chunks)


def total(chunks: Sequence[Any]) -> Any:
    return reduce(add, chunks)


class TestHold:
    @every_way
    def test_an_answer_that_passes_comes_chunk_by_chunk_as_it_was(self, stream: Stream) -> None:
        usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        chunks = message_chunks(usage_metadata=usage, response_metadata={"finish_reason": "stop"})
        assert stream(Source(chunks) | Guard([Words()])) == chunks

    @every_way
    def test_nothing_of_a_refused_answer_comes(self, stream: Stream) -> None:
        source = Source(message_chunks())
        [chunk] = stream(source | Guard([Words("secret")], on_fail="No."))
        assert isinstance(chunk, AIMessageChunk)
        assert (chunk.content, chunk.id, chunk.chunk_position) == ("No.", "m1", "last")
        assert stream(Source(letters()) | Guard([Words("secret")], on_fail="No.")) == ["No."]

    @every_way
    def test_a_refusal_is_raised(self, stream: Stream) -> None:
        with Capture() as capture, pytest.raises(BlockedError) as caught:
            stream(Source(message_chunks()) | Guard([Words("secret")]), capture.config())
        capture.add(caught.value)
        assert not capture.holds("Jane Doe")

    @every_way
    def test_a_runnable_answers(self, stream: Stream) -> None:
        model = FakeListChatModel(responses=["Let us talk of the weather."])
        other: Runnable[Any, Any] = RunnableLambda(lambda _: "Talk of something else.") | model
        chunks = stream(Source(message_chunks()) | Guard([Words("secret")], on_fail=other))
        assert text_of(chunks) == "Let us talk of the weather."

    @every_way
    def test_a_sanitized_answer_comes_whole(self, stream: Stream) -> None:
        chunks = message_chunks(usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
        [chunk] = stream(Source(chunks) | Guard([Replacing(SECRET, "***")]))
        assert chunk.content == ANSWER.replace(SECRET, "***")
        assert (chunk.id, chunk.usage_metadata["total_tokens"]) == ("m1", 3)

    @every_way
    def test_tool_calls_are_judged_and_kept(self, stream: Stream) -> None:
        parts = ['{"to": "Jane ', "Doe's", ' secret"}']
        chunks = [
            AIMessageChunk(
                content="",
                id="m",
                tool_call_chunks=[tool_call_chunk(name=None if n else "send", args=part, index=0, id="c")],
            )
            for n, part in enumerate(parts)
        ]
        assert stream(Source(chunks) | Guard([Words()])) == chunks
        assert text_of(stream(Source(chunks) | Guard([Words(SECRET)], on_fail="No."))) == "No."

    @every_way
    def test_dicts_that_add_up(self, stream: Stream) -> None:
        chunks = [AddableDict(answer=part) for part in letters()]
        words = Words(SECRET)
        assert stream(Source(chunks) | Guard([words], on_fail="No.", keys=["answer"])) == [{"answer": "No."}]
        assert words.texts == [ANSWER]

    def test_what_does_not_add_up_is_judged_one_by_one_and_all_kept(self) -> None:
        updates = [{"model": {"messages": [AIMessage("one")]}}, {"tools": {"messages": [AIMessage("two")]}}]
        words = Words()
        assert _sync(Source(updates) | Guard([words])) == updates
        assert {"one", "two"} <= set(words.texts)
        for first in (updates[0], {"x": SECRET}):
            with pytest.raises(BlockedError):
                _sync(Source([first, {"y": SECRET}]) | Guard([Words("secret")]))
        whole = [AIMessage("one"), AIMessage("two")]
        assert _sync(Source(whole) | Guard([Words()])) == whole

    def test_snapshots_of_a_parser_are_not_all_scanned(self) -> None:
        words = Words()
        chain = Source(letters('{"a": "one two three"}', 1)) | (JsonOutputParser() | Guard([words]))
        snapshots = _sync(chain)
        assert snapshots[-1] == {"a": "one two three"}
        assert len(snapshots) > 10
        assert words.texts == ["one two three"]

    def test_a_step_behind_it_is_given_the_refusal(self) -> None:
        chain = Source(message_chunks()) | (Guard([Words("secret")], on_fail="No.") | StrOutputParser())
        assert "".join(_sync(chain)) == "No."


class TestSentences:
    @every_way
    def test_what_passes_adds_up_to_the_same(self, stream: Stream) -> None:
        usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        chunks = message_chunks(usage_metadata=usage, response_metadata={"finish_reason": "stop"})
        passed = stream(Source(chunks) | Guard([Words()], streaming="sentences"))
        assert total(passed) == total(chunks)
        assert {chunk.id for chunk in passed} == {"m1"}

    @every_way
    def test_no_character_of_a_refused_sentence_gets_out(self, stream: Stream) -> None:
        source = Source(message_chunks())
        guard = Guard([Words("secret")], on_fail="No.", streaming="sentences")
        chunks = stream(source | guard)
        assert text_of(chunks) == "First sentence. Second one! No."
        assert chunks[-1].chunk_position == "last"
        assert source.closed
        assert source.given < len(source.chunks), "the model is not read to its end"

    @every_way
    def test_a_refusal_is_raised_behind_what_passed(self, stream: Stream) -> None:
        got: list[Any] = []
        source = Source(letters())

        def keep(chunks: Iterator[Any]) -> Iterator[Any]:
            for chunk in chunks:
                got.append(chunk)
                yield chunk

        async def akeep(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for chunk in chunks:
                got.append(chunk)
                yield chunk

        guard = Guard([Words("secret")], streaming="sentences")
        with pytest.raises(BlockedError):
            stream(source | (guard | RunnableGenerator(keep, akeep)))
        assert "".join(got) == "First sentence. Second one! "
        assert source.closed

    def test_a_sentence_comes_as_soon_as_it_has_ended(self) -> None:
        source = Source(letters(size=1))
        stream = (source | Guard([Words()], streaming="sentences")).stream("go")
        assert next(stream) == "F"
        assert source.given == len("First sentence. ")

    def test_what_came_before_is_scanned_with_it(self) -> None:
        words = Words()
        _sync(Source(letters("One. Two. Three.", 1)) | Guard([words], streaming="sentences"))
        assert words.texts == ["One. ", "One. Two. ", "One. Two. Three."]
        words = Words()
        _sync(Source(letters("One. Two. Three.", 1)) | Guard([words], streaming="sentences", context=3))
        assert words.texts == ["One. ", "e. Two. ", "o. Three."]

    def test_what_is_refused_across_two_sentences_is_found(self) -> None:
        guard = Guard([Words("bomb. Build")], on_fail="No.", streaming="sentences")
        assert "".join(_sync(Source(letters("A bomb. Build it. Now.")) | guard)) == "A bomb. No."

    @every_way
    def test_a_sentence_is_sanitized(self, stream: Stream) -> None:
        words = Words()
        guard = Guard([Replacing(SECRET, "***"), words], streaming="sentences")
        chunks = stream(Source(message_chunks()) | guard)
        assert text_of(chunks) == ANSWER.replace(SECRET, "***")
        assert SECRET not in repr(words.texts)

    @every_way
    def test_tool_calls_behind_text_are_held(self, stream: Stream) -> None:
        call = AIMessageChunk(
            content="",
            id="m1",
            tool_call_chunks=[tool_call_chunk(name="f", args=f'{{"a": "{SECRET}"}}', index=0, id="c")],
        )
        chunks = [AIMessageChunk(content="I call. It is", id="m1"), call]
        guard = Guard([Words("secret")], on_fail="No.", streaming="sentences")
        assert text_of(stream(Source(chunks) | guard)) == "I call. No."
        assert total(stream(Source(chunks) | Guard([Words()], streaming="sentences"))) == total(chunks)

    @every_way
    def test_a_sentence_is_judged_whole_where_more_than_text_begins_in_it(self, stream: Stream) -> None:
        call = tool_call_chunk(name="f", args="{}", index=0, id="c")
        chunks = [
            AIMessageChunk(content="I call. It is sec", id="m1"),
            AIMessageChunk(content="ret.", id="m1", tool_call_chunks=[call]),
        ]
        guard = Guard([Words("secret")], on_fail="No.", streaming="sentences")
        assert text_of(stream(Source(chunks) | guard)) == "I call. No."

    @every_way
    def test_content_blocks(self, stream: Stream) -> None:
        chunks = [
            AIMessageChunk(content=[{"type": "text", "text": part, "index": 0}], id="m1")
            for part in letters()
        ]
        guard = Guard([Words("secret")], on_fail="No.", streaming="sentences")
        assert text_of(stream(Source(chunks) | guard)) == "First sentence. Second one! No."
        passed = stream(Source(chunks) | Guard([Words()], streaming="sentences"))
        assert total(passed) == total(chunks)
        assert len(passed) > 5

    @every_way
    def test_a_text_in_the_place_of_an_id_is_judged(self, stream: Stream) -> None:
        block = {"type": "text", "text": "First sentence. ", "index": 0, "id": f"the {SECRET}"}
        chunks = [AIMessageChunk(content=[block], id="m1")]
        guard = Guard([Words("secret")], on_fail="No.", streaming="sentences")
        assert text_of(stream(Source(chunks) | guard)) == "No."

    def test_a_text_without_sentences_is_cut_between_words(self) -> None:
        text = "word " * 500
        words = Words()
        assert "".join(_sync(Source(letters(text, 7)) | Guard([words], streaming="sentences"))) == text
        assert 1 < len(words.texts) < 10

    def test_other_types_are_held(self) -> None:
        chunks = [AddableDict(answer=part) for part in letters()]
        assert _sync(Source(chunks) | Guard([Words()], streaming="sentences")) == chunks

    @given(st.lists(st.text("ab. !?\n\u3002\u201d)", max_size=8), max_size=12), st.integers(0, 3))
    def test_any_cut_adds_up_to_the_same(self, parts: list[str], ids: int) -> None:
        windows = Sentences(10)
        chunks = [
            AIMessageChunk(content=part, id=f"m{number % (ids + 1)}" if ids else None)
            for number, part in enumerate(parts)
        ]
        let: list[Window] = []
        for chunk in chunks:
            let += windows.feed(chunk)
        let += windows.flush()
        assert text_of([chunk for window in let for chunk in window.chunks]) == "".join(parts)
        assert all(window.text == text_of(window.chunks) for window in let)


class TestMonitor:
    @every_way
    def test_everything_passes_at_once_and_is_measured_at_the_end(self, stream: Stream) -> None:
        chunks, heard = message_chunks(), Recorder()
        guard = Guard([Words("secret"), Failing()], on_fail="monitor")
        assert stream(Source(chunks) | guard, {"callbacks": [heard]}) == chunks
        assert [(data["verdict"], data["valid"]) for _, data in heard.events] == [
            ("passed", False),
            ("failed", False),
        ]

    def test_nothing_waits(self) -> None:
        source = Source(letters())
        stream = (source | Guard([Hanging()], on_fail="monitor", timeout=0.05)).stream("go")
        next(stream)
        assert source.given == 1
        assert len(list(stream)) == len(letters()) - 1


class TestEndings:
    @every_way
    @pytest.mark.parametrize("streaming", ["hold", "sentences"])
    def test_a_scanner_that_hangs_blocks(self, streaming: Any, stream: Stream) -> None:
        source, hanging = Source(message_chunks()), Hanging()
        guard = Guard([hanging], on_fail="No.", streaming=streaming, timeout=0.1)
        assert text_of(stream(source | guard)) == "No."
        hanging.free.set()

    @pytest.mark.parametrize("streaming", ["hold", "sentences"])
    def test_a_model_that_breaks_off_lets_nothing_more_out(self, streaming: Any) -> None:
        def broken(_: Iterator[Any]) -> Iterator[str]:
            yield "One. Two is"
            raise ConnectionError("gone")

        got: list[str] = []
        heard = Recorder()
        chain = RunnableGenerator(broken) | Guard([Words()], streaming=streaming)
        with pytest.raises(ConnectionError):
            got.extend(chain.stream("go", {"callbacks": [heard]}))
        assert "".join(got) == ("One. " if streaming == "sentences" else "")
        assert heard.events[-1][0] == "secguard.failed"

    @pytest.mark.parametrize("chunks", [1, 5])
    def test_a_stream_closed_early_closes_the_model(self, chunks: int) -> None:
        source, heard = Source(letters()), Recorder()
        stream: Any = (source | Guard([Words()], streaming="sentences")).stream("go", {"callbacks": [heard]})
        for _ in range(chunks):
            next(stream)
        stream.close()
        assert source.closed
        assert [name for name, _ in heard.events] == ["secguard.scanned"]

    async def test_a_stream_that_is_cancelled_leaves_nothing_running(self) -> None:
        source, hanging = Source(message_chunks()), Hanging()

        async def read() -> None:
            async for _ in (source | Guard([hanging], streaming="sentences")).astream("go"):
                pass

        task = asyncio.create_task(read())
        await hanging.has(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)  # the event loop closes the streams within it
        assert hanging.cancelled == 1
        assert source.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @every_way
    def test_one_event_for_each_scanner_of_a_whole_stream(self, stream: Stream) -> None:
        heard = Recorder()
        guard = Guard([Words("secret", name="A"), Words(name="B")], on_fail="No.", streaming="sentences")
        stream(Source(message_chunks()) | guard, {"callbacks": [heard]})
        told = [(data["scanner"], data["verdict"], data["read"]) for _, data in heard.events]
        assert told == [("A", "blocked", 3), ("B", "passed", 3)]

    @every_way
    def test_an_empty_stream(self, stream: Stream) -> None:
        assert stream(Source([""]) | Guard([Words()], streaming="sentences")) == [""]
        assert stream(Source([""]) | Guard([Words()])) == [""]


class TestTracing:
    async def test_a_tracer_hears_what_passed_and_not_what_was_refused(self) -> None:
        ends: list[Any] = []

        class Ends(Recorder):
            def on_chain_end(self, outputs: Any, *, inputs: Any = None, **kwargs: Any) -> None:
                ends.append((inputs, outputs))

        guard = Guard([Words("secret")], on_fail="No.")
        list(guard.transform(iter(letters()), {"callbacks": [Ends()]}))
        list(guard.transform(iter(["so", "."]), {"callbacks": [Ends()]}))
        assert ends == [("", "No."), ("so.", "so.")]

    def test_the_model_is_heard_to_begin_before_the_guard(self) -> None:
        names: list[str] = []

        class Starts(Recorder):
            def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
                names.append(kwargs["name"])

        _sync(Source(letters()) | Guard([Words()]), {"callbacks": [Starts()]})
        assert names[-1] == "Guard"
        assert len(names) == 3


def test_prompts_stream_through_as_one_chunk() -> None:
    messages: list[BaseMessage] = [HumanMessage("hi")]
    assert list(Guard([Words()]).stream(messages)) == [messages]
    assert list(Guard([Words()], on_fail="monitor").stream(messages)) == [messages]


def test_beginnings_are_left_out() -> None:
    assert without_beginnings(["a", "ab", "abc", "b", "", "bcd", "b"]) == ["abc", "bcd"]
    assert without_beginnings([]) == []


def test_an_empty_whole_has_no_windows() -> None:
    assert Whole().flush() == []
    assert Sentences(3).flush() == []
