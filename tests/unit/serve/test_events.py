from typing import Any

import pytest

from langchain_secguard.serve.events import check_events, shown_event

SECRET = "Jane Doe"
RUN, OTHER = "run-1", "run-2"


def event(kind: str, data: Any, *, run_id: str = RUN, parents: Any = (), name: str = "chain") -> Any:
    about = {"tags": ["t"], "metadata": {"vault_id": "u1"}, "parent_ids": list(parents)}
    return {"event": kind, "name": name, "data": data, "run_id": run_id, **about}


def shown(given: Any, *allowed: str) -> Any:
    return shown_event(given, RUN, frozenset(allowed))


class TestOfTheChainItself:
    def test_say_that_it_began_and_not_with_what(self) -> None:
        assert shown(event("on_chain_start", {"input": SECRET})) == {
            "event": "on_chain_start", "name": "chain", "data": {}, "run_id": RUN,
            "parent_ids": [], "tags": [], "metadata": {},
        }  # fmt: skip

    def test_say_what_it_says(self) -> None:
        assert shown(event("on_chain_stream", {"chunk": "x", "input": SECRET}))["data"] == {"chunk": "x"}

    def test_say_how_it_ended(self) -> None:
        ended = event("on_chain_end", {"output": "x", "input": SECRET})
        assert shown(ended)["data"] == {"output": "x"}

    @pytest.mark.parametrize("kind", ["on_chat_model_stream", "on_llm_stream", "on_tool_stream"])
    def test_may_be_a_models(self, kind: str) -> None:
        assert shown(event(kind, {"chunk": "x"}))["data"] == {"chunk": "x"}


class TestOfSteps:
    @pytest.mark.parametrize("kind", ["on_chain_start", "on_chain_stream", "on_chain_end", "on_tool_end"])
    def test_are_not_told(self, kind: str) -> None:
        assert shown(event(kind, {"chunk": SECRET}, run_id=OTHER, parents=[RUN])) is None

    def test_are_not_told_where_they_have_lost_their_parents(self) -> None:
        assert shown(event("on_chain_end", {"output": SECRET}, run_id=OTHER)) is None

    def test_are_not_told_of_kinds_that_are_not_known(self) -> None:
        assert shown(event("on_chain_error", {"error": SECRET})) is None
        assert shown(event("on_something", {"chunk": SECRET})) is None


class TestOfThisPackage:
    def test_are_told_on_request_without_the_vault(self) -> None:
        data = {"entities": {"PERSON": 1}, "seconds": 0.1, "vault_id": "u1", "text": SECRET}
        given = event("on_custom_event", data, run_id=OTHER, parents=[RUN], name="secguard.anonymized")
        assert shown(given) is None
        told = shown(given, "secguard.anonymized")
        assert told["data"] == {"entities": {"PERSON": 1}, "seconds": 0.1}
        assert (told["run_id"], told["metadata"], told["tags"], told["parent_ids"]) == (RUN, {}, [], [])

    def test_of_others_are_not_told(self) -> None:
        given = event("on_custom_event", {"entities": SECRET}, name="progress")
        assert shown(given, "secguard.anonymized") is None

    def test_cannot_be_asked_for_of_others(self) -> None:
        with pytest.raises(ValueError, match="progress"):
            check_events(["secguard.scanned", "progress"])
