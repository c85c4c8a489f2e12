"""What the routes of one chain do: read a request, run the chain with the vault of its user, and answer."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import HTTPException, Request
from langchain_core.runnables import Runnable, RunnableConfig
from starlette.responses import Response

from langchain_secguard.serve import wire
from langchain_secguard.serve.client_config import check_client_config, check_outside
from langchain_secguard.serve.events import shown_event
from langchain_secguard.serve.limits import Limits, bounded, check_depth, check_length, within
from langchain_secguard.serve.playground import Log
from langchain_secguard.serve.problems import NO_STORE, answer_for, chain_runs
from langchain_secguard.serve.streams import answered, closing, open_stream

_ONE = frozenset({"input", "config", "kwargs"})
_MANY = frozenset({"inputs", "config", "kwargs"})
_EVENTS = _ONE | wire.FILTERS
_FIELDS = {
    "invoke": _ONE,
    "batch": _MANY,
    "stream": _ONE,
    "stream_events": _EVENTS,
    "stream_log": _EVENTS | {"diff"},
}
"""The fields of a body, by route."""


class Served:
    """Answer the requests to one chain.

    Args:
        chain: The chain.
        name: What its runs are called.
        shapes: Its bodies.
        config_of: Makes the config of a request, with its vault; it raises where the request is nobody's.
        limits: How much one request may take.
        custom_events: Events of this package that a client may hear.
        strict: Refuse a config of a client's, rather than drop it.
    """

    def __init__(
        self,
        chain: Runnable[Any, Any],
        name: str,
        shapes: wire.Shapes,
        *,
        config_of: Callable[[Request], Awaitable[RunnableConfig]],
        limits: Limits,
        custom_events: frozenset[str],
        strict: bool,
    ) -> None:
        self.shapes = shapes
        self._chain = chain
        self._name = name
        self._config_of = config_of
        self._limits = limits
        self._custom_events = custom_events
        self._strict = strict
        self._works = {
            "invoke": self._invoke,
            "batch": self._batch,
            "stream": self._stream,
            "stream_events": self._stream_events,
            "stream_log": self._stream_log,
        }

    def route(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """Make the function of one route."""
        work = self._works[name]

        async def answer(request: Request) -> Response:
            limited = Request(request.scope, bounded(request.receive, self._limits.max_body))
            try:
                config, body = await self._read(limited, _FIELDS[name])
            except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a text
                return answer_for(error)
            return await answered(limited, work(body, config))

        answer.__name__ = name
        return answer

    async def _read(self, request: Request, fields: frozenset[str]) -> tuple[RunnableConfig, dict[str, Any]]:
        """Find out whose request it is, and then read it."""
        check_outside(request)
        check_length(request.headers, self._limits.max_body)
        config = await self._config_of(request)
        if not wire.is_json(request.headers.get("content-type", "")):
            raise HTTPException(415, "The body is not called JSON: send content-type: application/json.")
        raw = await within(self._limits.read_timeout, request.body())
        check_depth(raw, self._limits.max_depth)
        body = wire.read_json(raw, fields)
        if self._strict:
            self._check(body)
        return config, body

    def _check(self, body: dict[str, Any]) -> None:
        """Refuse what a client says of how the chain is run."""
        config = body.get("config")
        if isinstance(config, list) and "inputs" not in body:
            raise HTTPException(422, "The config is not an object.")
        check_client_config(config)
        if body.get("kwargs") not in (None, {}):
            raise HTTPException(422, "The body must not say kwargs: the server does.")

    def _run(self, config: RunnableConfig) -> tuple[str, RunnableConfig]:
        """Give one run a name and an id."""
        run_id = uuid.uuid4()
        named: Any = {"run_name": self._name, **config, "run_id": run_id}
        return str(run_id), named

    async def _invoke(self, body: dict[str, Any], config: RunnableConfig) -> Response:
        given = self.shapes.read_input(wire.field(body, "input"))
        run_id, named = self._run(config)
        with chain_runs():
            async with asyncio.timeout(self._limits.timeout):
                output = await self._chain.ainvoke(given, named)
        return _answer({"output": output, "metadata": _metadata(run_id)})

    async def _batch(self, body: dict[str, Any], config: RunnableConfig) -> Response:
        inputs, said = wire.field(body, "inputs"), body.get("config")
        if not isinstance(inputs, list):
            raise HTTPException(422, "The inputs are not a list.")
        if isinstance(said, list) and len(said) != len(inputs):
            raise HTTPException(422, "The configs are not as many as the inputs.")
        if len(inputs) > self._limits.max_batch:
            raise HTTPException(413, f"A batch has at most {self._limits.max_batch} inputs.")
        given = [self.shapes.read_input(one) for one in inputs]
        runs = [self._run(config) for _ in given]
        with chain_runs():
            async with asyncio.timeout(self._limits.timeout):
                outputs = await self._chain.abatch(given, [named for _, named in runs])
        told = {"run_ids": [run_id for run_id, _ in runs], "responses": [_metadata(one) for one, _ in runs]}
        return _answer({"output": outputs, "metadata": told})

    async def _stream(self, body: dict[str, Any], config: RunnableConfig) -> Response:
        given = self.shapes.read_input(wire.field(body, "input"))
        run_id, named = self._run(config)

        async def pieces() -> AsyncIterator[bytes]:
            before = wire.event("metadata", wire.write({"run_id": run_id}))
            chunks: Any = self._chain.astream(given, named)
            with chain_runs():
                async with closing(chunks):
                    async for chunk in chunks:
                        yield before + wire.event("data", wire.write(chunk))
                        before = b""
            yield before + wire.event("end")

        return await open_stream(pieces(), self._limits)

    async def _stream_events(self, body: dict[str, Any], config: RunnableConfig) -> Response:
        given = self.shapes.read_input(wire.field(body, "input"))
        filters = wire.read_filters(body)
        run_id, named = self._run(config)

        async def pieces() -> AsyncIterator[bytes]:
            events: Any = self._chain.astream_events(given, named, version="v2", **filters)
            with chain_runs():
                async with closing(events):
                    async for event in events:
                        if shown := shown_event(event, run_id, self._custom_events):
                            yield wire.event("data", wire.write(shown))
            yield wire.event("end")

        return await open_stream(pieces(), self._limits)

    async def _stream_log(self, body: dict[str, Any], config: RunnableConfig) -> Response:
        given = self.shapes.read_input(wire.field(body, "input"))
        run_id, named = self._run(config)

        async def pieces() -> AsyncIterator[bytes]:
            log = Log(run_id, self._name)
            chunks: Any = self._chain.astream(given, named)
            with chain_runs():
                async with closing(chunks):
                    async for chunk in chunks:
                        yield log.chunk(chunk)
            yield log.begin() + wire.event("end")

        return await open_stream(pieces(), self._limits)


def _answer(content: dict[str, Any]) -> Response:
    return Response(wire.write(content), headers=dict(NO_STORE), media_type="application/json")


def _metadata(run_id: str) -> dict[str, Any]:
    return {"run_id": run_id, "feedback_tokens": []}
