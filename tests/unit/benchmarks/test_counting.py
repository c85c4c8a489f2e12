import pytest

from benchmarks.faithfulness.counting import Answer, Outcome, Tally, Values, judge

VALUES = Values(["Ann Lee", "Bob Roe", "Ann"])
ABOUT_ANN = Answer("to [PERSON_1].", frozenset({"Ann Lee"}), frozenset({"to Ann Lee."}))
ABOUT_NOBODY = Answer("to [PERSON_9].", frozenset(), frozenset({"to [PERSON_9]."}))


@pytest.mark.parametrize(
    ("answer", "shown", "outcome"),
    [
        (ABOUT_ANN, "to Ann Lee.", Outcome.RIGHT),
        (ABOUT_ANN, "to  Ann Lee.", Outcome.BENT),
        (ABOUT_ANN, "to [PERSON_1].", Outcome.LOST),
        (ABOUT_ANN, "", Outcome.LOST),
        (ABOUT_ANN, None, Outcome.LOST),
        (ABOUT_ANN, "to Bob Roe.", Outcome.WRONG),
        (ABOUT_ANN, "to Ann Lee Bob Roe.", Outcome.WRONG),
        (ABOUT_NOBODY, "to [PERSON_9].", Outcome.RIGHT),
        (ABOUT_NOBODY, "to PERSON_9.", Outcome.BENT),
        (ABOUT_NOBODY, "to Bob Roe9.", Outcome.BENT),
        (ABOUT_NOBODY, "to Bob Roe.", Outcome.WRONG),
        (ABOUT_NOBODY, None, Outcome.LOST),
    ],
)  # fmt: skip
def test_an_answer_is_judged_by_what_it_shows(answer: Answer, shown: str | None, outcome: Outcome) -> None:
    values = Values(["Ann Lee", "Bob Roe"])
    assert judge(answer, shown, values) is outcome


def test_values_are_whole_words() -> None:
    assert VALUES.within("Annual, Hannah: Bob Roe") == {"Bob Roe"}
    assert VALUES.within("Ann Lee") == {"Ann Lee", "Ann"}


@pytest.mark.parametrize(
    ("sent", "leaked"),
    [
        ("dear [PERSON_1] and [PERSON_2]", 0),
        ("dear Bob Roe and [PERSON_1]", 7),
        ("dear Bob [PERSON_1]", 3),
        ("", 0),
        ("dear Bob Roe, Bob Roe, Bob Roe", 7),
    ],
)
def test_what_leaks_is_counted_in_characters_of_values(sent: str, leaked: int) -> None:
    assert Values(["Bob Roe", "Cid Fox"]).leaked(sent, "dear Bob Roe and Cid Fox") == leaked


def test_tallies_add_up_and_name_the_worst_first() -> None:
    one, other = Tally(leaked=2, hidden=9), Tally(hidden=1)
    one.outcomes[Outcome.RIGHT] += 3
    other.outcomes.update([Outcome.WRONG, Outcome.RIGHT])
    both = one + other
    assert (both.total, both.leaked, both.hidden) == (5, 2, 10)
    assert list(both.worst()) == [Outcome.WRONG, Outcome.RIGHT]
