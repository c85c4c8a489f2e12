"""The pair around a real OpenAI client: no value goes over the wire, and every answer comes back restored."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, Literal

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_secguard import Anonymizer, Deanonymizer, protect
from langchain_secguard.placeholders import Style
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.openai_server import Failure, OpenAIServer, Reply, ToolCall
from tests.support import LexiconDetector, config, holds

pytestmark = pytest.mark.loopback

JANE, ODD, LINES = "Jane Doe", 'Zo\u00eb "Zed" \\ O\u2019Neil', "12 Mill Lane\nBern"
MAIL, PHONE, FOX = "jane.doe@example.org", "+41 44 668 18 00", "\u8d75 \U0001f98a"
LEXICON = {
    JANE: "PERSON",
    ODD: "PERSON",
    LINES: "LOCATION",
    MAIL: "EMAIL_ADDRESS",
    PHONE: "PHONE_NUMBER",
    FOX: "PERSON",
}
QUESTION = f"{JANE} ({MAIL}) met {ODD} at:\n{LINES};\n\tcall {PHONE}, or {FOX}! Again {JANE}'s turn."


def steps(**options: Any) -> tuple[Anonymizer, Deanonymizer]:
    """Make a pair with a store of its own."""
    store = InMemoryVaultStore()
    return (
        Anonymizer(detector=LexiconDetector(LEXICON), store=store, **options),
        Deanonymizer(store=store),
    )


def around(runnable: Runnable[Any, Any], **options: Any) -> Runnable[Any, Any]:
    before, after = steps(**options)
    return before | runnable | after


def assert_hidden(server: OpenAIServer) -> None:
    """Check that no request held a value, however it could be written, in its body, path or headers."""
    assert server.requests
    for value in LEXICON:
        assert not server.saw(value)
        for request in server.requests:
            for text in (request.body.decode(), request.path, *chain(*request.headers.items())):
                assert not holds(text, value)


def last(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


def echo(request: dict[str, Any]) -> Reply:
    return Reply(text=last(request), chunk_size=3)


def joined(chunks: Sequence[Any]) -> Any:
    return reduce(add, chunks)


@tool
def send(to: str, body: str) -> str:
    """Send a letter."""
    return f"{to} {body}"


PROMPT = ChatPromptTemplate.from_messages(
    [("system", "You help {who}."), MessagesPlaceholder("history", optional=True), ("human", "{question}")]
)
INPUTS = [
    pytest.param(RunnablePassthrough(), QUESTION, id="str"),
    pytest.param(PromptTemplate.from_template("{question}"), {"question": QUESTION}, id="string prompt"),
    pytest.param(PROMPT, {"who": JANE, "question": QUESTION}, id="chat prompt"),
    pytest.param(
        RunnablePassthrough(), [SystemMessage(f"Help {ODD}."), HumanMessage(QUESTION)], id="messages"
    ),
    pytest.param(RunnablePassthrough(), [("system", f"Help {ODD}."), ("human", QUESTION)], id="tuples"),
    pytest.param(
        RunnablePassthrough(),
        [{"role": "system", "content": f"Help {ODD}."}, {"role": "user", "content": QUESTION}],
        id="dicts",
    ),
    pytest.param(
        PROMPT,
        {
            "who": ODD,
            "history": [HumanMessage(f"I am {JANE}."), AIMessage(f"Hello {JANE}, at {LINES}")],
            "question": QUESTION,
        },
        id="history",
    ),
]


@pytest.mark.parametrize(("prompt", "given"), INPUTS)
class TestEveryInput:
    def test_invoke(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            answer = (prompt | around(server.chat_model())).invoke(given, config())
        assert answer.content == QUESTION
        assert answer.response_metadata["finish_reason"] == "stop"
        assert_hidden(server)

    async def test_ainvoke(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            answer = await (prompt | around(server.chat_model())).ainvoke(given, config())
        assert answer.content == QUESTION
        assert_hidden(server)

    def test_batch(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            answers = (prompt | around(server.chat_model())).batch([given] * 3, config())
        assert [answer.content for answer in answers] == [QUESTION] * 3
        assert_hidden(server)

    async def test_abatch(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            answers = await (prompt | around(server.chat_model())).abatch([given] * 3, config())
        assert [answer.content for answer in answers] == [QUESTION] * 3
        assert_hidden(server)

    def test_stream(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            chunks = list((prompt | around(server.chat_model())).stream(given, config()))
        assert len(chunks) > 10
        assert joined(chunks).content == QUESTION
        assert_hidden(server)

    async def test_astream(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            astream = (prompt | around(server.chat_model())).astream(given, config())
            chunks = [chunk async for chunk in astream]
        assert len(chunks) > 10
        assert joined(chunks).content == QUESTION
        assert_hidden(server)

    async def test_astream_events(self, prompt: Runnable[Any, Any], given: Any) -> None:
        with OpenAIServer(echo) as server:
            pair = prompt | around(server.chat_model())
            events = [event async for event in pair.astream_events(given, config(), version="v2")]
        streamed = [event for event in events if event["event"] == "on_chain_stream"]
        assert (
            joined([event["data"]["chunk"] for event in streamed if not event["parent_ids"]]).content
            == QUESTION
        )
        of_model = [event for event in events if event["event"].startswith("on_chat_model")]
        assert of_model
        assert not [value for value in LEXICON if holds(repr(of_model), value)]
        assert_hidden(server)


class TestStreams:
    @pytest.mark.parametrize("chunk_size", [1, 2, 3, 5, 8, 13, 1000])
    def test_any_cut_gives_what_invoke_gives(self, chunk_size: int) -> None:
        with OpenAIServer(lambda request: Reply(text=last(request), chunk_size=chunk_size)) as server:
            pair = around(server.chat_model(stream_usage=True))
            chunks = list(pair.stream(QUESTION, config()))
            answer = pair.invoke(QUESTION, config())
        whole = joined(chunks)
        assert whole.content == answer.content == QUESTION
        assert whole.usage_metadata == answer.usage_metadata
        assert whole.response_metadata["finish_reason"] == "stop"
        assert len({chunk.id for chunk in chunks if chunk.id}) == 1
        assert_hidden(server)

    def test_every_single_cut_gives_what_invoke_gives(self) -> None:
        text = f"To {JANE}, {ODD}."
        cuts = iter(range(40))
        with OpenAIServer(lambda request: Reply(text=last(request), chunk_size=(next(cuts),))) as server:
            pair = around(server.chat_model())
            whole = [joined(list(pair.stream(text, config()))).content for _ in range(30)]
        assert whole == [text] * 30
        assert_hidden(server)

    def test_a_parser_behind_the_pair_streams(self) -> None:
        with OpenAIServer(echo) as server:
            pieces = list((around(server.chat_model()) | StrOutputParser()).stream(QUESTION, config()))
        assert len([piece for piece in pieces if piece]) > 10
        assert "".join(pieces) == QUESTION
        assert_hidden(server)

    def test_a_parser_inside_the_pair_streams(self) -> None:
        with OpenAIServer(echo) as server:
            pieces = list(around(server.chat_model() | StrOutputParser()).stream(QUESTION, config()))
        assert len([piece for piece in pieces if piece]) > 10
        assert "".join(pieces) == QUESTION
        assert_hidden(server)

    def test_a_json_parser_inside_the_pair_ends_with_the_whole_object(self) -> None:
        def reply(request: dict[str, Any]) -> Reply:
            return Reply(text=json.dumps({"said": last(request)}), chunk_size=3)

        with OpenAIServer(reply) as server:
            objects = list(around(server.chat_model() | JsonOutputParser()).stream(QUESTION, config()))
        assert objects[-1] == {"said": QUESTION}
        assert_hidden(server)

    def test_the_first_words_come_before_the_model_has_ended(self) -> None:
        released = threading.Event()

        def wait(number: int) -> None:
            if number == 3:
                assert released.wait(10)

        def reply(request: dict[str, Any]) -> Reply:
            return Reply(text=f"{last(request)} and so on", chunk_size=(12,), before_chunk=wait)

        with OpenAIServer(reply) as server:
            stream = around(server.chat_model()).stream(JANE, config())
            early = next(chunk.content for chunk in stream if chunk.content)
            assert not released.is_set()
            released.set()
            assert early + "".join(chunk.content for chunk in stream) == f"{JANE} and so on"
        assert early.startswith(JANE)
        assert_hidden(server)


ARGUMENTS = {"to": ODD, "body": f'{JANE}\n{LINES}\\ "{FOX}" \u2028 {MAIL}'}


class TestToolCalls:
    QUESTION = "\n".join((ODD, JANE, LINES, FOX, MAIL))

    def hidden(self, request: dict[str, Any]) -> str:
        odd, jane, lines, fox, mail = last(request).split("\n")
        return json.dumps({"to": odd, "body": f'{jane}\n{lines}\\ "{fox}" \u2028 {mail}'}, ensure_ascii=False)

    def reply(self, request: dict[str, Any]) -> Reply:
        calls = (
            ToolCall(name="send", arguments=self.hidden(request), id="call_a"),
            ToolCall(name="send", arguments={"to": "[PERSON_2]", "body": "[PERSON_99]"}, id="call_b"),
        )
        return Reply(text="To [PERSON_1]:", tool_calls=calls, chunk_size=3, interleave=True)

    def check(self, answer: AIMessage, server: OpenAIServer) -> None:
        assert answer.content == f"To {ODD}:"
        assert answer.invalid_tool_calls == []
        assert [(call["name"], call["args"], call["id"]) for call in answer.tool_calls] == [
            ("send", ARGUMENTS, "call_a"),
            ("send", {"to": JANE, "body": "[PERSON_99]"}, "call_b"),
        ]
        assert_hidden(server)

    def test_invoke(self) -> None:
        with OpenAIServer(self.reply) as server:
            model = server.chat_model().bind_tools([send])
            self.check(around(model).invoke(self.QUESTION, config()), server)

    async def test_ainvoke(self) -> None:
        with OpenAIServer(self.reply) as server:
            model = server.chat_model().bind_tools([send])
            self.check(await around(model).ainvoke(self.QUESTION, config()), server)

    def test_stream(self) -> None:
        with OpenAIServer(self.reply) as server:
            model = server.chat_model().bind_tools([send])
            self.check(joined(list(around(model).stream(self.QUESTION, config()))), server)

    async def test_astream(self) -> None:
        with OpenAIServer(self.reply) as server:
            model = server.chat_model().bind_tools([send])
            chunks = [chunk async for chunk in around(model).astream(self.QUESTION, config())]
        self.check(joined(chunks), server)

    def test_arguments_cut_at_every_offset_parse_back(self) -> None:
        text = "\n".join((ODD, JANE))
        cuts = iter(range(1000))

        def reply(request: dict[str, Any]) -> Reply:
            odd, jane = last(request).split("\n")
            arguments = json.dumps({"to": odd, "body": f'"{jane}"\\'})
            return Reply(tool_calls=(ToolCall(name="send", arguments=arguments, chunk_size=(next(cuts),)),))

        with OpenAIServer(reply) as server:
            pair = around(server.chat_model().bind_tools([send]))
            for _ in range(len('{"to": "[PERSON_1]", "body": "\\"[PERSON_2]\\"\\\\"}') + 1):
                answer: AIMessageChunk = joined(list(pair.stream(text, config())))
                assert answer.tool_calls[0]["args"] == {"to": ODD, "body": f'"{JANE}"\\'}
                assert answer.invalid_tool_calls == []
        assert_hidden(server)

    def test_broken_arguments_are_restored_and_stay_broken(self) -> None:
        def reply(request: dict[str, Any]) -> Reply:
            return Reply(tool_calls=(ToolCall(name="send", arguments=f'{{"to": "{last(request)}", '),))

        with OpenAIServer(reply) as server:
            answer = around(server.chat_model()).invoke(JANE, config())
        assert answer.invalid_tool_calls[0]["args"] == f'{{"to": "{JANE}", '
        assert_hidden(server)

    def test_the_tools_result_and_the_call_in_the_history_are_hidden(self) -> None:
        def reply(request: dict[str, Any]) -> Reply:
            return echo(request) if request["messages"][-1]["role"] == "tool" else self.reply(request)

        with OpenAIServer(reply) as server:
            pair = around(server.chat_model().bind_tools([send]))
            call = pair.invoke(self.QUESTION, config())
            result = send.invoke(call.tool_calls[0])
            other = ToolMessage(PHONE, tool_call_id="call_b", artifact={"to": JANE})
            answer = pair.invoke([HumanMessage(self.QUESTION), call, other, result], config())
        assert answer.content == result.content == f"{ARGUMENTS['to']} {ARGUMENTS['body']}"
        sent = server.requests[1].messages[1]["tool_calls"]
        assert json.loads(sent[0]["function"]["arguments"])["to"] == "[PERSON_1]"
        assert [one["id"] for one in sent] == ["call_a", "call_b"]
        assert_hidden(server)

    def test_a_history_of_streamed_chunks_is_hidden(self) -> None:
        with OpenAIServer(self.reply) as server:
            pair = around(server.chat_model().bind_tools([send]))
            call = joined(list(pair.stream(self.QUESTION, config())))
            results = [ToolMessage(JANE, tool_call_id=one["id"]) for one in call.tool_calls]
            pair.invoke([HumanMessage("Hi"), call, *results, HumanMessage(self.QUESTION)], config())
        assert_hidden(server)


class Letter(BaseModel):
    """Hold a letter."""

    to: str
    body: str
    copies: list[str] = []


Method = Literal["json_schema", "function_calling", "json_mode"]


def as_letter(request: dict[str, Any]) -> Reply:
    odd, jane, lines, _json = last(request).split("|")
    letter = {"to": odd, "body": f'{jane}\n"{lines}"\\', "copies": [jane, odd]}
    if "tools" in request:
        return Reply(tool_calls=(ToolCall(name="Letter", arguments=letter),), chunk_size=3)
    return Reply(text=json.dumps(letter), chunk_size=3)


# The client serializes the parsed object of a json_schema stream against a model that has none, and warns.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
class TestStructuredOutput:
    ASKED = f"{ODD}|{JANE}|{LINES}|as JSON"
    LETTER = Letter(to=ODD, body=f'{JANE}\n"{LINES}"\\', copies=[JANE, ODD])

    def model(self, server: OpenAIServer, method: Method, **options: Any) -> Runnable[Any, Any]:
        return around(server.chat_model().with_structured_output(Letter, method=method, **options))

    def test_invoke(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            assert self.model(server, method).invoke(self.ASKED, config()) == self.LETTER
        assert_hidden(server)

    async def test_ainvoke(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            assert await self.model(server, method).ainvoke(self.ASKED, config()) == self.LETTER
        assert_hidden(server)

    def test_stream(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            assert list(self.model(server, method).stream(self.ASKED, config()))[-1] == self.LETTER
        assert_hidden(server)

    async def test_astream(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            outputs = [one async for one in self.model(server, method).astream(self.ASKED, config())]
        assert outputs[-1] == self.LETTER
        assert_hidden(server)

    def test_a_dict_schema(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            schema = Letter.model_json_schema()
            model = around(server.chat_model().with_structured_output(schema, method=method))
            assert model.invoke(self.ASKED, config()) == self.LETTER.model_dump()
        assert_hidden(server)

    def test_the_raw_answer_beside_the_object(self, method: Method) -> None:
        with OpenAIServer(as_letter) as server:
            answer = self.model(server, method, include_raw=True).invoke(self.ASKED, config())
        assert answer["parsed"] == self.LETTER
        if answer["raw"].tool_calls:
            assert answer["raw"].tool_calls[0]["args"] == self.LETTER.model_dump()
        assert_hidden(server)


class TestConversations:
    def test_restored_answers_fed_back_get_the_same_placeholders(self) -> None:
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model())
            messages: list[BaseMessage] = []
            for _ in range(4):
                messages.append(HumanMessage(QUESTION))
                messages.append(pair.invoke(messages, config()))
        contents = {one["content"] for request in server.requests for one in request.messages}
        assert len(contents) == 1
        assert {message.content for message in messages} == {QUESTION}
        assert_hidden(server)

    @pytest.mark.filterwarnings("ignore:RunnableWithMessageHistory is deprecated")
    @pytest.mark.filterwarnings("ignore:.*InMemoryChatMessageHistory. was deprecated")
    def test_a_session_of_a_message_history_is_a_vault(self) -> None:
        histories: dict[str, InMemoryChatMessageHistory] = {}

        def history(session_id: str) -> InMemoryChatMessageHistory:
            return histories.setdefault(session_id, InMemoryChatMessageHistory())

        def turn(session_id: str, text: str) -> str:
            named = RunnableConfig(configurable={"session_id": session_id})
            return str(chat.invoke({"question": text}, named).content)

        with OpenAIServer(echo) as server:
            before, after = steps()
            prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("past"), ("human", "{question}")])
            chat: Runnable[Any, Any] = RunnableWithMessageHistory(
                prompt | before | server.chat_model() | after,
                history,
                input_messages_key="question",
                history_messages_key="past",
            )
            answers = [turn("a", QUESTION), turn("b", ODD), turn("a", f"{ODD} and {JANE}"), turn("b", JANE)]
        assert answers == [QUESTION, ODD, f"{ODD} and {JANE}", JANE]
        assert [one["content"] for one in server.requests[3].messages] == [
            "[PERSON_1]",
            "[PERSON_1]",
            "[PERSON_2]",
        ]
        assert server.requests[2].messages[-1]["content"] == "[PERSON_2] and [PERSON_1]"
        assert len(histories["a"].messages) == 4
        assert_hidden(server)

    def test_names_of_participants_are_hidden(self) -> None:
        with OpenAIServer(echo) as server:
            given = [HumanMessage("Hello", name=JANE), HumanMessage(f"I am {JANE}", name=JANE)]
            answer = around(server.chat_model()).invoke(given, config())
        assert answer.content == f"I am {JANE}"
        assert [one["name"] for one in server.requests[0].messages] == ["PERSON_1", "PERSON_1"]
        assert [message.name for message in given] == [JANE, JANE]
        assert_hidden(server)

    def test_text_blocks_are_hidden_and_come_back(self) -> None:
        with OpenAIServer(lambda request: Reply(text=request["messages"][0]["content"][0]["text"])) as server:
            given = [HumanMessage([{"type": "text", "text": QUESTION}, {"type": "text", "text": JANE}])]
            answer = around(server.chat_model()).invoke(given, config())
        assert answer.content == QUESTION
        assert_hidden(server)

    def test_what_only_looks_like_a_placeholder_comes_back_as_it_was(self) -> None:
        text = f"[PERSON_1] said PERSON_2, [person 1], \\[PERSON\\_1\\] to {JANE}, {ODD}, &#91;PERSON_1&#93;"
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model())
            assert pair.invoke(text, config()).content == text
            assert joined(list(pair.stream(text, config()))).content == text
        assert_hidden(server)


class TestCompositions:
    def test_parallel_branches_share_a_vault(self) -> None:
        with OpenAIServer(echo) as server:
            before, after = steps()
            model = server.chat_model()
            branches: Runnable[Any, Any] = RunnableParallel(
                one=before | model | after,
                two=before | model | after | StrOutputParser(),
            )
            answers = branches.invoke(QUESTION, config())
        assert (answers["one"].content, answers["two"]) == (QUESTION, QUESTION)
        assert len({request.messages[0]["content"] for request in server.requests}) == 1
        assert_hidden(server)

    def test_parallel_branches_inside_the_pair_are_restored(self) -> None:
        with OpenAIServer(echo) as server:
            model = server.chat_model()
            inside: Runnable[Any, Any] = RunnableParallel(one=model, two=model | StrOutputParser())
            answers = around(inside).invoke(QUESTION, config())
            streamed = joined(list(around(inside).stream(QUESTION, config())))
        assert (answers["one"].content, answers["two"]) == (QUESTION, QUESTION)
        assert (streamed["one"].content, streamed["two"]) == (QUESTION, QUESTION)
        assert_hidden(server)

    def test_a_retry_sends_the_same_hidden_text(self) -> None:
        replies: Iterator[Failure | None] = iter([Failure(status=500), None])

        def flaky(request: dict[str, Any]) -> Reply | Failure:
            return next(replies) or echo(request)

        with OpenAIServer(flaky) as server:
            pair = around(server.chat_model()).with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
            answer = pair.invoke(QUESTION, config())
        assert answer.content == QUESTION
        assert server.requests[0].messages == server.requests[1].messages
        assert_hidden(server)

    def test_a_retry_of_the_model_alone_sends_the_same_hidden_text(self) -> None:
        replies: Iterator[Failure | None] = iter([Failure(status=500), None])

        def flaky(request: dict[str, Any]) -> Reply | Failure:
            return next(replies) or echo(request)

        with OpenAIServer(flaky) as server:
            model = server.chat_model().with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
            assert around(model).invoke(QUESTION, config()).content == QUESTION
        assert len(server.requests) == 2
        assert_hidden(server)

    def test_a_fallback_is_sent_hidden_text(self) -> None:
        with (
            OpenAIServer(lambda request: Failure(status=500)) as broken,
            OpenAIServer(echo) as server,
        ):
            pair = around(broken.chat_model()).with_fallbacks([around(server.chat_model())])
            assert pair.invoke(QUESTION, config()).content == QUESTION
            inside = around(broken.chat_model().with_fallbacks([server.chat_model()]))
            assert joined(list(inside.stream(QUESTION, config()))).content == QUESTION
        assert_hidden(broken)
        assert_hidden(server)

    def test_documents_stuffed_into_a_prompt_are_hidden(self) -> None:
        documents = [
            Document(f"{JANE} lives at {LINES}.", metadata={"source": MAIL, "page": 1}),
            Document(f"{ODD}, {PHONE}", metadata={"source": FOX}),
        ]
        prompt = ChatPromptTemplate.from_template("{context}|{question}")

        def stuff(given: dict[str, Any]) -> dict[str, Any]:
            context = "\n".join(f"{one.page_content} {one.metadata['source']}" for one in given["context"])
            return {"context": context, "question": given["question"]}

        with OpenAIServer(echo) as server:
            before, after = steps()
            model = server.chat_model()
            stuffed: Runnable[Any, Any] = RunnableLambda(stuff)
            given = {"context": documents, "question": JANE}
            late = (stuffed | prompt | before | model | after).invoke(given, config())
            early = (before | stuffed | prompt | model | after).invoke(given, config())
        expected = f"{JANE} lives at {LINES}. {MAIL}\n{ODD}, {PHONE} {FOX}|{JANE}"
        assert late.content == early.content == expected
        assert documents[0].metadata == {"source": MAIL, "page": 1}
        assert_hidden(server)

    def test_protect_hides_and_restores_around_a_model(self) -> None:
        with OpenAIServer(echo) as server:
            safe = protect(server.chat_model(), anonymizer=steps()[0])
            assert safe.invoke(QUESTION).content == QUESTION
            assert joined(list(safe.stream(QUESTION))).content == QUESTION
            assert asyncio.run(safe.ainvoke(QUESTION)).content == QUESTION
        assert_hidden(server)

    @pytest.mark.parametrize("style", ["brackets", "llm_guard"])
    def test_each_form_goes_over_the_wire_and_back(self, style: Style) -> None:
        store = InMemoryVaultStore()
        with OpenAIServer(echo) as server:
            before = Anonymizer(detector=LexiconDetector(LEXICON), store=store, form=style)
            pair = before | server.chat_model() | Deanonymizer(store=store, form=style)
            assert pair.invoke(QUESTION, config()).content == QUESTION
            assert joined(list(pair.stream(QUESTION, config()))).content == QUESTION
        assert_hidden(server)

    def test_surrogates_go_over_the_wire_and_back(self) -> None:
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model(), default_policy="surrogate")
            assert pair.invoke(QUESTION, config()).content == QUESTION
            assert joined(list(pair.stream(QUESTION, config()))).content == QUESTION
        assert_hidden(server)


BENT: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "space": lambda text: text.replace("_", " "),
    "no brackets": lambda text: text.strip("[]"),
    "Markdown": lambda text: text.replace("[", "\\[").replace("_", "\\_").replace("]", "\\]"),
    "HTML": lambda text: text.replace("[", "&#91;").replace("]", "&#93;"),
    "LLM Guard's": lambda text: text.replace("[", "[REDACTED_"),
}


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT)
def test_a_bent_placeholder_is_restored_whole_and_streamed(bend: Callable[[str], str]) -> None:
    def reply(request: dict[str, Any]) -> Reply:
        return Reply(text=f"So {bend(last(request))}, and on.", chunk_size=1)

    with OpenAIServer(reply) as server:
        pair = around(server.chat_model())
        assert pair.invoke(ODD, config()).content == f"So {ODD}, and on."
        assert joined(list(pair.stream(ODD, config()))).content == f"So {ODD}, and on."
    assert_hidden(server)
