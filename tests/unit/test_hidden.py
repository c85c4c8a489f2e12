import pytest

from langchain_secguard.detect import Span
from langchain_secguard.hidden import Hidden, Page, labels, risk


def page(text: str, *spans: tuple[int, int]) -> dict[str, Page]:
    return {text: Page(text, [Span(start, end, "PERSON") for start, end in spans])}


@pytest.mark.parametrize(
    ("text", "spans", "values"),
    [
        ("I am Jane.", [(5, 9)], {"Jane": "[PERSON]"}),
        ("xJane2024 is", [(1, 5)], {"Jane": "[PERSON]", "xJane2024": "x[PERSON]2024"}),
        ("JaneDoe", [(0, 4), (4, 7)], {"Jane": "[PERSON]", "Doe": "[PERSON]", "JaneDoe": "[PERSON][PERSON]"}),
        ("(Jane)", [(0, 6)], {"(Jane)": "[PERSON]"}),
        ("我是王伟。", [(2, 4)], {"王伟": "[PERSON]"}),
        ("nobody", [], {}),
    ],
)
def test_labels(text: str, spans: list[tuple[int, int]], values: dict[str, str]) -> None:
    assert labels(page(text, *spans)) == values


def test_values_are_mapped_to_placeholders_before_fakes() -> None:
    edits = {("Jane met Bob", "text"): [(0, 4, "Ann Fake"), (9, 12, "[PERSON]")]}
    hidden = Hidden(edits, {"PERSON": 2}, 0, 1, {("PERSON", "Jane"): "[PERSON_1]"})  # type: ignore[arg-type]
    assert hidden.values() == {"Jane": "[PERSON_1]", "Bob": "[PERSON]"}
    assert "Jane" not in repr(hidden)


@pytest.mark.parametrize(
    ("scores", "expected"), [([], 0.0), ([0.3, 0.7], 0.7), ([2.0], 1.0), ([-1.0], 0.0), ([float("nan")], 1.0)]
)
def test_risk(scores: list[float], expected: float) -> None:
    spans = [Span(0, 1, "PERSON", score) for score in scores]
    assert risk({"x": Page("x", spans)}) == expected
