import base64
import re

import pytest

from langchain_secguard import DetectorError
from langchain_secguard.json_text import apply
from langchain_secguard.spellings import spellings
from langchain_secguard.tracing.masking.known import Known
from langchain_secguard.tracing.masking.marks import Mark, settle_marks
from langchain_secguard.tracing.masking.reading import (
    Readers,
    encoded,
    mark_encoded,
    mark_known,
    named,
    shaped,
)
from tests.support import FailingDetector, LexiconDetector

VALUES = {"Jane Doe": "PERSON", "Springfield": "LOCATION"}


def readers(detector: object = None, **options: object) -> Readers:
    given = {"threshold": 0.5, "entity_types": None, "allowed_names": (), "cache_size": 8, **options}
    return Readers(detector or LexiconDetector(VALUES), **given)  # type: ignore[arg-type]


def written(text: str, marks: list[Mark]) -> str:
    return apply(text, settle_marks(text, marks, ()))


class TestReaders:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Jane Doe of Springfield", "[PERSON] of [LOCATION]"),
            ("Jane%20Doe", "[PERSON]"),
            (r"x\nJane Doe\n", r"x\n[PERSON]\n"),
            ("nobody", "nobody"),
            ("", ""),
        ],
    )
    def test_read_with_escapes_undone(self, text: str, expected: str) -> None:
        assert written(text, readers().read([text])[text]) == expected

    def test_read_all_texts_in_one_call_and_each_once(self) -> None:
        detector = LexiconDetector(VALUES)
        reader = readers(detector)
        reader.read(["Jane Doe", "Springfield", r"x\ny"])
        assert detector.calls == 1
        assert reader.read(["Jane Doe"])["Jane Doe"] == [Mark(0, 8, "[PERSON]", sure=False)]
        assert detector.calls == 1

    def test_leave_out_what_is_not_wanted(self) -> None:
        text = "Jane Doe of Springfield"
        assert written(text, readers(entity_types={"PERSON"}).read([text])[text]) == "[PERSON] of Springfield"
        assert (
            written(text, readers(allowed_names=["JANE DOE"]).read([text])[text]) == "Jane Doe of [LOCATION]"
        )

    def test_let_a_detector_s_failure_through_without_its_text(self) -> None:
        with pytest.raises(DetectorError) as caught:
            readers(FailingDetector()).read(["Jane Doe"])
        assert "Jane" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_names_and_known_values_in_all_spellings() -> None:
    text = r"Jane\u0020Doe and Test%20LLC"
    known = mark_known(spellings(text), Known({"Jane Doe": "[PERSON_1]"}))
    names = named(spellings(text), [re.compile("test llc", re.IGNORECASE)])
    assert written(text, [*known, *names]) == "[PERSON_1] and [CUSTOM]"


def test_files() -> None:
    data = base64.b64encode(bytes(range(256))).decode()
    assert written(f"a {data} b", shaped(f"a {data} b")) == f"a <{len(data)} characters> b"
    assert shaped("a" * 300) == []
    assert shaped("short") == []


class TestEncoded:
    def test_words_are_those_of_a_text(self) -> None:
        word = base64.b64encode(b"I am Jane Doe").decode()
        text = f"an ordinary sentence, {word}, 0123456789abcdef, \\x00AAAAAAAA"
        start = text.index(word)
        assert encoded(text) == [(start, start + len(word), "I am Jane Doe")]

    def test_words_that_hold_a_value_are_marked(self) -> None:
        words = [(0, 8, "I am Jane Doe"), (9, 20, "nobody"), (21, 30, "at test llc")]
        marks = mark_encoded(words, Known({"Jane Doe": "[PERSON_1]"}), [re.compile("test llc")])
        assert [(mark.start, mark.stand_in) for mark in marks] == [(0, "[PERSON_1]"), (21, "[CUSTOM]")]
