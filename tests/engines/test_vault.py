import pytest
from llm_guard.input_scanners import Anonymize
from llm_guard.output_scanners import Deanonymize
from llm_guard.vault import Vault as TheirVault
from presidio_analyzer import RecognizerResult

from langchain_secguard import Anonymizer, Vault
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Entity, from_llm_guard, to_llm_guard
from tests.support import LexiconDetector

PAIRS = [
    ("[REDACTED_PERSON_1]", "Jane Doe"),
    ("[REDACTED_EMAIL_ADDRESS_1]", "jane@example.com"),
    ("[REDACTED_EMAIL_ADDRESS_RE_2]", "j[AT]example.com"),
]


def hide(vault: TheirVault, name: str) -> str:
    """Hide a person's name as LLM Guard's scanner does, and keep it in its vault."""
    text, pairs = Anonymize._anonymize(name, [RecognizerResult("PERSON", 0, len(name), 1.0)], vault, False)
    for pair in pairs:
        if not vault.placeholder_exists(pair[0]):
            vault.append(pair)
    return str(text)


def restore(vault: TheirVault, text: str) -> str:
    restored: str = Deanonymize(vault).scan("", text)[0]
    return restored


def test_there_and_back_is_the_same() -> None:
    back = to_llm_guard(from_llm_guard(TheirVault(list(PAIRS))))
    assert isinstance(back, TheirVault)
    assert {*PAIRS} <= {*back.get()}
    assert all(placeholder == value for placeholder, value in {*back.get()} - {*PAIRS})
    again = from_llm_guard(back)
    assert {(entry.ref, entry.value) for entry in again.entries()} == {
        (Ref("PERSON", 1), "Jane Doe"),
        (Ref("EMAIL_ADDRESS", 1), "jane@example.com"),
        (Ref("EMAIL_ADDRESS_RE", 2), "j[AT]example.com"),
    }


def test_llm_guard_restores_what_was_hidden_here() -> None:
    vault = Vault()
    anonymizer = Anonymizer(detector=LexiconDetector({"Jane Doe": "PERSON"}), vault=vault, form="llm_guard")
    hidden = anonymizer.invoke("Write to Jane Doe.")
    assert restore(to_llm_guard(vault), hidden) == "Write to Jane Doe."


def test_llm_guard_gives_no_erased_number_to_another() -> None:
    vault = Vault()
    vault.assign([Entity("PERSON", name) for name in ("Ann", "Bob", "Cid", "Dan")])
    vault.erase_value("Bob")
    vault.erase_value("Dan")
    theirs = to_llm_guard(vault)
    assert hide(theirs, "Ann") == "[REDACTED_PERSON_1]"
    assert hide(theirs, "Eve") == "[REDACTED_PERSON_5]"
    old = (
        "[REDACTED_PERSON_1] [REDACTED_PERSON_2] [REDACTED_PERSON_3] [REDACTED_PERSON_4] [REDACTED_PERSON_5]"
    )
    assert restore(theirs, old) == "Ann [REDACTED_PERSON_2] Cid [REDACTED_PERSON_4] Eve"


def test_fakes_go_along() -> None:
    vault = Vault()
    vault.assign([Entity("PERSON", "Jane Doe", ("Mary Major",))])
    assert restore(to_llm_guard(vault), "Mary Major, [REDACTED_PERSON_1]") == "Jane Doe, Jane Doe"


def test_linked_values_are_refused_unless_they_are_only_to_be_restored() -> None:
    vault = Vault()
    detector = LexiconDetector({"Jane Doe": "PERSON", "Doe": "PERSON"})
    anonymizer = Anonymizer(detector=detector, vault=vault, form="llm_guard")
    hidden = anonymizer.invoke("Jane Doe came. Doe left.")
    assert "[REDACTED_PERSON_1b]" in hidden
    with pytest.raises(ValueError, match="linked values"):
        to_llm_guard(vault)
    assert restore(to_llm_guard(vault, linked="keep"), hidden) == "Jane Doe came. Doe left."


def test_an_empty_vault_stays_empty() -> None:
    assert to_llm_guard(Vault()).get() == []
