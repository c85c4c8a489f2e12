import json

import pytest

from langchain_secguard.evaluate.payload import text_of


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("plain", "plain"),
        ('"quoted"', "quoted"),
        ("[not json", "[not json"),
        ("[PERSON_1] asks", "[PERSON_1] asks"),
        ({"question": "why?", "context": ["a", {"page_content": "b"}]}, "why?\na\nb"),
        (
            [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "text", "text": "ho"}]},
            ],
            "hi\nho",
        ),
        (
            {"messages": [{"type": "human", "id": "m1", "content": "hi", "response_metadata": {"x": "y"}}]},
            "hi",
        ),
        ({"n": 3, "flag": True, "none": None}, ""),
        (None, ""),
    ],
)
def test_is_what_a_scanner_would_read(payload: object, text: str) -> None:
    assert text_of(payload) == text


def test_is_read_in_json_within_strings() -> None:
    assert text_of(json.dumps([{"role": "user", "content": "hi"}])) == "hi"


def test_survives_deep_nesting() -> None:
    deep = "[" * 100_000
    assert text_of(deep) == deep
    nested: object = "hi"
    for _ in range(10_000):
        nested = [nested]
    assert text_of(nested) == "hi"
