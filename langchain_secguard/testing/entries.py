"""What a vault store promises of its entries, and of erasing them."""

import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import BOB, JANE, MAIL, marked, refs
from langchain_secguard.vault import Entity, Text, VaultStore


class EntriesContract:
    """Hold a store to what it promises of entries."""

    def test_numbers_values_by_type_in_order(self, store: VaultStore) -> None:
        assert refs(store.assign("v", [JANE, BOB, MAIL])) == [
            ("PERSON", 1),
            ("PERSON", 2),
            ("EMAIL_ADDRESS", 1),
        ]

    def test_gives_one_entry_to_a_type_and_value(self, store: VaultStore) -> None:
        first = store.assign("v", [JANE, BOB, JANE])
        assert first.entries[0] == first.entries[2]
        assert store.assign("v", [BOB, JANE]).entries == [first.entries[1], first.entries[0]]
        assert len(store.entries("v")) == 2

    def test_gives_a_value_one_entry_for_each_type(self, store: VaultStore) -> None:
        assert refs(store.assign("v", [Entity("PERSON", "Paris"), Entity("LOCATION", "Paris")])) == [
            ("PERSON", 1),
            ("LOCATION", 1),
        ]

    def test_keeps_spellings_apart(self, store: VaultStore) -> None:
        spellings = ["Jane Doe", "JANE DOE", "Jane  Doe", "Jane\nDoe", "Jane Doe ", ""]
        assignment = store.assign("v", [Entity("PERSON", value) for value in spellings])
        assert refs(assignment) == [("PERSON", number) for number in range(1, 7)]
        found = store.lookup("v", [entry.ref for entry in assignment.entries])
        assert [entry.value for entry in found if entry] == spellings

    @pytest.mark.parametrize(
        "value",
        ["\0", "'; DROP TABLE x", "\ud83d", "\U0001f469\u200d\U0001f467", "%_\\", "a" * 20_000, "[PERSON_1]"],
    )
    def test_keeps_any_value_character_by_character(self, store: VaultStore, value: str) -> None:
        (entry,) = store.assign("v", [Entity("SECRET", value)]).entries
        assert entry.value == value
        assert store.lookup("v", [entry.ref]) == [entry]
        assert store.assign("v", [Entity("SECRET", value)]).entries == [entry]

    def test_looks_entries_up_in_the_order_asked(self, store: VaultStore) -> None:
        jane, mail = store.assign("v", [JANE, MAIL]).entries
        unknown = Ref("PERSON", 7)
        assert store.lookup("v", [mail.ref, unknown, jane.ref, mail.ref]) == [mail, None, jane, mail]

    def test_knows_nothing_that_was_never_issued(self, store: VaultStore) -> None:
        store.assign("v", [JANE])
        asked = [Ref("PERSON", 2), Ref("PERSON", 0), Ref("person", 1), Ref("LOCATION", 1)]
        assert store.lookup("v", asked) == [None] * 4

    def test_a_vault_never_written_to_is_empty(self, store: VaultStore) -> None:
        assert store.lookup("v", [Ref("PERSON", 1)]) == [None]
        assert store.entries("v") == []
        assert len(store.surrogates("v")) == 0
        assert store.erase("v") == 0
        assert store.erase_value("v", "Jane Doe") == 0
        assert store.assign("v", []).entries == []

    def test_lists_entries_in_order_of_arrival(self, store: VaultStore) -> None:
        entries = store.assign("v", [MAIL, JANE]).entries + store.assign("v", [BOB]).entries
        assert store.entries("v") == entries

    def test_vaults_cannot_see_each_other(self, store: VaultStore) -> None:
        store.assign("v", [JANE])
        other = store.assign("w", [BOB], [Text("Jane Doe and Bob Roe")])
        assert refs(other) == [("PERSON", 1)]
        assert marked(other, "Jane Doe and Bob Roe") == [["Bob Roe"]]
        assert [entry.value for entry in store.lookup("w", [Ref("PERSON", 1)]) if entry] == ["Bob Roe"]
        assert store.erase_value("w", "Jane Doe") == 0
        assert store.erase("w") == 1
        assert [entry.value for entry in store.entries("v")] == ["Jane Doe"]

    def test_erases_a_vault_whole(self, store: VaultStore) -> None:
        entries = store.assign("v", [JANE, Entity("PERSON", "Bob Roe", ("Max Muster",))]).entries
        assert store.erase("v") == 2
        assert store.entries("v") == []
        assert store.lookup("v", [entry.ref for entry in entries]) == [None, None]
        assert len(store.surrogates("v")) == 0
        assert marked(store.assign("v", [], [Text("Jane Doe")]), "Jane Doe") == [[]]
        assert store.erase("v") == 0

    def test_never_gives_a_number_out_again_after_an_erase(self, store: VaultStore) -> None:
        seen: set[tuple[str, int]] = set()
        for _ in range(4):
            given_ = refs(store.assign("v", [JANE, BOB, MAIL]))
            assert seen.isdisjoint(given_)
            seen.update(given_)
            store.erase("v")
            store.erase("v")
            store.assign("v", [])

    @pytest.mark.parametrize("spelling", ["Jane Doe", "JANE DOE", "jane doe", "jAnE dOe"])
    def test_erases_one_value_in_any_case_and_under_any_type(self, store: VaultStore, spelling: str) -> None:
        doomed = [JANE, Entity("PERSON", "JANE DOE"), Entity("CUSTOM", "Jane Doe")]
        entries = store.assign("v", [*doomed, BOB]).entries
        assert store.erase_value("v", spelling) == 3
        assert store.entries("v") == entries[3:]
        assert store.lookup("v", [entry.ref for entry in entries]) == [None, None, None, entries[3]]
        assert store.erase_value("v", spelling) == 0

    def test_no_longer_finds_an_erased_value(self, store: VaultStore) -> None:
        store.assign("v", [JANE, BOB])
        store.erase_value("v", "Jane Doe")
        text = "Jane Doe and Bob Roe"
        assert marked(store.assign("v", [], [Text(text)]), text) == [["Bob Roe"]]

    def test_still_finds_a_value_that_shared_its_words_with_an_erased_one(self, store: VaultStore) -> None:
        assignment = store.assign("v", [Entity("PERSON", "(Jane Doe)"), JANE])
        store.erase_value("v", "(Jane Doe)")
        for generation in (0, assignment.generation):
            assert marked(store.assign("v", [], [Text("Jane Doe", generation)]), "Jane Doe") == [["Jane Doe"]]

    def test_never_gives_a_number_out_again_after_a_value_is_erased(self, store: VaultStore) -> None:
        store.assign("v", [BOB, JANE])
        store.erase_value("v", "Jane Doe")
        assert refs(store.assign("v", [JANE, BOB])) == [("PERSON", 3), ("PERSON", 1)]
