"""Reports as plain text for people, and as plain data for machines; neither holds a text of the data."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_secguard.evaluate.binary import Confusion, Point
from langchain_secguard.evaluate.measure import DetectorReport, ScannerReport
from langchain_secguard.evaluate.metrics import Counts, Masked, Score
from langchain_secguard.evaluate.speed import Speed

_ALL = "all types"
_DETECTOR_HEADS = (
    "", "threshold", "type", "precision", "recall", "F1", "words hidden", "whole mentions", "mentions",
    "word precision",
)  # fmt: skip
_SCANNER_HEADS = (
    "", "threshold", "precision", "recall", "F1", "caught", "missed", "false alarms", "false alarm rate",
)  # fmt: skip
_SPEED_HEADS = ("", "first call", "p50", "p95", "words a second")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in lines
    )


def detector_table(reports: Sequence[DetectorReport]) -> str:
    """Write reports of detectors, grouped by entity type so that engines stand side by side."""
    types = sorted({entity_type for report in reports for entity_type in report.score.strict})
    rows = [_detector_row(report, entity_type) for entity_type in types for report in reports]
    rows += [_detector_row(report, None) for report in reports]
    return table(_DETECTOR_HEADS, rows) + "\n\n" + _speed_table({r.detector: r.speed for r in reports})


def scanner_table(reports: Sequence[ScannerReport]) -> str:
    """Write reports of scanners."""
    rows = []
    for report in reports:
        rows += [
            _scanner_row(report.scanner, f"{point.threshold:g}", point.confusion) for point in report.points
        ]
        if report.own is not None:
            rows.append(_scanner_row(report.scanner, "its own", report.own))
        if report.recommended is not None:
            advised = f"{rounded_down(report.recommended.threshold)} (advised)"
            rows.append(_scanner_row(report.scanner, advised, report.recommended.confusion))
    return table(_SCANNER_HEADS, rows) + "\n\n" + _speed_table({r.scanner: r.speed for r in reports})


def detector_data(report: DetectorReport) -> dict[str, Any]:
    """Write a report as JSON-like data: counts and measures, ``null`` for a measure of nothing."""
    return {
        "detector": report.detector,
        "threshold": report.threshold,
        "types": {
            entity_type: {**_counts(counts), **_masked(report.score.masked[entity_type])}
            for entity_type, counts in report.score.strict.items()
        },
        "all": {**_counts(report.score.micro), **_masked(report.score.all_masked)},
        "word_precision": report.score.word_precision,
        "speed": _speed(report.speed),
    }


def scanner_data(report: ScannerReport) -> dict[str, Any]:
    """Write a report as JSON-like data."""
    return {
        "scanner": report.scanner,
        "thresholds": [_point(point) for point in report.points],
        "own": _confusion(report.own) if report.own else None,
        "recommended": _point(report.recommended) if report.recommended else None,
        "speed": _speed(report.speed),
    }


def rounded_down(threshold: float) -> float:
    """Shorten a threshold to four places, downwards, so that it still catches what it caught."""
    return math.floor(threshold * 10_000) / 10_000


def _detector_row(report: DetectorReport, entity_type: str | None) -> tuple[str, ...]:
    result: Score = report.score
    counts = result.micro if entity_type is None else result.strict.get(entity_type, Counts())
    masked = result.all_masked if entity_type is None else result.masked.get(entity_type, Masked())
    return (
        report.detector,
        f"{report.threshold:g}",
        entity_type or _ALL,
        *map(share, (counts.precision, counts.recall, counts.f1, masked.word_recall, masked.mention_recall)),
        str(masked.mentions),
        share(result.word_precision) if entity_type is None else "",
    )


def _scanner_row(name: str, threshold: str, counts: Confusion) -> tuple[str, ...]:
    return (
        name,
        threshold,
        *map(share, (counts.precision, counts.recall, counts.f1)),
        *map(str, (counts.caught, counts.missed, counts.false_alarms)),
        share(counts.false_alarm_rate),
    )


def share(value: float | None) -> str:
    """Write a share with three places, and a dash for a share of nothing."""
    return "-" if value is None else f"{value:.3f}"


def _speed_table(speeds: dict[str, Speed]) -> str:
    return table(
        _SPEED_HEADS,
        (
            (name, *map(_milliseconds, (speed.first, speed.p50, speed.p95)), f"{speed.words_per_second:,.0f}")
            for name, speed in speeds.items()
        ),
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms"


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "expected": counts.expected,
        "found": counts.found,
        "right": counts.right,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }


def _masked(masked: Masked) -> dict[str, Any]:
    return {
        "mentions": masked.mentions,
        "words": masked.words,
        "word_recall": masked.word_recall,
        "mention_recall": masked.mention_recall,
    }


def _confusion(counts: Confusion) -> dict[str, Any]:
    return {
        "caught": counts.caught,
        "missed": counts.missed,
        "false_alarms": counts.false_alarms,
        "passed": counts.passed,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "false_alarm_rate": counts.false_alarm_rate,
    }


def _point(point: Point) -> dict[str, Any]:
    return {"threshold": point.threshold, **_confusion(point.confusion)}


def _speed(speed: Speed) -> dict[str, Any]:
    return {
        "first_seconds": speed.first,
        "p50_seconds": speed.p50,
        "p95_seconds": speed.p95,
        "calls": speed.calls,
        "words_per_second": speed.words_per_second,
    }
