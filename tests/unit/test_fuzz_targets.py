"""What `make soak` fuzzes, on some of the inputs that it begins with."""

from itertools import islice

import pytest

from tests.soak import targets
from tests.soak.inputs import Bytes, cut, written

FEW = 12


@pytest.mark.parametrize("name", targets.NAMES)
def test_a_target_passes_on_its_seeds(name: str) -> None:
    target = targets.load(name)
    seeds = list(target.seeds())
    for seed in islice(seeds, 0, None, max(1, len(seeds) // FEW)):
        target.check(seed)


@pytest.mark.parametrize("name", targets.NAMES)
def test_a_target_takes_any_bytes(name: str) -> None:
    check = targets.load(name).check
    for number in range(8):
        check(bytes((number * 37 + at * at) % 256 for at in range(number * 5)))


def test_two_halves_of_a_character_may_become_it() -> None:
    targets.load("json").check(written(text='"\\uD83D\udca4"'))


class TestBytes:
    def test_reads_what_was_written(self) -> None:
        read = Bytes(written(3, 1, places=[7, 300], text="a\ud83d\u00e9"))
        assert (read.number(5), read.chance(), read.places(), read.text()) == (
            3,
            True,
            [7, 300],
            "a\ud83d\u00e9",
        )
        assert read.is_over

    def test_every_choice_behind_the_end_is_the_first(self) -> None:
        read = Bytes(b"")
        assert (read.choice("abc"), read.places(), read.text(), read.bytes()) == ("a", [], "", b"")

    def test_cuts_a_text_and_loses_nothing(self) -> None:
        assert cut("abcdef", [2, 2, 11]) == ["ab", "cd", "ef"]
        assert cut("", [3]) == []
