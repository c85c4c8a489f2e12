import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.json_text import Edit, JsonStream, Piece, apply, edit_strings, escape

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)

FRAGMENTS = [
    '"', "\\", '\\"', "\\\\", "\\n", "\\/", "\\u", "\\u0", "\\u004", "\\u0041", "\\ud83d", "\\ude00",
    "\\ud83d\\ude00",
    "\\uD83D\\", "\\uD83D\\u", "\\uD83D\\uD", "\\x", "{", "}", "[", "]", ":", ",", "1", "true", " ", "\n",
    "A", "AB", "#",
    "\u00e9", "\U0001f600", "\ud83d", "\0",
]  # fmt: skip

broken = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=2)), max_size=10).map("".join)


def whole(change: Callable[[str], str]) -> Callable[[str], list[Edit]]:
    """Edit a literal as a whole, where ``change`` changes it."""
    return lambda content: [(0, len(content), change(content))] if change(content) != content else []


def test_edits_are_made_in_their_order() -> None:
    assert apply("abcdef", [(0, 0, ">"), (1, 3, "X"), (6, 6, "<")]) == ">aXdef<"
    assert apply("abc", []) == "abc"


class Letters:
    """Find the letter A, and AB together, holding an A back at the end of a piece."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[str | int]:
        text = self._held + text
        self._held = "A" if text.endswith("A") else ""
        return self._split(text[: len(text) - len(self._held)])

    def flush(self) -> list[str | int]:
        text, self._held = self._held, ""
        return self._split(text)

    def length(self, found: int) -> int:
        return found

    def _split(self, text: str) -> list[str | int]:
        parts: list[str | int] = []
        while text:
            if text.startswith("A"):
                parts.append(2 if text.startswith("AB") else 1)
                text = text[2 if parts[-1] == 2 else 1 :]
            else:
                end = text.find("A") if "A" in text else len(text)
                parts.append(text[:end])
                text = text[end:]
        return parts


def streamed(pieces: list[str], new: Callable[[], Letters] = Letters) -> list[str | int | Piece[int]]:
    stream: JsonStream[int] = JsonStream(new)
    parts = [part for piece in pieces for part in stream.feed(piece)]
    whole: list[str | int | Piece[int]] = []
    for part in [*parts, *stream.flush()]:
        last = whole[-1] if whole else None
        if isinstance(part, str) and isinstance(last, str):
            whole[-1] = last + part
        elif part:
            whole.append(part)
    return whole


def raw(parts: list[str | int | Piece[int]]) -> str:
    return "".join(
        part if isinstance(part, str) else part.raw if isinstance(part, Piece) else "AB"[:part]
        for part in parts
    )


def leaves(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [leaves(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): leaves(item, change) for key, item in value.items()}
    return value


class TestEscape:
    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("", ""),
            ("abc", "abc"),
            ('O"Neil', 'O\\"Neil'),
            ("a\\b", "a\\\\b"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("\0\x1f", "\\u0000\\u001f"),
            ("\u00e9\U0001f600", "\u00e9\U0001f600"),
            ("\ud83d", "\\ud83d"),
            ("a/b", "a/b"),
        ],
    )
    def test_writes_the_inside_of_a_literal(self, text: str, escaped: str) -> None:
        assert escape(text) == escaped

    @settings(deadline=None, max_examples=200)
    @given(st.text(st.characters(exclude_categories=[])))
    def test_is_what_json_reads_back(self, text: str) -> None:
        again = json.loads(f'"{escape(text)}"')
        assert again.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


class TestRewriteStrings:
    @pytest.mark.parametrize(
        ("text", "seen"),
        [
            ('{"a": "b"}', ["a", "b"]),
            ('["\\"", "\\\\", "\\/", "\\b\\f\\n\\r\\t"]', ['"', "\\", "/", "\b\f\n\r\t"]),
            (
                '["\\u0041\\u00e9", "\\ud83d\\ude00", "\\uD83D\\uDE00"]',
                ["A\u00e9", "\U0001f600", "\U0001f600"],
            ),
            ('["\\ud83d", "\\ude00\\ud83d"]', ["\ud83d", "\ude00\ud83d"]),
            ('["\\x", "\\u12", "\\uzzzz"]', ["\\x", "\\u12", "\\uzzzz"]),
            ('"a', ["a"]),
            ('{"a": "b\\', ["a", "b\\"]),
            ('{"a": "b\\u00', ["a", "b\\u00"]),
            ('""', [""]),
            ("", []),
            ("no literals 1 true", []),
            ('"a\nb"', ["a\nb"]),
        ],
    )
    def test_shows_the_content_of_each_literal(self, text: str, seen: list[str]) -> None:
        shown: list[str] = []

        def note(content: str) -> list[Edit]:
            shown.append(content)
            return []

        assert edit_strings(text, note) == text
        assert shown == seen

    @settings(deadline=None, max_examples=300)
    @given(broken)
    def test_keeps_every_byte_that_is_not_changed(self, text: str) -> None:
        assert edit_strings(text, lambda _: []) == text

    def test_edits_what_stands_outside_of_literals(self) -> None:
        outer: list[str] = []

        def note(text: str) -> list[Edit]:
            outer.append(text)
            return [(5, 9, "X")] if text.startswith("call ") else []

        assert edit_strings('call Jane at "home": 1', lambda _: [], note) == 'call X at "home": 1'
        assert outer == ["call Jane at ", ": 1"]

    def test_keeps_every_byte_around_an_edit(self) -> None:
        text = '{"a": "\\u0041b\\/\\n\\ud83d\\ude00 c\\q"}'
        edited = edit_strings(text, lambda content: [(1, 2, '"'), (4, 5, "x")] if len(content) > 1 else [])
        assert edited == '{"a": "\\u0041\\"\\/\\nx c\\q"}'

    def test_keeps_the_bytes_of_the_literals_beside_a_changed_one(self) -> None:
        text = '{"\\u0041\\/" : "b", "\\x": ["\\u00e9"]}'
        changed = edit_strings(text, whole(lambda content: "X" if content == "b" else content))
        assert changed == text.replace('"b"', '"X"')

    @pytest.mark.parametrize(
        "value", ['O"Neil', "a\\b", "\\", '\\"', "line\nbreak", "\ud83d", "\0", "'", "\u2028"]
    )
    @pytest.mark.parametrize("text", ['{"a": "b", "c": ["b"]}', '{"b": {"b": 1}}', '"b"'])
    def test_stays_json_with_any_value(self, text: str, value: str) -> None:
        changed = edit_strings(text, whole(lambda content: value if content == "b" else content))
        assert json.loads(changed) == leaves(json.loads(text), lambda leaf: value if leaf == "b" else leaf)

    @settings(deadline=None, max_examples=200)
    @given(values, st.booleans(), st.text(max_size=4))
    def test_changes_the_texts_of_json_and_nothing_else(self, value: Any, ascii_: bool, added: str) -> None:
        text = json.dumps(value, ensure_ascii=ascii_)
        again = json.loads(edit_strings(text, whole(lambda content: added + content)))
        assert again == json.loads(json.dumps(leaves(value, lambda leaf: added + leaf)))

    def test_takes_time_in_proportion_to_the_text(self) -> None:
        for text in (
            '"' * 100_000,
            "\\" * 100_000,
            '"' + "\\" * 100_001,
            '"' + "\\ud83d" * 20_000,
            '"\\u' * 30_000,
        ):
            assert edit_strings(text, lambda _: []) == text
            assert raw(streamed([text])) == text


class TestJsonStream:
    def test_tells_what_stands_in_literals_from_what_stands_outside(self) -> None:
        assert streamed(['AB {"xA": A, "AB": 1}']) == [
            2,
            ' {"x',
            Piece(1, "A"),
            '": ',
            1,
            ', "',
            Piece(2, "AB"),
            '": 1}',
        ]

    def test_gives_what_was_found_as_it_was_written(self) -> None:
        assert streamed(['["\\u0041\\u0042", "\\u0041B"]']) == [
            '["',
            Piece(2, "\\u0041\\u0042"),
            '", "',
            Piece(2, "\\u0041B"),
            '"]',
        ]

    def test_ends_a_finding_with_its_literal(self) -> None:
        assert streamed(['"A""B"']) == ['"', Piece(1, "A"), '""B"']

    def test_ends_a_literal_that_is_never_closed(self) -> None:
        assert streamed(['{"x": "A']) == ['{"x": "', Piece(1, "A")]

    @pytest.mark.parametrize(
        "text",
        [
            '{"a\\\\": "A"}', '{"\\\\": "AB"}', '["\\\\\\"A"]', '["\\ud83d\\ude00A"]', '["\\u0041\\\\u0041"]',
            '"\\uD83D\\\\A"', '"\\uD83D\\nA"', '"\\uD83D\\u0041"', '"\\\\\\\\"A"', '"\\u00', '"\\', '"\\\\',
        ],
    )  # fmt: skip
    def test_reads_an_escape_cut_anywhere(self, text: str) -> None:
        whole = streamed([text])
        assert raw(whole) == text
        for cut in range(len(text) + 1):
            assert streamed([text[:cut], text[cut:]]) == whole
        assert streamed(list(text)) == whole

    @settings(deadline=None, max_examples=300)
    @given(broken)
    def test_gives_the_whole_text_cut_anywhere(self, text: str) -> None:
        whole = streamed([text])
        assert raw(whole) == text
        assert streamed(list(text)) == whole
        for cut in range(len(text) + 1):
            assert streamed([text[:cut], text[cut:]]) == whole

    @settings(deadline=None, max_examples=200)
    @given(values, st.booleans())
    def test_finds_in_json_what_its_texts_hold(self, value: Any, ascii_: bool) -> None:
        text = json.dumps(value, ensure_ascii=ascii_)
        found = sum(part.found for part in streamed(list(text)) if isinstance(part, Piece))
        counted: list[int] = []

        def count(leaf: str) -> str:
            counted.append(leaf.count("A") + leaf.count("AB"))
            return leaf

        leaves(value, count)
        assert found == sum(counted)

    def test_holds_back_only_a_cut_escape(self) -> None:
        stream: JsonStream[int] = JsonStream(Letters)
        assert raw(stream.feed('{"x\\')) == '{"x'
        assert raw(stream.feed("\\")) == "\\\\"
        assert raw(stream.feed("\\ud83d")) == ""
        assert raw(stream.feed("y")) == "\\ud83dy"
        assert raw(stream.feed('"}')) == '"}'
        assert stream.flush() == []
