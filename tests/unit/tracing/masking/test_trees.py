import pytest

from langchain_secguard.tracing.masking.plain import Plain, Quiet
from langchain_secguard.tracing.masking.trees import gather, rebuild


@pytest.mark.parametrize(
    ("tree", "leaves"),
    [
        ("text", {"text": True}),
        (Quiet("text"), {"text": False}),
        ([Quiet("text"), "text"], {"text": True}),
        ({"key": ["a", None, True, 7]}, {"key": True, "a": True}),
        ({Quiet("key"): 1_234}, {"key": False, "1234": False}),
        (15_550_100_142, {"15550100142": True}),
        (15_550_100_142.0, {"15550100142": True}),
        (float("nan"), {"nan": True}),
        ('{"a": ["b"]}', {"a": True, "b": True}),
    ],
)
def test_gather(tree: Plain, leaves: dict[str, bool]) -> None:
    assert gather([tree], 100) == leaves


def test_a_long_text_is_not_looked_into() -> None:
    assert gather(['{"a": "b"}'], 5) == {'{"a": "b"}': True}


def test_rebuild_puts_other_texts_in_their_places() -> None:
    tree: Plain = {"a": ["b", 4_711, 7, None], "c": '{"b": 4711}'}
    written = {"a": "A", "b": "B", "c": "c", "4711": "[X]"}
    assert rebuild(tree, written, 100) == {"A": ["B", "[X]", 7, None], "c": '{"B": "[X]"}'}


def test_keys_that_become_one_stay_apart() -> None:
    assert rebuild({"a": 1, "b": 2, "c": 3}, dict.fromkeys("abc", "x"), 100) == {
        "x": 1,
        "x (2)": 2,
        "x (3)": 3,
    }
