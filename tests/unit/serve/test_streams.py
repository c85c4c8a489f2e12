import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import HTTPException, Request
from langchain_core.runnables import RunnableGenerator
from starlette.requests import ClientDisconnect

from langchain_secguard import BlockedError
from langchain_secguard.serve import Limits, event_stream, streams
from langchain_secguard.serve.streams import Pump, open_stream, while_connected
from tests.unit.serve.support import Wire, events

SECRET = "Jane Doe"
LIMITS = Limits()


class Source:
    """Give pieces, and know whether it was ended, and in which tasks it ran."""

    def __init__(
        self, count: int, *, wait: float = 0.0, hangs: bool = False, error: BaseException | None = None
    ) -> None:
        self.count = count
        self.hangs = hangs
        self.wait = wait
        self.error = error
        self.given = 0
        self.closed = False
        self.tasks: set[Any] = set()

    async def __call__(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.count):
                self.tasks.add(asyncio.current_task())
                await asyncio.sleep(self.wait)
                self.given += 1
                yield b"event: data\r\ndata: %d\r\n\r\n" % number
            if self.hangs:
                await asyncio.sleep(30)
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def run(source: Source, wire: Wire, limits: Limits = LIMITS) -> None:
    response = await open_stream(source(), limits)
    await response(wire.scope, wire.receive, wire.send)


async def eventually(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


class TestStreams:
    async def test_send_every_piece_in_order(self) -> None:
        source, wire = Source(100), Wire()
        await run(source, wire)
        assert [data for _, data in events(wire.body.decode())] == list(range(100))
        assert wire.ended
        assert len(source.tasks) == 1

    async def test_are_not_to_be_kept(self) -> None:
        wire = Wire()
        await run(Source(1), wire)
        headers = dict(wire.sent[0]["headers"])
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert b"content-length" not in headers

    async def test_may_be_empty(self) -> None:
        wire = Wire()
        await run(Source(0), wire)
        assert (wire.status, wire.body, wire.ended) == (200, b"", True)

    async def test_that_fail_before_the_first_piece_raise(self) -> None:
        source = Source(0, error=BlockedError("x", scores={}))
        with pytest.raises(BlockedError):
            await open_stream(source(), LIMITS)
        assert source.closed

    async def test_that_fail_later_end_with_an_error_without_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        wire = Wire()
        await run(Source(3, error=KeyError(SECRET)), wire)
        *_, (name, told) = events(wire.body.decode())
        assert name == "error"
        assert (told["status_code"], told["message"]) == (500, "The server failed.")
        assert told["error_id"] in caplog.text
        assert SECRET not in caplog.text + wire.body.decode()
        assert wire.ended

    async def test_say_that_they_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "_PING_SECONDS", 0.01)
        wire = Wire()
        await run(Source(2, wait=0.05), wire)
        assert b": ping\r\n\r\n" in wire.body
        assert len(events(wire.body.decode())) == 2

    async def test_end_where_no_piece_comes(self) -> None:
        source, wire = Source(2, hangs=True), Wire()
        await run(source, wire, Limits(timeout=0.05))
        *told, (name, problem) = events(wire.body.decode())
        assert told == [("data", 0), ("data", 1)]
        assert (name, problem["code"]) == ("error", "timeout")
        assert source.closed

    async def test_end_after_all_their_time(self) -> None:
        source, wire = Source(1_000_000, wait=0.001), Wire()
        await run(source, wire, Limits(stream_timeout=0.05))
        assert events(wire.body.decode())[-1][1]["status_code"] == 504
        assert source.closed

    async def test_end_when_the_client_leaves(self) -> None:
        source, wire = Source(1_000_000, wait=0.001), Wire()
        task = asyncio.create_task(run(source, wire))
        await eventually(lambda: len(wire.sent) > 3)
        wire.left.set()
        async with asyncio.timeout(5):
            await task
        assert source.closed

    async def test_wait_for_a_client_that_reads_slowly(self) -> None:
        source, wire = Source(1_000), Wire()
        wire.reads.clear()
        task = asyncio.create_task(run(source, wire))
        for _ in range(50):
            await asyncio.sleep(0)
        given = source.given
        assert given < 50  # no more than a few pieces are made ahead
        wire.reads.set()
        async with asyncio.timeout(5):
            await task
        assert len(events(wire.body.decode())) == 1_000

    async def test_give_up_a_client_that_does_not_read(self) -> None:
        source, wire = Source(1_000), Wire()
        task = asyncio.create_task(run(source, wire, Limits(send_timeout=0.02)))
        await eventually(lambda: wire.sent)
        wire.reads.clear()
        async with asyncio.timeout(5):
            await task
        assert source.closed
        assert not wire.ended

    async def test_tell_of_a_shutdown(self) -> None:
        source, wire = Source(1_000_000, wait=0.001), Wire()
        task = asyncio.create_task(run(source, wire))
        await eventually(lambda: len(wire.sent) > 3)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert events(wire.body.decode())[-1] == (
            "error",
            {"status_code": 503, "message": "The server is shutting down.", "code": "stopped"},
        )
        assert wire.ended
        assert source.closed


class TestPump:
    async def test_waits_for_nobody_whose_source_was_cancelled(self) -> None:
        pump = Pump(Source(3, error=asyncio.CancelledError())(), Limits(timeout=0.05))
        for _ in range(3):
            await pump.next()
        with pytest.raises(TimeoutError):
            await pump.next()
        await pump.close()


class TestWorkForAClient:
    async def test_gives_its_result(self) -> None:
        async def work() -> int:
            return 7

        assert await while_connected(Wire().receive, work()) == 7

    async def test_raises_what_it_raises(self) -> None:
        async def work() -> None:
            raise KeyError

        with pytest.raises(KeyError):
            await while_connected(Wire().receive, work())

    async def test_is_given_up_when_the_client_leaves(self) -> None:
        wire, ended = Wire(), asyncio.Event()

        async def work() -> None:
            try:
                wire.left.set()
                await asyncio.sleep(30)
            finally:
                ended.set()

        with pytest.raises(ClientDisconnect):
            await while_connected(wire.receive, work())
        assert ended.is_set()


class TestByHand:
    @pytest.fixture
    def request_(self) -> Request:
        wire = Wire()
        wire.parts = []
        return Request(wire.scope, wire.receive)

    async def test_streams_what_a_chain_streams(self, request_: Request) -> None:
        async def words(given: AsyncIterator[str]) -> AsyncIterator[str]:
            async for one in given:
                for word in one.split():
                    yield word

        chain: Any = RunnableGenerator(words)
        response = await event_stream(request_, chain, "a b c", {})
        wire = Wire()
        await response(wire.scope, wire.receive, wire.send)
        assert events(wire.body.decode()) == [("data", "a"), ("data", "b"), ("data", "c"), ("end", None)]

    async def test_answers_for_what_fails(self, request_: Request, caplog: pytest.LogCaptureFixture) -> None:
        async def fails(given: AsyncIterator[str]) -> AsyncIterator[str]:
            raise KeyError(SECRET)
            yield ""

        chain: Any = RunnableGenerator(fails)
        with caplog.at_level(logging.DEBUG):
            response = await event_stream(request_, chain, SECRET, {})
        assert response.status_code == 500
        assert json.loads(bytes(response.body))["code"] == "error"
        assert SECRET not in caplog.text

    async def test_tells_of_an_http_error_of_a_step_its_status_alone(self, request_: Request) -> None:
        async def fails(given: AsyncIterator[str]) -> AsyncIterator[str]:
            raise HTTPException(409, SECRET)
            yield ""

        chain: Any = RunnableGenerator(fails)
        response = await event_stream(request_, chain, SECRET, {})
        assert (response.status_code, SECRET in str(response.body)) == (409, False)
