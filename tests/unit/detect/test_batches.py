import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.detect.batches import batches


@pytest.mark.parametrize(
    ("lengths", "budget", "grouped"),
    [
        ([], 10, []),
        ([3], 10, [[0]]),
        ([3, 5, 2], 10, [[1, 0], [2]]),
        ([2, 2, 2, 2, 2], 6, [[0, 1, 2], [3, 4]]),
        ([20, 1, 1], 10, [[0], [1, 2]]),
        ([0, 0], 10, [[0, 1]]),
    ],
)
def test_groups_like_lengths_within_the_budget(
    lengths: list[int], budget: int, grouped: list[list[int]]
) -> None:
    assert list(batches(lengths, budget=budget)) == grouped


@given(st.lists(st.integers(0, 50)), st.integers(1, 200))
def test_every_text_is_in_one_batch_that_fits(lengths: list[int], budget: int) -> None:
    groups = list(batches(lengths, budget=budget))
    assert sorted(position for group in groups for position in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[position] for position in group) <= budget
    heads = [lengths[group[0]] for group in groups]
    assert heads == sorted(heads, reverse=True)
