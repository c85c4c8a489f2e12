"""Serve what experiments need of Langfuse's API, for its SDKs 4 and 5, on 127.0.0.1, and keep every byte.

Datasets and their items, runs, scores, observations and annotation queues. Answers are made with the
SDK's own models, so that what is served is what the SDK believes to be served.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from langfuse import Langfuse
from langfuse._client.resource_manager import LangfuseResourceManager
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers.http import Handler, HttpServer

NOW = "2026-01-05T08:00:00.000Z"
PROJECT = "project-1"


@dataclass(slots=True)
class Spans:
    """Hold the spans that arrived: their names, and their attributes."""

    names: list[str] = field(default_factory=list)
    attributes: list[dict[str, str]] = field(default_factory=list)


class DatasetsServer(HttpServer):
    """Run the server in a thread while the ``with`` block lasts.

    ``annotated`` are scores as version 3 of the API gives them, ``observed`` observations; tests fill them.
    Pages are as short as ``page``, so that readers have to turn them.
    """

    def __init__(self, page: int = 2) -> None:
        super().__init__(_Handler)
        self.page = page
        self.bodies: list[bytes] = []
        self.datasets: dict[str, dict[str, dict[str, Any]]] = {}
        self.run_items: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.annotated: list[dict[str, Any]] = []
        self.observed: list[dict[str, Any]] = []
        self.queued: list[tuple[str, str]] = []
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.spans = Spans()
        self._clients: dict[str, Langfuse] = {}

    @property
    def base_url(self) -> str:
        """Return the address to give to a client."""
        return self.address

    def client(self, make: Callable[..., Langfuse], public_key: str) -> Langfuse:
        """Return a client of this server, made with ``make``, that is shut down when the block ends."""
        client = make(public_key=public_key, secret_key="sk", base_url=self.base_url)
        self.forget_after(public_key, client)
        return client

    def forget_after(self, public_key: str, client: Langfuse) -> None:
        """Shut a client down when the block ends; the SDK must not keep it for other tests."""
        self._clients[public_key] = client

    def saw(self, value: str) -> bool:
        """Tell whether any request held ``value``: as bytes, gunzipped, JSON- or URL-decoded, in any case."""
        wanted = value.casefold()
        return any(wanted in text.casefold() for body in self.bodies for text in _readings(body))

    def run_scores(self) -> dict[str, float]:
        """Return the scores of runs by name."""
        return {score["name"]: score["value"] for score in self.scores if score.get("datasetRunId")}

    def item_scores(self, name: str) -> list[float]:
        """Return the scores of items under a name, in the order in which they came."""
        return [score["value"] for score in self.scores if score.get("traceId") and score["name"] == name]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Answer a request: a status, and what is sent as JSON."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.bodies.append(target.encode())
        self.bodies.append(body)
        path = unquote(url.path).removeprefix("/api/public/")
        if method == "GET":
            self.queries.append((path, query))
            return 200, self._read(path, query)
        return self._write(path, body)

    def _read(self, path: str, query: dict[str, str]) -> Any:
        if path == "projects":
            organization = {"id": "o", "name": "o"}
            return {"data": [{"id": PROJECT, "name": "p", "organization": organization, "metadata": {}}]}
        if path.startswith("v2/datasets/"):
            return _dataset(path.removeprefix("v2/datasets/"))
        if path == "dataset-items":
            return self._items(self.datasets[query["datasetName"]], int(query["page"]))
        if path == "v3/scores":
            return self._cursor([one for one in self.annotated if one["name"] == query["name"]], query)
        if path == "v2/observations":
            traces = query.get("traceId")
            return self._cursor([one for one in self.observed if traces in (None, one["traceId"])], query)
        raise LookupError(path)

    def _items(self, items: dict[str, dict[str, Any]], page: int) -> dict[str, Any]:
        every = list(items.values())
        pages = max(1, -(-len(every) // self.page))
        meta = {"page": page, "limit": self.page, "totalItems": len(every), "totalPages": pages}
        return {"data": every[(page - 1) * self.page : page * self.page], "meta": meta}

    def _cursor(self, every: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        begin = int(query.get("cursor", "0"))
        end = begin + self.page
        following = {"cursor": str(end)} if end < len(every) else {}
        return {"data": every[begin:end], "meta": {"limit": self.page, **following}}

    def _write(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "otel/v1/traces":
            self._receive(body)
            return 200, {}
        given = json.loads(_plain(body))
        if path == "v2/datasets":
            self.datasets.setdefault(given["name"], {})
            return 200, _dataset(given["name"])
        if path == "dataset-items":
            item = _item(given)
            self.datasets[given["datasetName"]][item["id"]] = item
            return 200, item
        if path == "dataset-run-items":
            self.run_items.append(given)
            return 200, _run_item(given)
        if path == "scores":
            self.scores += given
            return 202, {"message": "Accepted"}
        if path == "ingestion":
            self.scores += [event["body"] for event in given["batch"] if event["type"] == "score-create"]
            accepted = [{"id": event["id"], "status": 201} for event in given["batch"]]
            return 207, {"successes": accepted, "errors": []}
        if found := re.fullmatch(r"annotation-queues/([^/]+)/items", path):
            self.queued.append((found[1], given["objectId"]))
            return 200, _queue_item(found[1], given)
        raise LookupError(path)

    def _receive(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(_plain(body)).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.names.append(span.name)
                    self.spans.attributes.append({a.key: a.value.string_value for a in span.attributes})

    def end(self) -> None:
        """Shut the clients down."""
        for public_key, client in self._clients.items():
            client.shutdown()
            LangfuseResourceManager._instances.pop(public_key, None)


class _Handler(Handler):
    def respond(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            status, answer = self.server.owner.answer(self.command, self.path, body)
        except Exception as error:  # noqa: BLE001 - raised again when the block ends
            self.server.owner.errors.append(error)
            status, answer = 500, {"message": type(error).__name__}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _dataset(name: str) -> dict[str, Any]:
    return {
        "id": f"dataset-{name}", "name": name, "metadata": None, "projectId": PROJECT,
        "createdAt": NOW, "updatedAt": NOW,
    }  # fmt: skip


def _item(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "ACTIVE", "metadata": None, "expectedOutput": None, "input": None,
        **{key: value for key, value in given.items() if value is not None},
        "datasetId": f"dataset-{given['datasetName']}",
        "createdAt": NOW, "updatedAt": NOW, "mediaReferences": [],
    }  # fmt: skip


def _run_item(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "run-item", "datasetRunId": f"run-{given['runName']}", "datasetRunName": given["runName"],
        "datasetItemId": given["datasetItemId"], "traceId": given["traceId"],
        "createdAt": NOW, "updatedAt": NOW,
    }  # fmt: skip


def _queue_item(queue: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "queue-item", "queueId": queue, "objectId": given["objectId"],
        "objectType": given["objectType"],
        "status": "PENDING", "completedAt": None, "createdAt": NOW, "updatedAt": NOW,
    }  # fmt: skip


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def _readings(body: bytes) -> Iterator[str]:
    """Read a body as it is, gunzipped, with JSON's escapes undone (twice), and URL-decoded."""
    text = _plain(body).decode("utf-8", "replace")
    yield text
    yield unquote(text.replace("+", " "))
    for _ in range(2):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r'\\+(["/\\])', r"\1", text)
        yield text
