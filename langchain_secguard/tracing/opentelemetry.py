"""OpenTelemetry: a span and metrics for every check, from the same events; no text, and nobody's id.

Names follow the style of the semantic conventions (https://opentelemetry.io/docs/specs/semconv/), which have
none for guardrails: ``secguard.*``, with ``error.type`` and seconds as they are there.
"""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from langchain_secguard.errors import ScannerError
from langchain_secguard.events import ANONYMIZED, DEANONYMIZED
from langchain_secguard.tracing.checks import EVENTS, Check, read

try:
    from opentelemetry import metrics, trace
    from opentelemetry.util.types import AttributeValue
except ImportError as error:
    raise ImportError(
        'OpenTelemetryHandler needs OpenTelemetry\'s API: pip install "langchain-secguard[opentelemetry]"'
    ) from error

_SCOPE = "langchain_secguard"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RISKS = tuple(tenth / 10 for tenth in range(11))
_OPERATIONS = {ANONYMIZED: "anonymize", DEANONYMIZED: "deanonymize"}


class OpenTelemetryHandler(BaseCallbackHandler):
    """Turn what the steps tell into OpenTelemetry spans and metrics.

    It goes into the ``callbacks`` of a chain's config. Each check becomes a span below the span that is
    current where the chain runs, and counts in these metrics:

    ========================== ========= ========= =====================================================
    metric                     kind      unit      attributes
    ========================== ========= ========= =====================================================
    secguard.checks            counter   {check}   secguard.check.name, secguard.verdict, error.type
    secguard.check.duration    histogram s         the same
    secguard.check.risk        histogram 1         secguard.check.name
    secguard.entities          counter   {entity}  secguard.entity.type, secguard.operation
    secguard.texts             counter   {text}    secguard.text.cached
    ========================== ========= ========= =====================================================

    Example:
        .. code-block:: python

            chain.invoke(text, config={"callbacks": [OpenTelemetryHandler()], ...})

    Args:
        tracer_provider: Makes the spans; the global one by default.
        meter_provider: Makes the metrics; the global one by default.
        span_events: Write an event on the current span for each check, in place of a span of its own.

    Raises:
        ImportError: OpenTelemetry's API is not installed.
    """

    run_inline = True
    """Events are heard where the chain runs, and not in a worker thread, so that its span is current."""

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        span_events: bool = False,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._instruments = _Instruments(metrics.get_meter(_SCOPE, meter_provider=meter_provider))
        self._span_events = span_events

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,  # noqa: ARG002 - what is heard is not traced back to a run
        tags: list[str] | None = None,  # noqa: ARG002
        metadata: dict[str, Any] | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Hear one event; events of others are passed over."""
        if name not in EVENTS or not isinstance(data, Mapping):
            return
        check = read(name, data, _SCOPE)
        self._instruments.record(name, check)
        if self._span_events:
            trace.get_current_span().add_event("secguard.check", _attributes(check))
        else:
            self._add_span(check)

    def _add_span(self, check: Check) -> None:
        """Write a span that ends now, and began when the check did."""
        end = time.time_ns()
        span = self._tracer.start_span(
            f"secguard {check.scanner}",
            attributes=_attributes(check),
            start_time=end - int(_seconds(check) * 1e9),
        )
        if check.verdict == "failed":
            span.set_status(trace.StatusCode.ERROR)
        span.end(end)


class _Instruments:
    """Hold the metrics of one handler."""

    def __init__(self, meter: metrics.Meter) -> None:
        self._checks = meter.create_counter("secguard.checks", "{check}", "Checks, by verdict.")
        self._entities = meter.create_counter(
            "secguard.entities", "{entity}", "Values hidden and restored, by entity type."
        )
        self._texts = meter.create_counter(
            "secguard.texts", "{text}", "Texts whose entities were remembered, or detected."
        )
        self._durations = meter.create_histogram(
            "secguard.check.duration",
            "s",
            "What a check took by itself.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._risks = meter.create_histogram(
            "secguard.check.risk",
            "1",
            "The risk score of a check, 0 to 1.",
            explicit_bucket_boundaries_advisory=_RISKS,
        )

    def record(self, name: str, check: Check) -> None:
        """Count one check."""
        attributes: dict[str, AttributeValue] = {
            "secguard.check.name": check.scanner,
            "secguard.verdict": check.verdict,
        }
        if error := check.metadata.get("error"):
            attributes["error.type"] = _error_type(error)
        self._checks.add(1, attributes)
        self._durations.record(_seconds(check), attributes)
        if check.risk is not None:
            self._risks.record(check.risk, {"secguard.check.name": check.scanner})
        for entity_type, count in _entities(check).items():
            labels = {
                "secguard.entity.type": entity_type,
                "secguard.operation": _OPERATIONS.get(name, "check"),
            }
            self._entities.add(count, labels)
        for field, cached in (("cached", True), ("read", False)):
            if number := check.metadata.get(field):
                self._texts.add(number, {"secguard.text.cached": cached})


def _attributes(check: Check) -> dict[str, AttributeValue]:
    """Write a check as attributes: numbers, and names of types, classes and scanners."""
    entities = _entities(check)
    attributes: dict[str, AttributeValue] = {
        "secguard.check.name": check.scanner,
        "secguard.verdict": check.verdict,
        "secguard.entity.types": sorted(entities),
        "secguard.entity.count": sum(entities.values()),
    }
    if check.risk is not None:
        attributes["secguard.risk"] = check.risk
    if engine := check.metadata.get("engine"):
        attributes["secguard.engine"] = str(engine)
    if error := check.metadata.get("error"):
        attributes["error.type"] = _error_type(error)
    for field in ("cached", "read", "unknown", "withheld"):
        if field in check.metadata:
            attributes[f"secguard.{field}"] = check.metadata[field]
    return attributes


def _error_type(error: object) -> str:
    """Name the class of an error; a scanner that says more in words of its own raised a ``ScannerError``."""
    told = str(error)
    return told if told.isidentifier() else ScannerError.__name__


def _entities(check: Check) -> Mapping[str, int]:
    entities: Mapping[str, int] = check.metadata.get("entities") or {}
    return entities


def _seconds(check: Check) -> float:
    return float(check.metadata.get("seconds") or 0.0)
