"""A stand-in for a Langfuse server that keeps what it is sent in memory, to look at what leaves a process.

It listens on this machine alone and speaks the part of Langfuse's protocol that its SDKs 4 and 5 use: spans
as OTLP, scores as JSON.
"""

import gzip
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_PREFIX = "langfuse.observation."


@dataclass(frozen=True, slots=True)
class Observation:
    """Hold one observation of a trace as it arrived; times are in nanoseconds."""

    trace_id: str
    observation_id: str
    parent_id: str
    name: str
    start: int
    end: int
    attributes: dict[str, Any]

    def get(self, name: str, otherwise: Any = None) -> Any:
        """Return an attribute of Langfuse's for observations: ``type``, ``input``, ``output``, ``level``."""
        return self.attributes.get(_PREFIX + name, otherwise)


@dataclass(slots=True)
class TraceReceiver:
    """Receive traces and scores while the ``with`` block lasts."""

    observations: list[Observation] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def base_url(self) -> str:
        """The address to give to a Langfuse client."""
        assert self._server is not None, "the receiver runs inside its with block"  # noqa: S101
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.received.append(body)
                answer = receiver._take(self.path, body)
                self.send_response(207 if "ingestion" in self.path else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the interface is the library's
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _take(self, path: str, body: bytes) -> bytes:
        if "/otel/" in path:
            self.observations += _observations(body)
            return b"{}"
        sent = json.loads(body)
        if isinstance(sent, dict):  # SDK 4: events of several types in a batch
            self.scores += [event["body"] for event in sent["batch"] if event["type"] == "score-create"]
            done = [{"id": event["id"], "status": 201} for event in sent["batch"]]
            return json.dumps({"successes": done, "errors": []}).encode()
        self.scores += sent
        return b'{"message": "Accepted"}'


def _observations(body: bytes) -> list[Observation]:
    return [
        Observation(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            {attribute.key: _value(attribute.value) for attribute in span.attributes},
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
