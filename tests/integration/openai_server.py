"""Serve OpenAI's chat-completions protocol on 127.0.0.1, with scripted replies and recorded requests.

Wire format: https://platform.openai.com/docs/api-reference/chat and its streaming page.

Every response ends its connection, so no socket outlives a request: `ChatOpenAI` caches its HTTP clients for
the life of the process, and a kept-alive connection would be reported as unclosed when an event loop ends.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, zip_longest
from typing import Any, cast

from langchain_openai import ChatOpenAI

from tests.servers.http import Handler, HttpServer

_COMPLETION_ID = "chatcmpl-test"
_CREATED = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """Describe one tool call of a reply.

    `arguments` is JSON text as the model writes it (any spelling, also a broken one), or a mapping to encode.
    `chunk_size` overrides the reply's for the arguments of this call.
    """

    name: str
    arguments: str | Mapping[str, object] = "{}"
    id: str = ""
    chunk_size: int | Sequence[int] | None = None

    @property
    def arguments_text(self) -> str:
        """Return the arguments as JSON text."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Describe what the model answers.

    When the request asks for a stream, `chunk_size` cuts the text and the arguments: a number cuts after
    every so many characters; a sequence holds the offsets of the cuts in ascending order (an offset given
    twice sends an empty piece, one past the end is ignored). `interleave` sends the argument pieces of
    several calls in turns. `before_chunk` is called in the server's thread with the number of each event
    before it is sent, the opening one being 0.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    chunk_size: int | Sequence[int] = 8
    interleave: bool = False
    before_chunk: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Describe a refusal of the provider: an HTTP status with OpenAI's error object."""

    status: int
    message: str = "scripted failure"


Script = Callable[[dict[str, Any]], Reply | Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """Hold one request as it came over the wire; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    json: dict[str, Any] = field(repr=False)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Return the chat messages of the request."""
        return cast("list[dict[str, Any]]", self.json["messages"])

    def holds(self, text: str) -> bool:
        """Tell whether the text is anywhere in the request: body bytes, decoded JSON strings or headers."""
        strings = chain(_strings(self.json), self.headers.values())
        return text.encode() in self.body or any(text in string for string in strings)


class OpenAIServer(HttpServer):
    """Run the server in a thread while the `with` block lasts.

    `reply` is called in a server thread with the parsed body of each request. If it raises, the client gets
    status 500, and the exception is raised again when the block ends without another one.
    """

    def __init__(self, reply: Script) -> None:
        super().__init__(_Handler)
        self.requests: list[RecordedRequest] = []
        self._reply = reply

    @property
    def base_url(self) -> str:
        """Return the address to give to a client, ending in `/v1`."""
        return f"{self.address}/v1"

    def chat_model(self, **options: Any) -> ChatOpenAI:
        """Return a `ChatOpenAI` that talks to this server and never retries; `options` override."""
        defaults = {"model": "gpt-4o-mini", "base_url": self.base_url, "api_key": "test", "max_retries": 0}
        return ChatOpenAI(**(defaults | options))

    def saw(self, text: str) -> bool:
        """Tell whether any request held the text."""
        return any(request.holds(text) for request in self.requests)

    def answer(self, request: RecordedRequest) -> Reply | Failure:
        """Record a request and return the scripted answer to it."""
        self.requests.append(request)
        if request.path != "/v1/chat/completions":
            return Failure(status=404, message=f"no such path: {request.path}")
        try:
            return self._reply(request.json)
        except Exception as error:  # noqa: BLE001  (raised again in __exit__)
            return self.fail(error)

    def fail(self, error: Exception) -> Failure:
        """Keep an error of the script for the end of the block, and return what the client gets."""
        self.errors.append(error)
        return Failure(status=500, message="the script of the test server raised")


class _Handler(Handler):
    def respond(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = RecordedRequest(path=self.path, headers=headers, body=body, json=json.loads(body))
        reply = self.server.owner.answer(request)
        try:
            self._respond(request.json, reply)
        except ConnectionError:
            pass  # the client hung up, as it does when a stream is abandoned
        except Exception as error:  # noqa: BLE001  (raised again when the server's block ends)
            self.server.owner.fail(error)

    def _respond(self, request: dict[str, Any], reply: Reply | Failure) -> None:
        if isinstance(reply, Failure):
            error = {"message": reply.message, "type": "test_error", "param": None, "code": None}
            self._send_json(reply.status, {"error": error})
        elif request.get("stream"):
            self._send_events(request, reply)
        else:
            self._send_json(200, completion(request, reply))

    def _send_json(self, status: int, content: Mapping[str, object]) -> None:
        body = _encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _send_events(self, request: dict[str, Any], reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for number, event in enumerate(completion_chunks(request, reply)):
            if reply.before_chunk is not None:
                reply.before_chunk(number)
            self._send_http_chunk(b"data: " + _encode(event) + b"\n\n")
        self._send_http_chunk(b"data: [DONE]\n\n")
        self._send_http_chunk(b"")

    def _send_http_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))


def pieces(text: str, chunk_size: int | Sequence[int]) -> list[str]:
    """Cut a text as `Reply.chunk_size` says; joined, the pieces are the text again."""
    if isinstance(chunk_size, int):
        if chunk_size < 1:
            raise ValueError("a chunk has at least one character")
        return [text[start : start + chunk_size] for start in range(0, len(text), chunk_size)]
    bounds = [0, *(cut for cut in chunk_size if cut <= len(text)), len(text)]
    if any(start > end for start, end in pairwise(bounds)):
        raise ValueError("cuts are offsets from the start of the text, in ascending order")
    return [text[start:end] for start, end in pairwise(bounds)]


def completion(request: Mapping[str, Any], reply: Reply) -> dict[str, object]:
    """Build the `chat.completion` object that answers a request which asks for no stream."""
    message: dict[str, object] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": _call_id(index, call),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_text},
            }
            for index, call in enumerate(reply.tool_calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(reply)}
    return _envelope(request, "chat.completion") | {"choices": [choice], "usage": _usage(request, reply)}


def completion_chunks(request: Mapping[str, Any], reply: Reply) -> Iterator[dict[str, object]]:
    """Yield the `chat.completion.chunk` objects that answer a request which asks for a stream."""
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    envelope = _envelope(request, "chat.completion.chunk") | ({"usage": None} if wants_usage else {})
    for delta in _deltas(reply):
        yield envelope | {"choices": [_chunk_choice(delta, None)]}
    yield envelope | {"choices": [_chunk_choice({}, _finish_reason(reply))]}
    if wants_usage:
        yield envelope | {"choices": [], "usage": _usage(request, reply)}


def _deltas(reply: Reply) -> Iterator[dict[str, object]]:
    yield {"role": "assistant", "content": None if reply.text is None else "", "refusal": None}
    for piece in pieces(reply.text or "", reply.chunk_size):
        yield {"content": piece}
    calls = [_call_deltas(index, call, reply) for index, call in enumerate(reply.tool_calls)]
    turns: Iterable[dict[str, object] | None]
    turns = chain.from_iterable(zip_longest(*calls) if reply.interleave else calls)
    for delta in turns:
        if delta is not None:
            yield {"tool_calls": [delta]}


def _call_deltas(index: int, call: ToolCall, reply: Reply) -> list[dict[str, object]]:
    cuts = reply.chunk_size if call.chunk_size is None else call.chunk_size
    opening = {"id": _call_id(index, call), "type": "function"}
    return [
        {"index": index, **opening, "function": {"name": call.name, "arguments": ""}},
        *({"index": index, "function": {"arguments": piece}} for piece in pieces(call.arguments_text, cuts)),
    ]


def _chunk_choice(delta: Mapping[str, object], finish_reason: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _envelope(request: Mapping[str, Any], kind: str) -> dict[str, object]:
    return {
        "id": _COMPLETION_ID,
        "object": kind,
        "created": _CREATED,
        "model": request.get("model", "test"),
        "service_tier": "default",
        "system_fingerprint": "fp_test",
    }


def _call_id(index: int, call: ToolCall) -> str:
    return call.id or f"call_{index}"


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls else "stop"


def _usage(request: Mapping[str, Any], reply: Reply) -> dict[str, int]:
    # One token for a character: no tokenizer, and yet different for different texts.
    prompt = sum(map(len, _strings(request["messages"])))
    answer = len(reply.text or "") + sum(len(call.arguments_text) for call in reply.tool_calls)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _encode(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_strings, chain(value.keys(), value.values())))
    elif isinstance(value, Sequence):
        yield from chain.from_iterable(map(_strings, value))
