import builtins
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard import Deanonymizer, Form, Vault
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Entity, InMemoryVaultStore
from langchain_secguard.vault.llm_guard import from_llm_guard, to_llm_guard

JANE, JOHN = ("[REDACTED_PERSON_1]", "Jane Doe"), ("[REDACTED_PERSON_2]", "John Doe")
MAIL = ("[REDACTED_EMAIL_ADDRESS_RE_1]", "jane@example.com")
TYPES = ("PERSON", "EMAIL_ADDRESS", "EMAIL_ADDRESS_RE", "US_SSN", "CUSTOM")


class TheirVault:
    """Keep pairs as LLM Guard's vault does."""

    def __init__(self, pairs: Sequence[Any] = ()) -> None:
        self.pairs = list(pairs)

    def get(self) -> list[Any]:
        return self.pairs


def held(vault: Vault) -> set[tuple[str, int, str]]:
    return {(entry.ref.entity_type, entry.ref.number, entry.value) for entry in vault.entries()}


class TestFrom:
    @pytest.mark.parametrize("form", [Form(), Form(style="llm_guard")])
    def test_every_placeholder_restores_its_value(self, form: Form) -> None:
        vault = from_llm_guard(TheirVault([JANE, JOHN, MAIL]))
        deanonymizer = Deanonymizer(vault=vault, form=form)
        for placeholder, value in (JANE, JOHN, MAIL):
            assert deanonymizer.invoke(f"to {placeholder}.") == f"to {value}."
            assert deanonymizer.invoke(placeholder.replace("REDACTED_", "")) == value

    @given(
        st.dictionaries(
            st.tuples(st.sampled_from(TYPES), st.integers(1, 40)), st.text(min_size=1), max_size=30
        )
    )
    def test_entity_types_numbers_and_values_are_kept(self, wanted: dict[tuple[str, int], str]) -> None:
        distinct = {(name, value): number for (name, number), value in wanted.items()}
        pairs = [(f"[REDACTED_{name}_{number}]", value) for (name, value), number in distinct.items()]
        vault = from_llm_guard(TheirVault(pairs))
        assert held(vault) == {
            (name, number, value)
            for (name, value), number in distinct.items()
            if value != f"[REDACTED_{name}_{number}]"
        }

    def test_a_number_that_was_removed_is_not_given_out_again(self) -> None:
        vault = from_llm_guard(TheirVault([("[REDACTED_PERSON_4]", "Jane Doe")]))
        assert vault.lookup([Ref("PERSON", number) for number in (1, 2, 3)]) == [None] * 3
        assert vault.assign([Entity("PERSON", "John Doe")]).entries[0].ref == Ref("PERSON", 5)

    def test_a_vault_of_a_store_is_filled(self) -> None:
        store = InMemoryVaultStore()
        assert from_llm_guard(TheirVault([JANE]), vault=Vault("case-42", store=store)).vault_id == "case-42"
        assert held(Vault("case-42", store=store)) == {("PERSON", 1, "Jane Doe")}

    def test_a_pair_that_is_there_twice_is_one(self) -> None:
        assert held(from_llm_guard(TheirVault([JANE, JANE]))) == {("PERSON", 1, "Jane Doe")}

    def test_fakes_restore_their_values(self) -> None:
        vault = from_llm_guard(TheirVault([JANE, ("Mary Major", "Ann Lee")]), fakes_as="PERSON")
        assert held(vault) == {("PERSON", 1, "Jane Doe"), ("PERSON", 2, "Ann Lee")}
        assert Deanonymizer(vault=vault).invoke("Mary Major met [PERSON_1]") == "Ann Lee met Jane Doe"

    def test_needs_no_llm_guard(self) -> None:
        script = (
            "import sys; from langchain_secguard.vault import from_llm_guard;"
            "from_llm_guard(type('V', (), {'get': lambda self: [('[REDACTED_PERSON_1]', 'x')]})());"
            "assert 'llm_guard' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

    @pytest.mark.parametrize(
        ("pairs", "message"),
        [
            ([JANE, ("[REDACTED_PERSON_1]", "Ann")], r"pair 1: \[REDACTED_PERSON_1\] stands for another"),
            ([JANE, ("[REDACTED_PERSON_3]", "Jane Doe")], "pair 1: .* has another placeholder"),
            ([("Mary Major", "Jane Doe")], "pair 0 has a fake"),
            ([(f"[REDACTED_{'A' * 30}_1]", "x")], "pair 0: the entity type"),
            ([JANE, "[REDACTED_PERSON_2]"], "pair 1 is not one of two texts"),
            ([("[REDACTED_PERSON_1]", 5)], "pair 0 is not one of two texts"),
            ([("[REDACTED_PERSON_1]", "")], "pair 0 is not one of two texts"),
            ([("[REDACTED_PERSON_999999]", "Jane Doe")], "999998 numbers of one entity type are missing"),
        ],
    )
    def test_what_cannot_be_kept_is_an_error_without_a_value(self, pairs: list[Any], message: str) -> None:
        with pytest.raises(ValueError, match=message) as caught:
            from_llm_guard(TheirVault(pairs))
        assert "Jane" not in str(caught.value)
        assert "Mary" not in str(caught.value)

    @pytest.mark.parametrize(
        "pairs",
        [
            [("Mary Major", "Ann Lee"), ("Mary Major", "Jo Poe")],  # one fake for two people
            [("Mary Major", "Ann Lee"), ("Jane Minor", "Ann Lee")],  # two fakes for one
            [("Jane Doe", "Ann Lee"), JANE],  # a fake that is somebody else's name
        ],
    )
    def test_fakes_that_cannot_be_kept_are_an_error(self, pairs: list[Any]) -> None:
        vault = Vault()
        with pytest.raises(ValueError, match="stands for two"):
            from_llm_guard(TheirVault(pairs), vault=vault, fakes_as="PERSON")
        assert vault.entries() == []

    def test_a_vault_with_entries_is_refused(self) -> None:
        vault = Vault()
        vault.assign([Entity("PERSON", "Ann")])
        with pytest.raises(ValueError, match="has entries"):
            from_llm_guard(TheirVault([JANE]), vault=vault)
        assert held(vault) == {("PERSON", 1, "Ann")}

    def test_a_vault_that_was_used_is_refused_and_left_empty(self) -> None:
        vault = Vault()
        vault.assign([Entity("PERSON", "Ann")])
        vault.erase_value("Ann")
        with pytest.raises(ValueError, match="never used"):
            from_llm_guard(TheirVault([JANE]), vault=vault)
        assert vault.entries() == []


def test_going_there_without_llm_guard_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name.startswith("llm_guard"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[llm-guard\]"'):
        to_llm_guard(Vault())
