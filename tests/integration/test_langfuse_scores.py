import asyncio
import logging
from typing import Any

import pytest
from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_secguard import BlockedError
from langchain_secguard.tracing import LangfuseHandler
from tests.integration.langfuse_server import LangfuseServer, Observation
from tests.integration.langfuse_support import (
    MODES,
    TEXT,
    Echo,
    anonymizer,
    config,
    mask,
    pair,
)
from tests.support import FailingDetector

pytestmark = pytest.mark.loopback


@pytest.fixture
def handler(langfuse: LangfuseServer) -> LangfuseHandler:
    return LangfuseHandler(public_key="pk-test", mask=mask())


def by_name(langfuse: LangfuseServer, trace_id: str) -> dict[str, Observation]:
    return {one.name: one for one in langfuse.observations if one.trace_id == trace_id}


def trace_ids(langfuse: LangfuseServer) -> list[str]:
    ordered = sorted(langfuse.observations, key=lambda one: one.start)
    return list(dict.fromkeys(one.trace_id for one in ordered))


def scanning(**data: Any) -> Runnable[Any, Any]:
    """Report a scan, as a scanner of another engine does."""

    def sync(value: Any) -> Any:
        dispatch_custom_event("secguard.scanned", data)
        return value

    async def anew(value: Any) -> Any:
        await adispatch_custom_event("secguard.scanned", data)
        return value

    return RunnableLambda(sync, anew, name="scan")


class TestThePair:
    @pytest.mark.parametrize("mode", MODES)
    def test_scores_stand_on_their_own_observations(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        texts = [TEXT, "Nothing personal.", TEXT]
        MODES[mode](pair(), texts, [config(handler, f"v{number}") for number in range(3)])
        handler.flush()
        assert len(trace_ids(langfuse)) == 3
        found = []
        for trace_id in trace_ids(langfuse):
            step = by_name(langfuse, trace_id)["Anonymizer"]
            scores = langfuse.scores_of(trace_id)
            verdict = scores.pop((None, "verdict"))
            assert set(scores) == {
                (step.id, "Anonymizer.risk"),
                (step.id, "Anonymizer.valid"),
                (step.id, "verdict"),
            }
            assert scores[step.id, "Anonymizer.valid"] == 1.0
            assert scores[step.id, "verdict"] == verdict
            found.append((scores[step.id, "Anonymizer.risk"], verdict))
        assert sorted(found) == [(0.0, "passed"), (1.0, "redacted"), (1.0, "redacted")]

    def test_steps_are_guardrails_that_say_what_they_found(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = pair()
        for text in (TEXT, TEXT, "Nothing personal."):
            chain.invoke(text, config(handler))
        handler.flush()
        first, again, clean = (by_name(langfuse, trace_id) for trace_id in trace_ids(langfuse))
        step = first["Anonymizer"]
        assert step.get("type") == first["Deanonymizer"].get("type") == "guardrail"
        assert step.get("level") == "WARNING"
        assert step.metadata["entities"] == {"PERSON": 2, "EMAIL_ADDRESS": 1, "CREDIT_CARD": 1}
        assert (step.metadata["cached"], step.metadata["read"]) == (0, 1)
        assert (again["Anonymizer"].metadata["cached"], again["Anonymizer"].metadata["read"]) == (1, 0)
        assert step.metadata["engine"] == "LexiconDetector"
        assert step.metadata["seconds"] > 0
        assert clean["Anonymizer"].get("level") == "DEFAULT"
        assert clean["Anonymizer"].metadata["entities"] == {}
        assert first["Deanonymizer"].get("level") == "DEFAULT"

    def test_steps_of_another_name_are_guardrails_too(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = anonymizer().with_config(run_name="hide it") | Echo()
        chain.invoke(TEXT, config(handler))
        handler.flush()
        assert langfuse.named("hide it").get("type") == "guardrail"
        assert {score.name for score in langfuse.scores} == {"Anonymizer.risk", "Anonymizer.valid", "verdict"}

    def test_a_refusal_is_a_warning_and_no_failure(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        with pytest.raises(BlockedError):
            pair(policies={"CREDIT_CARD": "block"}).invoke(TEXT, config(handler))
        handler.flush()
        step, [trace_id] = langfuse.named("Anonymizer"), trace_ids(langfuse)
        assert (step.get("type"), step.get("level")) == ("guardrail", "WARNING")
        assert step.metadata["scores"] == {"CREDIT_CARD": 1.0}
        assert langfuse.scores_of(trace_id) == {
            (step.id, "Anonymizer.risk"): 1.0,
            (step.id, "Anonymizer.valid"): 0.0,
            (step.id, "verdict"): "blocked",
            (None, "verdict"): "blocked",
        }

    def test_a_check_that_failed_is_an_error_without_a_risk(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = anonymizer().model_copy(update={"detector": FailingDetector()}) | Echo()
        with pytest.raises(Exception, match="FailingDetector failed"):
            chain.invoke(TEXT, config(handler))
        handler.flush()
        step, [trace_id] = langfuse.named("Anonymizer"), trace_ids(langfuse)
        assert step.get("level") == "ERROR"
        assert langfuse.scores_of(trace_id) == {
            (step.id, "Anonymizer.valid"): 0.0,
            (step.id, "verdict"): "failed",
            (None, "verdict"): "failed",
        }


class TestScans:
    @pytest.mark.parametrize("mode", MODES)
    def test_are_scored_like_our_own(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        scan = scanning(
            scanner="Toxicity", risk=0.25, valid=True, verdict="passed", seconds=0.5, engine="other"
        )
        MODES[mode](scan | Echo(), ["a text"] * 3, [config(handler)] * 3)
        handler.flush()
        assert len(trace_ids(langfuse)) == 3
        for trace_id in trace_ids(langfuse):
            step = by_name(langfuse, trace_id)["scan"]
            assert step.get("type") == "guardrail"
            assert step.metadata["engine"] == "other"
            assert langfuse.scores_of(trace_id) == {
                (step.id, "Toxicity.risk"): 0.25,
                (step.id, "Toxicity.valid"): 1.0,
                (step.id, "verdict"): "passed",
                (None, "verdict"): "passed",
            }

    def test_several_in_one_step_have_a_score_each_and_the_worst_verdict(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        def guard(value: Any) -> Any:
            for name, risk, verdict in (
                ("Toxicity", 0.1, "passed"),
                ("BanTopics", 0.9, "blocked"),
                ("Secrets", 0.2, "redacted"),
            ):
                data = {"scanner": name, "risk": risk, "valid": verdict != "blocked", "verdict": verdict}
                dispatch_custom_event("secguard.scanned", data)
            return value

        RunnableLambda(guard, name="guard").invoke("a text", config(handler))
        handler.flush()
        step, [trace_id] = langfuse.named("guard"), trace_ids(langfuse)
        assert langfuse.scores_of(trace_id) == {
            (step.id, "Toxicity.risk"): 0.1,
            (step.id, "Toxicity.valid"): 1.0,
            (step.id, "BanTopics.risk"): 0.9,
            (step.id, "BanTopics.valid"): 0.0,
            (step.id, "Secrets.risk"): 0.2,
            (step.id, "Secrets.valid"): 1.0,
            (step.id, "verdict"): "blocked",
            (None, "verdict"): "blocked",
        }
        assert step.get("level") == "WARNING"
        assert set(step.metadata) >= {"Toxicity", "BanTopics", "Secrets"}

    def test_of_several_texts_the_worst_counts(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        def guard(value: Any) -> Any:
            for risk in (0.1, 0.9, 0.4):
                data = {"scanner": "Toxicity", "risk": risk, "valid": risk < 0.5, "verdict": "passed"}
                dispatch_custom_event("secguard.scanned", data)
            return value

        RunnableLambda(guard, name="guard").invoke("a text", config(handler))
        handler.flush()
        step, [trace_id] = langfuse.named("guard"), trace_ids(langfuse)
        scores = langfuse.scores_of(trace_id)
        assert (scores[step.id, "Toxicity.risk"], scores[step.id, "Toxicity.valid"]) == (0.9, 0.0)

    def test_scores_can_have_names_of_ones_own(self, langfuse: LangfuseServer) -> None:
        names = {"BanTopics.risk": "input-violence", "Anonymizer.risk": "input-score", "verdict": "outcome"}
        handler = LangfuseHandler(public_key="pk-test", mask=mask(), score_names=names)
        scan = scanning(scanner="BanTopics", risk=0.9, valid=False, verdict="blocked")
        (scan | pair()).invoke(TEXT, config(handler))
        handler.flush()
        assert {score.name for score in langfuse.scores} == {
            "input-violence",
            "BanTopics.valid",
            "input-score",
            "Anonymizer.valid",
            "outcome",
        }

    @pytest.mark.parametrize("risk", [-1.0, 1.5, float("nan"), float("inf"), "Jane Doe", True])
    def test_a_bad_risk_is_an_error_in_the_log_and_not_lost_silently(
        self, risk: Any, langfuse: LangfuseServer, handler: LangfuseHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        scan = scanning(scanner="Toxicity", risk=risk, valid=True, verdict="passed")
        with caplog.at_level(logging.ERROR):
            scan.invoke("a text", config(handler))
        handler.flush()
        assert "The risk of Toxicity is not sent" in caplog.text
        assert "Jane" not in caplog.text
        assert {score.name for score in langfuse.scores} == {"Toxicity.valid", "verdict"}

    def test_a_repeat_overwrites(self, langfuse: LangfuseServer) -> None:
        context = {"trace_id": "0" * 31 + "1", "parent_span_id": "0" * 15 + "2"}
        handler = LangfuseHandler(public_key="pk-test", mask=mask(), trace_context=context)  # type: ignore[arg-type]
        for verdict in ("passed", "blocked", "passed"):
            scanning(scanner="S", risk=0.5, valid=True, verdict=verdict).invoke("a text", config(handler))
        handler.flush()
        of_trace = [score for score in langfuse.scores if score.observation_id is None]
        assert len(of_trace) == 3
        assert len({score.id for score in of_trace}) == 1
        assert langfuse.scores_of(context["trace_id"])[None, "verdict"] == "blocked"

    def test_other_events_are_no_checks(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        def step(value: Any) -> Any:
            dispatch_custom_event("progress", {"scanner": "x", "risk": 0.5})
            dispatch_custom_event("secguard.scanned", "no mapping")
            return value

        RunnableLambda(step, name="step").invoke("a text", config(handler))
        handler.flush()
        assert langfuse.named("step").get("type") == "chain"
        assert langfuse.scores == []

    async def test_200_runs_at_once_have_their_own_scores(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = pair()
        texts = [TEXT if number % 2 else f"Nothing in {number}." for number in range(200)]
        await asyncio.gather(*(chain.ainvoke(text, config(handler, f"v{n}")) for n, text in enumerate(texts)))
        handler.flush()
        verdicts = []
        for trace_id in trace_ids(langfuse):
            step = by_name(langfuse, trace_id)["Anonymizer"]
            scores = langfuse.scores_of(trace_id)
            expected = "passed" if step.metadata["entities"] == {} else "redacted"
            assert scores[step.id, "verdict"] == scores[None, "verdict"] == expected
            verdicts.append(expected)
        assert (verdicts.count("passed"), verdicts.count("redacted")) == (100, 100)
