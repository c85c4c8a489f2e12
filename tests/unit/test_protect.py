"""`protect`: both steps around a Runnable, with a vault for each call where none is named."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_secguard import Anonymizer, Deanonymizer, Form, Vault, protect
from tests.unit.lexicon import LexiconDetector


class Echo:
    """Answer with what was seen, and remember it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.vaults: list[Vault] = []

    def __call__(self, value: Any, config: RunnableConfig) -> Any:
        self.seen.append(value)
        self.vaults += [config["configurable"]["vault"]] if "vault" in config["configurable"] else []
        return value


def echo() -> tuple[Echo, Any]:
    function = Echo()
    return function, protect(RunnableLambda(function), anonymizer=Anonymizer(detector=LexiconDetector()))


def test_the_runnable_sees_placeholders_and_the_caller_sees_values() -> None:
    function, chain = echo()
    assert chain.invoke("Jane Doe") == "Jane Doe"
    assert function.seen == ["[PERSON_1]"]


def test_a_call_without_a_vault_has_one_of_its_own_that_is_erased_afterwards() -> None:
    function, chain = echo()
    assert chain.batch(["Jane Doe", "Bob Roe"]) == ["Jane Doe", "Bob Roe"]
    assert sorted(function.seen) == ["[PERSON_1]", "[PERSON_1]"]
    assert function.vaults[0].vault_id != function.vaults[1].vault_id
    assert [vault.entries() for vault in function.vaults] == [[], []]


def test_the_vault_is_erased_when_the_runnable_raises_and_when_a_stream_is_left() -> None:
    vaults: list[Vault] = []

    def fail(value: str, config: RunnableConfig) -> str:
        vaults.append(config["configurable"]["vault"])
        raise RuntimeError("model down")

    chain = protect(RunnableLambda(fail), anonymizer=Anonymizer(detector=LexiconDetector()))
    with pytest.raises(RuntimeError, match="model down"):
        chain.invoke("Jane Doe")
    function, chain = echo()
    stream = chain.stream("Jane Doe")
    next(stream)
    stream.close()
    assert [vault.entries() for vault in [*vaults, *function.vaults]] == [[], []]


def test_a_named_vault_is_kept() -> None:
    function, chain = echo()
    vault = Vault("kept")
    chain.invoke("Jane Doe", {"configurable": {"vault": vault}})
    assert [entry.value for entry in vault.entries()] == ["Jane Doe"]
    chain.invoke("Jane Doe", {"configurable": {"thread_id": "t-1"}})
    assert function.seen == ["[PERSON_1]"] * 2


async def test_it_streams_sync_and_async_around_a_chat_model() -> None:
    model = FakeListChatModel(responses=["Hello [PERSON_1], I mean [PERSON 1]!"])
    chain = protect(model, anonymizer=Anonymizer(detector=LexiconDetector()))
    messages = [HumanMessage("I am Jane Doe")]
    expected = "Hello Jane Doe, I mean Jane Doe!"
    assert "".join(chunk.text for chunk in chain.stream(messages)) == expected
    assert "".join([chunk.text async for chunk in chain.astream(messages)]) == expected
    assert (await chain.ainvoke(messages)).content == expected
    events = [event["event"] async for event in chain.astream_events(messages, version="v2")]
    assert "on_chat_model_stream" in events


def test_steps_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="same store, vault and form"):
        protect(
            RunnableLambda(str),
            anonymizer=Anonymizer(detector=LexiconDetector(), form=Form("llm_guard")),
            deanonymizer=Deanonymizer(vault=Vault()),
        )


def test_it_takes_the_vault_and_form_of_the_step_that_is_given() -> None:
    vault = Vault("v")
    chain = protect(RunnableLambda(str), deanonymizer=Deanonymizer(vault=vault, form="llm_guard"))
    assert (chain.anonymizer.vault, chain.anonymizer.form.style) == (vault, "llm_guard")
