"""What the Anonymizer hides, behind what, and what it tells."""

import re
from functools import partial
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.runnables import RunnableConfig
from pydantic import ValidationError

from langchain_secguard import (
    Anonymizer,
    BlockedError,
    Deanonymizer,
    Form,
    Policy,
    UnsupportedContentError,
    Vault,
    VaultRequiredError,
)
from langchain_secguard.detect import FunctionDetector
from langchain_secguard.surrogates import Surrogates
from langchain_secguard.vault import EncryptedVaultStore, Entity, InMemoryVaultStore, VaultStore
from tests.unit.lexicon import LEXICON, LexiconDetector

TEXT = "Jane Doe of Acme LLC wrote from jane@example.com; Jane Doe lives in Springfield."


def anonymizer(**options: Any) -> Anonymizer:
    return Anonymizer(**{"detector": LexiconDetector(), "vault": Vault("v"), **options})


def test_each_value_has_one_placeholder_numbered_as_it_appears() -> None:
    assert anonymizer().invoke(TEXT + " Bob Roe too.") == (
        "[PERSON_1] of [ORGANIZATION_1] wrote from [EMAIL_ADDRESS_1]; [PERSON_1] lives in [LOCATION_1]. "
        "[PERSON_2] too."
    )


def test_steps_share_the_vault_that_the_config_names() -> None:
    first, second = Anonymizer(detector=LexiconDetector()), Anonymizer(detector=LexiconDetector())
    config: RunnableConfig = {"configurable": {"vault_id": "shared-by-two-steps"}}
    assert first.invoke("Bob Roe", config) == "[PERSON_1]"
    assert second.invoke("Jane Doe, Bob Roe", config) == "[PERSON_2], [PERSON_1]"


def test_without_a_vault_nothing_is_detected_and_the_error_shows_the_line_to_add() -> None:
    detector = LexiconDetector()
    with pytest.raises(VaultRequiredError, match=r'config=\{"configurable": \{"vault_id": "case-42"\}\}'):
        Anonymizer(detector=detector).invoke(TEXT)
    assert detector.read == []


def test_a_step_with_its_own_vault_declares_no_config() -> None:
    assert anonymizer().config_specs == []
    assert [spec.id for spec in Anonymizer(detector=LexiconDetector()).config_specs] == ["vault_id"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("tokenize", "card [CREDIT_CARD_1]."),
        ("redact", "card [CREDIT_CARD]."),
        ("mask", "card ***************1111."),
        (Policy("mask", keep_last=0), "card *******************."),
        ("allow", "card 4111 1111 1111 1111."),
    ],
)
def test_a_policy_says_what_stands_for_an_entity_type(policy: Any, expected: str) -> None:
    assert anonymizer(policies={"CREDIT_CARD": policy}).invoke("card 4111 1111 1111 1111.") == expected


def test_the_default_policy_is_for_types_that_have_none() -> None:
    step = anonymizer(default_policy="redact", policies={"person": "tokenize"})
    assert step.invoke("Jane Doe, jane@example.com") == "[PERSON_1], [EMAIL_ADDRESS]"


def test_what_is_hidden_for_good_is_not_in_the_vault() -> None:
    vault = Vault("v")
    for policy in ("redact", "mask", "hash"):
        anonymizer(vault=vault, policies={"US_SSN": policy}).invoke("SSN 219-09-9999")
    assert vault.entries() == []


def test_a_hash_is_keyed_and_stable() -> None:
    policy = Policy("hash", key=b"0123456789abcdef")
    hidden = anonymizer(policies={"US_SSN": policy}).invoke("219-09-9999, 219-09-9999")
    assert re.fullmatch(r"(\[US_SSN#[0-9a-f]{16}\]), \1", hidden)
    assert (
        anonymizer(policies={"US_SSN": Policy("hash", key=b"another key of 16")}).invoke("219-09-9999")
        not in hidden
    )


def test_a_blocked_type_raises_with_types_and_counts_and_no_value() -> None:
    vault = Vault("v")
    step = anonymizer(vault=vault, policies={"US_SSN": "block"})
    with pytest.raises(BlockedError, match=r"US_SSN \(2\)") as caught:
        step.invoke("Jane Doe: 219-09-9999, 219-09-9999")
    assert caught.value.scores == {"US_SSN": 1.0}
    assert "219" not in str(caught.value)
    assert vault.entries() == []


def test_what_must_not_come_back_wins_over_a_longer_span_around_it() -> None:
    step = anonymizer(hidden_names=["card 4111 1111 1111 1111 of"], policies={"CREDIT_CARD": "redact"})
    assert step.invoke("the card 4111 1111 1111 1111 of Jane Doe") == "the [CREDIT_CARD] [PERSON_1]"


def test_hidden_names_are_whole_words_in_any_case_and_over_line_breaks() -> None:
    step = anonymizer(hidden_names=["Test LLC", "C++ (x)"])
    assert (
        step.invoke("test llc, Test\nLLC, MyTest LLC, C++ (x)")
        == "[CUSTOM_1], [CUSTOM_1b], MyTest LLC, [CUSTOM_2]"
    )


def test_allowed_names_stay_in_any_case_and_with_an_honorific() -> None:
    step = anonymizer(allowed_names=["jane doe", "Acme LLC"])
    assert step.invoke("Jane Doe, JANE DOE, Bob Roe, Acme LLC") == "Jane Doe, JANE DOE, [PERSON_1], Acme LLC"


def test_allowed_names_stay_though_the_vault_knows_them() -> None:
    vault = Vault("v")
    vault.assign([Entity("PERSON", "Jane Doe")])
    assert (
        anonymizer(vault=vault, allowed_names=["Jane Doe"]).invoke("JANE DOE and Jane Doe")
        == "JANE DOE and Jane Doe"
    )


def test_only_the_entity_types_asked_for_are_hidden() -> None:
    assert (
        anonymizer(entity_types=["PERSON"]).invoke(TEXT).startswith("[PERSON_1] of Acme LLC wrote from jane@")
    )


def test_spans_below_the_threshold_are_left() -> None:
    assert anonymizer(detector=LexiconDetector(score=0.4)).invoke(TEXT) == TEXT
    assert anonymizer(detector=LexiconDetector(score=0.4), threshold=0.3).invoke(TEXT) != TEXT


def test_a_value_once_found_is_hidden_where_the_detector_misses_it() -> None:
    step = anonymizer()
    step.invoke("Jane Doe called from (217) 555-0142.")
    assert step.invoke("JANE  DOE, jane\ndoe; Janedoe, Doe") == "[PERSON_1b], [PERSON_1c]; Janedoe, Doe"
    assert step.invoke("call 217) 555-0142") == "call [PHONE_NUMBER_2]"


def test_a_value_found_in_one_message_is_hidden_in_an_earlier_one() -> None:
    messages = [HumanMessage("I am jane doe"), AIMessage("Hello"), HumanMessage("Sorry, Jane Doe")]
    hidden = anonymizer().invoke(messages)
    assert [message.content for message in hidden] == ["I am [PERSON_1b]", "Hello", "Sorry, [PERSON_1]"]


def test_text_that_looks_like_a_placeholder_is_hidden_itself() -> None:
    hidden = anonymizer().invoke("Jane Doe typed [PERSON_1], [person 2], PERSON_3 and see [Exhibit 4], UTF_8")
    assert hidden == "[PERSON_1] typed [CUSTOM_1], [CUSTOM_2], [CUSTOM_3] and see [Exhibit 4], UTF_8"


def test_text_that_looks_like_a_placeholder_is_hidden_though_its_type_is_seen_later() -> None:
    vault = Vault("v")
    step = anonymizer(vault=vault, detector=FunctionDetector(_employees))
    earlier = ["see [employee 1]", "and EMPLOYEE_1"]
    assert step.invoke(earlier) == earlier
    hidden = step.invoke([*earlier, "Alice Kay works"])
    assert hidden == ["see [CUSTOM_1]", "and [CUSTOM_2]", "[EMPLOYEE_1] works"]
    assert Deanonymizer(vault=vault).invoke(hidden) == [*earlier, "Alice Kay works"]
    assert step.invoke(earlier) == hidden[:2]


@pytest.mark.parametrize(
    "text",
    ["PERSON_1李雷", "李雷PERSON_1", "PERSON_1x李雷", "PERSON_1xhttps://x.com/李雷", "PERSON_1李雷PERSON_1"],
)
def test_text_that_looks_like_a_placeholder_once_its_neighbour_is_hidden_comes_back(text: str) -> None:
    vault = Vault("v")
    vault.assign([Entity("PERSON", "Jane Doe")])
    step = anonymizer(vault=vault, detector=FunctionDetector(_lei), policies={"PERSON": "tokenize"})
    assert Deanonymizer(vault=vault).invoke(step.invoke(text)) == text


def _lei(text: str) -> list[tuple[int, int, str]]:
    return [(*match.span(), "PERSON") for match in re.finditer("李雷|x李", text)]


def _employees(text: str) -> list[tuple[int, int, str]]:
    return [(*match.span(), "EMPLOYEE") for match in re.finditer("Alice Kay", text)]


@pytest.mark.parametrize("named", [{"entity_types": ["EMPLOYEE"]}, {"policies": {"EMPLOYEE": "tokenize"}}])
def test_text_that_looks_like_a_placeholder_of_a_type_that_is_named_is_hidden(named: dict[str, Any]) -> None:
    assert anonymizer(**named).invoke("see [employee 1]") == "see [CUSTOM_1]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://x.com/?q=jane@example.com, ok", "see [URL_1], ok"),
        ("[mail](https://x.com/Jane Doe) Bob Roe", "[mail]([URL_1]) [PERSON_1]"),
        ("https://x.com/ Jane Doe", "https://x.com/ [PERSON_1]"),
        ("(www.x.com/jane@example.com)", "([URL_1])"),
    ],
)
def test_a_url_that_holds_a_value_is_hidden_whole(text: str, expected: str) -> None:
    assert anonymizer().invoke(text) == expected


def test_a_surrogate_is_stable_and_stands_for_one_value() -> None:
    vault = Vault("v")
    step = anonymizer(vault=vault, policies={"PERSON": "surrogate"})
    first = step.invoke("Jane Doe met Bob Roe. Jane Doe left.")
    fakes = [entry.surrogate for entry in vault.entries()]
    assert first == f"{fakes[0]} met {fakes[1]}. {fakes[0]} left."
    assert len(set(fakes)) == 2
    assert not set(fakes) & set(LEXICON)
    assert step.invoke("Bob Roe?") == f"{fakes[1]}?"
    assert Deanonymizer(vault=vault).invoke(first) == "Jane Doe met Bob Roe. Jane Doe left."


def test_a_real_person_with_the_name_of_a_surrogate_is_somebody_else() -> None:
    vault = Vault("v")
    step, back = anonymizer(vault=vault, policies={"PERSON": "surrogate"}), Deanonymizer(vault=vault)
    fake = step.invoke("Jane Doe")
    text = f"Jane Doe is not {fake}."
    hidden = step.invoke(text)
    assert hidden.startswith(f"{fake} is not ")
    assert hidden.count(fake) == 1
    assert back.invoke(hidden) == text


def test_a_surrogate_is_no_allowed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded = partial(Surrogates, seed=1)
    monkeypatch.setattr("langchain_secguard.anonymize.Surrogates", seeded)
    first, second, *_ = seeded().candidates("PERSON", "Jane Doe", [])
    step = anonymizer(policies={"PERSON": "surrogate"}, allowed_names=[f"Mr. {first.upper()}"])
    assert step.invoke("Jane Doe") == second


def test_a_surrogate_gives_way_to_a_placeholder_where_it_could_not_be_told_from_its_neighbour() -> None:
    vault = Vault("v")
    step, back = anonymizer(vault=vault, policies={"PERSON": "surrogate"}), Deanonymizer(vault=vault)
    assert step.invoke("xJane Doex") == "x[PERSON_1]x"
    assert back.invoke("x[PERSON_1]x") == "xJane Doex"


@pytest.mark.parametrize(
    "entity_type", ["CRYPTO", "CREDIT_CARD", "IP_ADDRESS", "DATE_TIME", "SECRET", "MADE_UP"]
)
def test_every_entity_type_has_surrogates(entity_type: str) -> None:
    class Everything(LexiconDetector):
        def detect(self, texts: Any) -> Any:
            from langchain_secguard.detect import Span  # noqa: PLC0415

            return [[Span(3, len(text), entity_type)] for text in texts]

    vault = Vault("v")
    step = anonymizer(vault=vault, detector=Everything(), policies={entity_type: "surrogate"})
    hidden = step.invoke("is bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    assert hidden == f"is {vault.entries()[0].surrogate}"
    assert Deanonymizer(vault=vault).invoke(hidden) == "is bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


def test_a_preamble_comes_before_the_text_where_something_was_hidden() -> None:
    step = anonymizer(preamble="Keep placeholders. ")
    assert step.invoke("Jane Doe") == "Keep placeholders. [PERSON_1]"
    assert step.invoke("nobody") == "nobody"
    assert step.invoke(StringPromptValue(text="Jane Doe")).text == "Keep placeholders. [PERSON_1]"
    assert step.invoke([HumanMessage("Jane Doe")])[0] == SystemMessage("Keep placeholders. ")
    assert (
        step.invoke(ChatPromptValue(messages=[HumanMessage("Jane Doe")])).messages[1].content == "[PERSON_1]"
    )


def test_a_preamble_that_has_no_place_is_an_error() -> None:
    with pytest.raises(UnsupportedContentError, match="dict"):
        anonymizer(preamble="Keep placeholders. ").invoke({"question": "Jane Doe"})


def test_only_the_keys_named_are_read() -> None:
    hidden = anonymizer(keys=["question"]).invoke(
        {"question": "Jane Doe", "raw": b"Jane Doe", "other": "Jane Doe"}
    )
    assert hidden == {"question": "[PERSON_1]", "raw": b"Jane Doe", "other": "Jane Doe"}


def test_a_participants_name_stays_one_word() -> None:
    hidden = anonymizer(hidden_names=["jane"]).invoke([HumanMessage("hi", name="jane-doe")])
    assert hidden[0].name == "CUSTOM_1"


def test_a_number_that_holds_a_value_is_refused_unless_allowed() -> None:
    step = anonymizer(hidden_names=["4111111111111111"])
    with pytest.raises(UnsupportedContentError, match="int") as caught:
        step.invoke({"card": 4111111111111111})
    assert "4111" not in str(caught.value)
    assert anonymizer(allow_unscanned=["scalar"]).invoke({"card": 4111111111111111}) == {
        "card": 4111111111111111
    }


def test_documents_are_hidden_with_their_metadata() -> None:
    document = Document("by Jane Doe", metadata={"author": "Jane Doe", "page": 3})
    assert anonymizer().invoke([document]) == [
        Document("by [PERSON_1]", metadata={"author": "[PERSON_1]", "page": 3})
    ]


def test_forms_write_their_placeholders() -> None:
    assert anonymizer(form="llm_guard").invoke("Jane Doe") == "[REDACTED_PERSON_1]"
    checked = anonymizer(form=Form(check_key=b"0123456789abcdef")).invoke("Jane Doe")
    assert re.fullmatch(r"\[PERSON_1_[B-Z]{5}\]", checked)


def test_a_text_is_read_once() -> None:
    detector = LexiconDetector()
    step = anonymizer(detector=detector)
    history = [HumanMessage("Jane Doe")]
    step.invoke(history)
    step.invoke([*history, HumanMessage("Bob Roe"), HumanMessage("Bob Roe")])
    assert detector.read == ["Jane Doe", "Bob Roe"]


def test_what_is_remembered_in_one_vault_is_hidden_in_another() -> None:
    step = Anonymizer(detector=LexiconDetector(), store=InMemoryVaultStore())
    for vault_id in ("one", "two"):
        assert step.invoke(TEXT, {"configurable": {"vault_id": vault_id}}).startswith(
            "[PERSON_1] of [ORGANIZATION_1]"
        )


def test_after_an_erase_a_remembered_text_gets_new_numbers() -> None:
    vault = Vault("v")
    step = anonymizer(vault=vault)
    assert step.invoke("Jane Doe") == "[PERSON_1]"
    vault.erase()
    assert step.invoke("Jane Doe") == "[PERSON_2]"
    vault.erase_value("jane doe")
    assert step.invoke("Jane Doe") == "[PERSON_3]"


def test_after_every_erase_a_remembered_text_comes_back() -> None:
    inner = InMemoryVaultStore()
    stores: list[VaultStore] = [inner, EncryptedVaultStore(inner, [b"k" * 32])]
    for store in stores:
        vault = Vault("v", store=store)
        step, back = anonymizer(vault=vault), Deanonymizer(vault=vault)
        for _ in range(4):  # a ledger knows nothing of a vault that was erased
            assert back.invoke(step.invoke("Jane Doe")) == "Jane Doe"
            vault.erase()


def test_an_old_text_is_not_asked_about_value_by_value() -> None:
    class Counting(InMemoryVaultStore):
        asked: list[int] = []  # noqa: RUF012 - of the one store of this test

        def assign(self, vault_id: str, entities: Any, texts: Any = ()) -> Any:
            self.asked.append(len(entities))
            return super().assign(vault_id, entities, texts)

    store = Counting()
    step = anonymizer(vault=Vault("v", store=store))
    history = [HumanMessage("Jane Doe of Acme LLC")]
    expected = "[PERSON_1] of [ORGANIZATION_1]"
    assert step.invoke(history)[0].content == expected
    assert step.invoke([*history, HumanMessage("Bob Roe")])[0].content == expected
    assert store.asked == [2, 1]
    store.erase_value("v", "Jane Doe")
    assert step.invoke(history)[0].content == "[PERSON_3] of [ORGANIZATION_1]"


async def test_the_async_step_does_what_the_sync_one_does() -> None:
    assert await anonymizer().ainvoke(TEXT) == anonymizer().invoke(TEXT)
    assert await anonymizer().abatch([TEXT, "Bob Roe"]) == [
        "[PERSON_1]" + anonymizer().invoke(TEXT)[10:],
        "[PERSON_2]",
    ]


async def test_a_long_text_is_hidden_in_worker_threads_to_the_same_result() -> None:
    text = "Jane Doe met [PERSON_1] and jane doe. " * 1_000
    vault = Vault("v")
    hidden = await anonymizer(vault=vault).ainvoke(text)
    assert hidden == anonymizer().invoke(text)
    assert await Deanonymizer(vault=vault).ainvoke(hidden) == text


def test_a_step_tells_tracers_counts_and_no_text() -> None:
    class Listener(BaseCallbackHandler):
        def __init__(self) -> None:
            self.events: list[tuple[str, dict[str, Any]]] = []

        def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
            self.events.append((name, data))

    listener = Listener()
    anonymizer().invoke(TEXT, {"callbacks": [listener]})
    ((name, data),) = listener.events
    assert name == "secguard.anonymized"
    assert data.pop("seconds") > 0
    assert data == {
        "entities": {"PERSON": 2, "ORGANIZATION": 1, "EMAIL_ADDRESS": 1, "LOCATION": 1},
        "risk": 0.9,
        "cached": 0,
        "read": 1,
        "step": "Anonymizer",
        "engine": "LexiconDetector",
        "vault_id": "v",
    }


def test_a_refusal_is_told_too() -> None:
    heard: list[Any] = []

    class Listener(BaseCallbackHandler):
        def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
            heard.append((name, data))

    with pytest.raises(BlockedError):
        anonymizer(policies={"US_SSN": "block"}).invoke("219-09-9999", {"callbacks": [Listener()]})
    ((name, data),) = heard
    assert name == "secguard.blocked"
    assert data.pop("seconds") > 0
    assert data == {
        "scores": {"US_SSN": 1.0},
        "step": "Anonymizer",
        "engine": "LexiconDetector",
        "vault_id": "v",
    }


def test_arguments_that_are_no_json_are_hidden_and_restored() -> None:
    vault = Vault("v")
    call = {"type": "custom_tool_call", "input": "call Jane Doe", "name": "phone", "call_id": "1"}
    hidden = anonymizer(vault=vault).invoke(AIMessage([call]))
    assert hidden.content[0]["input"] == "call [PERSON_1]"
    assert Deanonymizer(vault=vault).invoke(hidden).content == [call]


def test_a_number_in_arguments_that_holds_a_value_is_refused() -> None:
    arguments = {"function_call": {"name": "pay", "arguments": '{"card": 4111111111111111}'}}
    with pytest.raises(UnsupportedContentError, match="number"):
        anonymizer(hidden_names=["4111111111111111"]).invoke(AIMessage("", additional_kwargs=arguments))


def test_a_repr_holds_no_name_and_no_key() -> None:
    step = anonymizer(
        hidden_names=["Secret Name"], allowed_names=["Open Name"], form=Form(check_key=b"k" * 16)
    )
    assert "Name" not in repr(step)
    assert "kkkk" not in repr(step)


@pytest.mark.parametrize(
    "options",
    [
        {"hiden_names": ["Jane Doe"]},
        {"policies": {"PERSON": "tokenise"}},
        {"policies": {"": "tokenize"}},
        {"threshold": 1.5},
        {"hidden_names": [" "]},
        {"form": "angles"},
        {"allow_unscanned": ["pictures"]},
    ],
)
def test_a_wrong_option_is_refused_without_an_echo_of_values(options: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, ValueError)) as caught:
        anonymizer(**options)
    assert "Jane Doe" not in str(caught.value)


def test_an_entity_type_that_the_embedded_detector_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="PERSONS"):
        Anonymizer(policies={"PERSONS": "redact"})


def test_a_dump_holds_no_name_and_no_key() -> None:
    step = anonymizer(
        hidden_names=["Secret Name"],
        policies={"US_SSN": Policy("hash", key=b"k" * 16)},
        form=Form(check_key=b"k" * 16),
    )
    assert "Name" not in str(step.model_dump())
    assert "kkkk" not in str(step.model_dump())
