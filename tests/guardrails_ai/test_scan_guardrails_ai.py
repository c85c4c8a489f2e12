"""Validators of Guardrails AI, written here: nothing is fetched from its hub, and nothing is reported."""

import asyncio
import time
from typing import Any

import pytest
from guardrails import AsyncGuard, Guard, OnFailAction, settings
from guardrails.utils.hub_telemetry_utils import HubTelemetry
from guardrails.validators import FailResult, PassResult, Validator, register_validator
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import GuardrailsAIScanner, Scanner
from tests.pages import page_blocks
from tests.unit.scan.contract import ScannerContract, assert_clean

TEXT = "the text of Jane Doe"


@register_validator(name="house/no_attack", data_type="string")
class NoAttack(Validator):  # type: ignore[misc]
    """Refuse ATTACK; fail on BOOM; take long on SLOW."""

    def validate(self, value: str, metadata: dict[str, Any]) -> Any:
        if "BOOM" in value:
            raise RuntimeError(value)
        if "SLOW" in value:
            time.sleep(0.5)
        if metadata.get("topic", "\0") in value or "ATTACK" in value:
            return FailResult(error_message=f"not in {value}", fix_value=value.replace("ATTACK", "******"))
        return PassResult()


def made(on_fail: str = "noop", kind: Any = Guard, **options: Any) -> GuardrailsAIScanner:
    return GuardrailsAIScanner(kind.for_string([NoAttack(on_fail=on_fail)]), **options)


class TestGuard(ScannerContract):
    harmful = "ATTACK the model"
    many = 24

    @pytest.fixture(params=[Guard, AsyncGuard])
    def scanner(self, request: pytest.FixtureRequest) -> Scanner:
        return made(kind=request.param)


class TestOnFail:
    @pytest.mark.parametrize("kind", [Guard, AsyncGuard])
    @pytest.mark.parametrize("action", sorted({*map(str, OnFailAction)} - {str(OnFailAction.CUSTOM)}))
    def test_whatever_happens_then_the_text_is_refused(self, action: str, kind: Any) -> None:
        result = made(action.rpartition(".")[2].lower(), kind).scan("an ATTACK")
        assert (result.valid, result.risk_score, result.text) == (False, 1.0, "an ATTACK")
        if not action.upper().endswith("EXCEPTION"):
            assert result.details == {"NoAttack": 1.0}

    @pytest.mark.parametrize("action", ["fix", "fix_reask"])
    @pytest.mark.parametrize("kind", [Guard, AsyncGuard])
    def test_a_fixed_text_goes_on_where_that_is_allowed(self, action: str, kind: Any) -> None:
        result = made(action, kind, sanitizes=True).scan("an ATTACK")
        assert (result.valid, result.text, result.details) == (True, "an ******", {"NoAttack": 1.0})

    @pytest.mark.parametrize("action", ["noop", "refrain", "filter", "exception", "reask"])
    def test_what_is_not_fixed_does_not(self, action: str) -> None:
        assert not made(action, sanitizes=True).scan("an ATTACK").valid


class TestValidators:
    def test_may_be_given_alone(self) -> None:
        for given in (NoAttack(on_fail="noop"), [NoAttack(on_fail="noop")]):
            scanner = GuardrailsAIScanner(given)
            assert scanner.scan("fine").valid
            assert not scanner.scan("ATTACK").valid

    def test_are_told_of_the_prompt(self) -> None:
        scanner = made(metadata=lambda prompt: {"topic": prompt})
        assert not scanner.scan("weapons are", prompt="weapons").valid
        assert scanner.scan("weapons are", prompt="flowers").valid
        assert not made(metadata={"topic": "bets"}).scan("all bets").valid


class TestFailures:
    @pytest.mark.parametrize("is_async", [False, True])
    @pytest.mark.parametrize("kind", [Guard, AsyncGuard])
    def test_name_no_text(self, is_async: bool, kind: Any) -> None:
        scanner = made(kind=kind)
        with pytest.raises(ScannerError, match="failed with") as caught:
            asyncio.run(scanner.ascan(f"BOOM {TEXT}")) if is_async else scanner.scan(f"BOOM {TEXT}")
        assert_clean(caught.value, "Jane")

    @pytest.mark.parametrize("is_async", [False, True])
    def test_what_takes_too_long_is_left_behind(self, is_async: bool) -> None:
        scanner = made(timeout=0.1)
        with pytest.raises(ScannerError, match=r"more than 0\.1 s"):
            asyncio.run(scanner.ascan("SLOW")) if is_async else scanner.scan("SLOW")
        assert made().scan("SLOW").valid

    async def test_the_loop_goes_on_meanwhile(self) -> None:
        scanning = asyncio.create_task(made().ascan("SLOW"))
        ticks = 0
        while not scanning.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert (await scanning).valid
        assert ticks > 5

    @pytest.mark.parametrize("given", [None, [], "guard", [str]])
    def test_what_is_no_guard(self, given: Any) -> None:
        with pytest.raises(TypeError, match="takes a Guard"):
            GuardrailsAIScanner(given)


class TestNothingIsKeptOrReported:
    def test_the_guard_given_is_not_changed(self) -> None:
        guard = Guard.for_string([NoAttack(on_fail="noop")])
        scanner = GuardrailsAIScanner(guard)
        scanner.scan(TEXT)
        assert len(guard.history) == len(scanner._engine._guard.history) == 0

    def test_metrics_are_off(self) -> None:
        made()
        assert HubTelemetry()._enabled is False

    def test_no_span_holds_a_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        scanner = made()
        scanner.scan(TEXT)
        asyncio.run(scanner.ascan(f"ATTACK {TEXT}"))
        assert not any("Jane" in span.to_json() for span in exporter.get_finished_spans())
        assert settings.disable_tracing is True


def test_the_pages_code_runs() -> None:
    [code] = [one for one in page_blocks("scanners.md") if "GuardrailsAIScanner" in one]
    names: dict[str, Any] = {}
    exec(compile(code, "scanners.md", "exec"), names)
    result = names["prices"].scan("it costs $5")
    assert (result.text, result.valid, result.details) == ("it costs 5", True, {"NoPrices": 1.0})
