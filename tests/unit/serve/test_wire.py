import json
from typing import Any

import pytest
from fastapi import HTTPException
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from pydantic import BaseModel

from langchain_secguard import Anonymizer, protect
from langchain_secguard.serve import wire
from tests.unit.serve.support import Echo, pair

HUMAN = {"type": "human", "content": "I am Jane Doe."}


class Question(BaseModel):
    text: str
    details: dict[str, Any] = {}


def shapes(chain: Any, **types: Any) -> wire.Shapes:
    return wire.Shapes(chain, "Chat", types.get("input_type"), types.get("output_type"))


def named(schema: Any) -> str:
    return json.dumps(schema.model_json_schema())


class TestShapes:
    @pytest.mark.parametrize(
        "chain",
        [pair(Echo()), protect(Echo()), pair(Echo()).with_config(run_name="x"), pair(Echo()).with_retry()],
        ids=["pair", "protect", "with config", "with retry"],
    )
    def test_of_a_pair_are_its_models(self, chain: Any) -> None:
        read = shapes(chain)
        assert read.read_input("Hello") == "Hello"
        assert read.read_input([HUMAN]) == [HumanMessage("I am Jane Doe.")]
        assert "HumanMessage" in named(read.input)
        assert "AIMessage" in named(read.output)

    def test_of_a_prompt_are_its_variables(self) -> None:
        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{text}")])
        read = shapes(pair(prompt | Echo()))
        given = read.read_input({"text": "Hello", "history": [HUMAN]})
        assert given == {"text": "Hello", "history": [HumanMessage("I am Jane Doe.")]}
        assert set(read.input.model_json_schema()["properties"]) == {"text", "history"}

    def test_may_be_given(self) -> None:
        read = shapes(Anonymizer() | RunnableLambda(len), input_type=Question, output_type=int)
        assert read.read_input({"text": "x"}) == {"text": "x", "details": {}}
        assert read.output.model_json_schema()["type"] == "integer"

    def test_that_were_given_to_the_chain_count(self) -> None:
        chain = pair(RunnablePassthrough()).with_types(input_type=list[int], output_type=list[int])
        assert shapes(chain).read_input(["1", 2]) == [1, 2]

    def test_of_anything_let_messages_be_messages(self) -> None:
        read = shapes(pair(RunnablePassthrough()))
        message = AIMessage(content="x", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}])
        document = Document(page_content="x", metadata={"page": 1})
        assert read.read_input([message.model_dump(), {"deep": document.model_dump()}]) == [
            message,
            {"deep": document},
        ]
        assert read.read_input({"type": "invoice", "content": "x"}) == {"type": "invoice", "content": "x"}

    def test_that_are_typed_leave_objects_as_they_are(self) -> None:
        read = shapes(pair(RunnablePassthrough()), input_type=dict[str, Any])
        assert read.read_input({"x": HUMAN}) == {"x": HUMAN}

    @pytest.mark.parametrize(
        "given", [7, None, {"no": "x"}, [{"content": "x"}], [7], [{"type": "robot"}], [None]]
    )
    def test_refuse_what_is_none(self, given: Any) -> None:
        with pytest.raises(HTTPException) as caught:
            shapes(pair(Echo())).read_input(given)
        assert caught.value.status_code == 422
        assert caught.value.__context__ is None


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"NaN",
            b'{"input": NaN}',
            b"\xff",
            b'{"input": "\\ud800"}',
            b'{"input": 1}x',
            b"\xef\xbb\xbf{}",
        ],
    )
    def test_must_be_json(self, body: bytes) -> None:
        with pytest.raises(HTTPException, match="400"):
            wire.read_json(body, frozenset({"input"}))

    @pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b'{"input": 1, "inputs": 2}', b'{"": 1}'])
    def test_must_be_objects_of_known_fields(self, body: bytes) -> None:
        with pytest.raises(HTTPException, match="422"):
            wire.read_json(body, frozenset({"input"}))

    def test_are_read(self) -> None:
        assert wire.read_json(b'{"input": "\\u00e9", "input": 2}', frozenset({"input"})) == {"input": 2}

    @pytest.mark.parametrize(
        ("content_type", "is_json"),
        [
            ("application/json", True),
            ("Application/JSON; charset=utf-8", True),
            ("application/problem+json", True),
            ("text/plain", False),
            ("text/plain; x=application/json", False),
            ("text/json", False),
            ("application/x-ndjson", False),
            ("", False),
        ],
    )
    def test_must_be_called_json(self, content_type: str, is_json: bool) -> None:
        assert wire.is_json(content_type) == is_json


class TestEvents:
    def test_are_lines(self) -> None:
        assert (
            wire.event("data", wire.write("a\nb\r\n\u2028"))
            == b'event: data\r\ndata: "a\\nb\\r\\n\xe2\x80\xa8"\r\n\r\n'
        )
        assert wire.event("end") == b"event: end\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "prefix"), [("", ""), ("/chat", "Chat"), ("/v1/chat-bot/{user}", "V1ChatBotUser")]
)
def test_schemas_are_named_after_their_path(path: str, prefix: str) -> None:
    assert wire.schema_prefix(path) == prefix
