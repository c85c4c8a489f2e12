import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.detect import Span
from langchain_secguard.evaluate import Counts, Masked, Score, score
from langchain_secguard.evaluate.metrics import total, words

TEXT = "Jane Doe met Bob of the Bank of England in Rome."
#       0    5   9   13  17 20  24   29 32      40 43


def named(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text)]


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (TEXT, ["Jane", "Doe", "met", "Bob", "Bank", "England", "Rome"]),
            ("Mr. Doe and PROF Roe, Misses", ["Doe", "Roe", "Misses"]),
            ("O'Neil's 12-345", ["O", "Neil", "12", "345"]),
            ("Zoë, 日本", ["Zoë", "日本"]),
            ("- !? _", []),
            ("[PERSON_1] wrote", ["wrote"]),
            ("", []),
        ],
    )
    def test_are_runs_of_letters_or_digits(self, text: str, expected: list[str]) -> None:
        assert named(text) == expected


JANE, BOB = Span(0, 8, "PERSON"), Span(13, 16, "PERSON")
BANK, ROME = Span(24, 39, "ORGANIZATION"), Span(43, 47, "LOCATION")
EXPECTED = [JANE, BOB, BANK, ROME]


class TestByHand:
    """Tables that were counted with a pencil."""

    def test_all_found(self) -> None:
        result = score(TEXT, EXPECTED, EXPECTED)
        assert result.strict == {
            "LOCATION": Counts(1, 1, 1),
            "ORGANIZATION": Counts(1, 1, 1),
            "PERSON": Counts(2, 2, 2),
        }
        assert result.masked == {
            "LOCATION": Masked(1, 1, 1, 1),
            "ORGANIZATION": Masked(2, 2, 1, 1),
            "PERSON": Masked(3, 3, 2, 2),
        }
        assert (result.covered, result.personal) == (6, 6)
        assert result.micro == Counts(4, 4, 4)
        assert (result.micro.f1, result.word_precision) == (1.0, 1.0)

    def test_part_of_a_name(self) -> None:
        result = score(TEXT, EXPECTED, [Span(0, 4, "PERSON")])
        assert result.strict["PERSON"] == Counts(2, 1, 0)
        assert result.masked["PERSON"] == Masked(words=3, hidden=1, mentions=2, whole=0)
        assert (result.covered, result.personal) == (1, 1)

    def test_the_wrong_type_hides_all_the_same(self) -> None:
        result = score(TEXT, EXPECTED, [Span(24, 39, "LOCATION")])
        assert result.strict["ORGANIZATION"] == Counts(1, 0, 0)
        assert result.strict["LOCATION"] == Counts(1, 1, 0)
        assert result.masked["ORGANIZATION"] == Masked(2, 2, 1, 1)
        assert result.word_precision == 1.0

    def test_too_much(self) -> None:
        result = score(TEXT, EXPECTED, [Span(0, 16, "PERSON")])
        assert result.strict["PERSON"] == Counts(2, 1, 0)
        assert result.masked["PERSON"] == Masked(3, 3, 2, 2)
        assert (result.covered, result.personal) == (4, 3)
        assert result.strict["PERSON"].false_alarms == 1

    def test_measures(self) -> None:
        counts = Counts(expected=4, found=5, right=3)
        assert (counts.precision, counts.recall) == (0.6, 0.75)
        assert counts.f1 == pytest.approx(2 / 3)
        masked = Masked(words=8, hidden=6, mentions=4, whole=1)
        assert (masked.word_recall, masked.mention_recall) == (0.75, 0.25)

    def test_measures_of_nothing_are_none(self) -> None:
        result = score("", [], [])
        assert (result.micro.precision, result.micro.recall, result.micro.f1) == (None, None, None)
        assert (result.all_masked.word_recall, result.all_masked.mention_recall) == (None, None)
        assert result.word_precision is None

    def test_ignored_words_count_neither_for_nor_against(self) -> None:
        result = score(TEXT, [JANE], [JANE, ROME], ignored=[(43, 47)], entity_types=["PERSON", "LOCATION"])
        assert result.strict == {"LOCATION": Counts(), "PERSON": Counts(1, 1, 1)}
        assert (result.covered, result.personal) == (2, 2)

    def test_a_span_that_is_ignored_in_part_counts(self) -> None:
        result = score(TEXT, [JANE], [Span(0, 16, "PERSON")], ignored=[(13, 16)])
        assert result.strict["PERSON"] == Counts(1, 1, 0)
        assert (result.covered, result.personal) == (3, 2)

    def test_types_that_are_not_judged_hide_and_are_personal(self) -> None:
        result = score(TEXT, EXPECTED, [Span(0, 8, "NRP"), Span(43, 47, "PERSON")], entity_types=["PERSON"])
        assert result.strict == {"PERSON": Counts(2, 1, 0)}
        assert result.masked == {"PERSON": Masked(3, 2, 2, 1)}
        assert (result.covered, result.personal) == (1, 1)

    def test_of_overlapping_spans_the_one_that_would_be_hidden_is_judged(self) -> None:
        found = [Span(0, 4, "PERSON", 0.9), Span(0, 8, "PERSON", 0.6)]
        assert score(TEXT, [JANE], found).strict["PERSON"] == Counts(1, 1, 1)

    def test_two_spans_that_touch_hide_the_word_between_them(self) -> None:
        assert score("Smith", [Span(0, 5, "PERSON")], [Span(0, 2, "A"), Span(2, 5, "B")]).masked[
            "PERSON"
        ] == Masked(1, 1, 1, 1)

    def test_a_word_that_two_mentions_share_is_personal_and_a_mention_of_neither(self) -> None:
        halves = [Span(0, 2, "PERSON"), Span(2, 5, "PERSON")]
        result = score("Smith", halves, halves)
        assert (result.covered, result.personal, result.masked["PERSON"]) == (1, 1, Masked())

    def test_signs_alone_are_no_mention_to_hide(self) -> None:
        assert score("???", [Span(0, 3, "PERSON")], []).masked["PERSON"] == Masked()

    def test_scores_add_up(self) -> None:
        both = total([score(TEXT, [JANE], [JANE]), score(TEXT, [JANE, ROME], [ROME])])
        assert both.strict == {"LOCATION": Counts(1, 1, 1), "PERSON": Counts(2, 1, 1)}
        assert both.micro == Counts(3, 2, 2)
        assert both.all_masked == Masked(5, 3, 3, 2)


texts = st.text(st.sampled_from("ab1é日 .'_-\n"), max_size=40)
TYPES = ("PERSON", "LOCATION")


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Span], list[Span]]:
    text = draw(texts)
    places = st.tuples(
        st.integers(0, len(text)), st.integers(0, len(text)), st.sampled_from(TYPES), st.floats(0, 1)
    )
    spans = st.lists(places, max_size=6).map(
        lambda rows: [Span(a, b, kind, value) for a, b, kind, value in rows if a < b]
    )
    return text, draw(spans), draw(spans)


class TestAlways:
    @given(marked())
    def test_counts_stay_within_each_other(self, case: tuple[str, list[Span], list[Span]]) -> None:
        result = score(*case)
        for counts in (*result.strict.values(), result.micro):
            assert 0 <= counts.right <= min(counts.expected, counts.found)
        for masked in (*result.masked.values(), result.all_masked):
            assert 0 <= masked.hidden <= masked.words
            assert 0 <= masked.whole <= masked.mentions
        assert 0 <= result.personal <= result.covered <= len(words(case[0]))

    @given(marked())
    def test_what_is_expected_is_found_whole(self, case: tuple[str, list[Span], list[Span]]) -> None:
        text, spans, _ = case
        result = score(text, spans, spans)
        assert result.all_masked.hidden == result.all_masked.words
        assert result.all_masked.whole == result.all_masked.mentions
        assert result.personal == result.covered

    @given(marked(), st.floats(0, 1), st.floats(0, 1))
    def test_a_higher_threshold_hides_no_more(
        self, case: tuple[str, list[Span], list[Span]], one: float, other: float
    ) -> None:
        text, expected, found = case
        low, high = (
            score(text, expected, [span for span in found if span.score >= cut], entity_types=TYPES)
            for cut in sorted((one, other))
        )
        assert high.all_masked.hidden <= low.all_masked.hidden
        assert high.all_masked.whole <= low.all_masked.whole
        assert high.covered <= low.covered

    @given(marked(), st.randoms())
    def test_the_order_of_spans_does_not_matter(
        self, case: tuple[str, list[Span], list[Span]], random: object
    ) -> None:
        text, expected, found = case
        result = score(text, expected, found)
        random.shuffle(expected)  # type: ignore[attr-defined]
        random.shuffle(found)  # type: ignore[attr-defined]
        assert score(text, expected, found) == result

    @given(marked(), marked())
    def test_two_texts_are_the_sum_of_each(
        self, one: tuple[str, list[Span], list[Span]], other: tuple[str, list[Span], list[Span]]
    ) -> None:
        gap = len(one[0]) + 1
        shifted = [
            [Span(s.start + gap, s.end + gap, s.entity_type, s.score) for s in spans] for spans in other[1:]
        ]
        joined = score(
            f"{one[0]}\n{other[0]}", [*one[1], *shifted[0]], [*one[2], *shifted[1]], entity_types=TYPES
        )
        assert joined == score(*one, entity_types=TYPES) + score(*other, entity_types=TYPES)

    def test_nothing_is_nothing(self) -> None:
        assert total([]) == Score()
