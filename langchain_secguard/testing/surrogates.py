"""What a vault store promises of surrogates."""

import pytest

from langchain_secguard.testing.values import BOB, JANE
from langchain_secguard.vault import Entity, Entry, Hit, Text, VaultStore


class SurrogatesContract:
    """Hold a store to what it promises of surrogates."""

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
        assert store.assign("v", [], [Text("Max Muster")]).hits == [[]]
        (entry,) = store.assign("v", [Entity("PERSON", "Bob Roe", ("Max Muster", "Eva Mann"))]).entries
        assert entry.surrogate == "Eva Mann"

    def test_a_surrogate_stays_known_when_whoever_is_really_called_so_is_erased(
        self, store: VaultStore
    ) -> None:
        store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))])
        store.assign("v", [Entity("PERSON", "Max Muster")])
        assert store.erase_value("v", "Max Muster") == 1
        assert store.assign("v", [], [Text("max muster")]).hits == [[Hit(0, 10, "PERSON")]]

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
