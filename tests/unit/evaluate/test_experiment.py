import sys
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_secguard import BlockedError
from langchain_secguard.detect import Span
from langchain_secguard.evaluate import (
    Case,
    Example,
    Experiment,
    compare_experiments,
    experiment_table,
    run_experiment,
)
from tests.support import FailingDetector, LexiconDetector

EXAMPLES = [
    Example("1", "Jane Doe lives in Rome.", (Span(0, 8, "PERSON"), Span(18, 22, "LOCATION"))),
    Example("2", "Bob does not.", (Span(0, 3, "PERSON"),)),
]
CASES = [Case("1", "a bomb", True), Case("2", "a book", False), Case("3", "bombastic", False)]
LEXICON = LexiconDetector({"Jane Doe": "PERSON", "lives": "PERSON"})


def without_times(experiment: Experiment) -> dict[str, float]:
    return {name: value for name, value in experiment.scores.items() if not name.startswith("latency")}


def refuse(text: str) -> str:
    if "bomb" in text:
        raise BlockedError("refused", scores={"ban": 0.8})
    return text


class TestOnThisMachine:
    def test_scores_a_detector(self) -> None:
        experiment = run_experiment(EXAMPLES, LEXICON, name="lexicon")
        assert (experiment.name, experiment.run_name, experiment.url) == ("lexicon", "lexicon", None)
        assert without_times(experiment) == {
            "precision": 0.5,
            "recall": pytest.approx(1 / 3),
            "f1": 0.4,
            "false_alarms": 1.0,
            "mask_recall": 0.5,
            "mention_recall": pytest.approx(1 / 3),
            "word_precision": pytest.approx(2 / 3),
            "failed": 0.0,
        }
        assert experiment.scores["latency_p95"] >= experiment.scores["latency_p50"] >= 0

    def test_scores_a_detector_from_a_threshold_on(self) -> None:
        class Unsure(LexiconDetector):
            def _spans(self, text: str) -> list[Span]:
                return [Span(span.start, span.end, "PERSON", 0.4) for span in super()._spans(text)]

        unsure = Unsure(LEXICON.values)
        assert run_experiment(EXAMPLES, unsure, name="u").scores["recall"] == 0
        assert run_experiment(EXAMPLES, unsure, name="u", threshold=0.4).scores["recall"] > 0

    @pytest.mark.parametrize(
        ("threshold", "false_alarms"), [(None, 1), (0.95, 0)], ids=["its own verdict", "a threshold"]
    )
    def test_scores_a_scanner(self, threshold: float | None, false_alarms: int) -> None:
        def scan(text: str) -> tuple[str, bool, float]:
            return text, "bomb" not in text, 1.0 if text.endswith("bomb") else 0.9 * ("bomb" in text)

        experiment = run_experiment(CASES, scan, name="bombs", threshold=threshold)
        assert experiment.scores["recall"] == 1
        assert experiment.scores["false_alarms"] == false_alarms
        assert experiment.scores["advised_threshold"] == 1.0
        assert experiment.scores["advised_false_alarms"] == 0

    def test_scores_a_chain(self) -> None:
        experiment = run_experiment(CASES, RunnableLambda(refuse), name="chain")
        assert without_times(experiment)["precision"] == 0.5
        assert experiment.scores["false_alarm_rate"] == 0.5

    def test_counts_what_failed(self) -> None:
        assert dict(run_experiment(EXAMPLES, FailingDetector(), name="x").scores) == {
            "false_alarms": 0.0,
            "failed": 2.0,
        }

    def test_puts_engines_side_by_side(self) -> None:
        table = experiment_table(compare_experiments(CASES, {"all": lambda _: 1.0, "none": lambda _: 0.0}))
        rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
        assert rows["all"] == ["none"]
        assert rows["precision"] == ["0.333", "-"]
        assert rows["false_alarms"] == ["2", "0"]
        assert rows["latency_p95"][1::2] == ["ms", "ms"]


class TestErrors:
    @pytest.mark.parametrize("data", [[], [*EXAMPLES, *CASES]])
    def test_name_data_that_is_missing_or_mixed(self, data: Any) -> None:
        with pytest.raises(ValueError, match="all of them"):
            run_experiment(data, LEXICON, name="x")

    def test_name_an_engine_that_finds_no_spans(self) -> None:
        with pytest.raises(TypeError, match="function, no detector"):
            run_experiment(EXAMPLES, lambda _: 0.0, name="x")

    def test_name_the_extra_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "langchain_secguard.evaluate.langfuse", raising=False)
        monkeypatch.setitem(sys.modules, "langfuse", None)
        client: Any = object()
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[langfuse\]"'):
            run_experiment(CASES, lambda _: 0.0, name="x", client=client)
