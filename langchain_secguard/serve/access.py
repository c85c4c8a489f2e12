"""An access log without what people wrote: no query, no body, no part of a path that a client chose."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger("langchain_secguard.access")


class AccessLog:
    """Log each request to an ASGI app by its method, its route, its status, its time and its sizes.

    Logged by ``langchain_secguard.access`` at level INFO. The server's own access log shows whole URLs: turn
    it off (``uvicorn --no-access-log``).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = sent = status = 0
        begun = time.perf_counter()

        async def receive_counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message

        async def send_counting(message: Message) -> None:
            nonlocal sent, status
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive_counting, send_counting)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            seconds = time.perf_counter() - begun
            _LOG.info(
                "%s %s %d %.3f s, %d bytes in, %d out", scope["method"], route, status, seconds, taken, sent
            )
