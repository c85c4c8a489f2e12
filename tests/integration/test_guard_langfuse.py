"""A guard in a trace of Langfuse: a guardrail with the scores of its scanners, and nothing raw."""

from typing import Any

import pytest
from langchain_core.runnables import Runnable

from langchain_secguard import BlockedError, Guard, protect
from langchain_secguard.tracing import LangfuseHandler
from tests.integration.langfuse_server import LangfuseServer, Observation
from tests.integration.langfuse_support import (
    MODES,
    TEXT,
    UNSEEN,
    VALUES,
    Echo,
    anonymizer,
    config,
    mask,
    pair,
)
from tests.support import Capture, LexiconDetector
from tests.unit.scanners import Failing, Hanging, Replacing, Words

pytestmark = pytest.mark.loopback

SECRET = "hunter2-of-nobody"
HARM = f"{TEXT} Build a bomb."
REFUSAL = "This is not child safe, please request another topic"


@pytest.fixture
def seeing(langfuse: LangfuseServer) -> LangfuseHandler:
    """Find every value in texts that never came to an Anonymizer, because a guard stood before it."""
    return LangfuseHandler(public_key="pk-test", detector=LexiconDetector(VALUES | UNSEEN))


def run(mode: str, chain: Runnable[Any, Any], handler: LangfuseHandler, text: str) -> Any:
    return MODES[mode](chain, [text], [config(handler)])[0]


def text_of(answer: Any) -> str:
    return answer if isinstance(answer, str) else str(answer.text)


def scores_of(langfuse: LangfuseServer, one: Observation) -> dict[str, Any]:
    scores = langfuse.scores_of(one.trace_id)
    return {name: value for (observation, name), value in scores.items() if observation == one.id}


def assert_clean(langfuse: LangfuseServer, *more: str) -> None:
    assert langfuse.requests
    assert [value for value in (*VALUES, *more) if langfuse.saw(value)] == []


@pytest.mark.parametrize("mode", MODES)
class TestInEveryMode:
    def test_a_guard_before_the_pair_is_a_guardrail_with_a_score_for_each_scanner(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        guard = Guard([Words("bomb", name="BanTopics"), Words(name="Toxicity")], on_fail=REFUSAL)
        answer = run(mode, guard | pair(), seeing, TEXT)
        seeing.flush()
        assert text_of(answer) == TEXT
        one = langfuse.named("Guard")
        assert (one.get("type"), one.get("level")) == ("guardrail", "DEFAULT")
        assert scores_of(langfuse, one) == {
            "BanTopics.risk": 0.1,
            "BanTopics.valid": 1.0,
            "Toxicity.risk": 0.1,
            "Toxicity.valid": 1.0,
            "verdict": "passed",
        }
        assert one.metadata["BanTopics"]["engine"] == "Words"
        assert_clean(langfuse)

    def test_a_refusal_is_a_warning_and_its_text_stays_masked(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        with Capture() as capture:
            guard = Guard([Words("bomb", name="BanTopics")], on_fail=REFUSAL)
            answer = run(mode, guard | pair(), seeing, HARM)
            seeing.flush()
        assert text_of(answer) == REFUSAL
        one = langfuse.named("Guard")
        assert (one.get("type"), one.get("level")) == ("guardrail", "WARNING")
        assert scores_of(langfuse, one)["verdict"] == "blocked"
        assert REFUSAL in one.get("output")
        assert "Anonymizer" not in {each.name for each in langfuse.observations}
        assert_clean(langfuse)
        assert [value for value in VALUES if capture.holds(value)] == []

    def test_a_refusal_that_is_raised(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        with pytest.raises(BlockedError):
            run(mode, Guard([Words("bomb", name="BanTopics")]) | pair(), seeing, HARM)
        seeing.flush()
        one = langfuse.named("Guard")
        assert scores_of(langfuse, one)["BanTopics.risk"] == 0.9
        assert "BanTopics refused" in one.get("status_message")
        assert_clean(langfuse)

    def test_a_scanner_that_fails_is_an_error(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        scanners = [Failing(name="Toxicity"), Hanging(name="BanTopics")]
        run(mode, Guard(scanners, on_fail=REFUSAL, timeout=0.1) | pair(), seeing, TEXT)
        seeing.flush()
        one = langfuse.named("Guard")
        assert (one.get("type"), one.get("level")) == ("guardrail", "ERROR")
        assert scores_of(langfuse, one) == {
            "Toxicity.valid": 0.0,
            "BanTopics.valid": 0.0,
            "verdict": "failed",
        }
        assert_clean(langfuse)

    def test_an_answer_that_is_refused(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        guard = Guard([Words("bomb", name="Toxicity")], on_fail=REFUSAL)
        chain = protect(Echo(), anonymizer=anonymizer(), output_guards=[guard])
        answer = run(mode, chain, seeing, HARM)
        seeing.flush()
        assert text_of(answer) == REFUSAL
        one = langfuse.named("Guard")
        assert (one.get("type"), one.get("level")) == ("guardrail", "WARNING")
        assert_clean(langfuse)

    def test_what_a_sanitizer_takes_out_is_not_in_the_trace(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        guard = Guard([Replacing(SECRET, "******", name="Secrets")], on_fail=REFUSAL)
        answer = run(mode, guard | pair(), seeing, f"{TEXT} The password is {SECRET}.")
        seeing.flush()
        assert text_of(answer).endswith("******.")
        assert scores_of(langfuse, langfuse.named("Guard"))["verdict"] == "redacted"
        assert_clean(langfuse, SECRET)


class TestScores:
    def test_have_the_names_of_the_dashboards(self, langfuse: LangfuseServer) -> None:
        names = {"BanTopics.risk": "input-violence", "Toxicity.risk": "input-score"}
        handler = LangfuseHandler(public_key="pk-test", mask=mask(), score_names=names)
        guard = Guard([Words("bomb", name="BanTopics"), Words(name="Toxicity")], on_fail=REFUSAL)
        (guard | pair()).invoke(HARM, config(handler))
        handler.flush()
        assert {score.name for score in langfuse.scores} == {
            "input-violence",
            "BanTopics.valid",
            "input-score",
            "Toxicity.valid",
            "verdict",
        }

    def test_of_input_and_output_stand_on_their_own_observations(
        self, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        chain = protect(
            Echo(),
            anonymizer=anonymizer(),
            input_guards=[Guard([Words(name="Toxicity")], name="input guard", on_fail=REFUSAL)],
            output_guards=[Guard([Words("bomb", name="Toxicity")], name="output guard", on_fail=REFUSAL)],
        )
        chain.invoke(HARM, config(seeing))
        seeing.flush()
        first, last = langfuse.named("input guard"), langfuse.named("output guard")
        assert (first.get("type"), last.get("type")) == ("guardrail", "guardrail")
        assert scores_of(langfuse, first)["Toxicity.risk"] == 0.1
        assert scores_of(langfuse, last)["Toxicity.risk"] == 0.9
        assert_clean(langfuse)

    def test_of_monitoring_say_what_would_be_refused(
        self, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        (Guard([Words("bomb", name="Toxicity")], on_fail="monitor") | pair()).invoke(HARM, config(seeing))
        seeing.flush()
        one = langfuse.named("Guard")
        assert scores_of(langfuse, one) == {"Toxicity.risk": 0.9, "Toxicity.valid": 0.0, "verdict": "passed"}
        assert one.get("level") == "DEFAULT"
        assert_clean(langfuse)
