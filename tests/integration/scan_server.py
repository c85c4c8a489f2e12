"""Speak the protocols of the hosted scanning services on 127.0.0.1, as strictly as they are documented.

What a service finds is plain: ``ATTACK`` in a text is an attack, ``HATE4`` is hate of severity 4, and so on.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEY = "sk-scan-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold an answer; ``seconds`` pass before it, and with ``cut`` the connection is lost instead."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Hold one request as it came over the wire."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    at: float
    connection: int


class WrongError(Exception):
    """Say that a request does not follow the protocol."""


class ScanServer:
    """Serve while the ``with`` block lasts; ``trouble`` holds answers that come before the protocol's."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.trouble: deque[Reply] = deque()
        self.always: Reply | None = None
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address to give to a client."""
        if self._server is None:
            raise RuntimeError("the server runs inside its `with` block only")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def bodies(self) -> list[Any]:
        """Return what was posted."""
        return [seen.body for seen in self.seen]

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)

    def answer(self, seen: Seen) -> Reply:
        """Answer by the protocol, unless there is trouble."""
        self.seen.append(seen)
        if self.trouble:
            return self.trouble.popleft()
        if self.always is not None:
            return self.always
        handle, header, scheme = ROUTES.get(seen.path, (None, "", ""))
        if handle is None:
            return Reply(status=404, body={"error": "no such path"})
        if seen.headers.get(header) != f"{scheme}{KEY}":
            return Reply(status=401, body={"error": "wrong key"})
        try:
            return Reply(body=handle(seen))
        except WrongError as wrong:
            return Reply(status=400, body={"error": f"{wrong}: {json.dumps(seen.body)}"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _lakera(seen: Seen) -> Any:
    body = _fields(seen.body, {"messages"}, {"project_id", "breakdown", "payload", "metadata", "dev_info"})
    for message in body["messages"]:
        _fields(message, {"role", "content"}, set())
        _check(message["role"] in {"user", "assistant", "system", "tool"}, "role")
        _check(bool(message["content"]), "content")
    last = body["messages"][-1]["content"]
    found = {
        "prompt_attack": "ATTACK" in last,
        "pii/email": "@" in last,
        "moderated_content/hate": "HATE" in last,
    }
    answer: dict[str, Any] = {"flagged": any(found.values()), "metadata": {"request_uuid": "0"}}
    if body.get("breakdown"):
        answer["breakdown"] = [
            {
                "project_id": body.get("project_id", "default"),
                "policy_id": "policy-1",
                "detector_id": f"detector-{name}",
                "detector_type": name,
                "detected": detected,
                "message_id": len(body["messages"]) - 1,
            }
            for name, detected in found.items()
        ]
    return answer


def _prompt_armor(seen: Seen) -> Any:
    body = _fields(seen.body, {"content"}, {"source", "destination"})
    _check(bool(seen.headers.get("promptarmor-session-id")), "session")
    found = {"Jailbreak": "ATTACK" in body["content"], "HiddenText": False, "MarkdownImage": False}
    info = {name: {"detection": one, "metadata": None} for name, one in found.items()}
    return {"detection": any(found.values()), "info": info}


def _analyze(seen: Seen) -> Any:
    body = _azure(seen, "2024-09-01")
    _fields(body, {"text"}, {"categories", "blocklistNames", "haltOnBlocklistHit", "outputType"})
    _check(0 < len(body["text"]) <= 10_000, "text")
    hits = [
        {"blocklistName": name, "blocklistItemId": "1", "blocklistItemText": "the banned term"}
        for name in body.get("blocklistNames", [])
        if f"LIST-{name}" in body["text"]
    ]
    if hits and body.get("haltOnBlocklistHit"):
        return {"blocklistsMatch": hits, "categoriesAnalysis": []}
    step = 1 if body.get("outputType") == "EightSeverityLevels" else 2
    severities = {
        name: int((re.findall(rf"{name.upper()}(\d)", body["text"]) or ["0"])[0]) // step * step
        for name in body.get("categories") or ("Hate", "SelfHarm", "Sexual", "Violence")
    }
    return {
        "blocklistsMatch": hits,
        "categoriesAnalysis": [{"category": name, "severity": one} for name, one in severities.items()],
    }


def _shield(seen: Seen) -> Any:
    body = _fields(_azure(seen, "2024-09-01"), {"userPrompt"}, {"documents"})
    documents = body.get("documents", [])
    _check(len(body["userPrompt"]) <= 10_000 and sum(map(len, documents)) <= 10_000, "length")
    _check(len(documents) <= 5, "documents")
    return {
        "userPromptAnalysis": {"attackDetected": "ATTACK" in body["userPrompt"]},
        "documentsAnalysis": [{"attackDetected": "INDIRECT" in one} for one in documents],
    }


def _protected(seen: Seen) -> Any:
    body = _fields(_azure(seen, "2024-09-01"), {"text"}, set())
    _check(110 <= len(body["text"]) <= 1_000, "length")
    return {"protectedMaterialAnalysis": {"detected": "LYRICS" in body["text"]}}


def _grounded(seen: Seen) -> Any:
    body = _azure(seen, "2024-09-15-preview")
    _fields(body, {"text", "groundingSources"}, {"domain", "task", "qna", "reasoning"})
    _check(body["domain"] in {"Generic", "Medical"} and body["task"] in {"Summarization", "QnA"}, "task")
    _check(0 < len(body["text"]) <= 7_500 and sum(map(len, body["groundingSources"])) <= 55_000, "length")
    _check((body["task"] == "QnA") == ("qna" in body), "qna")
    share = 0.75 if "INVENTED" in body["text"] else 0.0
    return {"ungroundedDetected": share > 0, "ungroundedPercentage": share, "ungroundedDetails": []}


def _azure(seen: Seen, version: str) -> Any:
    _check(seen.query.get("api-version") == version, "version")
    return seen.body


def _fields(body: Any, needed: set[str], allowed: set[str]) -> Any:
    _check(isinstance(body, dict) and needed <= set(body) <= needed | allowed, "fields")
    return body


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise WrongError(what)


Handle = Callable[[Seen], Any]

ROUTES: dict[str, tuple[Handle, str, str]] = {
    "/v2/guard": (_lakera, "authorization", "Bearer "),
    "/v1/analyze/input": (_prompt_armor, "promptarmor-auth", "Bearer "),
    "/v1/analyze/output": (_prompt_armor, "promptarmor-auth", "Bearer "),
    "/contentsafety/text:analyze": (_analyze, "ocp-apim-subscription-key", ""),
    "/contentsafety/text:shieldPrompt": (_shield, "ocp-apim-subscription-key", ""),
    "/contentsafety/text:detectProtectedMaterial": (_protected, "ocp-apim-subscription-key", ""),
    "/contentsafety/text:detectGroundedness": (_grounded, "ocp-apim-subscription-key", ""),
}
"""What answers a path, and the header that holds the key."""


def _handler(server: ScanServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            url = urlsplit(self.path)
            reply = server.answer(
                Seen(
                    path=url.path,
                    query={name: values[0] for name, values in parse_qs(url.query).items()},
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=json.loads(body),
                    at=time.monotonic(),
                    connection=self.client_address[1],
                )
            )
            time.sleep(reply.seconds)
            if reply.cut:
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the client did not wait
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
            """Say nothing."""

    return Handler
