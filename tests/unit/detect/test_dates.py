import pytest

from langchain_secguard.detect.patterns import find_patterns

SURE = [
    "2023-07-15",
    "2023-07-15T10:30:00Z",
    "July 15, 2023",
    "JULY 15, 2023",
    "15th of July",
    "15 July 2023",
    "15-Jul-2023",
    "07/15/2023",
    "7/15/23",
    "15.07.2023",
    "3 and 5 May 2001",
    "July 15, 2023 at 10:30 a.m.",
    "July 2023",
    "1998-2001",
    "summer of 2001",
    "the fifteenth of July",
    "15. Juli 2023",
    "15 de julio de 2023",
]
NONE = ["five years", "today", "May I", "1.2.3", "13/45/2023", "on Monday", "Dune 2", "APR 12%", "3/4 cup"]


@pytest.mark.parametrize("date", SURE)
def test_a_date_is_found_whole(date: str) -> None:
    text = f"It was ({date}), he said."
    found = [text[span.start : span.end] for span in find_patterns(text, ["DATE_TIME"]) if span.score >= 0.5]
    assert found == [date.removeprefix("the ")]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert [span for span in find_patterns(text, ["DATE_TIME"]) if span.score >= 0.5] == []


def test_a_bare_year_scores_below_the_default_threshold() -> None:
    assert [span.score for span in find_patterns("in 1998 it began")] == [0.4]
