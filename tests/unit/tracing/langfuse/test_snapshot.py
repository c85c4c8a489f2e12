from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from langchain_secguard.tracing.langfuse.snapshot import Budget, snapshot

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


def characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + characters(each) for key, each in value.items())
    return sum(map(characters, value)) if isinstance(value, list | tuple) else 0


class TestSnapshot:
    @given(JSON)
    def test_is_equal_and_counts_characters(self, value: Any) -> None:
        assert snapshot(value) == (value, characters(value))

    def test_stays_as_it_is_when_the_original_changes(self) -> None:
        history: dict[str, Any] = {"turns": [["one"], HumanMessage("two", name="n")]}
        copied, _ = snapshot(history)
        history["turns"][0].append("more")
        history["turns"][1].content = "changed"
        history["new"] = []
        assert copied == {"turns": [["one"], HumanMessage("two", name="n")]}

    def test_copies_what_a_message_is_made_of(self) -> None:
        message = AIMessage(
            [{"type": "text", "text": "hello"}], tool_calls=[{"name": "f", "args": {}, "id": "1"}]
        )
        copied, size = snapshot(message)
        message.content[0]["text"] = "changed"  # type: ignore[index]
        message.tool_calls[0]["args"]["late"] = "changed"
        assert copied.content == [{"type": "text", "text": "hello"}]
        assert copied.tool_calls[0]["args"] == {}
        assert size >= len("hello")

    def test_ends_in_what_holds_itself(self) -> None:
        cycle: list[Any] = ["text"]
        cycle.append(cycle)
        assert snapshot(cycle)[0][0] == "text"

    def test_shares_what_it_does_not_know(self) -> None:
        thing = object()
        assert snapshot([thing])[0][0] is thing


class TestBudget:
    def test_is_given_until_it_is_used_up_and_again_when_it_is_given_back(self) -> None:
        budget = Budget(10)
        assert budget.take(6)
        assert not budget.take(5)
        assert budget.take(4)
        budget.give_back(6)
        assert budget.take(5)

    @pytest.mark.parametrize("size", [11, 10**9])
    def test_is_not_given_to_what_is_larger(self, size: int) -> None:
        assert not Budget(10).take(size)
