import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Entry, PhraseIndex, Text
from langchain_secguard.vault.phrases import MAX_WORDS, phrase_keys
from langchain_secguard.vault.search import Search, Taught, taught_by

WORDS = ["Jane", "JANE", "jane", "Doe", "van", "O'Neil", "Will", "(Bob)", "\u0130lke", "stra\u00dfe"]
PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
NOTHING: PhraseIndex[Taught] = PhraseIndex()


def found(search: Search, values: list[str], words: int = MAX_WORDS) -> list[list[tuple[int, int]]]:
    """Answer a search as a ledger that knows ``values`` would."""
    known = {key: Taught("PERSON", Ref("PERSON", 1)) for value in values for key in phrase_keys(value)}
    asked = search.phrases(words)
    marks = search.marks({key: taught for key, taught in known.items() if key in asked}, NOTHING)
    return [[(hit.start, hit.end) for hit, _ in own] for own in marks]


class TestByKeys:
    @given(st.lists(PHRASES, max_size=5), st.lists(PHRASES, max_size=8).map(", ".join))
    def test_finds_what_an_index_of_the_values_finds(self, values: list[str], text: str) -> None:
        index: PhraseIndex[bool] = PhraseIndex()
        for value in values:
            for key in phrase_keys(value):
                index.add(key, thing=True)
        expected = [(match.start, match.end) for match in index.find(text)]
        assert found(Search([Text(text)]), values) == [expected]

    def test_leaves_out_what_is_covered(self) -> None:
        assert found(Search([Text("Jane Doe, Jane", 0, ((0, 8),))]), ["Jane Doe", "Jane"]) == [[(10, 14)]]

    def test_asks_for_each_phrase_once(self) -> None:
        search = Search([Text("Jane met Jane"), Text("Jane")])
        assert search.phrases(1) == ["Jane", "met"]
        assert search.phrases(2) == ["jane met", "met jane"]
        assert search.phrases(2) == []

    def test_asks_for_no_phrase_longer_than_told(self) -> None:
        text = " ".join(string.ascii_lowercase)
        asked = Search([Text(text)]).phrases(3)
        assert max(len(phrase.split()) for phrase in asked) == 3
        assert len(asked) == 26 + 25 + 24

    def test_asks_nothing_of_a_text_that_was_asked_about_before(self) -> None:
        search = Search([Text("Jane Doe", 7), Text("Bob Roe", 5)])
        assert search.phrases(4) == []
        assert search.since == 5
        assert search.phrases(4, all_texts=True) == ["Jane", "jane doe", "Doe", "Bob", "bob roe", "Roe"]


class TestByWhatWasAdded:
    def test_finds_it_in_texts_that_were_asked_about_before(self) -> None:
        entries = [Entry(Ref("PERSON", 2), "Bob Roe"), Entry(Ref("PERSON", 3), "Al", "Max Muster")]
        search = Search([Text("BOB ROE and Max Muster", 7), Text("Jane")])
        assert search.phrases(4) == ["Jane"]
        marks = search.marks({"Jane": Taught("PERSON", Ref("PERSON", 1))}, taught_by(entries))
        assert [[(hit.start, hit.end, taught.teacher) for hit, taught in own] for own in marks] == [
            [(0, 7, Ref("PERSON", 2)), (12, 22, None)],
            [(0, 4, Ref("PERSON", 1))],
        ]

    @pytest.mark.parametrize("texts", [[], [Text("Jane")], [Text("")]])
    def test_needs_no_generation_where_no_text_was_asked_about(self, texts: list[Text]) -> None:
        assert Search(texts).since == 0
