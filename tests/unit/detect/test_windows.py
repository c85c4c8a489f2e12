from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.detect import Span
from langchain_secguard.detect.windows import unite, windows


class TestWindows:
    @pytest.mark.parametrize(
        ("count", "cut"),
        [
            (0, [range(0)]),
            (1, [range(1)]),
            (10, [range(10)]),
            (11, [range(10), range(6, 11)]),
            (17, [range(10), range(6, 16), range(12, 17)]),
        ],
    )
    def test_share_what_they_overlap_by(self, count: int, cut: list[range]) -> None:
        assert windows(count, size=10, overlap=4) == cut

    @given(st.data())
    def test_hold_every_short_stretch_whole(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, 200))
        size = data.draw(st.integers(1, 40))
        overlap = data.draw(st.integers(0, size - 1))
        cut = windows(count, size=size, overlap=overlap)
        assert cut[0].start == 0
        assert cut[-1].stop == count
        assert all(len(window) <= size for window in cut)
        assert all(before.stop < after.stop for before, after in pairwise(cut))
        for start in range(max(0, count - overlap + 1)):
            assert any(window.start <= start and start + overlap <= window.stop for window in cut)

    @pytest.mark.parametrize(("size", "overlap"), [(4, 4), (4, 5), (4, -1)])
    def test_refuse_an_overlap_without_progress(self, size: int, overlap: int) -> None:
        with pytest.raises(ValueError, match="cannot overlap"):
            windows(10, size=size, overlap=overlap)


class TestUnite:
    TWO = ((0, 10), (6, 16))

    def test_leaves_a_single_window_as_it_is(self) -> None:
        overlapping = [Span(2, 6, "PERSON"), Span(0, 4, "PERSON")]
        assert unite([(0, 10)], [overlapping]) == sorted(overlapping)

    @pytest.mark.parametrize(
        ("first", "second", "united"),
        [
            # seen by both
            ([Span(7, 9, "PERSON", 0.6)], [Span(7, 9, "PERSON", 0.9)], [Span(7, 9, "PERSON", 0.9)]),
            # seen by one
            ([Span(1, 3, "PERSON")], [], [Span(1, 3, "PERSON")]),
            # half of it at the cut, of the same type and of another
            ([Span(8, 10, "PERSON")], [Span(8, 13, "PERSON")], [Span(8, 13, "PERSON")]),
            ([Span(8, 10, "US_SSN")], [Span(8, 13, "CREDIT_CARD")], [Span(8, 13, "CREDIT_CARD")]),
            ([Span(3, 8, "CREDIT_CARD")], [Span(6, 8, "US_SSN")], [Span(3, 8, "CREDIT_CARD")]),
            # longer than the overlap: cut on both sides, and whole again
            ([Span(2, 10, "URL")], [Span(6, 14, "URL")], [Span(2, 14, "URL")]),
            # a half that nobody saw whole stays marked
            ([Span(9, 10, "PERSON")], [], [Span(9, 10, "PERSON")]),
            # what overlaps away from the cut is for others to settle
            (
                [Span(7, 9, "PERSON")],
                [Span(7, 12, "LOCATION")],
                [Span(7, 9, "PERSON"), Span(7, 12, "LOCATION")],
            ),
        ],
    )
    def test_makes_whole_what_was_cut(
        self, first: list[Span], second: list[Span], united: list[Span]
    ) -> None:
        assert unite(self.TWO, [first, second]) == united

    def test_does_not_take_the_ends_of_the_text_for_cuts(self) -> None:
        found = [[Span(0, 2, "US_SSN"), Span(0, 8, "CREDIT_CARD")], [Span(14, 16, "PERSON")]]
        assert unite(self.TWO, found) == [
            Span(0, 2, "US_SSN"),
            Span(0, 8, "CREDIT_CARD"),
            Span(14, 16, "PERSON"),
        ]
