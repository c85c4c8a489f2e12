import json
from pathlib import Path
from typing import Any

import pytest

from langchain_secguard.detect import Span
from langchain_secguard.evaluate import Case, DatasetError, Example, Labels, read_cases, read_examples

SECRET = "Jane Doe"


def write(folder: Path, *rows: Any) -> Path:
    path = folder / "data.jsonl"
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    path.write_bytes(b"\n".join(lines))
    return path


class TestExamples:
    def test_are_read_with_their_labels_as_entity_types(self, tmp_path: Path) -> None:
        row = {
            "id": "a",
            "src": "s",
            "text": "Jane Doe, Acme",
            "spans": [[10, 14, "ORG"], [0, 8, "PER", "DIRECT"]],
        }
        path = write(tmp_path, row)
        assert read_examples(path) == [
            Example(
                "a", "Jane Doe, Acme", (Span(0, 8, "PERSON"), Span(10, 14, "ORGANIZATION")), (), f"{path}:1"
            )
        ]

    def test_of_several_files_follow_each_other(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"text": "a", "spans": []}, {"text": "b", "spans": []})
        assert [example.text for example in read_examples(path, str(path))] == ["a", "b", "a", "b"]

    def test_without_an_id_are_named_by_their_line(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"text": "a", "spans": []}, b"  ", {"text": "b", "spans": []})
        assert [(one.id, one.where) for one in read_examples(path)] == [
            ("1", f"{path}:1"),
            ("3", f"{path}:3"),
        ]

    def test_may_begin_with_a_byte_order_mark_and_hold_line_separators(self, tmp_path: Path) -> None:
        path = write(tmp_path, b'\xef\xbb\xbf{"text": "a\xe2\x80\xa8b", "spans": []}\r')
        assert [example.text for example in read_examples(path)] == ["a\u2028b"]

    def test_keep_text_out_of_their_repr(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"text": SECRET, "spans": [[0, 8, "PER"]]})
        assert SECRET not in repr(read_examples(path))


class TestLabels:
    def test_can_be_mapped(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"text": SECRET, "spans": [[0, 8, "witness"]]})
        labels = Labels({"witness": "PERSON"})
        assert read_examples(path, labels=labels)[0].spans == (Span(0, 8, "PERSON"),)

    def test_of_ones_own_come_before_the_usual(self) -> None:
        assert Labels({"PER": "NRP"}).entity_type("PER") == "NRP"

    def test_can_be_ignored(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"text": SECRET, "spans": [[0, 8, "MISC"]]})
        example = read_examples(path, labels=Labels(ignored=["MISC"]))[0]
        assert (example.spans, example.ignored) == ((), ((0, 8),))

    @pytest.mark.parametrize("label", ["PERSON", "US_SSN", "UUID", "DOCKET"])
    def test_may_be_entity_types(self, label: str) -> None:
        assert Labels(known=["DOCKET"]).entity_type(label) == label

    def test_of_a_detector_may_be_anything(self) -> None:
        labels = Labels(ignored=["MISC"])
        assert [labels.rename(label) for label in ("PER", "MISC", "X")] == ["PERSON", "MISC", "X"]

    def test_are_mapped_to_entity_types_alone(self) -> None:
        with pytest.raises(ValueError, match="entity type"):
            Labels({"PER": "a b c d e f"})


class TestCases:
    def test_are_read(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"id": 7, "input": "kill it", "expected_output": True})
        assert read_cases(path) == [Case("7", "kill it", True, f"{path}:1")]

    @pytest.mark.parametrize("expected", [None, 1, "true", {}])
    def test_say_yes_or_no(self, tmp_path: Path, expected: object) -> None:
        path = write(tmp_path, {"text": SECRET, "expected_output": expected})
        with pytest.raises(DatasetError, match=r"data\.jsonl:1: \"expected_output\""):
            read_cases(path)


BAD = [
    (b"{'text': 'Jane Doe'}", "not a JSON object"),
    (b'["Jane Doe"]', "not a JSON object"),
    (b'{"text": "Jane Doe \xff"}', "not a JSON object in UTF-8"),
    (b"[" * 100_000, "not a JSON object"),
    ({"spans": []}, '"text" is missing'),
    ({"text": [SECRET], "spans": []}, '"text" is missing, or is not a string'),
    ({"text": SECRET}, '"spans" is missing'),
    ({"text": SECRET, "spans": {"0": SECRET}}, "not a list"),
    ({"text": SECRET, "spans": [SECRET]}, r"not \[start, end, label\]"),
    ({"text": SECRET, "spans": [[0, 8]]}, r"not \[start, end, label\]"),
    ({"text": SECRET, "spans": [[0, "8", "PER"]]}, "two whole numbers and a label"),
    ({"text": SECRET, "spans": [[False, True, "PER"]]}, "two whole numbers and a label"),
    ({"text": SECRET, "spans": [[0.0, 8.0, "PER"]]}, "two whole numbers and a label"),
    ({"text": SECRET, "spans": [[0, 8, None]]}, "two whole numbers and a label"),
    ({"text": SECRET, "spans": [[0, 9, "PER"]]}, "from 0 to 9 is not within a text of 8"),
    ({"text": SECRET, "spans": [[-1, 3, "PER"]]}, "from -1 to 3"),
    ({"text": SECRET, "spans": [[3, 3, "PER"]]}, "from 3 to 3"),
    ({"text": SECRET, "spans": [[0, 4, "PER"], [0, 8, SECRET]]}, "the label of span 2 is not known"),
    ({"text": SECRET, "spans": [[0, 8, "doe, jane"]]}, "the label of span 1 is not known"),
    ({"text": SECRET, "spans": [[0, 8, "WITNESS"]]}, "the label 'WITNESS' of span 1 is not known. Map it"),
]


class TestErrors:
    @pytest.mark.parametrize(("row", "message"), BAD, ids=[message for _, message in BAD])
    def test_name_the_file_and_the_line_and_no_text(self, tmp_path: Path, row: Any, message: str) -> None:
        path = write(tmp_path, {"text": "fine", "spans": []}, row)
        with pytest.raises(DatasetError, match=message) as raised:
            read_examples(path)
        assert str(raised.value).startswith(f"{path}:2: ")
        assert SECRET not in str(raised.value)
        assert raised.value.__context__ is None or SECRET not in repr(raised.value.__context__)

    @pytest.mark.parametrize("rows", [(), (b"",), (b" \t", b"\r")])
    def test_say_that_a_file_is_empty(self, tmp_path: Path, rows: tuple[bytes, ...]) -> None:
        with pytest.raises(DatasetError, match=r"data\.jsonl: the file holds no text"):
            read_examples(write(tmp_path, *rows))

    def test_say_that_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"nothing\.jsonl: cannot be read \(No such file"):
            read_examples(tmp_path / "nothing.jsonl")
