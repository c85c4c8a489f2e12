import pytest

from benchmarks.faithfulness.chunkings import cut
from benchmarks.faithfulness.counting import Answer
from benchmarks.faithfulness.mutations import MUTATIONS, Kind, Shape

FORMS = ("[PERSON_12]", "[REDACTED_PERSON_12]", "<PERSON_12>", "<<PERSON:12>>", "[PERSON_12_KDJQR]")
OTHER = Shape.of("[PERSON_3]")


@pytest.mark.parametrize("placeholder", [*FORMS, "<PERSON>", "Mary Major"])
def test_a_placeholder_is_the_sum_of_its_parts(placeholder: str) -> None:
    assert str(Shape.of(placeholder)) == placeholder


@pytest.mark.parametrize(
    ("name", "bent"),
    [
        ("lower case", "[person_12]"),
        ("space inside", "[PERSON 12]"),
        ("Markdown escapes", r"\[PERSON\_12\]"),
        ("HTML entities", "&#91;PERSON_12&#93;"),
        ("brackets lost", "PERSON_12"),
        ("a number never given out", "[PERSON_1277]"),
        ("cut off at the end", "[PERSON_1"),
        ("l for 1", "[PERSON_l2]"),
        ("JSON escapes", "\\u005bPERSON_12\\u005d"),
        ("the number of another", "[PERSON_3]"),
    ],
)
def test_mutations_bend_as_they_are_named(name: str, bent: str) -> None:
    [mutation] = [one for one in MUTATIONS if one.name == name]
    assert mutation.bend(Shape.of("[PERSON_12]"), OTHER) == bent


def test_every_form_can_be_bent_in_every_way_but_fakes() -> None:
    for form in FORMS:
        assert all(one.bend(Shape.of(form), OTHER) for one in MUTATIONS)
    fake = [one.name for one in MUTATIONS if one.bend(Shape.of("Mary Major"), Shape.of("John Doe"))]
    assert "possessive" in fake
    assert "brackets lost" not in fake


def test_every_mutation_but_the_exact_one_changes_what_is_written() -> None:
    same = [one.name for one in MUTATIONS if one.bend(Shape.of("[PERSON_12]"), OTHER) == "[PERSON_12]"]
    assert same == ["exact"]
    assert {one.kind for one in MUTATIONS} == set(Kind)


def test_every_cut_of_an_answer_is_the_whole_answer() -> None:
    answer = Answer("to [PERSON_1], today", frozenset(), frozenset(), 3, 13)
    found = [(name, pieces) for name, pieces in cut(answer, 4, seed=1)]
    assert {"".join(pieces) for _, pieces in found} == {answer.text}
    in_two = [len(pieces[0]) for name, pieces in found if name == "in two"]
    assert len(in_two) == 4
    assert all(3 <= place <= 14 for place in in_two)
