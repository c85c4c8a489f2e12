import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.evaluate.speed import percentile, spread


class TestPercentile:
    @pytest.mark.parametrize(
        ("values", "share", "expected"),
        [
            ([15, 20, 35, 40, 50], 0.05, 15),
            ([15, 20, 35, 40, 50], 0.3, 20),
            ([15, 20, 35, 40, 50], 0.4, 20),
            ([50, 35, 20, 40, 15], 0.5, 35),
            ([15, 20, 35, 40, 50], 1.0, 50),
            ([3], 0.95, 3),
        ],
    )
    def test_is_of_nearest_rank(self, values: list[float], share: float, expected: float) -> None:
        assert percentile(values, share) == expected

    @pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1], 0.0), ([1], 1.1)])
    def test_needs_values_and_a_share(self, values: list[float], share: float) -> None:
        with pytest.raises(ValueError, match="a percentile needs"):
            percentile(values, share)

    @given(st.lists(st.integers(), min_size=1), st.floats(0.001, 1))
    def test_is_a_value_that_the_share_does_not_exceed(self, values: list[int], share: float) -> None:
        found = percentile(values, share)
        assert found in values
        assert sum(value <= found for value in values) >= share * len(values)
        assert sum(value < found for value in values) < share * len(values)


@given(st.integers(0, 500), st.integers(1, 100))
def test_places_are_spread_evenly(count: int, wanted: int) -> None:
    places = spread(count, wanted)
    assert len(places) == min(count, wanted)
    assert places == sorted(set(places))
    assert all(0 <= place < count for place in places)
