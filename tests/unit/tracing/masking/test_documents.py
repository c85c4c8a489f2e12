import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.tracing.masking.documents import leaves, rewrite

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prose", ["prose"]),
        ("{prose}", ["{prose}"]),
        ('"quoted" and "more"', ['"quoted" and "more"']),
        ("12345678", ["12345678"]),
        ('{"a": "b", "c": [12345678, 1]}', ["a", "b", "c", "12345678"]),
        (' ["a"]\n', ["a"]),
        (r'["\u0061\"b"]', ['a"b']),
        (json.dumps({"a": json.dumps({"b": "c"})}), ["a", "b", "c"]),
        ('["line\nbreak"]', ["line\nbreak"]),
        ("[" * 100_000 + "]" * 100_000, ["[" * 100_000 + "]" * 100_000]),
    ],
)
def test_leaves(text: str, expected: list[str]) -> None:
    assert list(leaves(text)) == expected


@given(JSON, st.booleans())
def test_what_is_left_alone_keeps_its_bytes(data: object, ascii_only: bool) -> None:
    text = json.dumps(data, ensure_ascii=ascii_only, indent=1)
    assert rewrite(text, str) == text


@given(JSON, st.booleans())
def test_what_is_rewritten_is_json_again(data: object, ascii_only: bool) -> None:
    text = json.dumps([data, "x"], ensure_ascii=ascii_only)
    written = rewrite(text, lambda leaf: f'"{leaf}"\\')
    assert json.loads(written)[1] == '"x"\\'


def test_a_number_becomes_a_string() -> None:
    assert rewrite('{"a": 15550100142}', lambda leaf: "[X]" if leaf.isdigit() else leaf) == '{"a": "[X]"}'
