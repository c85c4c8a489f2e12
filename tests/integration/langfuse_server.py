"""Serve the part of Langfuse's API that its SDKs 4 and 5 write to, on 127.0.0.1, and keep every byte.

Spans come as OTLP (protobuf, gzip from SDK 5 on), scores as JSON: an array from SDK 5 on, and events in a
batch before. What is sent is decoded with OpenTelemetry's own definitions, and with the SDK's own request
models.
"""

import base64
import binascii
import gzip
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal
from urllib.parse import unquote, unquote_plus

from langfuse import api
from langfuse.api.core.pydantic_utilities import parse_obj_as
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.servers.http import Handler, HttpServer

Mood = Literal["well", "failing", "hanging"]

_OBSERVATION = "langfuse.observation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Hold one span as it arrived; times are in nanoseconds since the epoch."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    start: int
    end: int
    status: str
    attributes: Mapping[str, Any] = field(repr=False)
    public_key: str

    def get(self, name: str) -> Any:
        """Return one of Langfuse's attributes of an observation: ``type``, ``input``, ``level``, ..."""
        return self.attributes.get(_OBSERVATION + name)

    @property
    def metadata(self) -> dict[str, Any]:
        """Return the metadata, decoded where it is JSON."""
        prefix = f"{_OBSERVATION}metadata."
        return {
            name.removeprefix(prefix): _decoded(value)
            for name, value in self.attributes.items()
            if name.startswith(prefix)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Hold one score as it arrived, valid by the SDK's model."""

    id: str
    trace_id: str
    observation_id: str | None
    name: str
    value: float | str
    data_type: str
    public_key: str
    body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Hold one request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class LangfuseServer(HttpServer):
    """Run the server in a thread while the ``with`` block lasts.

    ``mood`` may be changed at any time: ``"failing"`` answers 500, ``"hanging"`` answers nothing until the
    mood changes or the block ends.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.requests: list[Request] = []
        self.observations: list[Observation] = []
        self.scores: list[Score] = []
        self.mood: Mood = "well"
        self.holding = threading.Event()
        self._freed = threading.Event()

    @property
    def base_url(self) -> str:
        """Return the address to give to a client."""
        return self.address

    def clear(self) -> None:
        """Forget all that arrived."""
        self.requests.clear()
        self.observations.clear()
        self.scores.clear()

    def free(self) -> None:
        """Answer what hangs, and be well."""
        self.mood = "well"
        self._freed.set()

    def saw(self, value: str) -> bool:
        """Tell whether any request held ``value``, in any case and however it was encoded."""
        wanted = value.casefold()
        return any(wanted in text.casefold() for request in self.requests for text in texts_of(request))

    def tree(self, trace_id: str) -> dict[str, Any]:
        """Return a trace as names within names; of children in the order in which they started."""
        mine = sorted(
            (one for one in self.observations if one.trace_id == trace_id), key=lambda one: one.start
        )
        ids = {one.id for one in mine}
        return _subtree(mine, [one for one in mine if one.parent_id not in ids])

    def trees(self) -> list[dict[str, Any]]:
        """Return all traces, by their start."""
        ordered = sorted(self.observations, key=lambda one: one.start)
        return [self.tree(trace_id) for trace_id in dict.fromkeys(one.trace_id for one in ordered)]

    def named(self, name: str) -> Observation:
        """Return the one observation of a name."""
        [found] = [one for one in self.observations if one.name == name]
        return found

    def scores_of(self, trace_id: str) -> dict[tuple[str | None, str], float | str]:
        """Return the scores of a trace by observation id and name; a repeated id overwrites."""
        by_id = {score.id: score for score in self.scores if score.trace_id == trace_id}
        return {(score.observation_id, score.name): score.value for score in by_id.values()}

    def take(self, request: Request) -> tuple[int, Any]:
        """Keep a request, and return the status and the body of the answer."""
        self.requests.append(request)
        if self.mood == "hanging":
            self.holding.set()
            self._freed.wait(30)
        if self.mood == "failing":
            return 500, {"message": "scripted failure"}
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - raised again when the block ends
            self.errors.append(error)
            return 400, {"message": str(error)}

    def _answer(self, request: Request) -> tuple[int, Any]:
        path, key = request.path.split("?")[0], _public_key(request)
        if path == "/api/public/projects":
            return 200, {
                "data": [{"id": "project", "name": "Project", "organization": {"id": "o", "name": "O"}}]
            }
        if path == "/api/public/otel/v1/traces":
            self.observations += _observations(_unzipped(request), key)
            return 200, {}
        if path == "/api/public/scores":
            self.scores += [_score(body, api.CreateScoreRequest, key) for body in json.loads(request.body)]
            return 202, {"message": "Accepted"}
        if path == "/api/public/ingestion":
            events = json.loads(request.body)["batch"]
            scores = [event["body"] for event in events if event["type"] == "score-create"]
            self.scores += [_score(body, api.ScoreBody, key) for body in scores]
            return 207, {"successes": [{"id": event["id"], "status": 201} for event in events], "errors": []}
        raise ValueError(f"no such path: {request.method} {path}")

    def end(self) -> None:
        """Answer what hangs."""
        self._freed.set()


class _Handler(Handler):
    def respond(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=self.path, headers=headers, body=body)
        status, answer = self.server.owner.take(request)
        content = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            pass  # the client gave up, as it does when the server hangs


def texts_of(request: Request) -> Iterator[str]:
    """Yield all that a request may be read as: decompressed, and decoded from JSON, URLs and base64."""
    raw = [request.path, *request.headers.values(), _unzipped(request).decode("utf-8", "replace")]
    pending, seen = list(raw), set(raw)
    while pending:
        text = pending.pop()
        yield text
        new = set(chain(_decodings(text))) - seen
        seen |= new
        pending += new


def _decodings(text: str) -> Iterator[str]:
    if "%" in text or "+" in text:
        yield unquote(text)
        yield unquote_plus(text)
    if "\\" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text).replace("\\", "")
    for match in re.finditer(r"[A-Za-z0-9+/_-]{12,}={0,2}", text):
        yield from _from_base64(match[0])


def _from_base64(text: str) -> Iterator[str]:
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    for altchars in (b"+/", b"-_"):
        try:
            decoded = base64.b64decode(padded, altchars=altchars, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if decoded.isprintable():
            yield decoded


def _unzipped(request: Request) -> bytes:
    return (
        gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    )


def _public_key(request: Request) -> str:
    basic = request.headers.get("authorization", "").removeprefix("Basic ")
    return base64.b64decode(basic).decode().split(":")[0]


def _observations(body: bytes, public_key: str) -> Iterator[Observation]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _observation(span, public_key)


def _observation(span: Span, public_key: str) -> Observation:
    return Observation(
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        status=span.status.message,
        attributes=_attributes(span.attributes),
        public_key=public_key,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def _score(body: Mapping[str, Any], request_model: type[Any], public_key: str) -> Score:
    """Check a score by the SDK's model and by what the server says of values."""
    model = parse_obj_as(request_model, body)
    data_type = str(getattr(model.data_type, "value", model.data_type))
    if model.id is None or model.trace_id is None:
        raise ValueError("a score has an id and belongs to a trace")
    if data_type == "BOOLEAN" and model.value not in (0.0, 1.0):
        raise ValueError("a boolean score is 0 or 1")
    if isinstance(model.value, str) != (data_type == "CATEGORICAL"):
        raise ValueError("a categorical score, and no other, is a string")
    return Score(
        id=model.id,
        trace_id=model.trace_id,
        observation_id=model.observation_id,
        name=model.name,
        value=model.value,
        data_type=data_type,
        public_key=public_key,
        body=dict(body),
    )


def _subtree(all_of_them: list[Observation], level: list[Observation]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for one in level:
        name, number = one.name, 1
        while name in tree:
            number += 1
            name = f"{one.name} #{number}"
        tree[name] = _subtree(all_of_them, [each for each in all_of_them if each.parent_id == one.id])
    return tree


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value
