"""What masks on the way out of a client: an exporter around that of its spans, a transport for its scores."""

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status, format_span_id, format_trace_id

from langchain_secguard.sight import Sight
from langchain_secguard.tracing.langfuse.attributes import IDENTIFIERS, texts
from langchain_secguard.tracing.langfuse.code import is_score_name
from langchain_secguard.tracing.langfuse.traces import Trace, known_trace
from langchain_secguard.tracing.masking.mask import WITHHELD, Mask
from langchain_secguard.tracing.quiet import log

_MOST_HELD = 4096
_PATIENCE = 2.0
_SCORE_TEXTS = ("name", "value", "comment", "metadata")


class MaskingExporter(SpanExporter):
    """Mask spans before another exporter gets them.

    Spans of a trace whose runs are still open are held until they have ended, since a later step may find
    what stands in them. What a handler has masked passes.

    Args:
        inner: Sends the spans.
        mask: What masks.
        most_held: Spans that may wait; what is more is masked with what is known.
    """

    def __init__(self, inner: SpanExporter, mask: Mask, most_held: int = _MOST_HELD) -> None:
        self._inner = inner
        self._mask = mask
        self._most_held = most_held
        self._held: list[ReadableSpan] = []
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Mask and send ``spans``, and those that waited for what has ended since."""
        ready = self._ready(spans)
        return (
            self._inner.export([self._masked(span) for span in ready]) if ready else SpanExportResult.SUCCESS
        )

    def shutdown(self) -> None:
        """Send what waits, and stop."""
        with self._lock:
            held, self._held = self._held, []
        if held:
            self._inner.export([self._masked(span) for span in held])
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what the other exporter keeps."""
        return self._inner.force_flush(timeout_millis)

    def _ready(self, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
        with self._lock:
            waiting = [*self._held, *spans]
            self._held = [span for span in waiting if _waits(span)][-self._most_held :]
            held = set(map(id, self._held))
            return [span for span in waiting if id(span) not in held]

    def _masked(self, span: ReadableSpan) -> ReadableSpan:
        trace = _trace_of(span)
        if trace is not None and trace.has_masked(_span_id(span)):
            return span
        parts = _parts(span)
        try:
            sights = trace.sights if trace else []
            masked = self._mask.apply([parts], sights)[0]
            return _rebuilt(span, self._with_pseudonyms(parts, masked, sights))
        except Exception as error:  # noqa: BLE001 - it must not happen; if it does, no text is sent
            log.error("A span was sent without texts: masking failed with %s.", type(error).__name__)
            return _rebuilt(span, _withheld(parts))

    def _with_pseudonyms(
        self, parts: Mapping[str, Any], masked: Any, sights: Sequence[Sight]
    ) -> dict[str, Any]:
        if not isinstance(masked, dict):
            return _withheld(parts)
        for name in IDENTIFIERS & parts["attributes"].keys():
            if masked["attributes"].get(name) != parts["attributes"][name]:
                masked["attributes"][name] = self._mask.identifier(str(parts["attributes"][name]), sights)
        return masked


def _trace_of(span: ReadableSpan) -> Trace | None:
    return known_trace(format_trace_id(span.context.trace_id)) if span.context else None


def _span_id(span: ReadableSpan) -> str:
    return format_span_id(span.context.span_id) if span.context else ""


def _waits(span: ReadableSpan) -> bool:
    trace = _trace_of(span)
    return trace is not None and trace.is_open and not trace.has_masked(_span_id(span))


def _parts(span: ReadableSpan) -> dict[str, Any]:
    """List all of a span that may hold text."""
    return {
        "name": span.name,
        "attributes": texts(span.attributes),
        "status": span.status.description,
        "events": [[event.name, texts(event.attributes)] for event in span.events],
        "links": [texts(link.attributes) for link in span.links],
        "resource": texts(span.resource.attributes),
    }


def _withheld(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": WITHHELD,
        "attributes": dict.fromkeys(parts["attributes"], WITHHELD),
        "status": parts["status"] and WITHHELD,
        "events": [[WITHHELD, dict.fromkeys(attributes, WITHHELD)] for _, attributes in parts["events"]],
        "links": [dict.fromkeys(attributes, WITHHELD) for attributes in parts["links"]],
        "resource": dict.fromkeys(parts["resource"], WITHHELD),
    }


def _rebuilt(span: ReadableSpan, parts: Mapping[str, Any]) -> ReadableSpan:
    """Build a span anew from masked parts."""
    return ReadableSpan(
        name=parts["name"],
        context=span.context,
        parent=span.parent,
        resource=Resource(_merged(span.resource.attributes, parts["resource"]), span.resource.schema_url),
        attributes=_merged(span.attributes, parts["attributes"]),
        events=[
            Event(name, _merged(event.attributes, attributes), event.timestamp)
            for event, (name, attributes) in zip(span.events, parts["events"], strict=True)
        ],
        links=[
            Link(link.context, _merged(link.attributes, attributes))
            for link, attributes in zip(span.links, parts["links"], strict=True)
        ],
        kind=span.kind,
        status=Status(span.status.status_code, parts["status"]),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _merged(attributes: Mapping[str, Any] | None, masked: Mapping[str, Any]) -> dict[str, Any]:
    """Put masked attributes in the place of raw ones, whose names may be masked as well."""
    raw = texts(attributes)
    return {name: value for name, value in (attributes or {}).items() if name not in raw} | dict(masked)


class MaskingTransport(httpx.BaseTransport):
    """Mask the scores that a client sends, and upload no media.

    A score with a comment waits a little for the open runs of its trace, as spans do. What waits is the
    thread in which the client sends its scores.

    Args:
        connect: Makes what sends the requests: once for a process, since a forked one must not use the
            connections of its parent.
        mask: What masks.
        patience: How long to wait for open runs, in seconds.
    """

    def __init__(self, connect: Callable[[], httpx.Client], mask: Mask, patience: float = _PATIENCE) -> None:
        self._connect = connect
        self._inner, self._process = connect(), os.getpid()
        self._mask = mask
        self._patience = patience

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with texts masked if it sends scores."""
        if request.method == "POST":
            path = request.url.path
            if path.endswith("/api/public/media"):
                return httpx.Response(200, json={"mediaId": "withheld", "uploadUrl": None}, request=request)
            if path.endswith(("/api/public/scores", "/api/public/ingestion")):
                request = self._masked(request)
        if self._process != os.getpid():
            self._inner, self._process = self._connect(), os.getpid()
        return self._inner.send(request, stream=True)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _masked(self, request: httpx.Request) -> httpx.Request:
        content = json.dumps(self._scores(json.loads(request.read()))).encode()
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
        return httpx.Request(
            request.method, request.url, headers=headers, content=content, extensions=request.extensions
        )

    def _scores(self, body: Any) -> Any:
        """Mask a body: one score, a list of them, or events that hold one each."""
        if isinstance(body, list):
            return [self._scores(score) for score in body]
        if isinstance(body, dict) and isinstance(body.get("batch"), list):
            return {
                **body,
                "batch": [{**event, "body": self._scores(event.get("body"))} for event in body["batch"]],
            }
        return self._score(body) if isinstance(body, dict) else body

    def _score(self, score: Mapping[str, Any]) -> dict[str, Any]:
        trace = known_trace(str(score.get("traceId")))
        names = ("comment", "metadata") if is_score_name(str(score.get("name"))) else _SCORE_TEXTS
        given = {name: score[name] for name in names if isinstance(score.get(name), str | dict | list)}
        if given and trace is not None:
            trace.wait(self._patience)
        masked = self._mask.apply(list(given.values()), trace.sights if trace else [])
        sent = {**score, **dict(zip(given, masked, strict=True))}
        if isinstance(given.get("metadata"), dict) and not isinstance(sent["metadata"], dict):
            del sent["metadata"]  # withheld; the server takes an object and nothing else
        if isinstance(sent.get("sessionId"), str):
            sent["sessionId"] = self._mask.identifier(sent["sessionId"])
        return sent
