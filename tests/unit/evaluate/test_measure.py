from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from langchain_secguard import DetectorError
from langchain_secguard.detect import Span
from langchain_secguard.evaluate import (
    Case,
    Confusion,
    Counts,
    Example,
    Labels,
    Masked,
    Point,
    compare,
    compare_scanners,
)
from langchain_secguard.evaluate.measure import BATCH, SAMPLE, detect
from langchain_secguard.evaluate.speed import Clock
from tests.support import FailingDetector, LexiconDetector, WrongDetector, error_texts, holds

JANE = Example("1", "Jane Doe is here.", (Span(0, 8, "PERSON"),))
ROME = Example("2", "Rome is far.", (Span(0, 4, "LOCATION"),))


def ticking(step: float = 0.5) -> Clock:
    ticks: Iterator[int] = count()
    return lambda: next(ticks) * step


class Guesser:
    """Mark the first word as a person, with a score that falls with the length of the text."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.batches.append(len(texts))
        return [[Span(0, text.index(" "), "PER", 1 - len(text) / 20)] for text in texts]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        return self.detect(texts)


class TestDetectors:
    def test_stand_side_by_side_at_each_threshold(self) -> None:
        lexicon = LexiconDetector({"Jane Doe": "PERSON", "Rome": "LOCATION"})
        reports = compare({"a": lexicon, "b": Guesser()}, [JANE, ROME], thresholds=[0.1, 0.3])
        assert [(report.detector, report.threshold) for report in reports] == [
            ("a", 0.1), ("a", 0.3), ("b", 0.1), ("b", 0.3),
        ]  # fmt: skip
        assert [report.score.micro for report in reports] == [
            Counts(2, 2, 2), Counts(2, 2, 2), Counts(2, 2, 0), Counts(2, 1, 0),
        ]  # fmt: skip
        assert [report.score.all_masked for report in reports[2:]] == [Masked(3, 2, 2, 1), Masked(3, 1, 2, 1)]

    def test_have_their_labels_read(self) -> None:
        labels = Labels({"PER": "LOCATION"})
        report = compare({"b": Guesser()}, [ROME], thresholds=[0], labels=labels)[0]
        assert report.score.strict == {"LOCATION": Counts(1, 1, 1)}

    def test_are_judged_by_the_types_that_are_annotated(self) -> None:
        lexicon = LexiconDetector({"Jane Doe": "PERSON", "here": "URL"})
        assert compare({"a": lexicon}, [JANE])[0].score.micro == Counts(1, 1, 1)
        types = ["PERSON", "URL"]
        assert compare({"a": lexicon}, [JANE], entity_types=types)[0].score.micro == Counts(1, 2, 1)

    def test_are_timed(self) -> None:
        guesser = Guesser()
        examples = [JANE] * (BATCH + 5)
        speed = detect("b", guesser, examples, clock=ticking()).speed
        assert guesser.batches == [1, BATCH, 5, *[1] * len(examples)]
        assert (speed.first, speed.p50, speed.p95, speed.calls) == (0.5, 0.5, 0.5, len(examples))
        assert speed.words_per_second == 4 * len(examples) / 0.5

    def test_are_timed_on_a_sample_of_many_texts(self) -> None:
        assert detect("b", Guesser(), [JANE] * (SAMPLE * 3)).speed.calls == SAMPLE

    def test_that_fail_say_so_without_the_text(self) -> None:
        with pytest.raises(DetectorError, match="FailingDetector failed") as raised:
            compare({"a": FailingDetector()}, [JANE])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))

    def test_that_mark_what_is_not_there_are_refused(self) -> None:
        with pytest.raises(DetectorError, match="marked characters 0 to 99"):
            compare({"a": WrongDetector(lambda texts: [[Span(0, 99, "PERSON")] for _ in texts])}, [JANE])

    def test_need_texts(self) -> None:
        with pytest.raises(ValueError, match="no texts"):
            compare({"a": Guesser()}, [])


CASES = [Case("1", "bomb", True), Case("2", "bo", True), Case("3", "book", False), Case("4", "", False)]


def length(text: str) -> float:
    return len(text) / 4


class TestScanners:
    def test_are_reported_at_each_threshold_with_advice(self) -> None:
        report = compare_scanners({"length": length}, CASES, thresholds=[0.5, 0.9], recall=0.5)[0]
        assert report.points == (Point(0.5, Confusion(2, 0, 1, 1)), Point(0.9, Confusion(1, 1, 1, 1)))
        assert report.own is None
        assert report.recommended == Point(1.0, Confusion(1, 1, 1, 1))

    def test_are_reported_by_their_own_verdict(self) -> None:
        report = compare_scanners({"own": lambda text: ("", text != "bomb", 0.0)}, CASES)[0]
        assert report.own == Confusion(caught=1, missed=1, false_alarms=0, passed=2)

    def test_are_timed(self) -> None:
        speed = compare_scanners({"length": length}, CASES, clock=ticking(2.0))[0].speed
        assert (speed.first, speed.p50, speed.p95, speed.calls) == (2.0, 2.0, 2.0, 3)
        assert speed.words_per_second == 3 / 8

    def test_get_no_advice_without_harm(self) -> None:
        assert compare_scanners({"length": length}, CASES[2:])[0].recommended is None

    def test_need_texts(self) -> None:
        with pytest.raises(ValueError, match="no texts"):
            compare_scanners({"length": length}, [])
