"""An answer while it is written: server-sent events that wait for slow clients, and end in bounded time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from langchain_core.runnables import Runnable, RunnableConfig
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from langchain_secguard.serve.limits import Limits
from langchain_secguard.serve.problems import NO_STORE, Problem, answer_for, chain_runs, problem_of, report
from langchain_secguard.serve.wire import error_event, event, write

T = TypeVar("T")

_AHEAD = 16
"""So many pieces may be ready and not sent."""

_PING_SECONDS = 15.0
_PING = b": ping\r\n\r\n"
_LAST_WORD_SECONDS = 1.0

_STOPPED = Problem(503, "stopped", "The server is shutting down.")


@contextlib.asynccontextmanager
async def closing(source: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close a source at the end, if it can be closed."""
    try:
        yield source
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do work for a client, and give it up when the client leaves.

    Raises:
        ClientDisconnect: The client left.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)
    raise ClientDisconnect


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Pump:
    """Draw pieces from a source in a task of its own, a few ahead of who takes them.

    A source is drawn from in one task alone, since some keep what belongs to a task while they run.
    """

    def __init__(self, source: AsyncIterator[bytes], limits: Limits) -> None:
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(_AHEAD)
        self._limits = limits
        self._waited = 0.0
        self._ended = False
        self._task = asyncio.create_task(self._run(source))

    async def _run(self, source: Any) -> None:
        end: Exception | None = None
        try:
            async with asyncio.timeout(self._limits.stream_timeout), closing(source):
                async for piece in source:
                    await self._queue.put(piece)
        except Exception as error:  # noqa: BLE001 - it is told to the client, and logged, by its class
            end = error
        await self._queue.put(end)

    async def next(self, seconds: float | None = None) -> bytes | None:
        """Return the next piece, or nothing if none came within ``seconds``.

        Raises:
            StopAsyncIteration: There is no more.
            TimeoutError: Nothing came for as long as the limits allow.
            Exception: What the source raised.
        """
        if self._ended:
            raise StopAsyncIteration
        patience = self._limits.timeout - self._waited
        try:
            async with asyncio.timeout(min(patience, seconds or patience)):
                piece = await self._queue.get()
        except TimeoutError:
            self._waited += min(patience, seconds or patience)
            if self._waited >= self._limits.timeout:
                raise
            return None
        self._waited = 0.0
        self._ended = not isinstance(piece, bytes)
        if isinstance(piece, Exception):
            raise piece
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def close(self) -> None:
        """End the source."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class EventStream(Response):
    """Send what a pump draws as server-sent events.

    A failure becomes an ``error`` event, and so does a shutdown of the server. Whoever does not read what
    was sent is given up, and whoever leaves ends the source.
    """

    media_type = "text/event-stream"

    def __init__(self, pump: Pump, first: bytes | None, limits: Limits) -> None:
        super().__init__(headers={**NO_STORE, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pump = pump
        self._first = first
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the events."""
        with contextlib.suppress(ClientDisconnect):
            await while_connected(receive, self._feed(send))

    async def _feed(self, send: Send) -> None:
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            problem = await self._pass_on(send)
            if problem is not None:
                await self._send(send, error_event(problem))
            await self._send(send, b"", more=False)
        except _StoppedReadingError:
            pass  # the response stays cut off, and the server closes the connection
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_LAST_WORD_SECONDS):
                    await send(_body(error_event(_STOPPED)))
                    await send(_body(b"", more=False))
            raise
        finally:
            await self._pump.close()

    async def _pass_on(self, send: Send) -> Problem | None:
        """Send what comes until there is no more, and return what ended it early."""
        piece = self._first
        while True:
            await self._send(send, _PING if piece is None else piece)
            try:
                piece = await self._pump.next(_PING_SECONDS)
            except StopAsyncIteration:
                return None
            except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a text
                return report(problem_of(error), error)

    async def _send(self, send: Send, data: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout):
                await send(_body(data, more=more))
        except TimeoutError:
            pass
        else:
            return
        raise _StoppedReadingError


class _StoppedReadingError(Exception):
    """A client did not read what was sent."""


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def open_stream(source: AsyncIterator[bytes], limits: Limits) -> Response:
    """Wait for the first piece, so that what fails before it has a status of its own, and stream the rest.

    Raises:
        Exception: What the source raised before its first piece.
    """
    pump = Pump(source, limits)
    try:
        first = await pump.next()
    except StopAsyncIteration:
        first = b""
    except BaseException:
        await pump.close()
        raise
    return EventStream(pump, first, limits)


async def event_stream(
    request: Request,
    chain: Runnable[Any, Any],
    input: Any,
    config: RunnableConfig,
    *,
    limits: Limits | None = None,
) -> Response:
    """Answer a request of a route of your own with what a chain streams, as LangServe's clients read it.

    Each chunk is a ``data`` event with its JSON; the last event is ``end``, or ``error`` with no text in it.
    """

    async def pieces() -> AsyncIterator[bytes]:
        with chain_runs():
            async with closing(chain.astream(input, config)) as chunks:
                async for chunk in chunks:
                    yield event("data", write(chunk))
        yield event("end")

    return await answered(request, open_stream(pieces(), limits or Limits()))


async def answered(request: Request, work: Awaitable[Response]) -> Response:
    """Do the work of a request while its client is there, and answer for what it raises."""

    async def working() -> Response:
        return await work

    try:
        return await while_connected(request.receive, working())
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a text
        return answer_for(error)
