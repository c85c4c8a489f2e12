"""What a client is told when something fails: a status, a code and an id; never a text, a value or a vault.

The id stands in the log too, with the error's class and the lines of code that it came through.
"""

import json
import logging
import secrets
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_secguard.errors import (
    BlockedError,
    UnknownPlaceholderError,
    UnsupportedContentError,
    VaultUnavailableError,
)

_LOG = logging.getLogger("langchain_secguard.serve")
_FRAMES = 6

NO_STORE = MappingProxyType({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
"""What is said of every answer: it is nobody's but the client's."""

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    408: "too_slow",
    413: "too_large",
    415: "not_json",
    422: "invalid_request",
    503: "unavailable",
    504: "timeout",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Tell what went wrong, without saying what it was about."""

    status: int
    code: str
    detail: str
    scores: Mapping[str, float] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    error_id: str = ""

    def body(self) -> dict[str, Any]:
        """Return what a client gets."""
        told = {"scores": dict(self.scores), "fields": list(self.fields), "error_id": self.error_id}
        return {"detail": self.detail, "code": self.code, **{name: one for name, one in told.items() if one}}

    def event(self) -> dict[str, Any]:
        """Return what a client gets in a stream, in LangServe's words."""
        body = self.body()
        return {"status_code": self.status, "message": body.pop("detail"), **body}


class ProblemBody(BaseModel):
    """Describe a refusal or a failure."""

    detail: str = Field(description="What went wrong, for people.")
    code: str = Field(description="What went wrong, for programs.")
    scores: dict[str, float] | None = Field(
        None, description="The risk score of each policy or scanner that refused, from 0 to 1."
    )
    fields: list[str] | None = Field(None, description="The fields of the body that were not accepted.")
    error_id: str | None = Field(
        None, description="The id under which the server's log tells of the failure."
    )


_KINDS: Mapping[type[BaseException], Problem] = {
    UnsupportedContentError: Problem(
        422, "unsupported_content", "The input holds content that cannot be scanned."
    ),
    VaultUnavailableError: Problem(
        503,
        "unavailable",
        "The vault's store does not answer; nothing was sent to the model.",
        headers={"Retry-After": "1"},
    ),
    UnknownPlaceholderError: Problem(502, "unknown_placeholder", "The model's answer was refused."),
    TimeoutError: Problem(504, "timeout", "There was no answer in time."),
    ClientDisconnect: Problem(499, "gone", "The client left."),
    BaseException: Problem(500, "error", "The server failed."),
}


def problem_of(error: BaseException) -> Problem:
    """Say what a client may know of an error."""
    match error:
        case BaseExceptionGroup(exceptions=(StarletteHTTPException() as first, *_)):
            return problem_of(StarletteHTTPException(first.status_code))
        case BaseExceptionGroup(exceptions=(first, *_)):
            return problem_of(first)
        case BlockedError():
            return Problem(422, "blocked", "The text was refused by a policy or a scanner.", error.scores)
        case StarletteHTTPException():
            code = _CODES.get(error.status_code, "error")
            return Problem(error.status_code, code, str(error.detail), headers=error.headers or {})
        case RequestValidationError():
            return invalid(error.errors())
        case _:
            return next(problem for kind, problem in _KINDS.items() if isinstance(error, kind))


@contextmanager
def chain_runs() -> Iterator[None]:
    """Run a chain in the block: of an ``HTTPException`` that a step of it raises, its status alone is told.

    Those of the app itself are told as they are, but what a step says may hold what it was given.
    """
    try:
        yield
    except StarletteHTTPException as error:
        status = error.status_code
    else:
        return
    raise StarletteHTTPException(status)


def invalid(errors: Any) -> Problem:
    """Say which fields of a body were not accepted, and not what was in them."""
    named = {str(one["loc"][1]) if len(one["loc"]) > 1 else "body" for one in errors if one.get("loc")}
    shown = tuple(sorted(name if name.isidentifier() and len(name) <= 32 else "body" for name in named))
    return Problem(422, "invalid_request", "The request is not of the form that is described.", fields=shown)


def report(problem: Problem, error: BaseException) -> Problem:
    """Log a failure of the server under an id, and return the problem with it; a refusal is not logged."""
    if problem.status < 500:
        return problem
    problem = replace(problem, error_id=secrets.token_hex(8))
    _LOG.error("error %s: %d, %s", problem.error_id, problem.status, described(error))
    return problem


def described(error: BaseException) -> str:
    """Describe an error by its class, its place in the code and its causes, without its message."""
    parts: list[str] = []
    one: BaseException | None = error
    while one is not None and len(parts) < 5:
        walked = traceback.walk_tb(one.__traceback__)
        frames = traceback.StackSummary.extract(walked, limit=-_FRAMES, lookup_lines=False)
        places = " > ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
        parts.append(f"{type(one).__module__}.{type(one).__qualname__} at {places or 'no line'}")
        inner = one.exceptions[0] if isinstance(one, BaseExceptionGroup) else None
        one = inner or one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return ", from ".join(parts)


def answer_for(error: BaseException) -> Response:
    """Make the response that tells a client of an error, and log it."""
    return problem_response(report(problem_of(error), error))


def problem_response(problem: Problem) -> Response:
    """Make the response that tells a client of a problem."""
    body = json.dumps(problem.body()).encode()
    return Response(body, problem.status, {**problem.headers, **NO_STORE}, "application/json")


async def send_problem(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the response that tells a client of a problem."""
    await problem_response(problem)(scope, receive, send)


class ErrorShield:
    """Answer for what an ASGI app raises, so that neither a client nor the server's log gets its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def send_noting(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a text
            problem = report(problem_of(error), error)
        else:
            return
        if not began:  # otherwise the response stays cut off, which a client can tell
            await send_problem(problem, scope, receive, send)


def install_error_handlers(app: FastAPI) -> None:
    """Let no error of an app's routes reach a client, or the server's log, with a text.

    FastAPI by itself sends back what was not valid, and the server logs whatever else is raised. What is told
    instead is in docs/serving.md; ``HTTPException`` is the app's own, and is told as it is.
    """

    async def tell(_: Request, error: Exception) -> Response:
        return answer_for(error)

    app.add_exception_handler(RequestValidationError, tell)
    app.add_exception_handler(ValidationError, tell)
    app.add_middleware(ErrorShield)
