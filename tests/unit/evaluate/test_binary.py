import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.evaluate import Confusion, Point, recommend, sweep
from langchain_secguard.evaluate.binary import at_threshold, confusion

RISKS = [0.9, 0.8, 0.8, 0.4, 0.1]
EXPECTED = [True, True, False, True, False]


class TestByHand:
    def test_verdicts_are_counted(self) -> None:
        assert confusion([True, True, False, False, True], [True, False, True, False, True]) == Confusion(
            caught=2, missed=1, false_alarms=1, passed=1
        )

    def test_measures(self) -> None:
        counts = Confusion(caught=3, missed=1, false_alarms=2, passed=4)
        assert (counts.precision, counts.recall) == (0.6, 0.75)
        assert counts.f1 == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))
        assert counts.false_alarm_rate == pytest.approx(1 / 3)

    def test_measures_of_nothing_are_none(self) -> None:
        counts = Confusion()
        assert [counts.precision, counts.recall, counts.f1, counts.false_alarm_rate] == [None] * 4

    @pytest.mark.parametrize(
        ("threshold", "counts"),
        [
            (0.9, Confusion(1, 2, 0, 2)),
            (0.8, Confusion(2, 1, 1, 1)),
            (0.5, Confusion(2, 1, 1, 1)),
            (0.4, Confusion(3, 0, 1, 1)),
            (0.0, Confusion(3, 0, 2, 0)),
        ],
    )
    def test_a_risk_at_the_threshold_is_flagged(self, threshold: float, counts: Confusion) -> None:
        assert at_threshold(RISKS, EXPECTED, threshold) == counts

    def test_the_sweep_has_each_risk_once(self) -> None:
        assert sweep(RISKS, EXPECTED) == [
            Point(0.9, Confusion(1, 2, 0, 2)),
            Point(0.8, Confusion(2, 1, 1, 1)),
            Point(0.4, Confusion(3, 0, 1, 1)),
            Point(0.1, Confusion(3, 0, 2, 0)),
        ]

    @pytest.mark.parametrize(
        ("recall", "threshold"), [(0.0, 0.9), (0.3, 0.9), (0.5, 0.8), (0.66, 0.8), (0.67, 0.4), (1.0, 0.4)]
    )
    def test_the_highest_threshold_with_the_recall_is_advised(self, recall: float, threshold: float) -> None:
        point = recommend(sweep(RISKS, EXPECTED), recall=recall)
        assert point is not None
        assert point.threshold == threshold

    def test_nothing_is_advised_where_nothing_is_harmful(self) -> None:
        assert recommend(sweep([0.5, 0.1], [False, False]), recall=0.9) is None

    def test_a_sweep_of_nothing_is_empty(self) -> None:
        assert sweep([], []) == []

    def test_counts_must_match(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            sweep([0.1], [])

    def test_a_risk_is_a_number(self) -> None:
        with pytest.raises(ValueError, match="NaN"):
            sweep([math.nan], [True])


judged = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.booleans()), min_size=1, max_size=30
)


class TestAlways:
    @given(judged)
    def test_a_point_of_the_sweep_is_what_its_threshold_gives(self, pairs: list[tuple[float, bool]]) -> None:
        risks, expected = [risk for risk, _ in pairs], [harm for _, harm in pairs]
        for point in sweep(risks, expected):
            assert point.confusion == at_threshold(risks, expected, point.threshold)

    @given(judged, st.floats(0, 1))
    def test_no_threshold_with_the_recall_has_fewer_false_alarms(
        self, pairs: list[tuple[float, bool]], recall: float
    ) -> None:
        points = sweep([risk for risk, _ in pairs], [harm for _, harm in pairs])
        advised = recommend(points, recall=recall)
        if not any(harm for _, harm in pairs):
            assert advised is None
            return
        assert advised is not None
        assert (advised.confusion.recall or 0) >= recall
        rivals = [p for p in points if p.confusion.caught and (p.confusion.recall or 0) >= recall]
        assert advised.confusion.false_alarms == min(p.confusion.false_alarms for p in rivals)
