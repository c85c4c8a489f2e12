"""The command ``python -m langchain_secguard.evaluate``: how good an engine is on your own texts."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from langchain_secguard.errors import SecGuardError
from langchain_secguard.evaluate.data import DatasetError, Example, Labels, read_cases, read_examples
from langchain_secguard.evaluate.engines import EngineError, detector_named, scanner_named
from langchain_secguard.evaluate.measure import (
    Detection,
    above,
    compare_scanners,
    detect,
    report,
)
from langchain_secguard.evaluate.misses import line, worst_misses
from langchain_secguard.evaluate.table import detector_data, detector_table, scanner_data, scanner_table
from langchain_secguard.placeholders import entity_type_name

_EPILOG = """\
data: one JSON object a line. For detectors {"id", "text", "spans": [[start, end, label], ...]}, offsets in
characters, end exclusive; for scanners {"id", "text", "expected_output": true}, true where the text should
be refused.

precision, recall, F1: spans with the same start, end and type. words hidden, whole mentions: the share of
annotated words, and of annotated mentions to their last word, that some span covers, of whatever type.
word precision: the share of words in found spans that are annotated as anything. p50, p95: one text a call.

The only output that holds text of the data is that of --misses, and it is shown on a terminal alone.
"""


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """Arguments do not go together."""


def main(arguments: Sequence[str] | None = None, *, out: TextIO | None = None) -> int:
    """Run the command; return its exit status: 0, 1 if an engine failed, 2 for wrong arguments or data."""
    out = out or sys.stdout
    options = _parser().parse_args(arguments)
    try:
        for text in _run(options, out.isatty()):
            out.write(text + "\n")
    except (DatasetError, EngineError, _Wrong) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except SecGuardError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langchain_secguard.evaluate",
        description="Measure detectors, or scanners, on annotated texts of yours.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("data", nargs="+", help="JSON Lines files")
    add(
        "--detector",
        action="append",
        default=[],
        metavar="NAME",
        help="embedded (the default), patterns, or module:factory; again for another beside it",
    )
    add(
        "--scanner",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a scanner, a chain, or a function from a text to its risk; again for another beside it",
    )
    add(
        "--threshold",
        action="append",
        default=[],
        type=_share,
        metavar="T",
        help="count spans, or flag texts, from this score on (0.5); again for another beside it",
    )
    add("--types", type=_types, metavar="A,B", help="entity types to judge; by default those annotated")
    add(
        "--label",
        action="append",
        default=[],
        type=_pair,
        metavar="LABEL=TYPE",
        help="read LABEL as an entity type, beside the usual ones (PER, LOC, ORG, ...)",
    )
    add(
        "--ignore",
        action="append",
        default=[],
        metavar="LABEL",
        help="let the spans of LABEL count neither for nor against a detector",
    )
    add(
        "--recall",
        type=_share,
        default=0.95,
        metavar="R",
        help="for scanners: advise the highest threshold with this recall (0.95)",
    )
    add("--each", action="store_true", help="report on each file by itself")
    add(
        "--misses",
        type=_count,
        default=0,
        metavar="N",
        help="show the N worst misses of each detector, with the text around them, on this terminal alone",
    )
    add(
        "--misses-off-terminal",
        action="store_true",
        help="DANGEROUS: write the texts of --misses into a pipe or a file, too",
    )
    add("--json", action="store_true", help="write JSON, which holds no text, one report a line")
    return parser  # fmt: skip


def _run(options: argparse.Namespace, is_terminal: bool) -> Iterator[str]:
    if options.scanner and options.detector:
        raise _Wrong("--detector and --scanner need different data; run the command once for each")
    if options.scanner and options.misses:
        raise _Wrong("--misses are those of a detector")
    if options.misses and options.json:
        raise _Wrong("--json holds no text, and --misses is nothing but text")
    if options.misses and not (is_terminal or options.misses_off_terminal):
        raise _Wrong(
            "--misses shows texts of the data, and this output is no terminal. "
            "Add --misses-off-terminal if they may be written to a pipe or a file."
        )
    options.threshold = options.threshold or [0.5]
    groups = [[path] for path in options.data] if options.each else [options.data]
    run = _scanners if options.scanner else _detectors
    for group in groups:
        if options.each and not options.json:
            yield f"\n{group[0]}"
        yield from run(options, group)


def _detectors(options: argparse.Namespace, paths: Sequence[str]) -> Iterator[str]:
    detectors = {name: detector_named(name) for name in options.detector or ["embedded"]}
    labels = Labels(dict(options.label), ignored=options.ignore, known=options.types or ())
    examples = read_examples(*paths, labels=labels)
    detections = [detect(name, detector, examples, labels=labels) for name, detector in detectors.items()]
    reports = [
        report(detection, examples, threshold, entity_types=options.types)
        for detection in detections
        for threshold in options.threshold
    ]
    if options.json:
        yield from _lines(paths, map(detector_data, reports))
        return
    yield _about(examples)
    yield detector_table(reports)
    for detection in detections if options.misses else ():
        yield from _shown(detection, examples, options)


def _scanners(options: argparse.Namespace, paths: Sequence[str]) -> Iterator[str]:
    scanners: dict[str, Any] = {name: scanner_named(name) for name in options.scanner}
    cases = read_cases(*paths)
    reports = compare_scanners(scanners, cases, thresholds=options.threshold, recall=options.recall)
    if options.json:
        yield from _lines(paths, map(scanner_data, reports))
        return
    harmful = sum(case.expected for case in cases)
    yield f"{len(cases)} texts, {harmful} of them to be refused\n"
    yield scanner_table(reports)
    if any(one.recommended for one in reports):
        yield f"\nadvised: the highest threshold that catches {options.recall:g} of what is to be refused"


def _lines(paths: Sequence[str], reports: Iterable[dict[str, Any]]) -> Iterator[str]:
    for one in reports:
        yield json.dumps({"data": list(paths), **one})


def _about(examples: Sequence[Example]) -> str:
    words = sum(len(example.text.split()) for example in examples)
    spans = sum(len(example.spans) for example in examples)
    return f"{len(examples)} texts, {words:,} words, {spans:,} annotated spans\n"


def _shown(detection: Detection, examples: Sequence[Example], options: argparse.Namespace) -> Iterator[str]:
    threshold = min(options.threshold)
    yield f"\nWorst misses of {detection.name} at {threshold:g}; this is text of your data, kept nowhere:"
    found = [above(spans, threshold) for spans in detection.found]
    wanted = [_judged(example, options.types) for example in examples]
    yield from (line(miss) for miss in worst_misses(wanted, found, options.misses))


def _judged(example: Example, entity_types: Sequence[str] | None) -> Example:
    if entity_types is None:
        return example
    spans = tuple(span for span in example.spans if span.entity_type in entity_types)
    return Example(example.id, example.text, spans, example.ignored, example.where)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("not between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("not a number from 0 on")
    return value


def _types(text: str) -> list[str]:
    try:
        return [entity_type_name(name) for name in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _pair(text: str) -> tuple[str, str]:
    label, _, entity_type = text.partition("=")
    if not label or not entity_type:
        raise argparse.ArgumentTypeError("not LABEL=TYPE")
    return label, *_types(entity_type)  # type: ignore[return-value]
