"""How much of a server one request may take: bytes, nesting, inputs, seconds."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_secguard.serve.problems import Problem, problem_of, report, send_problem

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{]|[\]}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bound what one request may take.

    Args:
        max_body: Bytes of a request's body.
        max_depth: Arrays and objects of a JSON body inside one another.
        max_batch: Inputs of one batch.
        read_timeout: Seconds within which a body must have arrived.
        timeout: Seconds within which an answer must be there; of a stream, its next piece.
        stream_timeout: Seconds after which a stream is ended.
        send_timeout: Seconds within which a client must have read what was sent, or it is given up.
    """

    max_body: int = 1024 * 1024
    max_depth: int = 64
    max_batch: int = 32
    read_timeout: float = 15.0
    timeout: float = 60.0
    stream_timeout: float = 600.0
    send_timeout: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 < getattr(self, field.name) < float("inf"):
                raise ValueError(f"{field.name} is a positive number")


def check_depth(body: bytes, most: int) -> None:
    """Refuse JSON that is nested deeper than ``most``, before a parser goes down into it.

    Raises:
        HTTPException: 422.
    """
    if body.count(b"[") + body.count(b"{") <= most:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > most:
            raise HTTPException(422, f"The body is nested deeper than {most} levels.")


def check_length(headers: Mapping[str, str], most: int) -> None:
    """Refuse a body that says itself that it is too large.

    Raises:
        HTTPException: 413; 400 where the length is no number.
    """
    length = headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()):
        raise HTTPException(400, "The header content-length is not a number.")
    if len(length) > 18 or int(length) > most:
        raise HTTPException(413, f"The body is larger than {most} bytes.")


def bounded(receive: Receive, most: int) -> Receive:
    """Wrap ``receive`` so that it raises a 413 once more than ``most`` bytes of a body came."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413, f"The body is larger than {most} bytes.")
        return message

    return receive_bounded


async def read_body(receive: Receive) -> tuple[bytes, bool]:
    """Read a body to its end, and tell whether the client is still there."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts), False
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts), True


class RequestLimits:
    """Hold every request of an ASGI app to :class:`Limits`: ``app.add_middleware(RequestLimits)``.

    A JSON body is read first, and is checked before the app sees it. ``timeout`` counts until a response
    begins, and ``stream_timeout`` until it ends.
    """

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self._app = app
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def send_noting(message: Message) -> None:
            nonlocal began
            if not began and message["type"] == "http.response.start":
                began = True
                clock.reschedule(asyncio.get_running_loop().time() + self._limits.stream_timeout)
            await send(message)

        problem: Problem | None = None
        clock = asyncio.timeout(None)
        try:
            async with clock:
                checked = await self._checked(scope, receive)
                clock.reschedule(asyncio.get_running_loop().time() + self._limits.timeout)
                await self._app(scope, checked, send_noting)
        except (TimeoutError, HTTPException) as error:
            if isinstance(error, TimeoutError) and not clock.expired():
                raise
            problem = report(problem_of(error), error)
        if problem and not began:
            await send_problem(problem, scope, receive, send)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Check what can be known of a body before the app asks for it."""
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        check_length(headers, self._limits.max_body)
        inner = bounded(receive, self._limits.max_body)
        if "json" not in headers.get("content-type", ""):
            return inner
        body, connected = await within(self._limits.read_timeout, read_body(inner))
        check_depth(body, self._limits.max_depth)
        return _replayed(body, inner, connected=connected)


async def within(seconds: float, reading: Any) -> Any:
    """Wait for a body.

    Raises:
        HTTPException: 408, it did not arrive in time.
    """
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        pass
    raise HTTPException(408, f"The body did not arrive within {seconds:g} seconds.")


def _replayed(body: bytes, receive: Receive, *, connected: bool) -> Receive:
    ahead: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    if not connected:
        ahead = [{"type": "http.disconnect"}]

    async def replay() -> Message:
        return ahead.pop() if ahead else await receive()

    return replay
