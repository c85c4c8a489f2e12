"""Values of any shape: nothing is changed in place, what stays is the same object, and all comes back."""

import copy
import dataclasses
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict

from langchain_secguard import Anonymizer, Deanonymizer, Form, Policy, UnsupportedContentError, Vault
from langchain_secguard.content import rewrite
from langchain_secguard.policy import Action
from tests.soak.inputs import Bytes
from tests.soak.targets import Target
from tests.unit.nasty import FRAGMENTS, VALUES, NastyDetector

FORMS = [Form(), Form("llm_guard"), Form(check_key=b"0123456789abcdef")]
PIECES = [*VALUES, *FRAGMENTS]
DEEPEST = 6
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Person(BaseModel):
    """Have fields, nested ones, and some that nobody declared."""

    model_config = ConfigDict(extra="allow")

    name: Any
    notes: list[Any] = []
    more: dict[Any, Any] = {}


@dataclasses.dataclass(frozen=True)
class Case:
    """Be a frozen dataclass."""

    title: Any
    parties: Any = ()


class Pair(NamedTuple):
    """Be a tuple with names."""

    left: Any
    right: Any


class Grammar:
    """Make a value of LangChain's shapes out of bytes."""

    def __init__(self, read: Bytes) -> None:
        self._read = read
        self._makers: list[Callable[[int], Any]] = [
            self._text, self._text, self._scalar, self._list, self._tuple, self._set, self._dict, self._pair,
            self._message, self._message, self._conversation, self._document, self._model, self._case,
            self._prompt, self._openai, self._block,
        ]  # fmt: skip

    def value(self, depth: int = 0) -> Any:
        """Make a value."""
        if depth > DEEPEST or self._read.is_over:
            return self._text(depth)
        return self._read.choice(self._makers)(depth + 1)

    def _text(self, depth: int = 0) -> str:
        pieces = [
            self._read.choice(PIECES) if self._read.chance() else self._read.text(self._read.number(6))
            for _ in range(self._read.number(5))
        ]
        return "".join(pieces)

    def _scalar(self, depth: int) -> Any:
        return self._read.choice([None, True, 0, -7, 3.5, 999, b"".decode(), complex(1, 2)])

    def _some(self, depth: int) -> list[Any]:
        return [self.value(depth) for _ in range(self._read.number(4))]

    def _list(self, depth: int) -> list[Any]:
        return self._some(depth)

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        return tuple(self._some(depth))

    def _pair(self, depth: int) -> Pair:
        return Pair(self.value(depth), self.value(depth))

    def _set(self, depth: int) -> Any:
        return self._read.choice([set, frozenset])(self._text() for _ in range(self._read.number(4)))

    def _dict(self, depth: int) -> dict[Any, Any]:
        keys = [
            self._read.choice([self._text(), "content", "name", "url", "data", 7, None]) for _ in range(3)
        ]
        return {key: self.value(depth) for key in keys[: self._read.number(4)]}

    def _data(self) -> dict[str, Any]:
        """Make what arguments of a tool are: plain JSON."""
        return {self._text(): self._read.choice([self._text(), 1, None, [self._text()], {"a": self._text()}])}

    def _block(self, depth: int) -> Any:
        text, data = self._text(), self._data()
        cited = [{"type": "citation", "cited_text": text, "url": "https://example.com/"}]
        return self._read.choice(
            [
                {"type": "text", "text": text, "index": 0, "annotations": cited},
                {"type": "reasoning", "reasoning": text},
                {"type": "thinking", "thinking": text, "signature": "c2ln"},
                {"type": "tool_use", "id": "t", "name": "tool", "input": data},
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}]},
                {"type": "non_standard", "value": {"anything": [text, data]}},
                {"type": "server_tool_call", "id": "s", "name": "search", "args": data},
                {"type": "input_text", "text": text},
                text,
            ]
        )

    def _content(self, depth: int) -> Any:
        return (
            self._text() if self._read.chance() else [self._block(depth) for _ in range(self._read.number(4))]
        )

    def _message(self, depth: int) -> BaseMessage:
        content, text, data = self._content(depth), self._text(), self._data()
        call: Any = {"name": "tool", "args": data, "id": "call_1", "type": "tool_call"}
        arguments = json.dumps({"a": text}, ensure_ascii=self._read.chance())
        broken: Any = {
            "name": "tool",
            "args": arguments[:-1],
            "id": "x",
            "error": text,
            "type": "invalid_tool_call",
        }
        asked = {"function_call": {"name": "f", "arguments": arguments}, "refusal": text, "other": [data]}
        makers: list[Callable[[], BaseMessage]] = [
            lambda: HumanMessage(content, id="1", name="jane"),
            lambda: SystemMessage(content),
            lambda: ChatMessage(content=content, role="critic"),
            lambda: FunctionMessage(content=text, name="f"),
            lambda: ToolMessage(text, tool_call_id="call_1", artifact={"raw": data}),
            lambda: ToolMessage(text, tool_call_id="call_1", artifact=Case(text, (data,)), status="error"),
            lambda: AIMessage(content, tool_calls=[call], invalid_tool_calls=[broken]),
            lambda: AIMessage(content, additional_kwargs=asked),
            lambda: AIMessageChunk(content=content, id="run-1"),
        ]
        return self._read.choice(makers)()

    def _conversation(self, depth: int) -> list[BaseMessage]:
        return [self._message(depth) for _ in range(self._read.number(4))]

    def _document(self, depth: int) -> Document:
        return Document(
            self._text(), metadata={"source": self._text(), "n": 1, "more": self.value(depth)}, id="d"
        )

    def _model(self, depth: int) -> Person:
        more = {self._text(): self.value(depth)}
        return Person(name=self.value(depth), notes=self._some(depth), more=more, extra=self._text())

    def _case(self, depth: int) -> Case:
        return Case(self.value(depth), self.value(depth))

    def _prompt(self, depth: int) -> Any:
        if self._read.chance():
            return StringPromptValue(text=self._text())
        return ChatPromptValue(messages=self._conversation(depth))

    def _openai(self, depth: int) -> dict[str, Any]:
        role = self._read.choice(["user", "system", "assistant", "tool"])
        return {"role": role, "content": self._content(depth), "name": self._read.choice(["jane", "Doe"])}


def _unescaped(value: Any) -> Any:
    """Write JSON in a value without escapes: a literal that is rewritten may lose them, or get some."""

    def plain(text: str) -> str:
        raw = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        return raw.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")

    return rewrite(value, lambda text, kind: text, visit_json=plain)


def check_content(data: bytes) -> None:
    """Rewrite a value, and take it to the model and back."""
    read = Bytes(data)
    form, actions = read.choice(FORMS), read.number(3)
    value = Grammar(read).value()
    before = copy.deepcopy(value)
    try:
        assert rewrite(value, lambda text, kind: text) is value
        assert rewrite(value, lambda text, kind: "".join(list(text))) is value
        marked = rewrite(value, lambda text, kind: text if kind == "scalar" else f"\ue000{text}")
        back = rewrite(marked, lambda text, kind: text if kind == "scalar" else text.removeprefix("\ue000"))
        assert (_unescaped(back), type(back)) == (_unescaped(value), type(value))
        assert value == before
        _check_pair(value, form, actions)
    except UnsupportedContentError as error:
        assert error.__cause__ is None
        assert not [one for one in VALUES if len(one) > 4 and one in str(error)]
    assert value == before


@cache
def _pair(form: Form, actions: int) -> tuple[Anonymizer, Deanonymizer]:
    """Make a pair once: to load names for surrogates takes longer than all else."""
    disguised = ["", "PERSON", "EMAIL_ADDRESS"][actions]
    policies: dict[str, Policy | Action] = {disguised: "surrogate"} if disguised else {}
    return Anonymizer(detector=NastyDetector(), form=form, policies=policies), Deanonymizer(form=form)


def _check_pair(value: Any, form: Form, actions: int) -> None:
    anonymizer, deanonymizer = _pair(form, actions)
    given = RunnableConfig(configurable={"vault": Vault("vault")})
    hidden = anonymizer.invoke(value, given)
    assert type(hidden) is type(value)
    restored = deanonymizer.invoke(hidden, given)
    assert type(restored) is type(value)
    assert _unescaped(restored) == _unescaped(value)
    assert anonymizer.invoke(value, given) == hidden


def _seeds() -> list[bytes]:
    """Begin with each shape, and with each of the texts that are hard, some of them nested."""
    seeds = [
        bytes([number % 3, number % 2, shape, number % 4, number, 1, 1, number, 0, number, 1, 0]) * 3
        for shape in range(17)
        for number in (0, 1, 7, 20)
    ]
    texts = [bytes([number % 3, 0, 0, 3, 1, number, 1, (number * 7) % 64, 1, number]) for number in range(64)]
    return seeds + texts


TARGETS = {"content": Target(check_content, _seeds, longest=200)}
