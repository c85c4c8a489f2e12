import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import Any, Literal

import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel
from pytest_socket import SocketConnectBlockedError

from tests.integration.openai_server import Failure, OpenAIServer, Reply, ToolCall, pieces

TEXT = 'Ada 🦊 said "n\u00e4chste\\Woche"\n\nto [PERSON_1].'
ARGUMENTS = json.dumps(
    {"city": "Z\u00fcrich", "note": 'a "quoted"\\ \n note', "days": [1, 2]}, ensure_ascii=False
)

loopback = pytest.mark.loopback


class Person(BaseModel):
    """Hold a person."""

    name: str
    age: int


@tool
def weather(city: str, note: str, days: list[int]) -> str:
    """Forecast the weather."""
    return f"{city} {note} {days}"


def says(text: str, **options: Any) -> Any:
    return lambda request: Reply(text=text, **options)


def echo(request: dict[str, Any]) -> Reply:
    return Reply(text=request["messages"][0]["content"])


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return reduce(add, chunks)


def sse_contents(chunks: list[AIMessageChunk]) -> list[str]:
    return [str(chunk.content) for chunk in chunks if chunk.content]


class TestPieces:
    @pytest.mark.parametrize(
        ("text", "chunk_size", "expected"),
        [
            ("abcdefg", 3, ["abc", "def", "g"]),
            ("abc", 100, ["abc"]),
            ("", 3, []),
            ("abcdef", (1, 4), ["a", "bcd", "ef"]),
            ("abc", (), ["abc"]),
            ("abc", (1, 1), ["a", "", "bc"]),
            ("abc", (2, 9), ["ab", "c"]),
        ],
    )
    def test_a_text_is_cut_where_asked(
        self, text: str, chunk_size: int | tuple[int, ...], expected: list[str]
    ) -> None:
        assert pieces(text, chunk_size) == expected

    @pytest.mark.parametrize("chunk_size", [0, -1, (2, 1), (-1,)])
    def test_impossible_cuts_are_refused(self, chunk_size: int | tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"character|order"):
            pieces("abc", chunk_size)


@loopback
class TestText:
    def test_invoke_returns_the_scripted_text_and_usage(self) -> None:
        with OpenAIServer(says(TEXT)) as server:
            answer = server.chat_model().invoke("hi")
        assert answer.content == TEXT
        assert answer.response_metadata["finish_reason"] == "stop"
        assert answer.usage_metadata is not None
        assert answer.usage_metadata["output_tokens"] == len(TEXT)

    async def test_ainvoke_returns_the_scripted_text(self) -> None:
        with OpenAIServer(says(TEXT)) as server:
            answer = await server.chat_model().ainvoke("hi")
        assert answer.content == TEXT

    @pytest.mark.parametrize("chunk_size", [1, 2, 7, 1000, (), (1, 5, 6), (3, 3)])
    def test_stream_sends_the_pieces_that_were_asked_for(self, chunk_size: int | tuple[int, ...]) -> None:
        with OpenAIServer(says(TEXT, chunk_size=chunk_size)) as server:
            chunks = list(server.chat_model().stream("hi"))
        assert sse_contents(chunks) == [piece for piece in pieces(TEXT, chunk_size) if piece]
        assert joined(chunks).content == TEXT
        assert joined(chunks).response_metadata["finish_reason"] == "stop"

    async def test_astream_sends_the_pieces_that_were_asked_for(self) -> None:
        with OpenAIServer(says(TEXT, chunk_size=3)) as server:
            chunks = [chunk async for chunk in server.chat_model().astream("hi")]
        assert sse_contents(chunks) == pieces(TEXT, 3)

    def test_a_stream_ends_with_the_usage_that_invoke_returns(self) -> None:
        with OpenAIServer(says(TEXT)) as server:
            model = server.chat_model(stream_usage=True)
            chunks = list(model.stream("hi"))
            answer = model.invoke("hi")
        assert joined(chunks).usage_metadata == answer.usage_metadata
        assert server.requests[0].json["stream_options"] == {"include_usage": True}

    def test_a_stream_has_no_usage_unless_asked_for(self) -> None:
        with OpenAIServer(says(TEXT)) as server:
            chunks = list(server.chat_model(stream_usage=False).stream("hi"))
        assert joined(chunks).usage_metadata is None

    def test_an_abandoned_stream_leaves_nothing_behind(self) -> None:
        with OpenAIServer(says("x" * 100_000, chunk_size=10)) as server:
            stream = server.chat_model().stream("hi")
            next(stream)
            stream.close()  # type: ignore[attr-defined]  # a generator

    async def test_an_abandoned_async_stream_leaves_nothing_behind(self) -> None:
        with OpenAIServer(says("x" * 100_000, chunk_size=10)) as server:
            stream = server.chat_model().astream("hi")
            await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]  # a generator

    async def test_a_cancelled_call_leaves_nothing_behind(self) -> None:
        released = threading.Event()

        def wait(number: int) -> None:
            released.wait(10)

        with OpenAIServer(says("never read", before_chunk=wait)) as server:
            stream = server.chat_model().astream("hi")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.2)
            released.set()

    def test_events_can_be_held_back_between_chunks(self) -> None:
        gate = threading.Semaphore(2)  # the opening event and the first piece

        def wait(number: int) -> None:
            gate.acquire(timeout=10)

        with OpenAIServer(says("abcd", chunk_size=2, before_chunk=wait)) as server:
            stream = server.chat_model().stream("hi")
            first = next(chunk.content for chunk in stream if chunk.content)
            gate.release(10)
            assert (first, [chunk.content for chunk in stream if chunk.content]) == ("ab", ["cd"])


@loopback
class TestToolCalls:
    CALLS = (
        ToolCall(name="weather", arguments=ARGUMENTS, id="call_abc"),
        ToolCall(name="weather", arguments={"city": "Bern", "note": "", "days": []}),
    )

    def check(self, answer: AIMessage) -> None:
        assert [(call["name"], call["id"]) for call in answer.tool_calls] == [
            ("weather", "call_abc"),
            ("weather", "call_1"),
        ]
        assert answer.tool_calls[0]["args"] == json.loads(ARGUMENTS)
        assert answer.tool_calls[1]["args"]["city"] == "Bern"
        assert answer.invalid_tool_calls == []
        assert answer.response_metadata["finish_reason"] == "tool_calls"

    def reply(self, request: dict[str, Any]) -> Reply:
        return Reply(tool_calls=self.CALLS)

    def test_invoke_returns_the_calls(self) -> None:
        with OpenAIServer(self.reply) as server:
            self.check(server.chat_model().bind_tools([weather]).invoke("hi"))
        assert server.requests[0].json["tools"][0]["function"]["name"] == "weather"

    async def test_ainvoke_returns_the_calls(self) -> None:
        with OpenAIServer(self.reply) as server:
            self.check(await server.chat_model().bind_tools([weather]).ainvoke("hi"))

    @pytest.mark.parametrize("chunk_size", [1, 3, 1000, (2, 5, 40)])
    @pytest.mark.parametrize("interleave", [False, True])
    def test_stream_sends_the_arguments_in_the_fragments_asked_for(
        self, chunk_size: int | tuple[int, ...], interleave: bool
    ) -> None:
        reply = Reply(text="Let me see.", tool_calls=self.CALLS, chunk_size=chunk_size, interleave=interleave)
        with OpenAIServer(lambda request: reply) as server:
            chunks = [
                chunk
                for chunk in server.chat_model().bind_tools([weather]).stream("hi")
                if isinstance(chunk, AIMessageChunk)
            ]
        fragments = [
            call["args"]
            for chunk in chunks
            for call in chunk.tool_call_chunks
            if call["index"] == 0 and call["args"]
        ]
        assert fragments == pieces(ARGUMENTS, chunk_size)
        self.check(joined(chunks))
        assert joined(chunks).content == "Let me see."

    async def test_astream_sends_the_calls(self) -> None:
        with OpenAIServer(self.reply) as server:
            model = server.chat_model().bind_tools([weather])
            chunks = [chunk async for chunk in model.astream("hi") if isinstance(chunk, AIMessageChunk)]
        self.check(joined(chunks))

    def test_a_call_can_be_cut_apart_from_the_text(self) -> None:
        call = ToolCall(name="weather", arguments=ARGUMENTS, chunk_size=1)
        with OpenAIServer(lambda request: Reply(text=TEXT, tool_calls=(call,), chunk_size=())) as server:
            chunks = list(server.chat_model().stream("hi"))
        assert sse_contents(chunks) == [TEXT]
        assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) == len(ARGUMENTS) + 1

    def test_broken_arguments_arrive_as_an_invalid_call(self) -> None:
        call = ToolCall(name="weather", arguments='{"city": ')
        with OpenAIServer(lambda request: Reply(tool_calls=(call,))) as server:
            answer = server.chat_model().invoke("hi")
        assert answer.invalid_tool_calls[0]["args"] == '{"city": '

    def test_the_next_turn_brings_the_tool_result(self) -> None:
        def reply(request: dict[str, Any]) -> Reply:
            last = request["messages"][-1]
            return Reply(text=f"It is {last['content']}") if last["role"] == "tool" else self.reply(request)

        with OpenAIServer(reply) as server:
            model = server.chat_model()
            call = model.invoke("hi")
            results = [ToolMessage("sunny", tool_call_id=one["id"]) for one in call.tool_calls]
            answer = model.invoke([HumanMessage("hi"), call, *results])
        assert answer.content == "It is sunny"
        assert server.saw("Z\u00fcrich")


Method = Literal["json_schema", "function_calling", "json_mode"]


def as_person(request: dict[str, Any]) -> Reply:
    if "tools" in request:
        call = ToolCall(name="Person", arguments={"name": "Ada", "age": 36})
        return Reply(tool_calls=(call,), chunk_size=3)
    assert request["response_format"]["type"] in {"json_schema", "json_object"}
    return Reply(text='{"name": "Ada", "age": 36}', chunk_size=3)


# The client serializes the parsed object of a json_schema stream against a model that has none, and warns.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@loopback
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
class TestStructuredOutput:
    def test_invoke(self, method: Method) -> None:
        with OpenAIServer(as_person) as server:
            model = server.chat_model().with_structured_output(Person, method=method)
            assert model.invoke("who? (JSON)") == Person(name="Ada", age=36)

    async def test_ainvoke(self, method: Method) -> None:
        with OpenAIServer(as_person) as server:
            model = server.chat_model().with_structured_output(Person, method=method)
            assert await model.ainvoke("who? (JSON)") == Person(name="Ada", age=36)

    def test_stream(self, method: Method) -> None:
        with OpenAIServer(as_person) as server:
            model = server.chat_model().with_structured_output(Person, method=method)
            assert list(model.stream("who? (JSON)"))[-1] == Person(name="Ada", age=36)
        assert server.requests[0].json["stream"] is True

    async def test_astream(self, method: Method) -> None:
        with OpenAIServer(as_person) as server:
            model = server.chat_model().with_structured_output(Person, method=method)
            outputs = [output async for output in model.astream("who? (JSON)")]
        assert outputs[-1] == Person(name="Ada", age=36)

    def test_a_dict_schema(self, method: Method) -> None:
        with OpenAIServer(as_person) as server:
            model = server.chat_model().with_structured_output(Person.model_json_schema(), method=method)
            assert model.invoke("who? (JSON)") == {"name": "Ada", "age": 36}


@loopback
class TestRecords:
    def test_a_request_is_recorded_as_it_came_over_the_wire(self) -> None:
        with OpenAIServer(says("fine")) as server:
            server.chat_model(temperature=0).invoke([SystemMessage("be brief"), HumanMessage(TEXT)])
        (request,) = server.requests
        assert request.path == "/v1/chat/completions"
        assert request.headers["authorization"] == "Bearer test"
        assert json.loads(request.body) == request.json
        assert [(one["role"], one["content"]) for one in request.messages] == [
            ("system", "be brief"),
            ("user", TEXT),
        ]

    @pytest.mark.parametrize("text", ["brief", "🦊", 'said "n\u00e4chste\\Woche"\n', "Bearer", "gpt-4o-mini"])
    def test_a_text_is_seen_wherever_it_is_and_however_it_is_escaped(self, text: str) -> None:
        with OpenAIServer(says("fine")) as server:
            server.chat_model().invoke([SystemMessage("be brief"), HumanMessage(TEXT)])
        assert server.saw(text)

    def test_a_text_that_was_not_sent_is_not_seen(self) -> None:
        with OpenAIServer(says("fine")) as server:
            server.chat_model().invoke(TEXT)
        assert not server.saw("Grace")

    def test_the_script_sees_what_the_model_sees(self) -> None:
        with OpenAIServer(lambda request: Reply(text=request["messages"][-1]["content"].upper())) as server:
            assert server.chat_model().invoke("[person_1]").content == "[PERSON_1]"

    async def test_concurrent_requests_each_get_their_own_answer(self) -> None:
        with OpenAIServer(echo) as server:
            model = server.chat_model()
            answers = await asyncio.gather(*(model.ainvoke(str(number)) for number in range(32)))
        assert [answer.content for answer in answers] == [str(number) for number in range(32)]
        assert len(server.requests) == 32

    def test_threads_each_get_their_own_answer(self) -> None:
        with OpenAIServer(echo) as server, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(server.chat_model().invoke, map(str, range(32))))
        assert [answer.content for answer in answers] == [str(number) for number in range(32)]

    def test_one_client_serves_several_event_loops(self) -> None:
        with OpenAIServer(says(TEXT)) as server:
            model = server.chat_model()
            answers = [asyncio.run(model.ainvoke("hi")) for _ in range(3)]
        assert [answer.content for answer in answers] == [TEXT] * 3


@loopback
class TestFailures:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
        ],
    )
    def test_a_scripted_failure_is_the_clients_error(
        self, status: int, error: type[openai.APIStatusError]
    ) -> None:
        with (
            OpenAIServer(lambda request: Failure(status=status, message="no luck")) as server,
            pytest.raises(error, match="no luck"),
        ):
            server.chat_model().invoke("hi")
        assert len(server.requests) == 1

    def test_an_exception_in_the_script_is_raised_when_the_block_ends(self) -> None:
        def reply(request: dict[str, Any]) -> Reply:
            raise KeyError("script")

        with (
            pytest.raises(KeyError, match="script"),
            OpenAIServer(reply) as server,
            pytest.raises(openai.InternalServerError),
        ):
            server.chat_model().invoke("hi")

    def test_an_unknown_path_is_not_found(self) -> None:
        with OpenAIServer(says("fine")) as server, pytest.raises(openai.NotFoundError):
            server.chat_model(use_responses_api=True).invoke("hi")

    def test_the_address_is_known_inside_the_block_only(self) -> None:
        with pytest.raises(RuntimeError, match="with"):
            _ = OpenAIServer(says("fine")).base_url


class TestSockets:
    @loopback
    def test_a_loopback_test_reaches_no_other_host(self) -> None:
        # pytest-socket warns before it raises, and a warning is an error here.
        with pytest.raises((SocketConnectBlockedError, UserWarning), match=r"192\.0\.2\.1"):
            socket.create_connection(("192.0.2.1", 443), timeout=1)

    def test_an_unmarked_test_has_no_sockets(self) -> None:
        with pytest.raises((RuntimeError, UserWarning), match="socket"):
            socket.socket(socket.AF_INET, socket.SOCK_STREAM)
