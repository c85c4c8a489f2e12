"""What a vault store promises of values that are other ways to write another."""

import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import BOB, DOE, JANE_DOE, JOHN_DOE, MR_DOE, marked, named, spelled
from langchain_secguard.vault import Entity, Keys, Text, VaultStore


class LinkedValuesContract:
    """Hold a store to what it promises of linked values."""

    def test_links_a_value_to_the_one_that_claims_its_name(self, store: VaultStore) -> None:
        entries = store.assign("v", [JANE_DOE, BOB, DOE, named("Jane")]).entries
        assert spelled(entries) == ["1", "2", "1b", "1c"]
        assert [entry.value for entry in entries] == ["Jane Doe", "Bob Roe", "Doe", "Jane"]
        assert store.lookup("v", [entry.ref for entry in entries]) == entries
        assert store.lookup("v", [Ref("PERSON", 1, "d"), Ref("PERSON", 2, "b")]) == [None, None]
        assert sorted(store.entries("v"), key=lambda entry: entry.ref) == [
            entries[0],
            entries[2],
            entries[3],
            entries[1],
        ]

    def test_links_across_calls(self, store: VaultStore) -> None:
        (jane,) = store.assign("v", [JANE_DOE]).entries
        (doe,) = store.assign("v", [DOE]).entries
        assert (doe.ref, doe.value) == (jane.ref._replace(variant="b"), "Doe")
        assert store.assign("v", [DOE, JANE_DOE]).entries == [doe, jane]

    @pytest.mark.parametrize("order", [[0, 1], [1, 0]])
    def test_settles_who_has_more_names_first_whatever_the_order(
        self, store: VaultStore, order: list[int]
    ) -> None:
        entries = store.assign("v", [(JANE_DOE, DOE)[position] for position in order]).entries
        assert spelled(entries) == [("1", "1b")[position] for position in order]

    @pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [1, 2, 0], [0, 2, 1]])
    def test_links_nothing_that_two_might_be_called(self, store: VaultStore, order: list[int]) -> None:
        entries = store.assign("v", [(JANE_DOE, DOE, JOHN_DOE)[position] for position in order]).entries
        assert {entry.ref.variant for entry in entries} == {""}
        assert len({entry.ref for entry in entries}) == 3

    def test_what_was_linked_stays_when_its_name_becomes_doubtful(self, store: VaultStore) -> None:
        before = store.assign("v", [JANE_DOE, DOE]).entries
        after = store.assign("v", [JOHN_DOE, DOE, JANE_DOE, named("DOE")]).entries
        assert after[1:3] == [before[1], before[0]]
        assert spelled(after) == ["2", "1b", "1", "3"]

    def test_links_nothing_that_a_claim_speaks_against(self, store: VaultStore) -> None:
        she = named("Jane Doe", "jane", "doe", "she:doe")
        assert spelled(store.assign("v", [she, MR_DOE]).entries) == ["1", "2"]
        assert spelled(store.assign("w", [JOHN_DOE, MR_DOE]).entries) == ["1", "1b"]

    def test_every_name_that_is_referred_to_must_be_the_same_ones(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, named("Bob Roe", "bob", "roe")])
        both = Entity("PERSON", "x1", keys=Keys((), ("jane", "doe")))
        mixed = Entity("PERSON", "x2", keys=Keys((), ("jane", "roe")))
        unclaimed = Entity("PERSON", "x3", keys=Keys((), ("jane", "nobody")))
        none = Entity("PERSON", "x4", keys=Keys(("x4",), ()))
        assert spelled(store.assign("v", [both, mixed, unclaimed, none]).entries) == ["1b", "3", "4", "5"]

    def test_links_within_one_entity_type_alone(self, store: VaultStore) -> None:
        entries = store.assign("v", [JANE_DOE, DOE._replace(entity_type="ORGANIZATION")]).entries
        assert [entry.ref for entry in entries] == [Ref("PERSON", 1), Ref("ORGANIZATION", 1)]

    def test_links_within_one_vault_alone(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE])
        assert spelled(store.assign("w", [DOE]).entries) == ["1"]

    def test_what_is_linked_claims_nothing(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE])
        linked = Entity("PERSON", "Doe", keys=Keys(("doe", "doe-doe"), ("doe",)))
        assert spelled(store.assign("v", [linked, named("Doe-Doe"), named("DOE")]).entries) == [
            "1b",
            "2",
            "1c",
        ]

    def test_a_short_name_alone_is_a_value_like_any_other(self, store: VaultStore) -> None:
        (doe,) = store.assign("v", [DOE]).entries
        later = store.assign("v", [JANE_DOE, DOE, named("DOE")]).entries
        assert spelled([doe, *later]) == ["1", "2", "1", "3"]

    def test_a_known_spelling_is_linked_as_the_value_that_made_it_known(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, DOE])
        assignment = store.assign("v", [], [Text("JANE DOE and DOE")])
        assert spelled(list(assignment.known.values())) == ["1c", "1d"]
        store.assign("v", [JOHN_DOE, named("Jane  Doe")])
        known = store.assign("v", [], [Text("jane doe, DOE, John\nDoe")]).known
        assert spelled(list(known.values())) == ["1e", "1d", "2b"]

    def test_a_known_spelling_of_a_doubtful_name_is_linked_to_nobody(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, DOE])
        store.assign("v", [JOHN_DOE])
        assert spelled(list(store.assign("v", [], [Text("DOE")]).known.values())) == ["3"]

    def test_a_surrogate_that_somebody_types_is_linked_to_nobody(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE._replace(surrogates=("Max Muster",))])
        assert spelled(list(store.assign("v", [], [Text("Max Muster")]).known.values())) == ["2"]

    def test_gives_a_linked_value_a_surrogate_of_its_own(self, store: VaultStore) -> None:
        entities = [JANE_DOE._replace(surrogates=("Max Muster",)), DOE._replace(surrogates=("Eva Mann",))]
        entries = store.assign("v", entities).entries
        assert [(entry.surrogate, entry.ref.variant) for entry in entries] == [
            ("Max Muster", ""),
            ("Eva Mann", "b"),
        ]

    def test_numbers_a_value_by_itself_when_variants_run_out(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE])
        values = [f"Doe {number}" for number in range(500)]
        entries = store.assign("v", [Entity("PERSON", value, keys=Keys((), ("doe",))) for value in values])
        assert len({entry.ref for entry in entries.entries}) == 500
        assert [entry.ref.number for entry in entries.entries] == [1] * 462 + list(range(2, 40))

    @pytest.mark.parametrize("spelling", ["Jane Doe", "JANE DOE"])
    def test_erases_with_a_value_what_is_linked_to_it(self, store: VaultStore, spelling: str) -> None:
        store.assign("v", [JANE_DOE, BOB, DOE, named("JANE DOE"), named("Jane")])
        assert store.erase_value("v", spelling) == 4
        assert [entry.value for entry in store.entries("v")] == ["Bob Roe"]
        assert store.find("v", [Text("Jane Doe, JANE, Doe")]).hits == [[]]

    def test_erases_a_linked_value_alone(self, store: VaultStore) -> None:
        entries = store.assign("v", [JANE_DOE, DOE, named("Jane")]).entries
        assert store.erase_value("v", "doe") == 1
        assert store.entries("v") == [entries[0], entries[2]]
        text = "Jane Doe, Doe, Jane"
        assert marked(store.assign("v", [], [Text(text)]), text) == [["Jane Doe", "Jane"]]

    def test_never_gives_a_variant_out_again(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, DOE])
        store.erase_value("v", "Doe")
        assert spelled(store.assign("v", [named("Jane"), DOE]).entries) == ["1c", "1d"]
        store.erase_value("v", "Jane Doe")
        assert spelled(store.assign("v", [DOE, JANE_DOE, named("Jane")]).entries) == ["2b", "2", "2c"]
        store.erase("v")
        assert min(entry.ref.number for entry in store.assign("v", [JANE_DOE, DOE]).entries) > 2

    def test_what_is_erased_claims_nothing(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, named("Jim Beam", "beam")])
        store.erase_value("v", "Jane Doe")
        assert spelled(store.assign("v", [JOHN_DOE, DOE, named("Jane")]).entries) == ["3", "3b", "4"]
        store.erase("v")
        (beam,) = store.assign("v", [named("Beam")]).entries
        assert beam.ref.variant == ""

    def test_links_again_when_all_but_one_who_claim_a_name_are_erased(self, store: VaultStore) -> None:
        store.assign("v", [JANE_DOE, JOHN_DOE, named("Ann Doe", "ann", "doe")])
        store.erase_value("v", "John Doe")
        store.erase_value("v", "Ann Doe")
        assert spelled(store.assign("v", [DOE]).entries) == ["1b"]
