import asyncio
import math
from typing import Any

import numpy as np
import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import FunctionScanner, Scanner, ScanResult
from langchain_secguard.scan.calling import acall, call

TEXT = "the text of Jane Doe"


class TestResults:
    @pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, math.inf])
    def test_a_risk_is_a_number_from_0_to_1(self, score: float) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            ScanResult(name="Rule", text=TEXT, valid=True, risk_score=score)
        with pytest.raises(ValueError, match="from 0 to 1"):
            ScanResult(name="Rule", text=TEXT, valid=True, details={"hate": score})

    @pytest.mark.parametrize("valid", ["False", "no", "", None, 0.3, [False]])
    def test_a_word_for_false_lets_nothing_pass(self, valid: Any) -> None:
        with pytest.raises(TypeError, match="True or False"):
            ScanResult(name="Rule", text=TEXT, valid=valid)

    @pytest.mark.parametrize("valid", [True, False])
    def test_a_verdict_of_numpy_is_a_plain_one(self, valid: bool) -> None:
        of_numpy: Any = np.bool_(valid)
        assert ScanResult(name="Rule", text=TEXT, valid=of_numpy).valid is valid

    @pytest.mark.parametrize("text", [None, b"a text", 3])
    def test_a_text_is_a_str(self, text: Any) -> None:
        with pytest.raises(TypeError, match="str"):
            ScanResult(name="Rule", text=text, valid=True)

    def test_the_repr_holds_no_text(self) -> None:
        assert "Jane" not in repr(ScanResult(name="Rule", text=TEXT, valid=True))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("verdict", "valid", "risk"),
        [(True, True, 0.0), (False, False, 1.0), (0.2, True, 0.2), (0.5, False, 0.5), (0, True, 0.0)],
    )
    def test_of_a_function(self, verdict: float, valid: bool, risk: float) -> None:
        scanner = FunctionScanner(lambda text: verdict, name="Rule")
        assert scanner.scan(TEXT) == ScanResult(name="Rule", text=TEXT, valid=valid, risk_score=risk)
        assert asyncio.run(scanner.ascan(TEXT)) == scanner.scan(TEXT)

    def test_of_an_async_function(self) -> None:
        async def rule(text: str) -> bool:
            await asyncio.sleep(0)
            return "Jane" not in text

        scanner = FunctionScanner(rule)
        assert isinstance(scanner, Scanner)
        assert (scanner.name, scanner.scan(TEXT).valid, asyncio.run(scanner.ascan("x")).valid) == (
            "rule",
            False,
            True,
        )

    async def test_an_async_function_needs_ascan_on_a_loop(self) -> None:
        async def rule(text: str) -> bool:
            return True

        with pytest.raises(ScannerError, match="ainvoke"):
            FunctionScanner(rule).scan(TEXT)

    def test_the_prompt_is_given_to_a_function_that_takes_it(self) -> None:
        scanner = FunctionScanner(lambda text, prompt: prompt == "why?", name="Rule")
        assert scanner.scan(TEXT, prompt="why?").valid
        assert not scanner.scan(TEXT).valid

    @pytest.mark.parametrize("verdict", [None, "yes", 2, -0.5, math.nan])
    def test_what_is_no_verdict_is_an_error(self, verdict: object) -> None:
        with pytest.raises(ScannerError, match="gives True, False"):
            FunctionScanner(lambda text: verdict, name="Rule").scan(TEXT)  # type: ignore[arg-type]

    def test_wrong_arguments(self) -> None:
        with pytest.raises(TypeError):
            FunctionScanner("rule")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="threshold"):
            FunctionScanner(len, threshold=2)


class Sanitizer:
    name = "Sanitizer"

    def __init__(self, sanitizes: bool) -> None:
        self.sanitizes = sanitizes

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        return ScanResult(name=self.name, text=text.upper(), valid=True)

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        return self.scan(text, prompt=prompt)


class TestCalls:
    def test_a_failure_names_no_text(self) -> None:
        def fails(text: str) -> bool:
            raise RuntimeError(text)

        with pytest.raises(ScannerError) as caught:
            call(FunctionScanner(fails), TEXT)
        assert "Jane" not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None
        with pytest.raises(ScannerError, match="RuntimeError"):
            asyncio.run(acall(FunctionScanner(fails), TEXT))

    def test_another_text_needs_a_scanner_that_sanitizes(self) -> None:
        assert call(Sanitizer(sanitizes=True), TEXT).text == TEXT.upper()
        with pytest.raises(ScannerError, match="sanitizes"):
            call(Sanitizer(sanitizes=False), TEXT)

    def test_what_is_no_result_is_an_error(self) -> None:
        class Wrong(Sanitizer):
            def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
                return (text, True, 0.0)  # type: ignore[return-value]

        with pytest.raises(ScannerError, match="tuple"):
            call(Wrong(sanitizes=True), TEXT)
