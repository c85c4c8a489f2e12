"""What a vault store promises of values that it knows, and finds again in later texts."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_secguard.testing.values import BOB, JANE, MAIL, TYPES, VALUES, is_covered, marked, refs
from langchain_secguard.vault import Entity, Finding, Hit, Text, VaultStore


class KnownValuesContract:
    """Hold a store to what it promises of values in texts."""

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

    @settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
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
            missed = [hit for hit in whole.hits[0] if not is_covered(hit, found)]
            assert missed == []
            generation = delta.generation

    def test_finds_one_of_thousands_of_values(self, store: VaultStore) -> None:
        store.assign("v", [Entity("PERSON", f"Jane{number} Doe") for number in range(2_000)])
        text = "We saw JANE1234 DOE there. " + "lorem ipsum " * 200
        assert marked(store.assign("v", [], [Text(text)]), text) == [["JANE1234 DOE"]]

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
