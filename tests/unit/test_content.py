"""Texts that must be reached hold "secret"; what must be left alone holds "keep"."""

import copy
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.prompt_values import (
    ChatPromptValue,
    ChatPromptValueConcrete,
    ImagePromptValue,
    StringPromptValue,
)
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel

from langchain_secguard.blocks import UNSCANNED
from langchain_secguard.content import Kind, rewrite
from langchain_secguard.errors import UnsupportedContentError

JSON_ARGS = '{"secret": "secret \\"a\\"", "n": [1, true, null, "secret"]}'


def upper(text: str, kind: Kind) -> str:
    return text if kind == "scalar" else text.upper()


def same(text: str, kind: Kind) -> str:
    return "".join([text])


def shout(value: Any, **options: Any) -> Any:
    return rewrite(value, upper, **options)


class Colour(enum.Enum):
    RED = "secret red"


class Level(enum.StrEnum):
    LOW = "secret low"


class Point(NamedTuple):
    name: str
    size: int


class Inner(BaseModel):
    text: str = "secret"
    many: list[str] = ["secret", "b"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    inner: Inner = Inner()
    maybe: Inner | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str = "secret"
    _hidden: str = PrivateAttr(default="keep")


class Texts(RootModel[list[str]]):
    pass


@dataclasses.dataclass
class Plain:
    text: str
    more: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenPlain:
    text: str
    inner: Plain


BLOCKS: list[Any] = [
    "secret",
    # LangChain's standard blocks
    {"type": "text", "text": "secret", "id": "keep", "index": 0},
    {
        "type": "text",
        "text": "secret",
        "annotations": [
            {
                "type": "citation", "id": "keep", "url": "https://x.com/secret", "title": "secret",
                "start_index": 1,
                "end_index": 9, "cited_text": "secret", "extras": {"note": "secret"},
            },
            {"type": "non_standard_annotation", "id": "keep", "value": {"secret": "secret"}},
        ],
    },
    {"type": "reasoning", "reasoning": "secret", "id": "keep", "extras": {"signature": "keep"}},
    {"type": "tool_call", "id": "keep", "name": "keep", "args": {"name": "secret",
    "secret": [{"id": "secret"}]}},
    {"type": "tool_call_chunk", "id": "keep", "name": "keep", "args": JSON_ARGS, "index": 0},
    {"type": "invalid_tool_call", "id": "keep", "name": "keep", "args": JSON_ARGS, "error": "secret"},
    {"type": "server_tool_call", "id": "keep", "name": "keep", "args": {"query": "secret"}},
    {"type": "server_tool_call_chunk", "id": "keep", "name": "keep", "args": JSON_ARGS},
    {"type": "server_tool_result", "tool_call_id": "keep", "status": "keep",
    "output": {"secret": ["secret"]}},
    {"type": "server_tool_result", "tool_call_id": "keep", "status": "keep", "output": "secret"},
    {"type": "text-plain", "mime_type": "keep", "text": "secret", "title": "secret", "context": "secret"},
    {"type": "non_standard", "value": {"type": "secret", "name": "secret", "a": [{"b": "secret"}]}},
    # OpenAI, chat and responses
    {"type": "refusal", "refusal": "secret"},
    {"type": "input_text", "text": "secret"},
    {"type": "output_text", "text": "secret", "annotations": [{"type": "url_citation", "title": "secret"}]},
    {"type": "function_call", "id": "keep", "call_id": "keep", "name": "keep", "arguments": JSON_ARGS},
    {"type": "function_call_output", "call_id": "keep", "output": "secret"},
    {"type": "reasoning", "id": "keep", "summary": [{"type": "summary_text", "text": "secret"}],
     "encrypted_content": "keep"},
    {"type": "web_search_call", "id": "keep", "status": "keep", "action": {"query": "secret",
    "type": "keep"}},
    {"type": "code_interpreter_call", "id": "keep", "code": "secret",
     "outputs": [{"type": "logs", "logs": "secret"}]},
    {"type": "mcp_call", "id": "keep", "name": "keep", "arguments": JSON_ARGS, "output": "secret"},
    {"type": "file_search_call", "id": "keep", "queries": ["secret"], "results": [{"text": "secret"}]},
    # Anthropic
    {"type": "tool_use", "id": "keep", "name": "keep", "input": {"secret": {"name": "secret"}}},
    {"type": "tool_use", "id": "keep", "name": "keep", "input": {}, "partial_json": JSON_ARGS},
    {"type": "input_json_delta", "partial_json": JSON_ARGS, "index": 1},
    {"type": "tool_result", "tool_use_id": "keep", "content": "secret", "is_error": False},
    {"type": "tool_result", "tool_use_id": "keep", "content": [{"type": "text", "text": "secret"}]},
    {"type": "thinking", "thinking": "secret", "signature": "keep"},
    {"type": "redacted_thinking", "data": "keep"},
    {"type": "text", "text": "secret", "cache_control": {"type": "keep"}},
    {"type": "document", "title": "secret", "context": "secret",
     "source": {"type": "text", "media_type": "keep", "data": "secret"}},
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "secret"}]}},
    {"type": "web_search_tool_result", "tool_use_id": "keep",
     "content": [{"type": "web_search_result", "title": "secret", "encrypted_content": "keep"}]},
    {"type": "search_result", "source": "secret", "title": "secret", "content": [{"type": "text",
    "text": "secret"}]},
    # Google
    {"type": "thinking", "thinking": "secret", "thought_signature": "keep"},
    {"type": "executable_code", "executable_code": "secret", "language": "python"},
    {"type": "code_execution_result", "code_execution_result": "secret", "outcome": 1},
    {"text": "secret"},
]  # fmt: skip

MEDIA: list[tuple[str, dict[str, Any]]] = [
    ("image", {"type": "image", "url": "https://x.com/secret.png"}),
    ("image", {"type": "image", "base64": "secret", "mime_type": "image/png"}),
    ("image", {"type": "image", "file_id": "secret"}),
    ("image", {"type": "image_url", "image_url": {"url": "data:image/png;base64,secret"}}),
    ("image", {"type": "image_url", "image_url": "https://x.com/secret"}),
    ("image", {"type": "input_image", "image_url": "https://x.com/secret"}),
    ("image", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "secret"}}),
    ("image", {"type": "image", "source": {"type": "url", "url": "https://x.com/secret"}}),
    ("audio", {"type": "audio", "base64": "secret", "mime_type": "audio/wav"}),
    ("audio", {"type": "input_audio", "input_audio": {"data": "secret", "format": "wav"}}),
    ("video", {"type": "video", "url": "https://x.com/secret.mp4"}),
    ("video", {"type": "video", "base64": "secret", "mime_type": "video/mp4"}),
    ("file", {"type": "file", "base64": "secret", "mime_type": "application/pdf"}),
    ("file", {"type": "file", "file_id": "secret"}),
    ("file", {"type": "file", "file": {"file_data": "secret", "filename": "secret"}}),
    ("file", {"type": "input_file", "file_data": "secret"}),
    (
        "file",
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "secret"}},
    ),
    ("file", {"type": "document", "source": {"type": "url", "url": "https://x.com/secret.pdf"}}),
    ("file", {"type": "text-plain", "base64": "secret", "mime_type": "text/plain"}),
    ("file", {"type": "text-plain", "url": "https://x.com/secret", "mime_type": "text/plain"}),
    ("file", {"type": "media", "mime_type": "application/pdf", "data": "secret"}),
    ("file", {"type": "container_upload", "file_id": "secret"}),
]


def messages_of(content: Any) -> list[BaseMessage]:
    return [
        HumanMessage(content, id="keep"),
        HumanMessageChunk(content=content, id="keep"),
        SystemMessage(content, id="keep"),
        SystemMessageChunk(content=content, id="keep"),
        AIMessage(content, id="keep", response_metadata={"model_name": "keep"}),
        AIMessageChunk(content=content, id="keep", response_metadata={"finish_reason": "keep"}),
        ToolMessage(content, tool_call_id="keep", name="keep", id="keep"),
        ToolMessageChunk(content=content, tool_call_id="keep", name="keep", id="keep"),
        FunctionMessage(content=content, name="keep", id="keep"),
        FunctionMessageChunk(content=content, name="keep", id="keep"),
        ChatMessage(content=content, role="keep", id="keep"),
        ChatMessageChunk(content=content, role="keep", id="keep"),
    ]


FULL = AIMessage(
    [{"type": "text", "text": "secret"}],
    id="keep",
    name="secret",
    tool_calls=[
        tool_call(name="keep", id="keep", args={"name": "secret", "deep": {"secret": ["secret", 1, None]}})
    ],
    invalid_tool_calls=[invalid_tool_call(name="keep", id="keep", args=JSON_ARGS, error="secret")],
    additional_kwargs={
        "tool_calls": [
            {
                "id": "keep",
                "type": "function",
                "function": {"name": "keep", "arguments": JSON_ARGS},
                "index": 0,
            }
        ],
        "function_call": {"name": "keep", "arguments": JSON_ARGS},
        "reasoning_content": "secret",
        "refusal": "secret",
        "parsed": Inner(),
    },
    response_metadata={"model_name": "keep", "logprobs": {"content": ["keep"]}},
    usage_metadata={"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
)

SHAPES: list[Any] = [
    "secret",
    StringPromptValue(text="secret"),
    ChatPromptValue(messages=messages_of("secret")),
    ChatPromptValueConcrete(messages=[HumanMessage("secret")]),
    *messages_of("secret"),
    *messages_of([copy.deepcopy(block) for block in BLOCKS]),
    FULL,
    AIMessageChunk(
        content="secret",
        id="keep",
        tool_call_chunks=[tool_call_chunk(name="keep", args=JSON_ARGS, id="keep", index=0)],
    ),
    AIMessageChunk(
        content="", tool_call_chunks=[tool_call_chunk(name=None, args='{"a": "secret', id=None, index=0)]
    ),
    HumanMessage("secret", name="secret"),
    ToolMessage("secret", tool_call_id="keep", artifact={"name": "secret", "rows": [["secret"]]}),
    ToolMessage("secret", tool_call_id="keep", artifact="secret"),
    [HumanMessage("secret"), FULL, "secret"],
    Document("secret", id="keep", metadata={"source": "secret", "tags": ["secret"], "page": 3}),
    [Document("secret"), Document("b", metadata={"name": {"first": "secret"}})],
    {"question": "secret", "context": [Document("secret")], "messages": [HumanMessage("secret")], "n": 1},
    {"a": {"secret": "secret", "name": "secret", "type": "secret", "id": "secret"}},
    {"a": OrderedDict(secret="secret"), "b": defaultdict(list, {"secret": ["secret"]})},
    ["secret", ("secret", ["secret"]), {"b": {"secret"}}, frozenset({"secret"})],
    Point("secret", 1),
    [Point("secret", 1)],
    ("user", "secret"),
    [
        {"role": "system", "content": "secret"},
        {"role": "user", "name": "secret", "content": [{"type": "text", "text": "secret"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "keep", "type": "keep", "function": {"name": "keep", "arguments": JSON_ARGS}}
            ],
        },
        {"role": "tool", "name": "keep", "tool_call_id": "keep", "content": "secret"},
    ],
    {"messages": [{"role": "user", "content": "secret"}]},
    {"role": "user", "content": "secret"},
    Inner(),
    Frozen(maybe=Inner(text="secret too")),
    Open(text="secret", extra="secret", nested={"secret": "secret"}),
    Texts(["secret", "b"]),
    Plain("secret", ["secret"]),
    FrozenPlain("secret", Plain("secret")),
    {"answer": Frozen(), "plain": FrozenPlain("a", Plain("secret"))},
]

SCALARS: list[Any] = [
    None, True, False, 0, 1, -5, 999_999, 1.5, 10**12, 123456789.5, 2j, decimal.Decimal("12.50"),
    uuid.UUID(int=7), datetime.date(1980, 1, 2), datetime.datetime(1980, 1, 2, tzinfo=datetime.UTC),
    datetime.time(1, 2), datetime.timedelta(days=3), pathlib.PurePosixPath("/home/secret"), Colour.RED,
    Level.LOW,
]  # fmt: skip


def dump(value: Any) -> str:
    """Write down all that a value holds."""
    if isinstance(value, BaseModel):
        extra = {name: item for name, item in vars(value).items() if not name.startswith("_")}
        return f"{type(value).__name__}({dump(extra)}{dump(value.model_extra or {})})"
    if isinstance(value, dict):
        return "".join(f"{dump(key)}={dump(item)};" for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return "".join(f"{dump(item)}," for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dump({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    return value if isinstance(value, str) else repr(value)


class TestReach:
    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_visits_every_text_and_nothing_else(self, value: Any) -> None:
        before = dump(value)
        after = dump(shout(value))
        assert "secret" in before
        assert "secret" not in after
        assert "KEEP" not in after
        assert after.count("keep") == before.count("keep")

    @pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block)[:60])
    def test_visits_every_text_of_a_content_block(self, block: Any) -> None:
        (after,) = shout(HumanMessage([copy.deepcopy(block)])).content
        assert "secret" not in dump(after)
        assert "KEEP" not in dump(after)
        assert dump(after).count("keep") == dump(block).count("keep")
        if isinstance(block, dict):
            assert list(after) == list(block)
            assert after.get("type") == block.get("type")

    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_gives_back_the_same_class_and_shape(self, value: Any) -> None:
        after = shout(value)
        assert type(after) is type(value)
        assert dump(after).lower() == dump(value).lower()

    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_never_changes_its_argument(self, value: Any) -> None:
        before = dump(value)
        shout(value)
        assert dump(value) == before

    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_returns_the_same_object_when_nothing_changes(self, value: Any) -> None:
        assert rewrite(value, same) is value
        assert rewrite(value, lambda text, kind: text, allow=UNSCANNED) is value

    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_visits_in_the_same_order_each_time(self, value: Any) -> None:
        seen: list[list[tuple[str, Kind]]] = [[], []]
        for visited in seen:
            rewrite(value, lambda text, kind, visited=visited: visited.append((text, kind)) or text)  # type: ignore[misc]
        assert seen[0] == seen[1]

    @pytest.mark.parametrize("value", SHAPES, ids=lambda value: type(value).__name__)
    def test_a_change_can_be_taken_back(self, value: Any) -> None:
        def take_back(text: str, kind: Kind) -> str:
            return text.removeprefix("<") if kind != "scalar" else text

        marked = rewrite(value, lambda text, kind: f"<{text}" if kind != "scalar" else text)
        assert dump(rewrite(marked, take_back)) == dump(value)

    def test_copies_only_what_changes(self) -> None:
        untouched = HumanMessage("KEEP")
        value = {"a": [untouched, HumanMessage("secret")], "b": {"X": "Y"}}
        after = shout(value)
        assert after["a"][0] is untouched
        assert after["b"] is value["b"]

    def test_keeps_usage_and_metadata(self) -> None:
        after = shout(FULL)
        assert after.usage_metadata == FULL.usage_metadata
        assert after.response_metadata == FULL.response_metadata
        assert after.id == FULL.id

    def test_keeps_tool_arguments_valid_json(self) -> None:
        after = shout(FULL)
        arguments = after.additional_kwargs["tool_calls"][0]["function"]["arguments"]
        assert json.loads(arguments) == {"SECRET": 'SECRET "A"', "n".upper(): [1, True, None, "SECRET"]}

    def test_asks_for_a_participant_name_as_a_name(self) -> None:
        seen: list[tuple[str, Kind]] = []

        def visit(text: str, kind: Kind) -> str:
            seen.append((text, kind))
            return text

        rewrite([HumanMessage("hi", name="jane"), {"role": "user", "name": "bob", "content": "x"}], visit)
        assert ("jane", "name") in seen
        assert ("bob", "name") in seen

    def test_keeps_the_factory_of_a_defaultdict(self) -> None:
        after = shout([defaultdict(list, {"a": ["secret"]})])[0]
        assert after["B"] == []

    def test_keeps_the_private_attributes_of_a_model_which_may_hold_its_texts(self) -> None:
        value = Open(text="secret")
        assert shout(value)._hidden == "KEEP"
        assert value._hidden == "keep"

    def test_leaves_the_keys_of_the_value_itself(self) -> None:
        assert shout({"secret": "secret"}) == {"secret": "SECRET"}

    def test_visits_the_keys_named_and_no_others(self) -> None:
        value = {"a": "secret", "b": "secret", "c": b"bytes"}
        assert shout(value, keys=["a", "absent"]) == {"a": "SECRET", "b": "secret", "c": b"bytes"}

    def test_leaves_a_tools_own_object(self) -> None:
        artifact = object()
        message = ToolMessage("secret", tool_call_id="keep", artifact=artifact)
        assert shout(message).artifact is artifact

    def test_passes_json_to_its_own_visitor(self) -> None:
        seen: list[str] = []
        rewrite(FULL, upper, visit_json=lambda text: seen.append(text) or text)  # type: ignore[func-returns-value]
        assert seen.count(JSON_ARGS) == 3

    def test_accepts_a_message_to_remove(self) -> None:
        value = [RemoveMessage(id="keep")]
        assert shout(value) is value


class TestMedia:
    @pytest.mark.parametrize(("kind", "block"), MEDIA)
    @pytest.mark.parametrize("wrap", ["message", "tool", "openai", "nested", "variable"])
    def test_refuses_what_cannot_be_scanned(self, kind: str, block: dict[str, Any], wrap: str) -> None:
        with pytest.raises(UnsupportedContentError) as caught:
            shout(_wrapped(block, wrap))
        assert "secret" not in str(caught.value)
        assert f'allow_unscanned=["{kind}"]' in str(caught.value)

    @pytest.mark.parametrize(("kind", "block"), MEDIA)
    @pytest.mark.parametrize("wrap", ["message", "tool", "openai", "nested", "variable"])
    def test_lets_it_through_untouched_where_allowed(
        self, kind: str, block: dict[str, Any], wrap: str
    ) -> None:
        value = _wrapped(block, wrap)
        assert rewrite(value, upper, allow={kind}) is value  # type: ignore[arg-type]

    @pytest.mark.parametrize(("kind", "block"), MEDIA)
    def test_refuses_it_where_another_kind_is_allowed(self, kind: str, block: dict[str, Any]) -> None:
        others = UNSCANNED - {kind}
        with pytest.raises(UnsupportedContentError):
            rewrite(HumanMessage([block]), upper, allow=others)

    def test_visits_the_texts_beside_allowed_media(self) -> None:
        block = {**MEDIA[-6][1], "title": "secret", "context": "secret"}
        (after,) = shout(HumanMessage([block]), allow={"file"}).content
        assert (after["title"], after["context"]) == ("SECRET", "SECRET")
        assert after["source"] == block["source"]

    def test_refuses_an_image_inside_a_document(self) -> None:
        inner = {
            "type": "content",
            "content": [{"type": "image", "source": {"type": "url", "url": "secret"}}],
        }
        with pytest.raises(UnsupportedContentError):
            shout(HumanMessage([{"type": "document", "source": inner}]))

    def test_refuses_an_image_prompt(self) -> None:
        with pytest.raises(UnsupportedContentError, match="image"):
            shout(ImagePromptValue(image_url={"url": "https://x.com/secret"}))

    def test_refuses_spoken_answers_in_the_history(self) -> None:
        message = AIMessage(
            "", additional_kwargs={"audio": {"id": "keep", "data": "secret", "transcript": "hi"}}
        )
        with pytest.raises(UnsupportedContentError, match="audio"):
            shout(message)
        after = shout(message, allow={"audio"})
        assert after.additional_kwargs["audio"] == {"id": "keep", "data": "secret", "transcript": "HI"}

    @pytest.mark.parametrize(
        "value", [object(), b"secret", bytearray(b"secret"), memoryview(b"secret"), print, str]
    )
    def test_refuses_an_object_it_does_not_know(self, value: Any) -> None:
        for wrapped in (value, [value], {"a": value}, {"a": [{"B": value}]}):
            with pytest.raises(UnsupportedContentError) as caught:
                shout(wrapped)
            assert "secret" not in str(caught.value)
            assert rewrite(wrapped, upper, allow={"object"}) is wrapped

    @pytest.mark.parametrize("value", [{"type": "file", "name": "secret"}, {"type": "image", "of": "secret"}])
    def test_reads_a_users_own_dict_that_only_has_such_a_type(self, value: dict[str, Any]) -> None:
        assert "secret" not in dump(shout({"a": value}))


def _wrapped(block: dict[str, Any], how: str) -> Any:
    block = copy.deepcopy(block)
    if how == "message":
        return HumanMessage([{"type": "text", "text": "HI"}, block])
    if how == "tool":
        return [ToolMessage([block], tool_call_id="keep")]
    if how == "openai":
        return [{"role": "user", "content": [block]}]
    if how == "nested":
        return HumanMessage([{"type": "tool_result", "tool_use_id": "keep", "content": [block]}])
    return {"picture": block, "blocks": [block]}


class TestScalars:
    @pytest.mark.parametrize("value", SCALARS)
    def test_lets_a_number_or_date_through_that_is_not_personal(self, value: Any) -> None:
        for wrapped in (
            [value],
            {"a": value},
            {"a": {"b": [value]}},
            ToolMessage("X", tool_call_id="keep", artifact=[value]),
        ):
            assert rewrite(wrapped, same) is wrapped

    @pytest.mark.parametrize(
        "value",
        [10**12, -(10**12), 5551234567.0, decimal.Decimal(5551234567), uuid.UUID(int=7), Colour.RED,
         Level.LOW, datetime.date(1980, 1, 2), pathlib.PurePosixPath("/home/secret")],
    )  # fmt: skip
    def test_refuses_one_that_is_personal(self, value: Any) -> None:
        for wrapped in (
            [value],
            {"a": value},
            AIMessage("", tool_calls=[tool_call(name="f", id="1", args={"a": value})]),
        ):
            with pytest.raises(UnsupportedContentError) as caught:
                rewrite(wrapped, lambda text, kind: "" if kind == "scalar" else text)
            assert str(getattr(value, "value", value)) not in str(caught.value)
            assert rewrite(wrapped, lambda text, kind: text, allow={"scalar"}) is wrapped


class TestStructure:
    def test_refuses_nesting_without_end(self) -> None:
        cyclic: list[Any] = []
        cyclic.append(cyclic)
        looped: dict[str, Any] = {"type": "x"}
        looped["content"] = [looped]
        inner = Inner()
        inner.many = cyclic
        plain = Plain("a")
        plain.more = cyclic
        message = HumanMessage("a")
        for field in (cyclic, [looped], {"role": "user", "content": looped}):
            message.additional_kwargs["x"] = field
            for value in (field, {"a": field}, inner, plain, message, Document("a", metadata={"x": field})):
                with pytest.raises(UnsupportedContentError, match="levels deep"):
                    shout(value)

    def test_walks_what_is_nested_as_deep_as_anyone_needs(self) -> None:
        value: Any = "secret"
        for _ in range(45):
            value = {"a": [value]}
        assert "secret" not in json.dumps(shout(value))

    def test_refuses_to_lose_a_key(self) -> None:
        with pytest.raises(UnsupportedContentError, match="two keys") as caught:
            rewrite({"a": {"secret 1": 1, "secret 2": 2}}, lambda text, kind: "x")
        assert "secret" not in str(caught.value)

    def test_keeps_keys_that_are_no_texts(self) -> None:
        assert shout([{1: "secret", None: "b", (1, 2): "c", Colour.RED: "d"}]) == [
            {1: "SECRET", None: "B", (1, 2): "C", Colour.RED: "D"}
        ]
