import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.callbacks import dispatch_custom_event
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, ScannerError
from langchain_secguard.evaluate import ChainJudge, Judgement
from langchain_secguard.evaluate.judges import judge_of
from langchain_secguard.events import SCANNED
from tests.support import LexiconDetector, error_texts, holds

SECRET = "Jane Doe"


@dataclass(frozen=True)
class Result:
    valid: bool
    risk_score: float


class Scanner:
    def __init__(self, give: Callable[[str], Any]) -> None:
        self.scan = give


class TestScanners:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (0.25, Judgement(0.25)),
            (1, Judgement(1.0)),
            (True, Judgement(0.0, True)),
            (False, Judgement(1.0, False)),
            (Result(True, 0.4), Judgement(0.4, True)),
            (("text", False, 0.9), Judgement(0.9, False)),
            (("text", True, -1.0), Judgement(0.0, True)),
        ],
    )
    def test_may_give_any_of_these(self, given: object, expected: Judgement) -> None:
        assert judge_of(lambda _: given)("a") == expected
        assert judge_of(Scanner(lambda _: given))("a") == expected

    @pytest.mark.parametrize("given", [None, "high", math.nan, 1.5, math.inf, Result(True, 7.0)])
    def test_may_not_give_what_is_no_risk(self, given: object) -> None:
        with pytest.raises(ScannerError, match="no risk between 0 and 1"):
            judge_of(lambda _: given)(SECRET)

    def test_that_fail_say_so_without_the_text(self) -> None:
        def fail(text: str) -> float:
            raise RuntimeError(text)

        with pytest.raises(ScannerError, match="Scanner failed with RuntimeError") as raised:
            judge_of(Scanner(fail))(SECRET)
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))

    def test_can_be_called(self) -> None:
        with pytest.raises(TypeError, match="int is no Runnable"):
            judge_of(7)


def refuse(text: str) -> str:
    if "bomb" in text:
        raise BlockedError("refused", scores={"ban": 0.8, "tone": 0.3})
    return text


def watch(text: str, config: RunnableConfig) -> str:
    risk = 0.9 if "bomb" in text else 0.2
    dispatch_custom_event(SCANNED, {"scanner": "ban", "risk": risk, "valid": risk < 0.5}, config=config)
    dispatch_custom_event("another", {"risk": 1.0, "valid": False}, config=config)
    return text


class TestChains:
    @pytest.mark.parametrize(
        ("text", "expected"), [("a bomb", Judgement(0.8, False)), ("a book", Judgement(0.0, True))]
    )
    def test_refuse_by_an_error(self, text: str, expected: Judgement) -> None:
        assert judge_of(RunnableLambda(refuse))(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"), [("a bomb", Judgement(0.9, False)), ("a book", Judgement(0.2, True))]
    )
    def test_are_heard_where_they_only_watch(self, text: str, expected: Judgement) -> None:
        assert judge_of(RunnableLambda(watch) | RunnableLambda(str.upper))(text) == expected

    def test_are_given_a_vault_for_each_text(self) -> None:
        pair = Anonymizer(detector=LexiconDetector({SECRET: "PERSON"})) | Deanonymizer()
        judge = judge_of(pair)
        assert [judge(SECRET), judge(SECRET)] == [Judgement(0.0, True)] * 2

    def test_refuse_what_a_policy_blocks(self) -> None:
        step = Anonymizer(detector=LexiconDetector({SECRET: "PERSON"}), policies={"PERSON": "block"})
        judge = ChainJudge(step, {"configurable": {"vault_id": "case-42"}})
        assert [judge("a book"), judge(SECRET)] == [Judgement(0.0, True), Judgement(1.0, False)]

    def test_that_fail_say_so_without_the_text(self) -> None:
        def fail(text: str) -> str:
            raise ValueError(text)

        with pytest.raises(ScannerError, match="the chain failed with ValueError") as raised:
            judge_of(RunnableLambda(fail))(SECRET)
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))
