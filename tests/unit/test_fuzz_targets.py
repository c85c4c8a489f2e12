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


HALF_A_CHARACTER = (
    "2f010a030707010a0307072901070007fcff010107030a0101e6e6e6e6e6e6070007299001070003070704ff"
    "f8ff07010001050401e6e6e6e6e6e60700070100"
)
ESCAPED_PAIRS = (
    "2f012a030707010a02000307075b435553544f4d5fb1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"
    "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b129011f0100030129011fb1b1b1b1b1"
)


@pytest.mark.parametrize("found", [HALF_A_CHARACTER, ESCAPED_PAIRS])
def test_arguments_may_be_rewritten_with_other_escapes(found: str) -> None:
    targets.load("content").check(bytes.fromhex(found))


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
