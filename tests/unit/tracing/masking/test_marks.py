import pytest

from langchain_secguard.json_text import apply
from langchain_secguard.tracing.masking.marks import Mark, entity_types, settle_marks


def settled(text: str, *marks: Mark, types: tuple[str, ...] = ()) -> str:
    return apply(text, settle_marks(text, marks, types))


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], "Ms. Jane Doe Roe"),
        ([Mark(4, 12, "[A_1]"), Mark(4, 8, "[B_1]")], "Ms. [A_1] Roe"),
        ([Mark(0, 12, "[A]", sure=False), Mark(4, 12, "[A_1]")], "[A_1] Roe"),
        ([Mark(0, 16, "[A]", sure=False), Mark(4, 8, "[B_1]")], "[A]"),
        ([Mark(4, 12, "[A_1]"), Mark(9, 16, "[B_1]")], "Ms. [A_1]"),
        ([Mark(4, 8, "[A_1]"), Mark(9, 12, "[B_1]")], "Ms. [A_1] [B_1] Roe"),
        ([Mark(4, 4, "[A_1]")], "Ms. Jane Doe Roe"),
    ],
)
def test_overlaps(marks: list[Mark], expected: str) -> None:
    assert settled("Ms. Jane Doe Roe", *marks) == expected


class TestPlaceholders:
    @pytest.mark.parametrize("text", ["[PERSON_1]", "[PERSON_12b]", "[PERSON]", "[PERSON_1_QKXMZ]"])
    def test_stay(self, text: str) -> None:
        assert settled(text, Mark(1, 7, "[X]", sure=False), Mark(0, len(text), "[X]")) == text

    def test_are_cut_out_of_what_is_detected(self) -> None:
        text = "at [PERSON_1] Inc [URL_2] x"
        assert settled(text, Mark(3, 27, "[X]", sure=False)) == "at [PERSON_1][X][URL_2][X]"

    def test_give_way_to_a_known_value_around_them(self) -> None:
        assert settled("x [PERSON_2] y", Mark(0, 14, "[CUSTOM_1]")) == "[CUSTOM_1]"

    def test_of_other_types_are_text_unless_the_run_knows_them(self) -> None:
        assert settled("[JANE_1]", Mark(1, 5, "[PERSON_1]")) == "[[PERSON_1]_1]"
        assert settled("[BADGE_1]", Mark(1, 6, "[X]"), types=("BADGE",)) == "[BADGE_1]"


def test_entity_types() -> None:
    assert entity_types(["[PERSON_1]", "[US_SSN]", "[BADGE#0123456789abcdef]", "****1234", ""]) == {
        "PERSON",
        "US_SSN",
        "BADGE",
    }
