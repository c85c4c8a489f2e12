"""The promises of a vault store, as a test class that the tests of each store inherit."""

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Assignment, Entity, Entry, Finding, Hit, Keys, Text, Vault, VaultStore

JANE = Entity("PERSON", "Jane Doe")
BOB = Entity("PERSON", "Bob Roe")
MAIL = Entity("EMAIL_ADDRESS", "jane@x.com")

VALUES = [
    "Jane Doe",
    "JANE DOE",
    "jane doe",
    "Bob Roe",
    "Jane",
    "JANE",
    "(Jane Doe)",
    "\u0130lke Su",
    "x",
    "O'Neil",
]
TYPES = ["PERSON", "CUSTOM"]


def named(value: str, *others: str, unless: tuple[str, ...] = ()) -> Entity:
    """Ask for a person who is called ``value``, and may be called by ``others`` too."""
    name = value.casefold()
    return Entity("PERSON", value, keys=Keys((name, *others), (name,), unless))


JANE_DOE = named("Jane Doe", "jane", "doe")
JOHN_DOE = named("John Doe", "john", "doe", "he:doe")
DOE = named("Doe")
MR_DOE = named("Doe", unless=("she:doe",))


def spelled(entries: list[Entry]) -> list[str]:
    """Write the refs of people."""
    return [f"{entry.ref.number}{entry.ref.variant}" for entry in entries]


def refs(assignment: Assignment) -> list[tuple[str, int]]:
    return [(entry.ref.entity_type, entry.ref.number) for entry in assignment.entries]


def marked(assignment: Assignment, *texts: str) -> list[list[str]]:
    return [
        [text[hit.start : hit.end] for hit in hits] for text, hits in zip(texts, assignment.hits, strict=True)
    ]


class VaultStoreContract:
    """Hold a store to what it promises; a subclass has a fixture ``store`` that is empty for each test."""

    def test_is_a_vault_store(self, store: VaultStore) -> None:
        assert isinstance(store, VaultStore)

    # entries

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

    # erasing

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

    # known values

    @pytest.mark.parametrize(
        ("value", "text", "found"),
        [
            ("Jane Doe", "Jane Doe, JANE DOE, jane\n doe", ["Jane Doe", "JANE DOE", "jane\n doe"]),
            ("Will", "Will will WILL", ["Will", "WILL"]),
            ("Ann", "Annual Ann", ["Ann"]),
            ("Jane Doe", "Jane Does MaryJane Doe", []),
            ("\u0130brahim \u00d6z", "\u0130BRAHIM \u00d6Z", ["\u0130BRAHIM \u00d6Z"]),
            ("x", "x", []),
        ],
    )
    def test_finds_a_known_value_as_whole_words(
        self, store: VaultStore, value: str, text: str, found: list[str]
    ) -> None:
        assert marked(store.assign("v", [Entity("PERSON", value)], [Text(text)]), text) == [found]
        assert marked(store.assign("v", [], [Text(text)]), text) == [found]

    def test_gives_each_known_spelling_an_entry_of_its_own(self, store: VaultStore) -> None:
        (jane,) = store.assign("v", [JANE]).entries
        assignment = store.assign("v", [], [Text("JANE DOE and Jane Doe")])
        assert assignment.hits == [[Hit(0, 8, "PERSON"), Hit(13, 21, "PERSON")]]
        assert set(assignment.known) == {("PERSON", "JANE DOE"), ("PERSON", "Jane Doe")}
        assert assignment.known["PERSON", "Jane Doe"] == jane
        assert assignment.known["PERSON", "JANE DOE"].value == "JANE DOE"
        assert assignment.known["PERSON", "JANE DOE"].ref != jane.ref

    def test_answers_each_text_in_order(self, store: VaultStore) -> None:
        texts = ["nothing", "Jane Doe", "", "Bob Roe, Jane Doe"]
        assignment = store.assign("v", [JANE, BOB], [Text(text) for text in texts])
        assert marked(assignment, *texts) == [[], ["Jane Doe"], [], ["Bob Roe", "Jane Doe"]]

    def test_an_epoch_lasts_until_something_is_erased(self, store: VaultStore) -> None:
        first = store.assign("v", [JANE, BOB]).epoch
        assert store.assign("v", [JANE, MAIL], [Text("jane doe")]).epoch == first
        store.erase_value("v", "Jane Doe")
        second = store.assign("v", [JANE]).epoch
        store.erase("v")
        assert len({first, second, store.assign("v", [JANE]).epoch}) == 3

    def test_a_generation_asks_for_later_values_alone(self, store: VaultStore) -> None:
        text = "Jane Doe"
        first = store.assign("v", [JANE], [Text(text)])
        assert store.assign("v", [], [Text(text, first.generation)]).hits == [[]]
        later = store.assign("v", [Entity("PERSON", "Jane")], [Text("Jane Doe met Jane", first.generation)])
        assert "Jane" in marked(later, "Jane Doe met Jane")[0]

    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_asking_again_for_later_values_finds_all_that_a_whole_search_finds(
        self, store: VaultStore, data: st.DataObject
    ) -> None:
        """Whatever is added, erased or created anew between two questions about a text."""
        vault_id = f"v{data.draw(st.uuids())}"
        text = " and ".join(data.draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=5)))
        generation, found = 0, set[tuple[int, int]]()
        for _ in range(data.draw(st.integers(1, 6))):
            action = data.draw(st.sampled_from(["add", "add", "add", "erase", "erase_value", "elsewhere"]))
            value, entity_type = data.draw(st.sampled_from(VALUES)), data.draw(st.sampled_from(TYPES))
            if action == "add":
                store.assign(vault_id, [Entity(entity_type, value)])
            elif action == "erase":
                store.erase(vault_id)
                found = set()
            elif action == "erase_value":
                store.erase_value(vault_id, value)
            else:
                store.assign("elsewhere", [Entity(entity_type, value)])
            whole = store.assign(vault_id, [], [Text(text)])
            delta = store.assign(vault_id, [], [Text(text, generation)])
            found |= {(hit.start, hit.end) for hit in delta.hits[0]}
            missed = [hit for hit in whole.hits[0] if not _is_covered(hit, found)]
            assert missed == []
            generation = delta.generation

    def test_finds_one_of_thousands_of_values(self, store: VaultStore) -> None:
        store.assign("v", [Entity("PERSON", f"Jane{number} Doe") for number in range(2_000)])
        text = "We saw JANE1234 DOE there. " + "lorem ipsum " * 200
        assert marked(store.assign("v", [], [Text(text)]), text) == [["JANE1234 DOE"]]

    # finding without a trace

    def test_finds_what_an_assignment_finds(self, store: VaultStore) -> None:
        entries = store.assign("v", [JANE, BOB, MAIL]).entries
        texts = [Text("Jane Doe, JANE DOE"), Text("nothing"), Text("jane@x.com and Bob Roe")]
        finding = store.find("v", texts)
        assert finding.known == {
            ("PERSON", "Jane Doe"): entries[0],
            ("PERSON", "Bob Roe"): entries[1],
            ("EMAIL_ADDRESS", "jane@x.com"): entries[2],
        }
        assignment = store.assign("v", [], texts)
        assert finding.hits == assignment.hits
        assert finding.epoch == assignment.epoch

    def test_finding_makes_no_entry_for_another_spelling(self, store: VaultStore) -> None:
        store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))])
        finding = store.find("v", [Text("JANE DOE and Max Muster")])
        assert [hit.entity_type for hit in finding.hits[0]] == ["PERSON", "PERSON"]
        assert finding.known == {}
        assert len(store.entries("v")) == 1
        assert refs(store.assign("v", [BOB])) == [("PERSON", 2)]

    def test_finding_makes_no_vault(self, store: VaultStore) -> None:
        assert store.find("v", [Text("Jane Doe"), Text("")]) == Finding([[], []], {}, 0, 0)
        assert store.find("v", []) == Finding([], {}, 0, 0)
        assert store.erase("v") == 0
        assert refs(store.assign("v", [JANE])) == [("PERSON", 1)]

    def test_finding_looks_for_later_values_alone_when_told_a_generation(self, store: VaultStore) -> None:
        store.assign("v", [JANE])
        generation = store.find("v", []).generation
        store.assign("v", [BOB])
        text = Text("Jane Doe met Bob Roe", generation)
        assert [hit.start for hit in store.find("v", [text]).hits[0]] in ([13], [0, 13])
        assert store.find("v", [Text("Jane Doe", generation)]).hits == [[]]

    def test_finds_nothing_of_what_was_erased(self, store: VaultStore) -> None:
        store.assign("v", [JANE, BOB])
        store.erase_value("v", "Jane Doe")
        finding = store.find("v", [Text("Jane Doe")])
        assert (finding.hits, finding.known) == ([[]], {})
        store.erase("v")
        assert store.find("v", [Text("Bob Roe")]).hits == [[]]

    # linked values

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

    # surrogates

    def test_gives_a_value_the_first_surrogate_that_is_free(self, store: VaultStore) -> None:
        store.assign("v", [JANE, Entity("PERSON", "Bob Roe", ("Max Muster",))])
        offered = ("Max Muster", "MAX  MUSTER", "Jane Doe", "jane doe", "Eva Mann", "Tom Berg")
        (entry,) = store.assign("v", [Entity("PERSON", "Al Kay", offered)]).entries
        assert entry.surrogate == "Eva Mann"

    def test_keeps_a_surrogate_once_given(self, store: VaultStore) -> None:
        (entry,) = store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))]).entries
        assert store.assign("v", [Entity("PERSON", "Jane Doe", ("Eva Mann",))]).entries == [entry]
        assert store.assign("v", [JANE]).entries == [entry]
        assert store.lookup("v", [entry.ref]) == [entry]

    def test_gives_a_surrogate_to_a_value_that_had_none(self, store: VaultStore) -> None:
        (before,) = store.assign("v", [JANE]).entries
        (after,) = store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))]).entries
        assert after == Entry(before.ref, "Jane Doe", "Max Muster")

    def test_gives_no_surrogate_where_none_is_free(self, store: VaultStore) -> None:
        store.assign("v", [BOB])
        (entry,) = store.assign("v", [Entity("PERSON", "Jane Doe", ("Bob Roe", "", "x", "bob roe"))]).entries
        assert entry.surrogate is None

    def test_lists_surrogates_with_their_entries(self, store: VaultStore) -> None:
        (entry, _) = store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",)), BOB]).entries
        index = store.surrogates("v")
        (match,) = index.find("Dear MAX MUSTER, Bob Roe")
        assert index.get(match.key) == entry

    @pytest.mark.parametrize("whole", [True, False])
    def test_never_gives_an_erased_surrogate_to_another_value(self, store: VaultStore, whole: bool) -> None:
        store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))])
        assert (store.erase("v") if whole else store.erase_value("v", "jane doe")) == 1
        assert store.surrogates("v").find("Max Muster") == []
        (entry,) = store.assign("v", [Entity("PERSON", "Bob Roe", ("Max Muster", "Eva Mann"))]).entries
        assert entry.surrogate == "Eva Mann"

    def test_surrogates_are_unique_and_no_values(self, store: VaultStore) -> None:
        names = [f"Name{number} Doe" for number in range(30)]
        entities = [
            Entity("PERSON", value, tuple(names[(position * 7 + step) % 30] for step in range(12)))
            for position, value in enumerate(names[:10])
        ]
        store.assign("v", [Entity("PERSON", value) for value in names[:10]])
        given_ = [entry.surrogate for entry in store.assign("v", entities).entries if entry.surrogate]
        assert len(given_) == len(set(given_)) > 5
        assert set(names[:10]).isdisjoint(given_)

    # many at once

    def test_threads_agree_on_every_entry(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            entries: list[Entry] = []
            for step in range(20):
                numbers = [(worker * 3 + step * offset) % 40 for offset in (1, 2, 3)]
                entities = [Entity(TYPES[number % 2], f"value {number}") for number in numbers]
                entries += store.assign("v", entities, [Text("value 1 and VALUE 2")]).entries
            return entries

        with ThreadPoolExecutor(64) as pool:
            entries = [entry for worked in pool.map(work, range(64)) for entry in worked]
        _assert_one_to_one([*entries, *store.entries("v")])

    def test_threads_agree_on_every_linked_value(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            entries: list[Entry] = []
            for step in range(20):
                person = (worker + step) % 10
                full, short = named(f"Al{person} Roe{person}", f"roe{person}"), named(f"Roe{person}")
                pair = [short, full] if worker % 2 else [full, short]
                entries += store.assign("v", pair, [Text(f"ROE{person}")]).entries
            return entries

        with ThreadPoolExecutor(32) as pool:
            entries = [entry for worked in pool.map(work, range(64)) for entry in worked]
        entries += store.entries("v")
        _assert_one_to_one(entries)
        numbers = {entry.value: entry.ref for entry in entries}
        assert len(numbers) == 30
        assert all(numbers[f"Roe{n}"] == numbers[f"Al{n} Roe{n}"]._replace(variant="b") for n in range(10))
        assert all(numbers[f"ROE{n}"] == numbers[f"Al{n} Roe{n}"]._replace(variant="c") for n in range(10))

    def test_threads_that_make_a_name_doubtful_meanwhile_agree_on_every_entry(
        self, store: VaultStore
    ) -> None:
        def work(worker: int) -> list[Entry]:
            first = named(f"Al{worker % 4} Roe", f"al{worker % 4}", "roe")
            return store.assign("v", [[first], [named("Roe")], [named("ROE"), first]][worker % 3]).entries

        with ThreadPoolExecutor(32) as pool:
            entries = [entry for worked in pool.map(work, range(240)) for entry in worked]
        _assert_one_to_one([*entries, *store.entries("v")])

    async def test_tasks_agree_on_every_entry(self, store: VaultStore) -> None:
        async def work(worker: int) -> list[Entry]:
            entities = [Entity(TYPES[number % 2], f"value {number % 50}") for number in (worker, worker * 7)]
            long = "lorem ipsum " * 2_000 if worker % 250 == 0 else ""
            return (await store.aassign("v", entities, [Text(f"value 1 {long}")])).entries

        worked = await asyncio.gather(*(work(worker) for worker in range(1_000)))
        _assert_one_to_one([entry for entries in worked for entry in entries] + await store.aentries("v"))

    def test_erasing_while_others_write_never_gives_a_number_twice(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            if worker % 8 == 0:
                store.erase("v")
            return store.assign("v", [Entity("PERSON", f"value {worker}")]).entries

        with ThreadPoolExecutor(16) as pool:
            entries = [entry for worked in pool.map(work, range(400)) for entry in worked]
        owners: defaultdict[Ref, set[str]] = defaultdict(set)
        for entry in entries:
            owners[entry.ref].add(entry.value)
        assert [ref for ref, values in owners.items() if len(values) > 1] == []

    # async

    async def test_async_methods_do_what_their_twins_do(self, store: VaultStore) -> None:
        entity = Entity("PERSON", "Jane Doe", ("Max Muster",))
        text = Text("jane doe")
        assignment = await store.aassign("v", [entity, BOB], [text])
        assert store.assign("v", [entity, BOB], [text]) == assignment
        linked = await store.aassign("w", [DOE, JANE_DOE])
        assert spelled(linked.entries) == ["1b", "1"]
        assert await store.afind("v", [text]) == store.find("v", [text])
        asked = [Ref("PERSON", 1), Ref("PERSON", 9)]
        assert await store.alookup("v", asked) == store.lookup("v", asked)
        assert await store.aentries("v") == store.entries("v")
        assert len(await store.asurrogates("v")) == len(store.surrogates("v")) == 1
        assert await store.aerase_value("v", "JANE DOE") == 2
        assert await store.aerase("v") == 1
        assert await store.aentries("v") == []

    # openness

    def test_repr_holds_no_value(self, store: VaultStore) -> None:
        entity = Entity("PERSON", "Jane Doe", ("Max Muster",))
        assignment = store.assign("v", [entity], [Text("Jane Doe")])
        vault = Vault("v", store=store)
        shown = [store, vault, entity, JANE_DOE.keys, Text("Jane Doe"), assignment.entries, assignment.hits]
        shown += [assignment, store.find("v", [Text("Jane Doe")])]
        for value in [*shown, store.entries("v"), store.lookup("v", [Ref("PERSON", 1)])]:
            assert "Jane" not in repr(value)
            assert "Max" not in repr(value)


def _is_covered(hit: Hit, found: set[tuple[int, int]]) -> bool:
    return any(start <= hit.start and hit.end <= end for start, end in found)


def _assert_one_to_one(entries: list[Entry]) -> None:
    values: defaultdict[Ref, set[str]] = defaultdict(set)
    numbers: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
    for entry in entries:
        values[entry.ref].add(entry.value)
        numbers[entry.ref.entity_type, entry.value].add(entry.ref)
    assert [ref for ref, owned in values.items() if len(owned) > 1] == []
    assert [spelling for spelling, owned in numbers.items() if len(owned) > 1] == []
