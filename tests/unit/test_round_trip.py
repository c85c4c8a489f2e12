"""`Deanonymizer(Anonymizer(x)) == x`, byte for byte and class for class, whole and in any chunks."""

import json
from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel, ConfigDict

from langchain_secguard import Anonymizer, Deanonymizer, Form, Vault
from tests.unit.nasty import NastyDetector, texts

FORMS = [Form(), Form("llm_guard"), Form(check_key=b"0123456789abcdef")]


class Person(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    notes: list[str]
    more: dict[str, Any] = {}


def pair(form: Form = FORMS[0]) -> tuple[Anonymizer, Deanonymizer]:
    vault = Vault("vault")
    return Anonymizer(detector=NastyDetector(), vault=vault, form=form), Deanonymizer(vault=vault, form=form)


def data() -> st.SearchStrategy[Any]:
    """Make nested data of texts, as tool-call arguments hold them."""
    leaves = st.one_of(texts(4), st.integers(-999, 999), st.booleans(), st.none())
    return st.dictionaries(texts(2), st.one_of(leaves, st.lists(leaves, max_size=2)), max_size=3)


@st.composite
def messages(draw: st.DrawFn) -> BaseMessage:
    text = draw(texts(6))
    call = {"name": "tool", "args": draw(data()), "id": "call_1", "type": "tool_call"}
    blocks: list[str | dict[Any, Any]] = [
        {"type": "text", "text": text, "index": 0, "annotations": [{"type": "citation", "cited_text": text}]},
        {"type": "reasoning", "reasoning": text},
        {"type": "tool_use", "id": "t", "name": "tool", "input": call["args"]},
        {"type": "non_standard", "value": {"anything": [text]}},
        text,
    ]
    broken = {
        "name": "tool",
        "args": json.dumps({"a": text}, ensure_ascii=False)[:-1],
        "id": "x",
        "error": text,
        "type": "invalid_tool_call",
    }
    kwargs = {
        "function_call": {"name": "f", "arguments": json.dumps({"a": text}, ensure_ascii=False)},
        "refusal": text,
    }
    return draw(
        st.sampled_from(
            [
                HumanMessage(text, id="1"),
                HumanMessage(blocks, response_metadata={"a": 1}),
                SystemMessage(text),
                ChatMessage(content=text, role="critic"),
                FunctionMessage(content=text, name="f"),
                ToolMessage(text, tool_call_id="call_1", artifact={"raw": text}),
                ToolMessage(blocks[:1], tool_call_id="call_1", status="error"),
                AIMessage(text, tool_calls=[call], usage_metadata=None),
                AIMessage(blocks, invalid_tool_calls=[broken]),
                AIMessage("", additional_kwargs=kwargs),
                AIMessageChunk(content=text, id="run-1"),
            ]
        )
    )


@given(st.lists(texts(), min_size=1, max_size=3), st.sampled_from(FORMS))
@settings(deadline=None, max_examples=150)
def test_texts_come_back_byte_for_byte(inputs: list[str], form: Form) -> None:
    anonymizer, deanonymizer = pair(form)
    for text in inputs:
        assert deanonymizer.invoke(anonymizer.invoke(text)) == text


@given(messages())
@settings(deadline=None, max_examples=80)
def test_messages_come_back_with_their_class_and_fields(message: BaseMessage) -> None:
    anonymizer, deanonymizer = pair()
    back = deanonymizer.invoke(anonymizer.invoke([message]))
    assert back == [message]
    assert type(back[0]) is type(message)


@given(st.lists(messages(), min_size=1, max_size=3), texts(4))
@settings(deadline=None, max_examples=40)
def test_containers_come_back_with_their_class(conversation: list[BaseMessage], text: str) -> None:
    anonymizer, deanonymizer = pair()
    for value in (
        StringPromptValue(text=text),
        ChatPromptValue(messages=conversation),
        conversation,
        {"question": text, "history": conversation, "n": 3, "nested": {"key": [text, (text, 1)]}},
        Document(text, metadata={"source": text, "page": 3}, id="d"),
        [Document(text), Document("")],
        Person(name=text, notes=[text, "x"], more={text: text}, extra=text),
        {"role": "user", "content": [{"type": "text", "text": text}], "name": "jane"},
    ):
        back = deanonymizer.invoke(anonymizer.invoke(value))
        assert back == value
        assert type(back) is type(value)


@given(texts(8), st.sampled_from(FORMS))
@settings(deadline=None, max_examples=80)
def test_every_cut_of_a_text_streams_what_invoke_gives(text: str, form: Form) -> None:
    anonymizer, deanonymizer = pair(form)
    hidden = anonymizer.invoke(text)
    for chunks in cuts(hidden):
        assert "".join(deanonymizer.transform(iter(chunks))) == text


@given(texts(6))
@settings(deadline=None, max_examples=40)
def test_every_cut_of_a_message_streams_what_invoke_gives(text: str) -> None:
    anonymizer, deanonymizer = pair()
    hidden = anonymizer.invoke(text)
    for pieces in cuts(hidden):
        chunks = [AIMessageChunk(content=piece, id="run-1") for piece in pieces]
        total = joined(
            deanonymizer.transform(
                iter([*chunks, AIMessageChunk(content="", id="run-1", chunk_position="last")])
            )
        )
        assert (total.content, total.id, total.chunk_position) == (text, "run-1", "last")


@given(texts(6))
@settings(deadline=None, max_examples=40)
def test_every_cut_of_content_blocks_streams_what_invoke_gives(text: str) -> None:
    anonymizer, deanonymizer = pair()
    hidden = anonymizer.invoke(text)
    for pieces in cuts(hidden):
        chunks = [
            AIMessageChunk(
                content=[
                    {"type": "reasoning", "reasoning": piece, "index": 0},
                    {"type": "text", "text": piece, "index": 1},
                ]
            )
            for piece in pieces
        ]
        content = joined(deanonymizer.transform(iter(chunks))).content if chunks else []
        assert [block["reasoning" if block["index"] == 0 else "text"] for block in content] == [text] * len(
            content
        )


@given(data(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_cut_of_tool_call_arguments_is_json_of_the_values(
    args: dict[str, Any], ascii_only: bool
) -> None:
    anonymizer, deanonymizer = pair()
    hidden = anonymizer.invoke(AIMessage("", tool_calls=[{"name": "f", "args": args, "id": "1"}])).tool_calls[
        0
    ]["args"]
    for pieces in cuts(json.dumps(hidden, ensure_ascii=ascii_only)):
        chunks = [
            AIMessageChunk(
                content="", tool_call_chunks=[{"name": None, "args": piece, "id": None, "index": 0}]
            )
            for piece in pieces
        ]
        start = AIMessageChunk(
            content="", tool_call_chunks=[{"name": "f", "args": "", "id": "1", "index": 0}]
        )
        total = joined(deanonymizer.transform(iter([start, *chunks])))
        assert json.loads(total.tool_call_chunks[0]["args"] or "") == args
        assert total.tool_calls[0]["args"] == args


@given(texts(5), texts(5))
@settings(deadline=None, max_examples=30)
def test_parallel_answers_stream_apart(left: str, right: str) -> None:
    anonymizer, deanonymizer = pair()
    hidden = anonymizer.invoke({"left": left, "right": right})
    chunks: list[AddableDict] = []
    for position in range(max(map(len, hidden.values()))):
        for key, text in hidden.items():
            if text[position : position + 1]:
                chunks.append(AddableDict({key: text[position]}))
    total: dict[str, str] = reduce(add, deanonymizer.transform(iter(chunks)), AddableDict())
    assert (total.get("left", ""), total.get("right", "")) == (left, right)


@pytest.mark.parametrize("kind", [str, AIMessageChunk, HumanMessageChunk])
async def test_async_streams_agree_with_sync_ones(kind: type[Any]) -> None:
    anonymizer, deanonymizer = pair()
    hidden = await anonymizer.ainvoke('Jane Doe wrote to O"Brien \\ Sons about [PERSON_1].')
    chunks = [piece if kind is str else kind(content=piece) for piece in hidden]

    async def arriving() -> Any:
        for chunk in chunks:
            yield chunk

    sync = list(deanonymizer.transform(iter(chunks)))
    assert [chunk async for chunk in deanonymizer.atransform(arriving())] == sync


def cuts(text: str) -> Iterable[list[str]]:
    """Cut a text in two at every place, and into single characters."""
    yield list(text)
    yield from ([text[:position], text[position:]] for position in range(len(text) + 1))


def joined(chunks: Iterable[Any]) -> Any:
    return reduce(add, chunks)
