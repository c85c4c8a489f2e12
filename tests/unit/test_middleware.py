import json
import subprocess
import sys
from typing import Any

import pytest
from langchain.agents.middleware.types import ExtendedModelResponse, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command, Interrupt, Overwrite, Send

from langchain_secguard.middleware.late import with_messages
from langchain_secguard.middleware.marks import MARK, is_marked, mark_all, marked
from langchain_secguard.middleware.parts import Shape
from langchain_secguard.middleware.shapes import given, interrupts, result, state
from langchain_secguard.middleware.tools import plain_json


def shout(value: Any) -> Any:
    """Stand for hiding: write texts in capitals, in messages and lists too."""
    if isinstance(value, str):
        return value.upper()
    if isinstance(value, list):
        return [shout(item) for item in value]
    if isinstance(value, dict):
        return {key: shout(item) for key, item in value.items()}
    if isinstance(value, HumanMessage | AIMessage | ToolMessage):
        return value.model_copy(update={"content": str(value.content).upper()})
    return value


class TestMessagesBesideAResponse:
    RESPONSE = ModelResponse([AIMessage("Yes.")])
    LATE = HumanMessage("Not now.")

    def test_are_written_to_the_state(self) -> None:
        written = with_messages(self.RESPONSE, [self.LATE])
        assert written == ExtendedModelResponse(self.RESPONSE, Command(update={"messages": [self.LATE]}))
        assert with_messages(self.RESPONSE, []) is self.RESPONSE

    def test_come_before_what_a_command_writes_and_leave_the_rest_of_it(self) -> None:
        command: Any = Command(update={"messages": [AIMessage("1")], "seen": True}, goto="tools")
        written = with_messages(ExtendedModelResponse(self.RESPONSE, command), [self.LATE])
        assert written.command.update == {"messages": [self.LATE, AIMessage("1")], "seen": True}
        assert written.command.goto == "tools"


class TestMarks:
    def test_hold_for_one_message_in_one_vault(self) -> None:
        message = marked(HumanMessage("[PERSON_1]", id="1"), "a")
        assert is_marked(message, "a")
        assert not is_marked(message, "b")
        assert message.id == "1"

    @pytest.mark.parametrize(
        "change",
        [
            {"content": "Jane Doe"},
            {"name": "Jane"},
            {"additional_kwargs": {"function_call": {"name": "x", "arguments": "Jane"}}},
            {"tool_calls": [{"name": "x", "args": {"to": "Jane"}, "id": "1"}]},
        ],
    )
    def test_break_with_what_the_message_says(self, change: dict[str, Any]) -> None:
        message = marked(AIMessage("[PERSON_1]"), "a")
        assert not is_marked(message.model_copy(update=change), "a")

    def test_do_not_break_with_what_a_model_is_not_sent(self) -> None:
        message = marked(ToolMessage("[PERSON_1]", tool_call_id="1"), "a")
        assert is_marked(message.model_copy(update={"id": "2", "artifact": object()}), "a")

    def test_change_nothing_in_place_and_keep_other_metadata(self) -> None:
        old = AIMessage("x", response_metadata={"model": "m"})
        new = marked(old, "a")
        assert MARK not in old.response_metadata
        assert new.response_metadata["model"] == "m"
        assert marked(new, "a") is new

    def test_are_set_on_messages_of_lists_alone(self) -> None:
        listed = mark_all([HumanMessage("x"), "text"], "a")
        assert is_marked(listed[0], "a")
        assert listed[1] == "text"
        assert mark_all({"x": 1}, "a") == {"x": 1}

    def test_take_texts_with_unpaired_surrogates(self) -> None:
        assert is_marked(marked(HumanMessage("\ud800"), "a"), "a")


class TestWhatAGraphIsGiven:
    @pytest.mark.parametrize("value", [None, {}, {"messages": None}])
    def test_nothing_is_nothing(self, value: Any) -> None:
        assert given(value, shout) == value

    def test_channels_keep_their_names(self) -> None:
        assert given({"notes": {"a": "b"}, "n": 1}, shout) == {"notes": {"a": "B"}, "n": 1}

    @pytest.mark.parametrize(
        "messages", ["hi", [("user", "hi")], [{"role": "user", "content": "hi"}], HumanMessage("hi")]
    )
    def test_messages_are_made_messages(self, messages: Any) -> None:
        [message] = given({"messages": messages}, shout)["messages"]
        assert (type(message), message.content) == (HumanMessage, "HI")

    def test_overwrites_are_read(self) -> None:
        new = state({"messages": Overwrite([HumanMessage("hi")]), "notes": Overwrite("x")}, shout)
        assert new["messages"].value[0].content == "HI"
        assert new["notes"].value == "X"

    def test_a_state_that_is_no_dict_is_read_whole(self) -> None:
        assert given("text", shout) == "TEXT"


class TestCommands:
    def test_updates_are_read(self) -> None:
        assert given(Command(update={"a": "b"}), shout).update == {"a": "B"}
        assert given(Command(update=[("a", "b")]), shout).update == [("a", "B")]

    def test_nodes_keep_their_names_and_are_sent_what_is_read(self) -> None:
        new = given(Command(goto=["node", Send("other", {"a": "b"})]), shout)
        assert new.goto == ["node", Send("other", {"a": "B"})]
        assert given(Command(goto=Send("other", {"a": "b"})), shout).goto == Send("other", {"a": "B"})
        assert given(Command(goto="node", graph=Command.PARENT), shout).graph == Command.PARENT

    @pytest.mark.parametrize(
        ("resume", "read"),
        [
            (None, None),
            ("yes", "YES"),
            ({"a": {"b": "c"}}, {"a": {"b": "C"}}),
            ({"0" * 32: "yes", "f" * 32: {"a": "b"}}, {"0" * 32: "YES", "f" * 32: {"a": "B"}}),
            ({"type": "approve"}, {"type": "approve"}),
            (
                {"decisions": [{"type": "reject", "message": "no"}, {"type": "respond", "message": "x"}]},
                {"decisions": [{"type": "reject", "message": "NO"}, {"type": "respond", "message": "X"}]},
            ),
            (
                {"type": "edit", "edited_action": {"name": "send", "args": {"to": "x"}}},
                {"type": "edit", "edited_action": {"name": "send", "args": {"to": "X"}}},
            ),
            ({"type": "other", "name": "x"}, {"type": "OTHER", "name": "X"}),
            ({"type": ["a", "b"], "name": "x"}, {"type": ["A", "B"], "name": "X"}),
        ],
    )
    def test_answers_keep_ids_and_kinds_of_decisions(self, resume: Any, read: Any) -> None:
        assert given(Command(resume=resume), shout).resume == read


class TestResults:
    def test_artifacts_of_any_class_are_read(self) -> None:
        new = result(ToolMessage("x", tool_call_id="1", artifact=("a",)), lambda part: part)
        assert new.artifact == ("a",)
        assert result(ToolMessage("x", tool_call_id="1", artifact="a"), shout).artifact == "A"

    def test_lists_are_read(self) -> None:
        [message, command] = result([ToolMessage("x", tool_call_id="1"), Command(update={"a": "b"})], shout)
        assert message.content == "X"
        assert command.update == {"a": "B"}

    def test_interrupts_keep_their_ids(self) -> None:
        [asked] = interrupts([Interrupt({"q": "who"}, id="7")], shout)
        assert (asked.value, asked.id) == ({"q": "WHO"}, "7")


class TestJSON:
    @pytest.mark.parametrize("value", ["Zoë", "O'Hara", '"quoted"\\', "日本 🙂", "tab\tnew\nline", "\u200b"])
    def test_letters_are_written_as_they_are(self, value: str) -> None:
        written = json.dumps({"name": value, "n": [1.50]})
        plain = plain_json(written)
        assert json.loads(plain) == json.loads(written)
        if value.isprintable() and '"' not in value:
            assert value in plain

    @pytest.mark.parametrize("text", ["no \\u00eb JSON", "{broken \\u00eb", '{"a": 1}', "", "{}"])
    def test_other_texts_stay(self, text: str) -> None:
        assert plain_json(text) == text


class TestShape:
    @pytest.mark.parametrize(
        ("shape", "chunk"),
        [
            (Shape("values", False, "v1"), {"a": 1}),
            (Shape("messages", False, "v1"), ("token", {})),
            (Shape(None, False, "v1"), ("values", {"a": 1})),
            (Shape("messages", True, "v1"), (("ns",), ("token", {}))),
            (Shape(None, True, "v1"), (("ns",), "values", {"a": 1})),
            (Shape(None, True, "v2"), {"type": "values", "ns": (), "data": {}, "interrupts": ()}),
        ],
    )
    def test_what_is_read_is_written_as_it_was(self, shape: Shape, chunk: Any) -> None:
        assert shape.write(shape.read(chunk)) == chunk


def test_what_is_missing_is_named() -> None:
    script = """
import sys
for name in ("langchain", "langgraph"):
    sys.modules[name] = None
import langchain_secguard
try:
    import langchain_secguard.middleware
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert 'pip install "langchain-secguard[agents]"' in done.stdout
