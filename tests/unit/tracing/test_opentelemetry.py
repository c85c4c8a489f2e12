import asyncio
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, DetectorError, Vault, tracing
from langchain_secguard.tracing import OpenTelemetryHandler
from tests.support import FailingDetector, LexiconDetector, config

VALUES = {"Jane Doe": "PERSON", "jane@x.com": "EMAIL_ADDRESS", "219-09-9999": "US_SSN"}
TEXT = "Jane Doe, jane@x.com; Jane Doe"
SECRETS = [*VALUES, "Jane", "user-of-the-vault"]


class Telemetry:
    """Hold a tracer and a meter that write to memory, and the handler that uses them."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.handler = OpenTelemetryHandler(
            tracer_provider=self.tracers, meter_provider=self.meters, **options
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, metric: str) -> dict[tuple[Any, ...], Any]:
        """Return the points of a metric, by the values of their attributes."""
        data = self.reader.get_metrics_data()
        return {
            tuple((point.attributes or {}).values()): point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        }

    def counts(self, metric: str) -> dict[tuple[Any, ...], Any]:
        return {key: point.value for key, point in self.points(metric).items()}


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.tracers.shutdown()
    telemetry.meters.shutdown()


def pair(**options: Any) -> Runnable[Any, Any]:
    vault = Vault("user-of-the-vault")
    before = Anonymizer(detector=LexiconDetector(VALUES), vault=vault, **options)
    return before | RunnableLambda(lambda text: text) | Deanonymizer(vault=vault)


def run(chain: Runnable[Any, Any], mode: str, telemetry: Telemetry) -> None:
    named = config("v", telemetry.handler)
    if mode == "invoke":
        chain.invoke(TEXT, named)
    elif mode == "batch":
        chain.batch([TEXT], named)
    elif mode == "stream":
        list(chain.stream(TEXT, named))
    elif mode == "ainvoke":
        asyncio.run(chain.ainvoke(TEXT, named))
    else:

        async def exhaust() -> None:
            async for _ in chain.astream(TEXT, named):
                pass

        asyncio.run(exhaust())


@pytest.mark.parametrize("mode", ["invoke", "batch", "stream", "ainvoke", "astream"])
class TestAPair:
    def test_gives_a_span_for_each_step_below_the_current_one(self, mode: str, telemetry: Telemetry) -> None:
        tracer = telemetry.tracers.get_tracer("test")
        with tracer.start_as_current_span("request") as request:
            run(pair(), mode, telemetry)
        first, second, outer = telemetry.spans
        assert [first.name, second.name] == ["secguard Anonymizer", "secguard Deanonymizer"]
        for span in (first, second):
            assert span.parent is not None
            assert span.parent.span_id == request.get_span_context().span_id
            assert span.start_time is not None
            assert span.end_time is not None
            assert outer.start_time is not None
            assert outer.start_time <= span.start_time < span.end_time
        attributes = dict(first.attributes or {})
        assert attributes.pop("secguard.risk") == 1.0
        assert attributes == {
            "secguard.check.name": "Anonymizer",
            "secguard.verdict": "redacted",
            "secguard.engine": "LexiconDetector",
            "secguard.entity.types": ("EMAIL_ADDRESS", "PERSON"),
            "secguard.entity.count": 3,
            "secguard.cached": 0,
            "secguard.read": 1,
        }

    def test_counts_entities_checks_and_seconds(self, mode: str, telemetry: Telemetry) -> None:
        chain = pair()
        for _ in range(2):
            run(chain, mode, telemetry)
        assert telemetry.counts("secguard.checks") == {
            ("Anonymizer", "redacted"): 2,
            ("Deanonymizer", "passed"): 2,
        }
        assert telemetry.counts("secguard.entities") == {
            ("PERSON", "anonymize"): 4,
            ("EMAIL_ADDRESS", "anonymize"): 2,
            ("PERSON", "deanonymize"): 4,
            ("EMAIL_ADDRESS", "deanonymize"): 2,
        }
        assert telemetry.counts("secguard.texts") == {(True,): 1, (False,): 1}
        durations = telemetry.points("secguard.check.duration")
        assert {key: point.count for key, point in durations.items()} == {
            ("Anonymizer", "redacted"): 2,
            ("Deanonymizer", "passed"): 2,
        }
        assert all(0 < point.sum < 60 for point in durations.values())
        assert telemetry.points("secguard.check.risk")["Anonymizer",].count == 2

    def test_tells_no_text_and_nobody_s_id(self, mode: str, telemetry: Telemetry) -> None:
        run(pair(), mode, telemetry)
        assert telemetry.spans
        written = str([span.to_json() for span in telemetry.spans]) + telemetry_json(telemetry)
        assert not [secret for secret in SECRETS if secret in written]


def telemetry_json(telemetry: Telemetry) -> str:
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    return data.to_json()


class TestOtherEndings:
    def test_a_refusal(self, telemetry: Telemetry) -> None:
        with pytest.raises(BlockedError):
            pair(policies={"PERSON": "block"}).invoke(TEXT, config("v", telemetry.handler))
        (span,) = telemetry.spans
        assert span.attributes is not None
        assert span.attributes["secguard.verdict"] == "blocked"
        assert span.attributes["secguard.risk"] == 1.0
        assert telemetry.counts("secguard.checks") == {("Anonymizer", "blocked"): 1}

    def test_a_failure(self, telemetry: Telemetry) -> None:
        step = Anonymizer(detector=FailingDetector(), vault=Vault("v"))
        with pytest.raises(DetectorError):
            step.invoke(TEXT, config("v", telemetry.handler))
        (span,) = telemetry.spans
        assert span.status.status_code is StatusCode.ERROR
        assert not span.status.description
        assert span.attributes is not None
        assert span.attributes["error.type"] == "DetectorError"
        assert telemetry.counts("secguard.checks") == {("Anonymizer", "failed", "DetectorError"): 1}
        assert not [secret for secret in SECRETS if secret in span.to_json()]

    def test_a_scan(self, telemetry: Telemetry) -> None:
        data = {"scanner": "BanTopics", "risk": 0.8, "valid": False, "verdict": "blocked", "seconds": 0.25}
        telemetry.handler.on_custom_event("secguard.scanned", data, run_id=uuid4())
        (span,) = telemetry.spans
        assert span.name == "secguard BanTopics"
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time - span.start_time == 250_000_000
        assert telemetry.counts("secguard.checks") == {("BanTopics", "blocked"): 1}
        assert telemetry.points("secguard.check.risk")["BanTopics",].sum == 0.8

    @pytest.mark.parametrize("error", ["Rules failed with KeyError.", "late: no answer in 2 s"])
    def test_a_scan_that_failed_is_told_by_a_class_whatever_its_scanner_says(
        self, error: str, telemetry: Telemetry
    ) -> None:
        data = {"scanner": "Rules", "valid": False, "verdict": "failed", "error": error, "seconds": 0.25}
        telemetry.handler.on_custom_event("secguard.scanned", data, run_id=uuid4())
        (span,) = telemetry.spans
        assert span.attributes is not None
        assert span.attributes["error.type"] == "ScannerError"
        assert telemetry.counts("secguard.checks") == {("Rules", "failed", "ScannerError"): 1}

    @pytest.mark.parametrize(("name", "data"), [("mine", {"text": "Jane"}), ("secguard.scanned", "Jane")])
    def test_what_is_not_ours_is_passed_over(self, name: str, data: object, telemetry: Telemetry) -> None:
        telemetry.handler.on_custom_event(name, data, run_id=uuid4())
        assert telemetry.spans == []


def test_events_on_the_current_span() -> None:
    telemetry = Telemetry(span_events=True)
    with telemetry.tracers.get_tracer("test").start_as_current_span("request"):
        pair().invoke(TEXT, config("v", telemetry.handler))
    (span,) = telemetry.spans
    assert [event.name for event in span.events] == ["secguard.check"] * 2
    attributes = [event.attributes or {} for event in span.events]
    assert [one["secguard.verdict"] for one in attributes] == ["redacted", "passed"]
    assert not [secret for secret in SECRETS if secret in span.to_json()]


def test_without_providers_the_global_ones_are_used() -> None:
    pair().invoke(TEXT, config("v", OpenTelemetryHandler()))


def test_its_absence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_secguard.tracing.opentelemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"langchain-secguard\[opentelemetry\]"):
        tracing.__getattr__("OpenTelemetryHandler")
