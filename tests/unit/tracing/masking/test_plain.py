import array
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import sys
import types
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr

from langchain_secguard import Vault
from langchain_secguard.tracing.masking.plain import Quiet, is_id, to_plain


class Color(enum.Enum):
    RED = "red"


class Word(enum.StrEnum):
    ONE = "one"


class Text(str):
    """Give another text than it holds."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a lie"


class Point(NamedTuple):
    x: int
    name: str


@dataclasses.dataclass
class Box:
    content: Any


class Account(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    password: SecretStr
    note: str = Field(default="hidden", exclude=True)


class Hostile:
    """Raise whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return object.__getattribute__(self, name)
        raise RuntimeError("Jane Doe")

    def __repr__(self) -> str:
        raise RuntimeError("Jane Doe")


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("Jane Doe")


class HostileDict(collections.UserDict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("Jane Doe")


UUID = uuid.UUID("8f14e45f-ceea-467f-a6e7-5b7f0d1a2b3c")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("text", "text"),
        (None, None),
        (True, True),
        (7, 7),
        (0.5, 0.5),
        (Text("truth"), "truth"),
        (Color.RED, "red"),
        (Word.ONE, "one"),
        ({Color.RED: 1, 2: 3, None: 4, (1, "a"): 5}, {"red": 1, "2": 3, "None": 4, "1, a": 5}),
        ((1, "a"), [1, "a"]),
        ({"a"}, ["a"]),
        (frozenset({1}), [1]),
        (collections.deque([1, 2]), [1, 2]),
        (Point(1, "a"), {"x": 1, "name": "a"}),
        (Box(Box("a")), {"content": {"content": "a"}}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (b"Jane Doe", "<8 bytes>"),
        (bytearray(3), "<3 bytes>"),
        (memoryview(b"abc"), "<3 bytes>"),
        (datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC), "2026-01-02T03:04:00+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (decimal.Decimal("1.50"), "1.50"),
        (UUID, str(UUID)),
        (pathlib.PurePosixPath("/home/jane"), "/home/jane"),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.str_("a"), "a"),
        (np.zeros(3), "<ndarray>"),
        (array.array("w" if sys.version_info >= (3, 13) else "u", "Jane"), "<array>"),
        (range(10**12), "<range>"),
        (collections.UserString("a"), "a"),
        ({"a": 1}.values(), [1]),
        (Account(name="a", password=SecretStr("b"), x=1), {"name": "a", "password": "<SecretStr>", "x": 1}),
        (SecretBytes(b"a"), "<SecretBytes>"),
        (Vault("v"), "<Vault>"),
        (object(), "<object>"),
        (lambda: 1, "<function>"),
        (Box, "<type>"),
        ((n for n in [1]), "<generator>"),
        ([10**5000], ["<int>"]),
        (StringPromptValue(text="a"), {"text": "a", "type": "StringPromptValue"}),
        (Document("a"), {"id": None, "metadata": {}, "page_content": "a", "type": "Document"}),
    ],
)  # fmt: skip
def test_table(value: Any, plain: Any) -> None:
    assert to_plain(value) == plain
    json.dumps(to_plain(value))


def test_a_message_keeps_what_it_holds() -> None:
    calls = [{"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}]
    message = AIMessage("hi", name="bot", tool_calls=calls, response_metadata={"model_name": "m"})
    assert to_plain(message) == {
        "content": "hi",
        "response_metadata": {"model_name": "m"},
        "type": "ai",
        "name": "bot",
        "tool_calls": calls,
    }
    tool = to_plain(ToolMessage("done", tool_call_id="c"))
    assert isinstance(tool, dict)
    assert tool["tool_call_id"] == "c"


def test_a_chat_prompt_is_its_messages() -> None:
    plain = to_plain(ChatPromptValue(messages=[HumanMessage("hi")]))
    assert plain == {"messages": [{"content": "hi", "type": "human"}]}


def test_plain_data_is_plain_already() -> None:
    plain = to_plain({"a": [HumanMessage("hi"), {"b": (1, 2)}]})
    assert to_plain(plain) == plain


class TestMedia:
    @pytest.mark.parametrize(
        "block",
        [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
            {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_data": "AAAA", "filename": "a.pdf"}},
            {"type": "media", "data": "AAAA", "mime_type": "video/mp4"},
        ],
    )
    def test_is_left_out(self, block: dict[str, Any]) -> None:
        text = json.dumps(to_plain(HumanMessage([block])))
        assert "AAAA" not in text
        assert "characters>" in text

    def test_by_its_address_stays(self) -> None:
        block = {"type": "image_url", "image_url": {"url": "https://x.com/a.png"}}
        assert to_plain(block) == block


class TestErrors:
    def test_keep_message_notes_and_causes(self) -> None:
        error = ValueError("outer")
        error.add_note("a note")
        error.__cause__ = KeyError("inner")
        assert to_plain(error) == {
            "error": "ValueError",
            "message": "outer",
            "notes": ["a note"],
            "cause": {"error": "KeyError", "message": "'inner'"},
        }

    def test_of_a_group_and_of_what_cannot_be_written(self) -> None:
        group = ExceptionGroup("both", [ValueError("a"), HostileError()])
        assert to_plain(group) == {
            "error": "ExceptionGroup",
            "message": "both (2 sub-exceptions)",
            "exceptions": [
                {"error": "ValueError", "message": "a"},
                {"error": "HostileError", "message": "<unreadable HostileError>"},
            ],
        }


class TestBounds:
    def test_what_holds_itself_ends(self) -> None:
        cyclic: list[Any] = [1]
        cyclic.append({"again": cyclic})
        assert to_plain(cyclic) == [1, {"again": "<the same list>"}]

    def test_an_object_that_occurs_twice_is_written_twice(self) -> None:
        shared = {"a": 1}
        assert to_plain([shared, shared]) == [shared, shared]

    def test_depth(self) -> None:
        deep: Any = "text"
        for _ in range(10_000):
            deep = [deep]
        assert "<too deep list>" in json.dumps(to_plain(deep))

    def test_size(self) -> None:
        plain = to_plain({"a": ["text"] * 1_000_000, "b": {str(n): [n] for n in range(100_000)}})
        text = json.dumps(plain)
        assert len(text) < 1_000_000
        assert "more>" in text

    def test_characters(self) -> None:
        plain = to_plain(["x" * 1_000_000] * 6)
        assert plain == ["x" * 1_000_000] * 4 + ["<1000000 characters>"] * 2

    def test_an_error_s_causes_end(self) -> None:
        one, two = ValueError("1"), ValueError("2")
        one.__cause__, two.__cause__ = two, one
        assert "<the same ValueError>" in json.dumps(to_plain(one))


@pytest.mark.parametrize("make", [Hostile, HostileDict, lambda: [Hostile()], lambda: {"a": HostileDict()}])
def test_an_object_that_raises_is_a_stand_in(make: Any) -> None:
    value = make()
    text = json.dumps(to_plain(value))
    assert "Jane" not in text
    assert "Hostile" in text


class TestQuiet:
    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"model_name": "gpt-4o-mini"}, "model_name"),
            ({"id": f"run--{UUID}"}, "id"),
            ({"thread_id": UUID.hex}, "thread_id"),
        ],
    )
    def test_names_and_ids_are_read_by_no_detector(self, fields: dict[str, str], name: str) -> None:
        plain: Any = to_plain(fields)
        assert type(plain[name]) is Quiet

    @pytest.mark.parametrize(
        "fields",
        [
            {"id": "jane@x.com"},
            {"id": "219-09-9999"},
            {"model": "Jane Doe"},
            {"name": "Jane"},
            {"model": "Jane"},
        ],
    )
    def test_other_texts_are_read(self, fields: dict[str, str]) -> None:
        plain: Any = to_plain(fields)
        assert [type(text) for text in plain.values()] == [str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (str(UUID), True),
        (f"run-{UUID}-0", True),
        (UUID.hex, True),
        ("jane", False),
        (f"Jane {UUID}", False),
        ("12345678901234567890123456789012345", False),
    ],
)
def test_is_id(text: str, expected: bool) -> None:
    assert is_id(text) is expected
