"""What an experiment does with one text, and how results become scores: without Langfuse, without text.

A task's output holds offsets, types, risks and seconds. It can be sent anywhere: no value is in it.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from langchain_secguard.detect.base import Detector, Span
from langchain_secguard.detect.calling import call, checked
from langchain_secguard.errors import DetectorError
from langchain_secguard.evaluate.binary import at_threshold, confusion, recommend, sweep
from langchain_secguard.evaluate.data import Case, Example, Labels
from langchain_secguard.evaluate.judges import judge_of
from langchain_secguard.evaluate.measure import above, annotated_types
from langchain_secguard.evaluate.metrics import Score, score, total
from langchain_secguard.evaluate.speed import Clock, percentile

Data: TypeAlias = Sequence[Example | Case]
Output: TypeAlias = Mapping[str, Any]
Scores: TypeAlias = dict[str, float]


class Task(Protocol):
    """Run an engine on a text, and score what it gave."""

    def run(self, example: Any) -> Output:
        """Run the engine; raise ``SecGuardError``, which names no text, if it fails."""
        ...

    def item_scores(self, example: Any, output: Output) -> Scores:
        """Score one result; measures of nothing are left out."""
        ...

    def run_scores(self, results: Sequence[tuple[Any, Output]]) -> Scores:
        """Score all results together."""
        ...


def task_for(
    data: Data,
    engine: Any,
    *,
    threshold: float | None = None,
    entity_types: Collection[str] | None = None,
    recall: float = 0.95,
    clock: Clock = time.perf_counter,
) -> Task:
    """Make the task for a data set: detection for examples with spans, judgement for cases.

    Raises:
        TypeError: The engine does not fit the data.
        ValueError: There is no data, or both kinds of it.
    """
    kinds = {type(example) for example in data}
    if kinds == {Case}:
        return Judging(engine, threshold=threshold, recall=recall, clock=clock)
    if kinds != {Example}:
        raise ValueError("an experiment needs texts, all of them examples with spans or all of them cases")
    if not isinstance(engine, Detector):
        raise TypeError(f"the data has spans, which {type(engine).__name__}, no detector, cannot find")
    judged = entity_types if entity_types is not None else annotated_types(data)  # type: ignore[arg-type]
    return Detecting(engine, judged, threshold=0.5 if threshold is None else threshold, clock=clock)


class Detecting:
    """Find spans; the output is ``{"spans": [[start, end, type, score], ...], "seconds": ...}``."""

    def __init__(
        self,
        detector: Detector,
        entity_types: Collection[str],
        *,
        threshold: float,
        clock: Clock,
    ) -> None:
        self._detector = detector
        self._types = frozenset(entity_types)
        self._threshold = threshold
        self._labels = Labels()
        with suppress(DetectorError):  # it will be counted; here the engine is loaded, apart from latencies
            call(detector, ["Warm up."])
        self._clock = clock

    def run(self, example: Example) -> Output:
        """Detect in one text."""
        begin = self._clock()
        detected = call(self._detector, [example.text])
        seconds = self._clock() - begin
        spans = above(checked(self._detector, [example.text], detected)[0], self._threshold)
        rows = [[s.start, s.end, self._labels.rename(s.entity_type), s.score] for s in spans]
        return {"spans": rows, "seconds": seconds}

    def item_scores(self, example: Example, output: Output) -> Scores:
        """Score one text."""
        return _detection_scores(self._score(example, output))

    def run_scores(self, results: Sequence[tuple[Example, Output]]) -> Scores:
        """Score all texts, micro-averaged, with latencies in seconds."""
        scores = total(self._score(example, output) for example, output in results)
        return {**_detection_scores(scores), **_latencies([output for _, output in results])}

    def _score(self, example: Example, output: Output) -> Score:
        found = [Span(*row) for row in output["spans"]]
        return score(example.text, example.spans, found, ignored=example.ignored, entity_types=self._types)


class Judging:
    """Judge texts; the output is ``{"risk": ..., "flagged": ..., "seconds": ...}``.

    A text is flagged from ``threshold`` on; without a threshold the engine's own verdict counts, or for one
    that gives none a threshold of 0.5.
    """

    def __init__(self, scanner: Any, *, threshold: float | None, recall: float, clock: Clock) -> None:
        self._judge = judge_of(scanner)
        self._threshold = threshold
        self._recall = recall
        self._clock = clock

    def run(self, example: Case) -> Output:
        """Judge one text."""
        begin = self._clock()
        judgement = self._judge(example.text)
        seconds = self._clock() - begin
        if self._threshold is None and judgement.valid is not None:
            flagged = not judgement.valid
        else:
            flagged = judgement.risk >= (0.5 if self._threshold is None else self._threshold)
        return {"risk": judgement.risk, "flagged": flagged, "seconds": seconds}

    def item_scores(self, example: Case, output: Output) -> Scores:
        """Give the risk, and 1.0 for a right verdict."""
        return {"risk": output["risk"], "correct": float(output["flagged"] == example.expected)}

    def run_scores(self, results: Sequence[tuple[Case, Output]]) -> Scores:
        """Score all verdicts, and advise a threshold."""
        expected = [case.expected for case, _ in results]
        risks = [output["risk"] for _, output in results]
        counts = confusion([output["flagged"] for _, output in results], expected)
        advised = recommend(sweep(risks, expected), recall=self._recall)
        scores = {
            **_measures(counts.precision, counts.recall, counts.f1, counts.false_alarms),
            "false_alarm_rate": counts.false_alarm_rate,
            "advised_threshold": advised.threshold if advised else None,
            "advised_false_alarms": at_threshold(risks, expected, advised.threshold).false_alarms
            if advised
            else None,
        }
        return {**_known(scores), **_latencies([output for _, output in results])}


def _detection_scores(result: Score) -> Scores:
    counts = result.micro
    return _known(
        {
            **_measures(counts.precision, counts.recall, counts.f1, counts.false_alarms),
            "mask_recall": result.all_masked.word_recall,
            "mention_recall": result.all_masked.mention_recall,
            "word_precision": result.word_precision,
        }
    )


def _measures(
    precision: float | None, recall: float | None, f1: float | None, false_alarms: int
) -> dict[str, float | None]:
    return {"precision": precision, "recall": recall, "f1": f1, "false_alarms": float(false_alarms)}


def _known(scores: Mapping[str, float | None]) -> Scores:
    return {name: value for name, value in scores.items() if value is not None}


def _latencies(outputs: Sequence[Output]) -> Scores:
    seconds = [output["seconds"] for output in outputs]
    if not seconds:
        return {}
    return {"latency_p50": percentile(seconds, 0.5), "latency_p95": percentile(seconds, 0.95)}
