"""What the adapter does with whatever is called as LLM Guard's scanners are; tests/engines runs these."""

import asyncio
import math
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import LLMGuardScanner, Scanner
from langchain_secguard.scan.calling import acall, call
from langchain_secguard.scan.llm_guard.risk import details_of, risk_of
from langchain_secguard.scan.llm_guard.secrets import Replacements
from tests.support import error_texts, holds

TEXT = "the text of Jane Doe"


class OfPrompts:
    """Give the verdict that it was made with."""

    def __init__(self, valid: bool = True, risk: float = -1.0, text: str | None = None) -> None:
        self.given = (valid, risk)
        self.text = text

    def scan(self, prompt: str) -> tuple[str, bool, float]:
        return (prompt if self.text is None else self.text, *self.given)


class OfAnswers:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def scan(self, prompt: str, output: str) -> tuple[str, bool, float]:
        self.seen.append((prompt, output))
        return output, True, -1.0


def like(kind: str, base: type = OfPrompts, module: str = "llm_guard.input_scanners.any") -> type:
    """Make a class that passes for one of LLM Guard's."""
    return type(kind, (base,), {"__module__": module})


class TestVerdicts:
    @pytest.mark.parametrize(
        ("given", "risk"),
        [
            (-1.0, 0.0),
            (-0.3, 0.0),
            (0.0, 0.0),
            (0.4, 0.4),
            (1.0, 1.0),
            (1.5, 1.0),
            (0.30000001192, 0.3),
            (1, 1.0),
        ],
    )
    @pytest.mark.parametrize("valid", [True, False])
    def test_have_a_risk_from_0_to_1(self, given: float, risk: float, valid: bool) -> None:
        result = LLMGuardScanner(OfPrompts(valid, given)).scan(TEXT)
        assert (result.name, result.text, result.valid, result.risk_score) == ("OfPrompts", TEXT, valid, risk)

    @pytest.mark.parametrize(("risk", "valid"), [(-1.0, True), (0.3, True), (0.4, False), (0.9, False)])
    @pytest.mark.parametrize("said", [True, False])
    def test_follow_the_threshold_where_there_is_one(self, risk: float, valid: bool, said: bool) -> None:
        assert LLMGuardScanner(OfPrompts(said, risk), threshold=0.4).scan(TEXT).valid is valid

    @pytest.mark.parametrize("risk", [math.nan, None, "high"])
    def test_without_a_number_are_errors(self, risk: Any) -> None:
        with pytest.raises(ScannerError, match="no number"):
            LLMGuardScanner(OfPrompts(True, risk)).scan(TEXT)

    @pytest.mark.parametrize("given", [None, (TEXT, True), True, (None, True, 0.0), [TEXT, True, 0.0]])
    def test_that_are_none_are_errors(self, given: Any) -> None:
        scanner = OfPrompts()
        scanner.scan = lambda prompt: given  # type: ignore[method-assign]
        with pytest.raises(ScannerError, match="no verdict"):
            LLMGuardScanner(scanner).scan(TEXT)

    def test_are_the_same_when_awaited(self) -> None:
        scanner = LLMGuardScanner(OfPrompts(False, 0.7))
        assert asyncio.run(scanner.ascan(TEXT)) == scanner.scan(TEXT)


class TestRisks:
    @pytest.mark.parametrize(
        ("threshold", "similarity", "given", "risk"),
        [(0.5, 0.4, 0.2, 0.2), (0.7, 0.6, -0.4, 0.17), (0.7, 0.0, 1.0, 1.0), (0.9, 0.85, -0.8, 0.09)],
    )
    def test_of_a_similarity_rise_from_where_it_is_refused(
        self, threshold: float, similarity: float, given: float, risk: float
    ) -> None:
        core = type("Core", (), {"_threshold": threshold})()
        assert similarity < threshold
        assert risk_of("Relevance", core, given, valid=False) == pytest.approx(risk, abs=0.005)

    def test_of_a_similarity_that_is_great_enough_are_none(self) -> None:
        assert risk_of("Relevance", type("Core", (), {"_threshold": 0.5})(), -0.4, valid=True) == 0

    def test_of_parts_are_what_is_logged(self) -> None:
        assert details_of("BanTopics", [{"scores": {"violence": 0.91, "sport": 0.02}}, {"other": 1}]) == {
            "violence": 0.91,
            "sport": 0.02,
        }
        toxic = [
            [{"label": "insult", "score": 0.7}, {"label": "male", "score": 0.9}],
            [{"label": "insult", "score": 0.2}],
        ]
        assert details_of("Toxicity", [{"results": toxic}]) == {"insult": 0.7}
        assert details_of("Regex", [{"results": toxic, "scores": {"x": 0.5}}]) == {}


class TestKinds:
    def test_of_prompts_and_of_answers_are_told_apart(self) -> None:
        answers = OfAnswers()
        LLMGuardScanner(answers).scan("an answer", prompt="a question")
        LLMGuardScanner(answers).scan("an answer")
        assert answers.seen == [("a question", "an answer"), ("", "an answer")]
        assert isinstance(LLMGuardScanner(answers), Scanner)

    @pytest.mark.parametrize("kind", ["FactualConsistency", "LanguageSame", "Relevance"])
    def test_that_compare_need_the_prompt(self, kind: str) -> None:
        scanner = LLMGuardScanner(like(kind, OfAnswers)())
        with pytest.raises(ScannerError, match=r"was given none: .*protect\("):
            scanner.scan(TEXT)
        assert scanner.scan(TEXT, prompt="").valid

    @pytest.mark.parametrize("kind", ["Sensitive", "URLReachability"])
    def test_that_tell_others_see_placeholders(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        module = "langchain_secguard.scan.llm_guard.scanner"
        monkeypatch.setattr(f"{module}.that_asks_nobody", lambda scanner: scanner)
        scanner = LLMGuardScanner(like(kind, OfAnswers)())
        assert scanner.sees == "placeholders"
        assert LLMGuardScanner(like(kind, OfAnswers)(), sees="values").sees == "values"
        assert LLMGuardScanner(OfPrompts()).sees == "values"

    @pytest.mark.parametrize("kind", ["Anonymize", "Deanonymize"])
    @pytest.mark.parametrize(
        "make", [lambda one: one(), lambda one: one, lambda one: type("Own", (one,), {})()]
    )
    def test_of_the_pair_are_refused(self, kind: str, make: Callable[[type], Any]) -> None:
        with pytest.raises(TypeError, match=rf"langchain_secguard\.{kind}r"):
            LLMGuardScanner(make(like(kind)))

    @pytest.mark.parametrize("nonsense", [None, 3, "Toxicity", object()])
    def test_that_are_none_are_refused(self, nonsense: object) -> None:
        with pytest.raises(TypeError, match="no scanner of LLM Guard"):
            LLMGuardScanner(nonsense)

    def test_with_other_arguments_are_refused(self) -> None:
        scanner = type("Odd", (), {"scan": lambda self: None})()
        with pytest.raises(TypeError, match="neither"):
            LLMGuardScanner(scanner)

    @pytest.mark.skipif("llm_guard" in sys.modules, reason="LLM Guard is installed")
    def test_made_here_need_llm_guard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "llm_guard", None)
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[llm-guard\]"'):
            LLMGuardScanner(OfPrompts)


class Redacting(OfPrompts):
    """Replace one "a" at a time."""

    def scan(self, prompt: str) -> tuple[str, bool, float]:
        return (prompt.replace("a", "*", 1), False, 1.0) if "a" in prompt else (prompt, True, -1.0)


class TestSanitizing:
    def test_goes_on(self) -> None:
        scanner = LLMGuardScanner(OfPrompts(False, 1.0, "clean"))
        assert scanner.sanitizes
        assert call(scanner, TEXT).text == "clean"
        assert not call(scanner, TEXT).valid

    def test_lets_a_text_pass_if_asked(self) -> None:
        result = LLMGuardScanner(OfPrompts(False, 1.0, "clean"), pass_sanitized=True).scan(TEXT)
        assert (result.text, result.valid, result.risk_score) == ("clean", True, 1.0)

    def test_is_done_until_nothing_is_found(self) -> None:
        scanner = LLMGuardScanner(like("Regex", Redacting)(), pass_sanitized=True)
        assert scanner.scan("banana").text == "b*n*n*"
        assert scanner.scan("banana").valid

    def test_that_never_ends_does_not_pass(self) -> None:
        class Growing(OfPrompts):
            def scan(self, prompt: str) -> tuple[str, bool, float]:
                return prompt.replace("e", "[REDACTED]"), False, 1.0

        Growing._redact = True  # type: ignore[attr-defined]
        result = LLMGuardScanner(like("BanSubstrings", Growing)(), pass_sanitized=True).scan("e" * 100)
        assert not result.valid
        assert len(result.text) < 50_000

    def test_is_left_out_where_the_verdict_alone_is_wanted(self) -> None:
        scanner = LLMGuardScanner(OfPrompts(False, 1.0, "clean"), sanitizes=False, pass_sanitized=True)
        result = call(scanner, TEXT)
        assert (scanner.sanitizes, result.text, result.valid) == (False, TEXT, False)

    @pytest.mark.parametrize(
        ("kind", "options", "sanitizes"),
        [
            ("Secrets", {}, True),
            ("Regex", {"_redact": True}, True),
            ("Regex", {"_redact": False}, False),
            ("BanSubstrings", {"_redact": False}, False),
            ("ReadingTime", {"_truncate": True}, True),
            ("JSON", {"_repair": False}, False),
            ("Toxicity", {}, False),
            ("Unheard", {}, True),
        ],
    )
    def test_is_known_of_each_scanner(self, kind: str, options: dict[str, bool], sanitizes: bool) -> None:
        scanner = like(kind)()
        vars(scanner).update(options)
        assert LLMGuardScanner(scanner).sanitizes is sanitizes

    def test_does_not_give_the_prompt_for_an_empty_answer(self) -> None:
        class Sensitive(OfAnswers):
            def scan(self, prompt: str, output: str) -> tuple[str, bool, float]:
                return prompt, True, -1.0  # as LLM Guard's Sensitive and LanguageSame do

        assert LLMGuardScanner(Sensitive()).scan(" ", prompt="a question").text == " "

    def test_keeps_a_text_with_unpaired_surrogates_as_it_is(self) -> None:
        class Strict(OfPrompts):
            def scan(self, prompt: str) -> tuple[str, bool, float]:
                prompt.encode()
                return prompt, True, -1.0

        assert LLMGuardScanner(Strict()).scan("a \ud800").text == "a \ud800"


class TestReplacements:
    def test_are_everywhere_and_in_any_order(self) -> None:
        text = "one two one three"
        replacements = Replacements(text)
        for word in ("three", "one"):
            start = text.find(word)
            assert replacements.get_text_in_position(start, start + len(word)) == word
            replacements.replace_text_get_insertion_index("*", start, start + len(word))
        assert replacements.output_text == "* two * *"

    def test_of_what_is_not_there_are_none(self) -> None:
        replacements = Replacements("a text")
        replacements.replace_text_get_insertion_index("*", -1, 5)
        assert replacements.output_text == "a text"

    def test_of_a_value_within_another_leave_the_longer_one_whole(self) -> None:
        replacements = Replacements("abcdef abc")
        replacements.replace_text_get_insertion_index("1", 7, 10)
        replacements.replace_text_get_insertion_index("2", 0, 6)
        assert replacements.output_text == "2 1"


class Slow(OfPrompts):
    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0

    def scan(self, prompt: str) -> tuple[str, bool, float]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.002)
        self.inside -= 1
        return prompt, True, -1.0


class TestThreads:
    def test_are_in_a_scanner_one_at_a_time(self) -> None:
        slow = Slow()
        scanners = [LLMGuardScanner(slow), LLMGuardScanner(slow)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: scanners[number % 2].scan(TEXT), range(32)))
        assert slow.most == 1

    def test_may_be_together_in_one_that_allows_it(self) -> None:
        together = threading.Barrier(2, timeout=10)

        class Meeting(OfPrompts):
            def scan(self, prompt: str) -> tuple[str, bool, float]:
                together.wait()
                return prompt, True, -1.0

        scanner = LLMGuardScanner(like("Regex", Meeting)())
        with ThreadPoolExecutor(2) as pool:
            assert all(result.valid for result in pool.map(scanner.scan, ("a", "b")))

    async def test_of_the_event_loop_go_on(self) -> None:
        scanner = LLMGuardScanner(Slow())
        ticks = 0
        task = asyncio.gather(*(scanner.ascan(TEXT) for _ in range(10)))
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 2


class TestFailures:
    @pytest.mark.parametrize("failure", [RuntimeError(TEXT), SystemExit(TEXT), LookupError(TEXT)])
    def test_name_no_text(self, failure: BaseException) -> None:
        class Failing(OfPrompts):
            def scan(self, prompt: str) -> tuple[str, bool, float]:
                raise failure

        scanner = LLMGuardScanner(Failing())
        for fails in (
            partial(scanner.scan, TEXT),
            partial(call, scanner, TEXT),
            lambda: asyncio.run(acall(scanner, TEXT)),
        ):
            with pytest.raises(ScannerError, match=type(failure).__name__) as raised:
                fails()  # type: ignore[no-untyped-call]
            assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))

    def test_of_arguments(self) -> None:
        with pytest.raises(ValueError, match="threshold"):
            LLMGuardScanner(OfPrompts(), threshold=1.5)


class TestLists:
    def test_are_adapted_one_by_one(self) -> None:
        scanners = LLMGuardScanner.from_list(
            [OfPrompts(), OfAnswers(), OfPrompts(), OfPrompts()], threshold=0.5
        )
        assert [one.name for one in scanners] == ["OfPrompts", "OfAnswers", "OfPrompts_2", "OfPrompts_3"]
        assert [repr(one) for one in scanners[2:3]] == ["LLMGuardScanner(OfPrompts, name='OfPrompts_2')"]
        assert scanners[2].scan(TEXT).name == "OfPrompts_2"

    def test_with_the_pair_in_them_are_refused(self) -> None:
        with pytest.raises(TypeError, match="Anonymizer"):
            LLMGuardScanner.from_list([OfPrompts(), like("Anonymize")()])


class TestLogs:
    def test_of_llm_guard_are_silent_while_it_scans(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []
        logger = SimpleNamespace(warning=lambda event, **fields: said.append(event))
        module = ModuleType("llm_guard.input_scanners.any")
        module.LOGGER = logger  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)

        class Talking(OfPrompts):
            def scan(self, prompt: str) -> tuple[str, bool, float]:
                module.LOGGER.warning("found", text=prompt)
                return prompt, True, -1.0

        scanner = LLMGuardScanner(Talking())
        scanner.scan(TEXT)
        assert said == []
        module.LOGGER.warning("of somebody else")
        assert said == ["of somebody else"]
