import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.detect import Span
from langchain_secguard.policy import Policy
from langchain_secguard.settle import settle
from langchain_secguard.urls import UrlTracker

POLICIES = {
    "REDACTED": Policy("redact"),
    "MASKED": Policy("mask"),
    "HASHED": Policy("hash"),
    "BLOCKED": Policy("block"),
    "DISGUISED": Policy("surrogate"),
}
TYPES = ["PERSON", "CUSTOM", "URL", *POLICIES]


def policy_of(entity_type: str) -> Policy:
    return POLICIES.get(entity_type, Policy())


def settled(text: str, *spans: tuple[str, str]) -> list[tuple[str, str]]:
    """Settle the spans of these values of ``text``, and give values and types."""
    marked = [Span(text.index(value), text.index(value) + len(value), name) for value, name in spans]
    return [(text[span.start : span.end], span.entity_type) for span in settle(text, marked, policy_of)]


class TestOverlaps:
    def test_sorts_spans_that_do_not_overlap(self) -> None:
        assert settled("a b c", ("c", "PERSON"), ("a", "CUSTOM")) == [("a", "CUSTOM"), ("c", "PERSON")]

    def test_keeps_spans_that_touch(self) -> None:
        assert settled("ab", ("a", "PERSON"), ("b", "CUSTOM")) == [("a", "PERSON"), ("b", "CUSTOM")]

    def test_the_longest_wins(self) -> None:
        assert settled("Jane Doe Inc", ("Jane Doe", "PERSON"), ("Jane Doe Inc", "CUSTOM")) == [
            ("Jane Doe Inc", "CUSTOM")
        ]

    def test_what_a_loser_marks_beside_the_winner_stays_marked(self) -> None:
        assert settled("one two three", ("one two", "PERSON"), ("two three", "CUSTOM")) == [
            ("one", "PERSON"),
            ("two three", "CUSTOM"),
        ]

    def test_the_surer_of_two_equals_wins(self) -> None:
        spans = [Span(0, 1, "PERSON", 0.6), Span(0, 1, "CUSTOM", 0.9)]
        assert settle("a", spans, policy_of) == [spans[1]]

    def test_drops_what_marks_nothing(self) -> None:
        assert (
            settle("a  b", [Span(1, 1, "PERSON"), Span(1, 3, "PERSON"), Span(4, 4, "PERSON")], policy_of)
            == []
        )

    def test_is_empty_for_no_spans(self) -> None:
        assert settle("https://x.com", [], policy_of) == []


class TestStrictPolicies:
    @pytest.mark.parametrize("strict", ["REDACTED", "MASKED", "HASHED", "BLOCKED"])
    def test_take_over_whatever_they_overlap(self, strict: str) -> None:
        assert settled("Jane 123 Doe", ("Jane 123 Doe", "PERSON"), ("123", strict)) == [
            ("Jane 123 Doe", strict)
        ]
        assert settled("one two three", ("one two", "PERSON"), ("two three", strict)) == [
            ("one two three", strict)
        ]

    def test_join_a_chain_of_overlaps(self) -> None:
        text = "a b c d"
        chain = [Span(0, 3, "PERSON"), Span(2, 5, "CUSTOM"), Span(4, 7, "REDACTED")]
        assert settle(text, chain, policy_of) == [Span(0, 7, "REDACTED")]

    def test_a_block_comes_before_all(self) -> None:
        assert settled("a b c", ("a b", "REDACTED"), ("b c", "BLOCKED")) == [("a b c", "BLOCKED")]

    def test_leave_a_neighbour_alone(self) -> None:
        assert settled("a b", ("a", "REDACTED"), ("b", "PERSON")) == [("a", "REDACTED"), ("b", "PERSON")]


class TestTrimming:
    @pytest.mark.parametrize(
        ("text", "trimmed"),
        [
            (" Jane ", "Jane"),
            ("\nJane\t", "Jane"),
            ("\u00a0Jane", "Jane"),
            ("Jane", "Jane"),
            ("Jane Doe ", "Jane Doe"),
        ],
    )
    def test_cuts_white_space_at_the_edges(self, text: str, trimmed: str) -> None:
        assert settled(text, (text, "PERSON")) == [(trimmed, "PERSON")]


class TestUrls:
    @pytest.mark.parametrize(
        ("text", "value", "whole"),
        [
            ("see https://x.com/Jane now", "Jane", "https://x.com/Jane"),
            ("see https://x.com/Jane/b?c=d#e now", "Jane", "https://x.com/Jane/b?c=d#e"),
            ("see https://x.com/Jane.", "Jane", "https://x.com/Jane"),
            ("see https://x.com/Jane?!", "Jane", "https://x.com/Jane"),
            ("(https://x.com/Jane)", "Jane", "https://x.com/Jane"),
            ("(https://x.com/(Jane))", "Jane", "https://x.com/(Jane)"),
            ("[a](https://x.com/Jane) b", "Jane", "https://x.com/Jane"),
            ("![a](https://x.com/Jane.png) b", "Jane", "https://x.com/Jane.png"),
            ("[a](/u/Jane) b", "Jane", "/u/Jane"),
            ('<a href="https://x.com/Jane">', "Jane", "https://x.com/Jane"),
            ("www.x.com/Jane", "Jane", "www.x.com/Jane"),
            ("x.com/Jane", "Jane", "x.com/Jane"),
            ("mailto:Jane@x.com", "Jane", "mailto:Jane@x.com"),
            ("//x.com/Jane", "Jane", "//x.com/Jane"),
            ("https://Jane.x.com", "Jane", "https://Jane.x.com"),
        ],
    )
    def test_hide_whole_what_holds_a_value(self, text: str, value: str, whole: str) -> None:
        assert settled(text, (value, "PERSON")) == [(whole, "URL")]
        assert settled(text, (value, "DISGUISED")) == [(whole, "URL")]

    @pytest.mark.parametrize(
        "text",
        [
            "Jane",
            "see https://x.com/ Jane",
            "Jane: https://x.com",
            '"https://x.com" Jane',
            "a/b Jane",
            "[a](b) Jane",
        ],
    )
    def test_leave_what_stands_outside(self, text: str) -> None:
        assert settled(text, ("Jane", "PERSON")) == [("Jane", "PERSON")]

    def test_hold_two_values_as_one(self) -> None:
        assert settled("a https://x.com/Jane/Doe b", ("Jane", "PERSON"), ("Doe", "CUSTOM")) == [
            ("https://x.com/Jane/Doe", "URL")
        ]

    @pytest.mark.parametrize("strict", ["REDACTED", "MASKED", "HASHED", "BLOCKED"])
    def test_are_not_widened_for_what_never_comes_back(self, strict: str) -> None:
        assert settled("https://x.com/Jane/b", ("Jane", strict)) == [("Jane", strict)]

    @pytest.mark.parametrize("strict", ["REDACTED", "MASKED", "HASHED", "BLOCKED"])
    @pytest.mark.parametrize("text", ["see https://x.com/Jane/123-45", "see https://x.com/123-45/Jane"])
    def test_do_not_bring_back_a_strict_value_beside_another(self, strict: str, text: str) -> None:
        assert settled(text, ("Jane", "PERSON"), ("123-45", strict)) == [(text[4:], strict)]

    def test_end_with_the_last_value_in_them(self) -> None:
        assert settled("https://x.com/Jane/a b c", ("Jane", "PERSON"), ("a b", "CUSTOM")) == [
            ("https://x.com/Jane/a b", "URL")
        ]

    def test_that_were_found_stay_as_they_are(self) -> None:
        assert settled("[a](https://x.com/b) c", ("https://x.com/b", "URL")) == [("https://x.com/b", "URL")]

    def test_take_in_what_follows_them_at_once(self) -> None:
        text = "https://x.com/?q=Jane"
        assert settled(text, ("https://x.com/", "URL"), ("Jane", "PERSON")) == [(text, "URL")]


PIECES = [
    "Jane",
    "Doe",
    " ",
    "\n",
    "https://",
    "x.com/",
    "](",
    "[a](",
    ")",
    "(",
    "www.",
    "?",
    ".",
    ",",
    '"',
    "//",
    "mailto:",
    "#",
    "\u00a0",
]


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = "".join(draw(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=10)))
    offsets = st.integers(0, len(text))
    spans = [
        Span(min(one, other), max(one, other), entity_type, score)
        for one, other, entity_type, score in draw(
            st.lists(
                st.tuples(offsets, offsets, st.sampled_from(TYPES), st.sampled_from([0.5, 1.0])), max_size=6
            )
        )
    ]
    return text, spans


class TestAnySpans:
    @settings(deadline=None, max_examples=300)
    @given(marked_texts())
    def test_come_out_sorted_disjoint_and_within_the_text(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        position = 0
        for span in settle(text, spans, policy_of):
            assert position <= span.start < span.end <= len(text)
            position = span.end

    @settings(deadline=None, max_examples=300)
    @given(marked_texts())
    def test_still_cover_every_character_that_was_marked(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        wanted = {at for span in spans for at in range(span.start, span.end) if text[at].strip()}
        covered = {at for span in settle(text, spans, policy_of) for at in range(span.start, span.end)}
        assert wanted <= covered

    @settings(deadline=None, max_examples=300)
    @given(marked_texts())
    def test_begin_and_end_with_no_white_space(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        for span in settle(text, spans, policy_of):
            assert text[span.start : span.end] == text[span.start : span.end].strip()

    @settings(deadline=None, max_examples=300)
    @given(marked_texts())
    def test_never_let_a_strict_value_come_back(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        strict = {
            at
            for span in spans
            if policy_of(span.entity_type).strict
            for at in range(span.start, span.end)
            if text[at].strip()
        }
        for span in settle(text, spans, policy_of):
            if policy_of(span.entity_type).reversible:
                assert strict.isdisjoint(range(span.start, span.end))

    @settings(deadline=None, max_examples=300)
    @given(marked_texts())
    def test_leave_nothing_that_restoring_would_refuse(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        tracker, position = UrlTracker(), 0
        for span in settle(text, spans, policy_of):
            tracker.feed(text[position : span.start])
            policy = policy_of(span.entity_type)
            if policy.reversible:
                assert not tracker.refuses(span.entity_type)
                tracker.skip(span.entity_type)
            else:
                tracker.feed(policy.replace(span.entity_type, text[span.start : span.end]))
            position = span.end

    @settings(deadline=None, max_examples=200)
    @given(marked_texts())
    def test_settle_again_to_the_same(self, marked: tuple[str, list[Span]]) -> None:
        text, spans = marked
        once = settle(text, spans, policy_of)
        assert settle(text, once, policy_of) == once
