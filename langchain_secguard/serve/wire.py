"""LangServe's protocol: what its clients send and read, https://github.com/langchain-ai/langserve.

The bodies are spelled here, and strictly; how messages and documents are written as JSON is LangServe's own.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from fastapi import HTTPException
from langchain_core.load.serializable import Serializable
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langserve.schema import CustomUserType
from langserve.serialization import WellKnownLCSerializer
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, create_model

from langchain_secguard.serve.problems import Problem, ProblemBody
from langchain_secguard.steps import PairStep

_SERIALIZER: Any = WellKnownLCSerializer()


class NoFields(BaseModel):
    """Describe an object that has nothing in it."""

    model_config = ConfigDict(extra="forbid")


class ClientConfig(BaseModel):
    """Describe the config that LangChain's clients send: empty, since the server says how a chain is run."""

    model_config = ConfigDict(extra="forbid")

    configurable: NoFields | None = None
    callbacks: list[None] | None = Field(None, max_length=0)
    metadata: NoFields | None = None
    tags: list[None] | None = Field(None, max_length=0)
    recursion_limit: int | None = Field(None, description="Not taken over.")
    max_concurrency: int | None = Field(None, description="Not taken over.")
    run_id: None = None
    run_name: None = None


class InvokeMetadata(BaseModel):
    """Describe what is told of one run."""

    run_id: UUID
    feedback_tokens: list[None] = Field(default=[], max_length=0)


class BatchMetadata(BaseModel):
    """Describe what is told of the runs of a batch."""

    run_ids: list[UUID]
    responses: list[InvokeMetadata]


class Filters(BaseModel):
    """Describe which events a client asks for; see LangChain's ``astream_events``."""

    model_config = ConfigDict(extra="forbid")

    include_names: list[str] | None = None
    include_types: list[str] | None = None
    include_tags: list[str] | None = None
    exclude_names: list[str] | None = None
    exclude_types: list[str] | None = None
    exclude_tags: list[str] | None = None


FILTERS = frozenset(Filters.model_fields)
"""The fields of a body that say which events a client asks for."""


class Shapes:
    """Read and write the bodies of one chain's routes.

    Where the chain begins or ends with a step of the pair, which hands on the shape that it takes, its
    neighbour says what goes in and out.

    Args:
        chain: The chain.
        name: What the names of its schemas begin with.
        input_type: What goes in, instead of what the chain says.
        output_type: What comes out, instead of what the chain says.
    """

    def __init__(self, chain: Runnable[Any, Any], name: str, input_type: Any, output_type: Any) -> None:
        chosen = {"input_type": input_type, "output_type": output_type}
        types = {key: given for key, given in chosen.items() if given is not None}
        before, after = _outside(chain, first=True), _outside(chain, first=False)
        self.input: Any = (
            before.with_types(**types) if input_type is not None else before
        ).get_input_schema()
        self.output: Any = (
            after.with_types(**types) if output_type is not None else after
        ).get_output_schema()
        self.invoke_request = _request(f"{name}InvokeRequest", input=(self.input, ...))
        self.stream_request = _request(f"{name}StreamRequest", input=(self.input, ...))
        inputs: Any = list[self.input]  # type: ignore[name-defined]
        many = ClientConfig | list[ClientConfig | None] | None
        self.batch_request = _request(f"{name}BatchRequest", inputs=(inputs, ...), config=(many, None))
        self.events_request = _request(f"{name}StreamEventsRequest", Filters, input=(self.input, ...))
        self.invoke_response = create_model(
            f"{name}InvokeResponse", output=(self.output, ...), metadata=(InvokeMetadata, ...)
        )
        self.batch_response = create_model(
            f"{name}BatchResponse",
            output=(list[self.output], ...),  # type: ignore[name-defined]
            metadata=(BatchMetadata, ...),
        )

    def read_input(self, given: Any) -> Any:
        """Make of JSON what the chain takes.

        Raises:
            HTTPException: 422.
        """
        try:
            return _unpacked(self.input.model_validate(given))
        except Exception:  # noqa: BLE001, S110 - validators of a chain's own types raise what they like
            pass
        raise HTTPException(422, "The input is not of the form that is described.")


def _outside(chain: Runnable[Any, Any], *, first: bool) -> Runnable[Any, Any]:
    """Return what is left of a chain without the steps of the pair at its beginning, or at its end."""
    if isinstance(chain, RunnableBindingBase) and _hands_on(type(chain)):
        custom = chain.custom_input_type if first else chain.custom_output_type
        return chain if custom is not None else _outside(chain.bound, first=first)
    if not isinstance(chain, RunnableSequence):
        return chain
    steps = list(chain.steps)
    while len(steps) > 1 and isinstance(steps[0 if first else -1], PairStep):
        steps.pop(0 if first else -1)
    return steps[0] if len(steps) == 1 else RunnableSequence(*steps)


def _hands_on(kind: type[RunnableBindingBase[Any, Any]]) -> bool:
    """Tell whether what a binding takes and gives is what the bound chain does."""
    return kind.get_input_schema is RunnableBindingBase.get_input_schema


def _request(name: str, base: type[BaseModel] = NoFields, **fields: Any) -> type[BaseModel]:
    said: dict[str, Any] = {"config": (ClientConfig | None, None), "kwargs": (NoFields | None, None)}
    model: type[BaseModel] = create_model(name, __base__=base, **(said | fields))
    return model


def _unpacked(value: Any, annotation: Any = None) -> Any:
    """Make plain again what only validation made a model; messages are read where any type may stand."""
    if isinstance(value, BaseModel) and not isinstance(value, Serializable | CustomUserType):
        fields = type(value).model_fields
        plain = {name: _unpacked(getattr(value, name), fields[name].annotation) for name in fields}
        return plain["root"] if isinstance(value, RootModel) else plain
    return _SERIALIZER.loadd(value) if annotation is Any else value


def read_json(body: bytes, known: frozenset[str]) -> dict[str, Any]:
    """Read a body whose fields are ``known``.

    Raises:
        HTTPException: 400, it is not JSON; 422, it is no object, or has other fields.
    """
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = orjson  # which no body is
    if read is orjson:
        raise HTTPException(400, "The body is not JSON in UTF-8.")
    if not isinstance(read, dict):
        raise HTTPException(422, "The body is not an object.")
    if not known.issuperset(read):
        raise HTTPException(
            422, f"The body has fields that are not known; known are {', '.join(sorted(known))}."
        )
    return read


def field(body: dict[str, Any], name: str) -> Any:
    """Return a field of a body.

    Raises:
        HTTPException: 422, there is none.
    """
    if name not in body:
        raise HTTPException(422, f"The body has no field {name}.")
    return body[name]


def read_filters(body: dict[str, Any]) -> dict[str, Any]:
    """Return the filters of a body.

    Raises:
        HTTPException: 422, they are none.
    """
    try:
        return Filters.model_validate({name: body[name] for name in FILTERS & body.keys()}).model_dump()
    except ValidationError:
        pass
    raise HTTPException(422, "The filters of events are not lists of strings.")


def is_json(content_type: str) -> bool:
    """Tell whether a header says that a body is JSON."""
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def write(thing: Any) -> bytes:
    """Write an output, a chunk or an event as JSON."""
    written: bytes = _SERIALIZER.dumps(thing)
    return written


def event(name: str, data: bytes = b"") -> bytes:
    """Write a server-sent event; JSON has no line breaks of its own."""
    line = b"data: %s\r\n" % data if data else b""
    return b"event: %s\r\n%s\r\n" % (name.encode(), line)


def error_event(problem: Problem) -> bytes:
    """Write the event that ends a stream which failed."""
    return event("error", orjson.dumps(problem.event()))


@cache
def schema_prefix(path: str) -> str:
    """Make of a path what the names of schemas begin with."""
    return "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", path))


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route, for OpenAPI."""
    return {status: {"model": ProblemBody, "description": _WHAT[status]} for status in statuses}


_WHAT: Mapping[int, str] = {
    400: "The body is not JSON.",
    401: "The request does not say whose vault it uses.",
    403: "The request may not do this.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not called JSON.",
    422: "The request is refused: its form, its config, or what a policy or a scanner found in it.",
    500: "The server failed.",
    502: "The model's answer was refused.",
    503: "The vault's store does not answer.",
    504: "There was no answer in time.",
}
