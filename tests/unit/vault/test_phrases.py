import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.vault import PhraseIndex, word_sequences
from langchain_secguard.vault.phrases import (
    MAX_WORDS,
    PhraseStream,
    fold,
    fold_case,
    folded_words,
    phrase_keys,
)

WORDS = [
    "Jane", "jane", "JANE", "Doe", "DOE", "doe", "of", "the", "\u0130b", "\u01f0", "\u00df", "SS", "ss",
    "O'Neil",
    "O\u2019Neil", "e\u0301ve", "_", "x", "'s", "s", "\ud83d", "\u0345", "\ufb01", " ", "  ", "\n",
    "\u00a0", ".",
    ",", "-",
]  # fmt: skip

phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map("".join)
values = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(["", " "])), min_size=1, max_size=5).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
indexes = st.tuples(st.lists(values, max_size=5), st.booleans())


def index_of(values: list[str], *, streamed: bool = False) -> PhraseIndex[str]:
    index: PhraseIndex[str] = PhraseIndex(streamed=streamed)
    for value in values:
        for key in phrase_keys(value):
            index.add(key, value)
    return index


def found(text: str, *values: str) -> list[str]:
    return [text[match.start : match.end] for match in index_of(list(values)).find(text)]


def joined(parts: list[str | tuple[str, str]]) -> list[str | tuple[str, str]]:
    whole: list[str | tuple[str, str]] = []
    for part in parts:
        last = whole[-1] if whole else None
        if isinstance(part, str) and isinstance(last, str):
            whole[-1] = last + part
        elif part:
            whole.append(part)
    return whole


def split(text: str, index: PhraseIndex[str]) -> list[str | tuple[str, str]]:
    parts: list[str | tuple[str, str]] = []
    position = 0
    for match in index.find(text):
        thing = index.get(match.key)
        assert thing is not None
        parts += [text[position : match.start], (text[match.start : match.end], thing)]
        position = match.end
    return joined([*parts, text[position:]])


def streamed(pieces: list[str], index: PhraseIndex[str]) -> list[str | tuple[str, str]]:
    stream: PhraseStream[str] = PhraseStream()
    parts = [part for piece in pieces for part in stream.feed(piece, index)]
    return joined([*parts, *stream.flush(index)])


class TestPhraseKeys:
    @pytest.mark.parametrize(
        ("value", "keys"),
        [
            ("Jane", ("Jane", "JANE")),
            ("JANE", ("JANE",)),
            ("will", ("will", "WILL")),
            ("Jane Doe", ("jane doe",)),
            ("Jane \n\t Doe", ("jane doe",)),
            ("Jane\u00a0Doe", ("jane doe",)),
            ('"Jane Doe".', ("jane doe",)),
            ("O\u2019Neil", ("o'neil",)),
            ("j.doe@x.com", ("j.doe@x.com",)),
            ("", ()),
            ("  ", ()),
            ("'", ()),
            ("J", ()),
            ("(7)", ()),
            ("1 2 3 4 5 6 7 8", ("1 2 3 4 5 6 7 8",)),
            ("1 2 3 4 5 6 7 8 9", ()),
        ],
    )
    def test_gives_the_keys_under_which_a_value_is_known_again(
        self, value: str, keys: tuple[str, ...]
    ) -> None:
        assert phrase_keys(value) == keys


class TestFold:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Jane Doe", "JANE  DOE"),
            ("O\u2019Neil", "o'neil"),
            ("Stra\u00dfe 1", "STRASSE 1"),
            ("\u0130brahim Y\u0131ld\u0131z", "ibrahim Y\u0131ld\u0131z"),
            ("a\u00a0b", "A\nB"),
        ],
    )
    def test_forgets_case_and_white_space(self, one: str, other: str) -> None:
        assert fold(one) == fold(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("Jane Doe", "JaneDoe"), ("Jane-Doe", "Jane Doe"), ("a", "\u00e1")]
    )
    def test_keeps_words_and_letters_apart(self, one: str, other: str) -> None:
        assert fold(one) != fold(other)

    @settings(deadline=None, max_examples=300)
    @given(st.text(max_size=8))
    def test_leaves_the_number_of_words(self, text: str) -> None:
        assert len(re.findall(r"\w+", fold_case(text))) == len(re.findall(r"\w+", text))

    def test_lists_the_words_of_a_text(self) -> None:
        assert folded_words("Jane Doe") == ["jane", "doe"]
        assert folded_words("'o neil") == ["o", "neil"]
        assert folded_words("") == []


class TestWordSequences:
    def test_lists_every_sequence_of_words(self) -> None:
        assert [match.key for match in word_sequences("Jane Doe, MD")] == [
            "Jane",
            "jane doe",
            "jane doe, md",
            "Doe",
            "doe, md",
            "MD",
        ]

    def test_marks_where_each_stands(self) -> None:
        text = " Jane  Doe"
        assert [text[match.start : match.end] for match in word_sequences(text)] == [
            "Jane",
            "Jane  Doe",
            "Doe",
        ]

    @settings(deadline=None, max_examples=200)
    @given(st.lists(values, max_size=4), phrases)
    def test_holds_every_key_that_an_index_finds(self, known: list[str], text: str) -> None:
        listed = set(word_sequences(text))
        assert [match for match in index_of(known).find(text) if match not in listed] == []

    def test_is_as_long_as_the_text_times_a_constant(self) -> None:
        assert sum(1 for _ in word_sequences("a " * 5_000)) <= 5_000 * MAX_WORDS


class TestPhraseIndex:
    @pytest.mark.parametrize(
        ("text", "value", "expected"),
        [
            ("Jane Doe left", "Jane Doe", ["Jane Doe"]),
            ("JANE DOE left", "Jane Doe", ["JANE DOE"]),
            ("jane\ndoe left", "Jane Doe", ["jane\ndoe"]),
            ("(Jane Doe)", "Jane Doe", ["Jane Doe"]),
            ("Jane Doe's", "Jane Doe", ["Jane Doe"]),
            ("Mary Jane Doe-Smith", "Jane Doe", ["Jane Doe"]),
            ("Jane Does", "Jane Doe", []),
            ("MaryJane Doe", "Jane Doe", []),
            ("Jane, Doe", "Jane Doe", []),
            ("Will will WILL", "Will", ["Will", "WILL"]),
            ("Annual Ann ann", "Ann", ["Ann"]),
            ("\u0130BRAHIM \u00d6Z", "\u0130brahim \u00d6z", ["\u0130BRAHIM \u00d6Z"]),
            ("ibrahim \u00f6z", "\u0130brahim \u00d6z", ["ibrahim \u00f6z"]),
            ("YILDIZ KILI\u00c7", "Y\u0131ld\u0131z K\u0131l\u0131\u00e7", ["YILDIZ KILI\u00c7"]),
            ("\u01f0an li", "\u01f0an Li", ["\u01f0an li"]),
            ("O'NEIL", "O\u2019Neil", ["O'NEIL"]),
            ("e\u0301ve li", "E\u0301ve Li", ["e\u0301ve li"]),
            ("mail J.Doe@X.com.", "j.doe@x.com", ["J.Doe@X.com"]),
            (
                "\u05e9\u05e8\u05d4 \u05dc\u05d5\u05d9",
                "\u05e9\u05e8\u05d4 \u05dc\u05d5\u05d9",
                ["\u05e9\u05e8\u05d4 \u05dc\u05d5\u05d9"],
            ),
        ],
    )
    def test_finds_a_value_as_whole_words(self, text: str, value: str, expected: list[str]) -> None:
        assert found(text, value) == expected

    def test_prefers_the_longest_from_left_to_right(self) -> None:
        assert found("Jane Doe Smith", "Jane", "Jane Doe", "Doe Smith") == ["Jane Doe"]
        assert found("Jane Doe Smith", "Jane", "Doe Smith") == ["Jane", "Doe Smith"]

    def test_keeps_the_first_thing_of_a_key(self) -> None:
        index: PhraseIndex[int] = PhraseIndex()
        index.add("jane doe", 1)
        index.add("jane doe", 2)
        assert index.get("jane doe") == 1
        assert len(index) == 1

    def test_forgets_what_is_removed(self) -> None:
        index = index_of(["Jane Doe", "Jane"])
        index.remove("jane doe")
        index.remove("never there")
        assert "jane doe" not in index
        assert [match.key for match in index.find("Jane Doe")] == ["Jane"]

    def test_finds_nothing_when_empty(self) -> None:
        assert index_of([]).find("Jane Doe") == []

    @settings(deadline=None, max_examples=300)
    @given(st.lists(values, max_size=5), phrases)
    def test_gives_sorted_and_disjoint_matches_of_known_keys(self, known: list[str], text: str) -> None:
        index = index_of(known)
        end = 0
        for match in index.find(text):
            assert end <= match.start < match.end
            assert match.key in index
            end = match.end

    @settings(deadline=None, max_examples=300)
    @given(values, phrases, phrases)
    def test_finds_a_value_wherever_it_stands_as_words(self, value: str, before: str, after: str) -> None:
        if phrase_keys(value):
            text = f"{before} # {value} # {after}"
            words = value.strip(" \n\u00a0.,-'\ud83d")
            assert any(words in match or match in words for match in found(text, value))

    def test_search_of_a_long_text_grows_with_the_text(self) -> None:
        index = index_of([f"Jane{number} Doe Smith Miller Jones" for number in range(2_000)], streamed=True)
        assert index.find("Jane1 Doe Smith Miller " * 5_000) == []
        assert "".join(map(str, streamed(["Jane1 Doe Smith "] * 5_000, index))) == "Jane1 Doe Smith " * 5_000


class TestPhraseStream:
    @settings(deadline=None, max_examples=300)
    @given(indexes, phrases)
    def test_two_pieces_cut_at_every_offset_give_what_the_whole_gives(
        self, known: tuple[list[str], bool], text: str
    ) -> None:
        index = index_of(known[0], streamed=known[1])
        whole = split(text, index)
        for cut in range(len(text) + 1):
            assert streamed([text[:cut], text[cut:]], index) == whole

    @settings(deadline=None, max_examples=300)
    @given(indexes, st.lists(phrases, max_size=3))
    def test_pieces_and_single_characters_give_what_the_whole_gives(
        self, known: tuple[list[str], bool], pieces: list[str]
    ) -> None:
        index = index_of(known[0], streamed=known[1])
        text = "".join(pieces)
        assert streamed(pieces, index) == streamed(list(text), index) == split(text, index)

    def test_holds_back_only_what_may_go_on(self) -> None:
        index = index_of(["Jane Doe"], streamed=True)
        stream: PhraseStream[str] = PhraseStream()
        assert stream.feed("I saw Jane", index) == ["I saw "]
        assert stream.feed(" D", index) == []
        assert joined(stream.feed("oe and", index)) == [("Jane Doe", "Jane Doe"), " "]
        assert stream.flush(index) == ["and"]

    def test_gives_a_beginning_up_as_soon_as_it_goes_another_way(self) -> None:
        index = index_of(["Jane Doe Smith Miller"], streamed=True)
        stream: PhraseStream[str] = PhraseStream()
        stream.feed("Jane ", index)
        assert joined(stream.feed("Roe was", index)) == ["Jane Roe "]

    def test_finds_a_phrase_that_became_known_while_the_text_arrived(self) -> None:
        index = index_of(["Mary Roe"], streamed=True)
        stream: PhraseStream[str] = PhraseStream()
        parts = stream.feed("Hello ", index)
        index.add("jane doe", "Jane Doe")
        parts += stream.feed("Jane Doe", index)
        assert joined([*parts, *stream.flush(index)]) == ["Hello ", ("Jane Doe", "Jane Doe")]

    def test_does_not_find_half_a_word_after_a_cut(self) -> None:
        index = index_of(["Ann"], streamed=True)
        assert streamed(["Mary", "Ann"], index) == ["MaryAnn"]
        assert streamed(["Ann", "ual"], index) == ["Annual"]
