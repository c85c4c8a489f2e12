"""JSON text on its way to the model: strings, numbers, and what is no JSON at all."""

from collections.abc import Sequence

import pytest

from langchain_secguard import UnsupportedContentError
from langchain_secguard.arguments import edit_arguments
from langchain_secguard.content import Kind
from langchain_secguard.json_text import Edit


def edits_of(text: str, kind: Kind) -> Sequence[Edit]:
    """Hide Jane, and the number 4111111."""
    secret = "Jane" if kind == "text" else "4111111"
    return [(text.find(secret), text.find(secret) + len(secret), "X")] if secret in text else []


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ('{"a": "Jane", "Jane": [1, true, null, -2.5e3]}', '{"a": "X", "X": [1, true, null, -2.5e3]}'),
        ("call Jane at home", "call X at home"),
        ('{"a": Jane', '{"a": X'),
        ("", ""),
        ("[123456, 7]", "[123456, 7]"),
    ],
)
def test_all_that_is_in_it_is_read(text: str, edited: str) -> None:
    assert edit_arguments(text, edits_of, ()) == edited


def test_a_number_that_holds_a_value_is_refused_unless_allowed() -> None:
    with pytest.raises(UnsupportedContentError, match="number") as caught:
        edit_arguments('{"card": 4111111}', edits_of, ())
    assert "4111111" not in str(caught.value)
    assert edit_arguments('{"card": 4111111}', edits_of, {"scalar"}) == '{"card": 4111111}'


def test_structure_takes_time_in_proportion() -> None:
    for text in ("1" * 200_000 + "x", "[" * 200_000 + "x", "1e" * 100_000, " ,:" * 60_000 + "?"):
        assert edit_arguments(text, edits_of, ()) == text
