"""Attacks on the mask: known values in every spelling, in every structure; none may come through."""

import ast
import base64
import dataclasses
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage

from langchain_secguard import Anonymizer, Vault
from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight, sight_of
from langchain_secguard.tracing import WITHHELD, Mask
from langchain_secguard.vault import Entity
from tests.support import LexiconDetector, config, holds
from tests.unit.nasty import VALUES as NASTY
from tests.unit.nasty import NastyDetector
from tests.unit.nasty import texts as nasty_texts

VALUES = {
    value: entity_type
    for value, entity_type in NASTY.items()
    if len(value) > 2 and "PERSON_" not in value and "EMAIL_ADDRESS_" not in value
} | {
    "王伟": "PERSON",
    "Łukasz Żółć": "PERSON",
    "Müller-Straße": "PERSON",
    "a%20b c": "SECRET",
    "x &amp; y": "ORGANIZATION",
    "C:\\new\\table": "SECRET",
    "+1 (555) 010-0142": "PHONE_NUMBER",
    "pass\tword": "SECRET",
    "{'code': \"blue\"}": "SECRET",
}


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def in_code_points(text: str) -> str:
    encoded = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{encoded[i : i + 2].hex()}" for i in range(0, len(encoded), 2))


ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "wrapped": lambda text: text.replace(" ", "\n  "),
    "JSON": in_json,
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON twice": lambda text: in_json(in_json(text)),
    "code points": in_code_points,
    "URL": lambda text: quote(text.encode("utf-8", "surrogatepass"), safe=""),
    "form": lambda text: quote_plus(text.encode("utf-8", "surrogatepass")),
    "URL twice": lambda text: quote(quote(text.encode("utf-8", "surrogatepass"), safe=""), safe=""),
    "URL in JSON": lambda text: in_json(quote(text.encode("utf-8", "surrogatepass"))),
    "JSON in a URL": lambda text: quote_plus(in_json(text)),
    "HTML": html.escape,
    "JSON in capitals": lambda text: in_json(text).upper(),
    "HTML in JSON": lambda text: in_json(html.escape(text)),
    "repr": lambda text: repr(text)[1:-1],
    "ascii": lambda text: ascii(text)[1:-1],
    "repr twice": lambda text: repr(repr(text))[2:-2],
}


@dataclasses.dataclass
class Box:
    content: Any


class CarelessError(Exception):
    """An error that holds what it must not, in all its parts."""


def raised(text: str) -> BaseException:
    error = CarelessError(f"cannot read {text!r}")
    error.add_note(text)
    error.__cause__ = KeyError(text)
    error.__cause__.__context__ = ExceptionGroup(text, [ValueError(text)])
    return error


NESTINGS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "list": lambda text: ["x", [text]],
    "tuple": lambda text: (text, 1),
    "set": lambda text: {text},
    "dict": lambda text: {"a": {"b": text}},
    "key": lambda text: {text: 1, "b": 2},
    "dataclass": Box,
    "message": HumanMessage,
    "document": lambda text: Document(text, metadata={"source": text}),
    "tool call": lambda text: AIMessage("", tool_calls=[{"name": "f", "args": {"q": text}, "id": text}]),
    "blocks": lambda text: AIMessage([{"type": "text", "text": text}]),
    "JSON": lambda text: json.dumps({"q": text, text: [1, text]}),
    "JSON in JSON": lambda text: json.dumps({"arguments": json.dumps({"q": text}, ensure_ascii=False)}),
    "JSON in prose": lambda text: f"The tool was given {json.dumps({'q': text})} and failed.",
    "error": raised,
    "repr": lambda text: repr({"q": [text]}),
}


def sight(values: dict[str, str]) -> Sight:
    vault = Vault("v")
    entries = vault.assign([Entity(entity_type, value) for value, entity_type in values.items()]).entries
    shown = {entry.value: Form().mint(entry.ref, "v") for entry in entries}
    return Sight(vault, Form(), lambda: shown)


SIGHT = sight(VALUES)
MASK = Mask(detector=LexiconDetector({}))


def strings(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [text for key, item in tree.items() for text in (key, *strings(item))]
    if isinstance(tree, list):
        return [text for item in tree for text in strings(item)]
    return [tree] if isinstance(tree, str) else []


def assert_masked(masked: Any, value: str) -> None:
    dumped = json.dumps(masked)
    assert not holds(dumped, value), dumped
    for text in strings(masked):
        assert not holds(text, value), text
        assert text != WITHHELD


class TestKnownValues:
    @pytest.mark.parametrize("nesting", NESTINGS)
    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_are_in_no_output(self, encoder: str, nesting: str) -> None:
        for value in VALUES:
            spelled = ENCODERS[encoder](value)
            masked = MASK.apply([NESTINGS[nesting](f"a ({spelled}) b")], [SIGHT])[0]
            for form in {value, spelled}:
                assert_masked(masked, form)

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(st.sampled_from([*VALUES, " and ", ", ", "é", "x ", '"', "\\", "%", "&", "[PERSON_9]"])),
        st.lists(st.sampled_from(sorted(ENCODERS)), max_size=2),
        st.lists(st.sampled_from(sorted(NESTINGS)), min_size=1, max_size=2),
    )
    def test_are_in_no_output_in_random_nestings(
        self, pieces: list[str], encoders: list[str], nestings: list[str]
    ) -> None:
        text = " ".join(pieces)
        for encoder in encoders:
            text = ENCODERS[encoder](text)
        thing: Any = text
        for nesting in nestings:
            thing = NESTINGS[nesting](str(thing) if not isinstance(thing, str) else thing)
        masked = MASK.apply([thing], [SIGHT])[0]
        dumped = json.dumps(masked)
        for value in set(pieces) & VALUES.keys():
            assert not holds(dumped, value), (value, dumped)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.sampled_from([*VALUES, " and ", '"', "\\", "\n", "{", "[PERSON_1]", "é"])))
    def test_leave_json_json(self, pieces: list[str]) -> None:
        data = {"a": [" ".join(pieces), {"b": json.dumps({"c": pieces})}], "n": 15550100142, "f": 1.50}
        for ascii_only in (True, False):
            text = json.dumps(data, ensure_ascii=ascii_only)
            masked = json.loads(MASK.text(text, [SIGHT]))
            assert masked["n"] == "[PHONE_NUMBER_2]"
            assert masked["f"] == 1.5
            json.loads(masked["a"][1]["b"])

    def test_leave_python_python(self) -> None:
        masked = MASK.text(repr({"a": "Jane Doe", "b": ["Doe", 'O"Brien \\ Sons']}), [SIGHT])
        assert ast.literal_eval(masked) == {"a": "[PERSON_1]", "b": ["[PERSON_3]", "[ORGANIZATION_1]"]}


class TestWhatADetectorFinds:
    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.sampled_from([*NASTY, " and ", "é", '"', "\\", "x"])),
        st.sampled_from(["as it is", "JSON", "URL", "HTML", "form", "repr", "code points"]),
        st.sampled_from(sorted(NESTINGS)),
    )
    def test_is_in_no_output(self, pieces: list[str], encoder: str, nesting: str) -> None:
        masked = Mask(detector=NastyDetector()).apply(
            [NESTINGS[nesting](ENCODERS[encoder](" ".join(pieces)))]
        )[0]
        dumped = json.dumps(masked)
        for value in set(pieces) & VALUES.keys():
            assert not holds(dumped, value), (value, dumped)


class TestWhatAnAnonymizerHid:
    @settings(max_examples=150, deadline=None)
    @given(nasty_texts(), st.sampled_from(["str", "message", "JSON", "JSON in JSON", "repr", "error"]))
    def test_is_in_no_output_though_it_stands_within_words(self, text: str, nesting: str) -> None:
        sights: list[Sight] = []

        class Keeper(BaseCallbackHandler):
            run_inline = True

            def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
                sight = sight_of(run_id)
                assert sight is not None
                sights.append(sight)

        Anonymizer(detector=NastyDetector(), vault=Vault("v")).invoke(text, config("v", Keeper()))
        masked = json.dumps(MASK.apply([NESTINGS[nesting](text)], sights)[0], ensure_ascii=False)
        left = [value for value in VALUES if len(value) > 3 and value in text and value in masked]
        assert left == []


class TestTextWithoutValues:
    @settings(max_examples=200, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=20),
            lambda children: (
                st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=9), children, max_size=4)
            ),
        )
    )
    def test_is_unchanged(self, tree: Any) -> None:
        assert MASK.apply([tree]) == [tree]
        text = json.dumps(tree)
        assert MASK.text(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "[PERSON_1] met [PERSON_12b] at [ORGANIZATION_1_QKXMZ].",
            "[REDACTED_PERSON_1] and [PERSON] and [US_SSN#0123456789abcdef]",
            '{"a": "[PERSON_1]", "b": 1.50, "c":   true}',
            "a+b 100% &c; \\d+ C:\\temp",
        ],
    )
    def test_keeps_placeholders_and_its_bytes(self, text: str) -> None:
        assert MASK.text(text, [SIGHT]) == text
        assert MASK.text(MASK.text(text, [SIGHT]), [SIGHT]) == text

    def test_is_masked_once(self) -> None:
        once = MASK.text("Jane Doe, jane@x.com", [SIGHT])
        assert once == MASK.text(once, [SIGHT])


def test_base64() -> None:
    for value in VALUES:
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            word = encode(f"I am {value}, you know".encode()).decode()
            assert word.rstrip("=") not in MASK.text(f"seen {word} today", [SIGHT])
