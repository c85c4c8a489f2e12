import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from langchain_secguard.serve import Limits, RequestLimits
from langchain_secguard.serve.limits import check_depth
from tests.unit.serve.support import Wire, client

DEEP = b"[" * 5 + b"]" * 5


def app(**limits: float) -> FastAPI:
    made = FastAPI()
    made.add_middleware(RequestLimits, limits=Limits(**limits))  # type: ignore[arg-type]

    @made.post("/x")
    async def x(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @made.post("/slow")
    async def slow() -> None:
        await asyncio.sleep(30)

    @made.post("/endless")
    async def endless() -> StreamingResponse:
        async def pieces() -> Any:
            while True:
                yield b"more"
                await asyncio.sleep(0.001)

        return StreamingResponse(pieces())

    @made.post("/own")
    async def own() -> None:
        raise HTTPException(418, "its own")

    return made


class TestDepth:
    @pytest.mark.parametrize(
        ("body", "depth"),
        [
            (b"1", 0),
            (b'"[[[["', 0),
            (rb'"\"[[[["', 0),
            (rb'["\\", [["["]]]', 3),
            (b'{"a": [{"b": 1}], "c": {}}', 3),
            (b"[" * 100_000, 100_000),
            (b'["' + b"[" * 1000, 1001),  # never closed: not JSON, and deeper than it would be
            (b"]]]][[", 0),
        ],
    )
    def test_is_counted_outside_of_strings(self, body: bytes, depth: int) -> None:
        check_depth(body, depth)
        if depth:
            with pytest.raises(HTTPException, match="deeper"):
                check_depth(body, depth - 1)

    def test_of_many_shallow_lists_is_small(self) -> None:
        check_depth(json.dumps([[1]] * 10_000).encode(), 2)

    def test_is_found_in_a_large_string_of_backslashes_in_one_pass(self) -> None:
        check_depth(b'["' + b"\\\\" * 400_000 + b'"]', 1)


class TestOptions:
    @pytest.mark.parametrize("wrong", [{"max_body": 0}, {"timeout": -1.0}, {"send_timeout": float("inf")}])
    def test_must_be_positive(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is a positive number"):
            Limits(**wrong)


class TestRequestLimits:
    async def test_let_pass_what_is_within(self) -> None:
        async with client(app(max_body=100)) as sender:
            answer = await sender.post("/x", content=b"x" * 100)
            assert answer.json() == {"bytes": 100}
            assert (await sender.post("/x", json=[1, 2])).json() == {"bytes": 5}

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
    async def test_refuse_a_large_body_that_says_so(self, content_type: str) -> None:
        async with client(app(max_body=100)) as sender:
            headers = {"content-type": content_type}
            assert (await sender.post("/x", content=b"x" * 101, headers=headers)).status_code == 413

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
    async def test_refuse_a_large_body_that_does_not_say_so(self, content_type: str) -> None:
        wire = Wire(headers={"content-type": content_type})
        wire.parts = [{"type": "http.request", "body": b"x" * 40, "more_body": True}] * 30
        await wire.run(app(max_body=100))
        assert wire.status == 413
        assert len(wire.parts) == 27  # the rest was not read

    @pytest.mark.parametrize("length", ["-1", "1e3", "²", "x"])
    async def test_refuse_a_length_that_is_no_number(self, length: str) -> None:
        wire = Wire(headers={"content-length": length})
        await wire.run(app())
        assert wire.status == 400

    async def test_refuse_what_is_nested_deeply(self) -> None:
        async with client(app(max_depth=4)) as sender:
            headers = {"content-type": "application/json"}
            answer = await sender.post("/x", content=DEEP, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["detail"] == "The body is nested deeper than 4 levels."

    async def test_give_up_a_body_that_does_not_come(self) -> None:
        wire = Wire()
        wire.parts = [{"type": "http.request", "body": b"[", "more_body": True}]
        await wire.run(app(read_timeout=0.02))
        assert wire.status == 408

    async def test_give_up_a_route_that_does_not_answer(self) -> None:
        wire = Wire(path="/slow")
        await wire.run(app(timeout=0.02))
        assert (wire.status, json.loads(wire.body)["code"]) == (504, "timeout")

    async def test_end_a_stream_that_does_not(self) -> None:
        wire = Wire(path="/endless")
        await wire.run(app(stream_timeout=0.05))
        assert wire.status == 200
        assert not wire.ended

    async def test_tell_the_app_of_a_client_that_left(self) -> None:
        wire = Wire()
        wire.parts = [{"type": "http.disconnect"}]
        with pytest.raises(ClientDisconnect):
            await wire.run(app())

    async def test_leave_other_errors_to_the_app(self) -> None:
        wire = Wire(path="/own")
        await wire.run(app())
        assert wire.status == 418

    async def test_pass_on_what_is_not_http(self) -> None:
        heard = []

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            heard.append(scope["type"])

        await RequestLimits(inner)({"type": "lifespan"}, Wire().receive, Wire().send)
        assert heard == ["lifespan"]
