"""Run detectors and scanners over annotated texts, and report how they did, side by side."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_secguard.detect.base import Detector, Span
from langchain_secguard.detect.calling import call, checked
from langchain_secguard.evaluate.binary import (
    Confusion,
    Point,
    at_threshold,
    confusion,
    recommend,
    sweep,
)
from langchain_secguard.evaluate.data import Case, Example, Labels
from langchain_secguard.evaluate.judges import Judge, Judgement, judge_of
from langchain_secguard.evaluate.metrics import Score, score, total
from langchain_secguard.evaluate.speed import Clock, Speed, percentile, spread

BATCH = 32
"""Texts in one call, as far as throughput is measured."""

SAMPLE = 100
"""Calls with one text, at most, of which the percentiles are made."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Hold what a detector found in each text, at whatever score, and how long it took."""

    name: str
    found: tuple[tuple[Span, ...], ...] = field(repr=False)
    speed: Speed


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """Say how a detector did at a threshold."""

    detector: str
    threshold: float
    score: Score
    speed: Speed


@dataclass(frozen=True, slots=True)
class ScannerReport:
    """Say how a scanner did: at each threshold asked for, by its own verdict, and where to set the threshold.

    ``own`` is ``None`` for a scanner that gives no verdict; ``recommended`` is ``None`` if no text of the
    data is harmful.
    """

    scanner: str
    points: tuple[Point, ...]
    own: Confusion | None
    recommended: Point | None
    speed: Speed


def compare(
    detectors: Mapping[str, Detector],
    examples: Sequence[Example],
    *,
    thresholds: Sequence[float] = (0.5,),
    entity_types: Collection[str] | None = None,
    labels: Labels | None = None,
    clock: Clock = time.perf_counter,
) -> list[DetectorReport]:
    """Measure detectors on the same texts: a report for each detector and threshold, in their order.

    Args:
        detectors: The detectors, by the name under which they are reported.
        examples: What they are measured on.
        thresholds: Spans with a lower score do not count.
        entity_types: Judge these alone; ``None`` for the types that are annotated in the data, since found
            spans of a type that nobody annotated cannot be called wrong.
        labels: Reads the labels of detectors that have labels of their own (``PER``).
        clock: Returns seconds.

    Raises:
        DetectorError: A detector failed, or gave spans outside a text; it names no text.
        ValueError: There are no texts.
    """
    return [
        report(detection, examples, threshold, entity_types=entity_types)
        for detection in (
            detect(name, detector, examples, labels=labels, clock=clock)
            for name, detector in detectors.items()
        )
        for threshold in thresholds
    ]


def detect(
    name: str,
    detector: Detector,
    examples: Sequence[Example],
    *,
    labels: Labels | None = None,
    clock: Clock = time.perf_counter,
) -> Detection:
    """Run a detector over texts: the first alone, all in batches, and some alone again for their latency.

    Raises:
        DetectorError: It failed, or gave spans outside a text; it names no text.
        ValueError: There are no texts.
    """
    texts = _texts(examples)
    labels = labels or Labels()
    begin = clock()
    call(detector, texts[:1])
    first = clock() - begin
    found: list[list[Span]] = []
    begin = clock()
    for place in range(0, len(texts), BATCH):
        batch = texts[place : place + BATCH]
        found += checked(detector, batch, call(detector, batch))
    seconds = clock() - begin
    alone = [_timed(detector, texts[place], clock) for place in spread(len(texts), SAMPLE)]
    return Detection(
        name,
        tuple(tuple(_relabelled(spans, labels)) for spans in found),
        _speed(first, alone, texts, seconds),
    )


def report(
    detection: Detection,
    examples: Sequence[Example],
    threshold: float,
    *,
    entity_types: Collection[str] | None = None,
) -> DetectorReport:
    """Say how a detector did at a threshold; see :func:`compare`."""
    judged = annotated_types(examples) if entity_types is None else frozenset(entity_types)
    scores = (
        score(
            example.text,
            example.spans,
            above(spans, threshold),
            ignored=example.ignored,
            entity_types=judged,
        )
        for example, spans in zip(examples, detection.found, strict=True)
    )
    return DetectorReport(detection.name, threshold, total(scores), detection.speed)


def compare_scanners(
    scanners: Mapping[str, Any],
    cases: Sequence[Case],
    *,
    thresholds: Sequence[float] = (0.5,),
    recall: float = 0.95,
    clock: Clock = time.perf_counter,
) -> list[ScannerReport]:
    """Measure scanners on the same texts.

    Args:
        scanners: What :func:`~langchain_secguard.evaluate.judges.judge_of` takes, by name.
        cases: What they are measured on.
        thresholds: A text is flagged at this risk or a higher one.
        recall: The share of harmful texts that the recommended threshold catches.
        clock: Returns seconds.

    Raises:
        ScannerError: A scanner failed, or gave no risk; it names no text.
        TypeError: It is no scanner.
        ValueError: There are no texts.
    """
    return [
        _scanner_report(name, judge_of(scanner), cases, thresholds, recall, clock)
        for name, scanner in scanners.items()
    ]


def above(spans: Iterable[Span], threshold: float) -> list[Span]:
    """Return the spans that an Anonymizer with this threshold would hide."""
    return [span for span in spans if not span.score < threshold]


def annotated_types(examples: Iterable[Example]) -> frozenset[str]:
    """Return the entity types that are annotated in some text."""
    return frozenset(span.entity_type for example in examples for span in example.spans)


def _scanner_report(
    name: str, judge: Judge, cases: Sequence[Case], thresholds: Sequence[float], recall: float, clock: Clock
) -> ScannerReport:
    judged = list(_judged(judge, _texts(cases), clock))
    risks = [judgement.risk for judgement, _ in judged]
    expected = [case.expected for case in cases]
    refused = [not judgement.valid for judgement, _ in judged if judgement.valid is not None]
    seconds = [duration for _, duration in judged]
    return ScannerReport(
        name,
        tuple(Point(threshold, at_threshold(risks, expected, threshold)) for threshold in thresholds),
        confusion(refused, expected) if len(refused) == len(expected) else None,
        recommend(sweep(risks, expected), recall=recall),
        _speed(seconds[0], seconds[1:] or seconds, _texts(cases), sum(seconds)),
    )


def _judged(judge: Judge, texts: Iterable[str], clock: Clock) -> Iterator[tuple[Judgement, float]]:
    for text in texts:
        begin = clock()
        judgement = judge(text)
        yield judgement, clock() - begin


def _texts(examples: Sequence[Example] | Sequence[Case]) -> list[str]:
    if not examples:
        raise ValueError("there are no texts to measure on")
    return [example.text for example in examples]


def _timed(detector: Detector, text: str, clock: Clock) -> float:
    begin = clock()
    call(detector, [text])
    return clock() - begin


def _speed(first: float, alone: Sequence[float], texts: Iterable[str], seconds: float) -> Speed:
    words = sum(len(text.split()) for text in texts)
    return Speed(
        first,
        percentile(alone, 0.5),
        percentile(alone, 0.95),
        len(alone),
        words / seconds if seconds > 0 else 0.0,
    )


def _relabelled(spans: Iterable[Span], labels: Labels) -> Iterator[Span]:
    for span in spans:
        yield Span(span.start, span.end, labels.rename(span.entity_type), span.score)
