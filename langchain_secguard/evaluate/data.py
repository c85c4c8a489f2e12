"""Annotated texts: what a detector or a scanner is measured on, read from JSON Lines.

One JSON object a line: ``{"id": ..., "text": ..., "spans": [[start, end, label, ...], ...]}`` with offsets in
characters, end exclusive, for detectors; ``{"id": ..., "text": ..., "expected_output": true}`` for scanners,
true where the text should be refused. ``input`` may be written for ``text``. Further keys are not read.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from langchain_secguard.detect.base import Span
from langchain_secguard.find import STANDARD_TYPES
from langchain_secguard.placeholders import entity_type_name

LABELS: Mapping[str, str] = {
    "PER": "PERSON",
    "PERS": "PERSON",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "FAC": "LOCATION",
    "ADDRESS": "LOCATION",
    "ORG": "ORGANIZATION",
    "NORP": "NRP",
    "DEM": "NRP",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "DATETIME": "DATE_TIME",
    "CODE": "ID_NUMBER",
    "CASE_NUMBER": "ID_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "SSN": "US_SSN",
    "IBAN": "IBAN_CODE",
}
"""Labels of well-known corpora (CoNLL, OntoNotes, the Text Anonymization Benchmark), as entity types."""

StrPath: TypeAlias = str | PathLike[str]


class DatasetError(ValueError):
    """A data set cannot be read. The message has a file and a line number, and nothing of the text."""


@dataclass(frozen=True, slots=True)
class ItemRef:
    """Name the item of a Langfuse dataset that an example came from."""

    dataset_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Example:
    """Hold a text and the entities that a detector should find in it.

    ``ignored`` are stretches, (start, end) in characters, that count neither for nor against a detector.
    ``where`` says where the text came from: a file and a line.
    """

    id: str
    text: str = field(repr=False)
    spans: tuple[Span, ...] = ()
    ignored: tuple[tuple[int, int], ...] = ()
    where: str = ""
    item: ItemRef | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Hold a text and whether a scanner should refuse it."""

    id: str
    text: str = field(repr=False)
    expected: bool
    where: str = ""
    item: ItemRef | None = None


class Labels:
    """Read a data set's labels as entity types.

    Args:
        mapping: Labels and their entity types, beside and before ``LABELS``.
        ignored: Labels whose spans count neither for nor against a detector.
        known: Entity types, beside the standard ones, that are labels themselves.

    Raises:
        ValueError: An entity type is not one to five words of letters and digits.
    """

    def __init__(
        self,
        mapping: Mapping[str, str] | None = None,
        *,
        ignored: Collection[str] = (),
        known: Collection[str] = (),
    ) -> None:
        own = {label: entity_type_name(entity_type) for label, entity_type in (mapping or {}).items()}
        self._types = {**LABELS, **own}
        self._ignored = frozenset(ignored)
        self._known = STANDARD_TYPES | frozenset(known) | frozenset(self._types.values())

    def entity_type(self, label: str) -> str | None:
        """Return the entity type of ``label``, or ``None`` if it is ignored.

        Raises:
            KeyError: The label is not known.
        """
        if label in self._ignored:
            return None
        return self._types[label] if label in self._types else self._itself(label)

    def rename(self, label: str) -> str:
        """Return the entity type of a detector's label; a label that is not known is one itself."""
        return self._types.get(label, label)

    def _itself(self, label: str) -> str:
        if label not in self._known:
            raise KeyError(label)
        return label


def read_examples(*paths: StrPath, labels: Labels | None = None) -> list[Example]:
    """Read texts with annotated spans.

    Raises:
        DatasetError: A file cannot be read or holds no text, a line is not what it should be, a span lies
            outside its text, or a label is not known.
    """
    labels = labels or Labels()
    return [
        _example(row, where, number, labels) for path in paths for number, where, row in _rows(Path(path))
    ]


def read_cases(*paths: StrPath) -> list[Case]:
    """Read texts of which ``expected_output`` says whether they should be refused.

    Raises:
        DatasetError: A file cannot be read or holds no text, or a line is not what it should be.
    """
    return [_case(row, where, number) for path in paths for number, where, row in _rows(Path(path))]


def spans_of(rows: object, text: str, labels: Labels, where: str) -> tuple[list[Span], list[Span]]:
    """Read ``[[start, end, label, ...], ...]``; return the spans, and those that are ignored.

    Raises:
        DatasetError: They are something else, lie outside ``text``, or have an unknown label.
    """
    if not isinstance(rows, list):
        raise DatasetError(f"{where}: the spans are not a list of [start, end, label]")
    spans: list[Span] = []
    ignored: list[Span] = []
    for number, row in enumerate(rows, 1):
        start, end, label = _span(row, len(text), where)
        try:
            entity_type = labels.entity_type(label)
        except KeyError:
            entity_type = ""
        if entity_type == "":
            raise DatasetError(
                f"{where}: {_shown(label, text)} of span {number} is not known. Map it to an entity type "
                "(--label LABEL=PERSON), or leave its spans out of the count (--ignore LABEL)."
            )
        if entity_type is None:
            ignored.append(Span(start, end, label))
        else:
            spans.append(Span(start, end, entity_type))
    return sorted(spans), ignored


def _shown(label: str, text: str) -> str:
    """Show a label, unless it may be a stretch of the text that stands in the wrong place."""
    known = text.casefold()
    is_of_text = any(word in known for word in re.findall(r"\w+", label.casefold()))
    return "the label" if is_of_text else f"the label {label[:40]!r}"


def _span(row: object, length: int, where: str) -> tuple[int, int, str]:
    if not isinstance(row, list) or len(row) < 3:
        raise DatasetError(f"{where}: a span is not [start, end, label]")
    start, end, label = row[:3]
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        raise DatasetError(f"{where}: a span is not two whole numbers and a label")
    if not 0 <= start < end <= length:
        raise DatasetError(f"{where}: a span from {start} to {end} is not within a text of {length}")
    return start, end, label


def _rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield each line that is not blank: its number, where it stands, and its object."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        failure = ""
    except OSError as error:
        failure = f"{path}: cannot be read ({error.strerror or type(error).__name__})"
    if failure:
        raise DatasetError(failure)
    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield number, f"{path}:{number}", _row(line, f"{path}:{number}")
    if empty:
        raise DatasetError(f"{path}: the file holds no text; it should have one JSON object a line")


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):  # both decoders' errors hold the line
        row = None
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: not a JSON object in UTF-8")
    return row


def _text(row: Mapping[str, Any], where: str) -> str:
    text = row.get("text", row.get("input"))
    if not isinstance(text, str):
        raise DatasetError(f'{where}: "text" is missing, or is not a string')
    return text


def _example(row: Mapping[str, Any], where: str, number: int, labels: Labels) -> Example:
    text = _text(row, where)
    if "spans" not in row:
        raise DatasetError(f'{where}: "spans" is missing; write [] if nothing is personal in the text')
    spans, ignored = spans_of(row["spans"], text, labels, where)
    return Example(_id(row, number), text, tuple(spans), stretches(ignored), where)


def _case(row: Mapping[str, Any], where: str, number: int) -> Case:
    expected = row.get("expected_output")
    if not isinstance(expected, bool):
        raise DatasetError(f'{where}: "expected_output" is missing, or is neither true nor false')
    return Case(_id(row, number), _text(row, where), expected, where)


def _id(row: Mapping[str, Any], number: int) -> str:
    return str(row.get("id", number))


def stretches(spans: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """Return where spans begin and end."""
    return tuple((span.start, span.end) for span in spans)
