import pytest

from langchain_secguard.scan.labels import HARMLESS, NAMES_OF_GROUPS, RISKY, risky_labels


def test_no_label_is_of_two_kinds() -> None:
    assert not RISKY & HARMLESS
    assert not NAMES_OF_GROUPS & (RISKY | HARMLESS)


@pytest.mark.parametrize(
    "spelling", ["severe_toxicity", "Severe Toxicity", "SEVERE-TOXICITY", " severe toxicity "]
)
def test_a_label_may_be_written_in_any_way(spelling: str) -> None:
    assert risky_labels({spelling, "neutral"}) == {spelling}


def test_the_second_of_two_that_are_numbered_is_the_risk() -> None:
    assert risky_labels({"LABEL_0", "LABEL_1"}) == {"LABEL_1"}
    with pytest.raises(ValueError, match="not known"):
        risky_labels({"LABEL_0", "LABEL_1", "LABEL_2"})


def test_what_is_named_is_believed() -> None:
    assert risky_labels({"LABEL_0", "LABEL_1"}, ["LABEL_0"]) == {"LABEL_0"}
    with pytest.raises(ValueError, match="some of the model's labels"):
        risky_labels({"LABEL_0", "LABEL_1"}, "LABEL_0")
