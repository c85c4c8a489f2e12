import logging
from typing import Any

import pytest

from langchain_secguard.events import ANONYMIZED, BLOCKED, DEANONYMIZED, FAILED, SCANNED
from langchain_secguard.tracing.checks import (
    Check,
    Score,
    is_worse,
    read,
    score_id,
    scores,
    worst,
    worst_level,
)

FOUND = {"step": "Anonymizer", "entities": {"PERSON": 2}, "risk": 0.9, "engine": "E", "cached": 1, "read": 2}


def check(event: str, **data: Any) -> Check:
    return read(event, data, "chain")


class TestRead:
    @pytest.mark.parametrize(
        ("event", "data", "verdict", "level", "risk", "valid"),
        [
            (ANONYMIZED, FOUND, "redacted", "WARNING", 0.9, True),
            (ANONYMIZED, FOUND | {"entities": {}, "risk": 0.0}, "passed", "DEFAULT", 0.0, True),
            (BLOCKED, {"scores": {"US_SSN": 1.0, "PERSON": 0.4}}, "blocked", "WARNING", 1.0, False),
            (BLOCKED, {"scores": {}}, "blocked", "WARNING", None, False),
            (FAILED, {"error": "DetectorError"}, "failed", "ERROR", None, False),
            (DEANONYMIZED, {"entities": {"PERSON": 1}}, "passed", "DEFAULT", None, None),
            (DEANONYMIZED, {"withheld": 1, "unknown": 0}, "passed", "WARNING", None, None),
            (DEANONYMIZED, {"withheld": 0, "unknown": 2}, "passed", "WARNING", None, None),
            (SCANNED, {"risk": 0.2, "valid": True, "verdict": "passed"}, "passed", "DEFAULT", 0.2, True),
            (SCANNED, {"risk": 1, "valid": False, "verdict": "blocked"}, "blocked", "WARNING", 1.0, False),
            (SCANNED, {"verdict": "failed"}, "failed", "ERROR", None, False),
            (SCANNED, {"verdict": "redacted"}, "redacted", "WARNING", None, True),
            (SCANNED, {"verdict": "nonsense"}, "failed", "ERROR", None, False),
            (SCANNED, {"verdict": "passed", "valid": "yes"}, "passed", "DEFAULT", None, True),
        ],
    )
    def test_knows_every_event(
        self, event: str, data: Any, verdict: str, level: str, risk: float | None, valid: bool | None
    ) -> None:
        found = check(event, **data)
        assert (found.verdict, found.level, found.risk, found.valid) == (verdict, level, risk, valid)

    def test_names_the_scanner_then_the_step_then_the_run(self) -> None:
        assert check(SCANNED, scanner="Toxicity", step="Guard", verdict="passed").scanner == "Toxicity"
        assert check(FAILED, step="Deanonymizer").scanner == "Deanonymizer"
        assert check(FAILED, step=7).scanner == "chain"

    def test_shows_counts_and_no_vault(self) -> None:
        shown = check(ANONYMIZED, **FOUND, seconds=0.5, vault_id="Jane Doe").metadata
        assert shown == {"entities": {"PERSON": 2}, "engine": "E", "cached": 1, "read": 2, "seconds": 0.5}

    @pytest.mark.parametrize("risk", [-1.0, 1.01, float("nan"), float("-inf"), "0.5", [0.5], True])
    def test_reports_a_bad_risk_without_repeating_it(
        self, risk: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            assert check(SCANNED, scanner="Toxicity", risk=risk, verdict="passed").risk is None
        assert caplog.messages == ["The risk of Toxicity is not sent: it is no number from 0 to 1."]

    def test_names_no_scanner_in_the_log_whose_name_may_be_a_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        check(SCANNED, scanner="about Jane Doe", risk=7, valid=3, verdict="odd")
        assert len(caplog.messages) == 3
        assert "Jane" not in caplog.text


class TestScores:
    def test_are_three(self) -> None:
        assert scores(check(ANONYMIZED, **FOUND), {}) == [
            Score("Anonymizer.risk", 0.9, "NUMERIC"),
            Score("Anonymizer.valid", 1.0, "BOOLEAN"),
            Score("verdict", "redacted", "CATEGORICAL"),
        ]

    def test_have_other_names_if_they_are_given_some(self) -> None:
        names = {"Anonymizer.risk": "input-score", "verdict": "outcome"}
        named = [score.name for score in scores(check(ANONYMIZED, **FOUND), names)]
        assert named == ["input-score", "Anonymizer.valid", "outcome"]

    def test_are_none_of_a_step_that_restores(self) -> None:
        assert scores(check(DEANONYMIZED, step="Deanonymizer", entities={"PERSON": 1}), {}) == []

    def test_of_a_failure_have_no_risk(self) -> None:
        failed = scores(check(FAILED, step="Deanonymizer"), {})
        assert [(score.name, score.value) for score in failed] == [
            ("Deanonymizer.valid", 0.0),
            ("verdict", "failed"),
        ]


class TestComparisons:
    def test_the_worst_verdict_wins(self) -> None:
        assert worst("passed", "redacted") == "redacted"
        assert worst("failed", "blocked") == "failed"

    def test_the_worst_level_wins(self) -> None:
        levels = [check(ANONYMIZED, **FOUND), check(FAILED), check(DEANONYMIZED)]
        assert worst_level(levels) == "ERROR"

    @pytest.mark.parametrize(
        ("score", "known", "worse"),
        [
            (Score("a", 0.5, "NUMERIC"), None, True),
            (Score("a", 0.5, "NUMERIC"), 0.4, True),
            (Score("a", 0.5, "NUMERIC"), 0.5, False),
            (Score("a", 0.0, "BOOLEAN"), 1.0, True),
            (Score("a", 1.0, "BOOLEAN"), 0.0, False),
            (Score("a", "blocked", "CATEGORICAL"), "passed", True),
            (Score("a", "blocked", "CATEGORICAL"), "failed", False),
        ],
    )
    def test_of_two_scores_the_worse_is_kept(self, score: Score, known: Any, worse: bool) -> None:
        assert is_worse(score, known) is worse

    def test_an_id_is_the_same_for_the_same_score_alone(self) -> None:
        ids = {
            score_id(trace, observation, name)
            for trace in ("t1", "t2")
            for observation in ("o1", None)
            for name in ("a", "b")
        }
        assert len(ids) == 8
        assert score_id("t1", None, "a") in ids
