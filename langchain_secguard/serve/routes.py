"""LangServe's routes for one chain, with a vault that the server names, and nothing that a client says."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Body, FastAPI, HTTPException
from fastapi.params import Depends
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from langchain_secguard.serve import wire
from langchain_secguard.serve.events import check_events
from langchain_secguard.serve.limits import Limits
from langchain_secguard.serve.playground import playground_file
from langchain_secguard.serve.problems import answer_for
from langchain_secguard.serve.served import Served
from langchain_secguard.serve.vaults import VAULT_KEYS, ConfigOf, VaultOf, check_server_config, find_config

EndpointName = Literal["invoke", "batch", "stream", "stream_events"]
"""The routes that may be opened."""

_ENDPOINTS = get_args(EndpointName)
_REFUSALS = (400, 401, 403, 408, 413, 415, 422, 500, 502, 503, 504)


def add_secure_routes(  # noqa: PLR0913 - each is a decision of its own
    app: FastAPI | APIRouter,
    chain: Runnable[Any, Any],
    *,
    vault_id: VaultOf,
    path: str = "",
    endpoints: Sequence[EndpointName] = ("invoke", "batch", "stream"),
    config: RunnableConfig | ConfigOf | None = None,
    limits: Limits | None = None,
    input_type: Any = None,
    output_type: Any = None,
    custom_events: Collection[str] = (),
    playground: bool = False,
    ignore_client_config: bool = False,
    allow_unprotected: bool = False,
    dependencies: Sequence[Depends] = (),
) -> None:
    """Serve a chain under ``path``, to LangServe's clients and to whoever posts JSON.

    The vault is what ``vault_id`` says of the request, and nothing that a client sends reaches the config: a
    client that says something of it is refused with a 422. Errors say of what kind they are, without a text.
    A graph's ``thread_id`` and a message history's ``session_id`` are named after the vault, too.

    Args:
        app: The app, or a router of it.
        chain: What is served: ``Anonymizer() | model | Deanonymizer()``, for instance, or ``protect(...)``.
        vault_id: Names the vault of a request, from who is logged in: a string, or the parts of a name, the
            user first. Nothing (``None`` or an empty string) is answered with a 401. It may be a coroutine
            function, and may raise ``HTTPException``. Never take it from what a client chooses freely.
        path: Where the routes are, such as ``"/chat"``.
        endpoints: The routes to open. ``"stream_events"`` tells of the chain itself, never of its steps.
        config: What else the config holds, such as callbacks; or a function of the request that makes it.
        limits: How much one request may take.
        input_type: What goes in, where the chain does not say it, or says too little.
        output_type: What comes out, likewise.
        custom_events: Names of this package's events that ``stream_events`` passes on, without the vault's
            id: ``"secguard.anonymized"`` and others of :mod:`~langchain_secguard.events`.
        playground: Serve LangServe's playground too. It needs the route ``stream_log``, which then tells no
            more than ``stream`` does.
        ignore_client_config: Drop what a client says of the config rather than refuse it, for clients that
            run inside other chains or graphs and cannot help sending theirs.
        allow_unprotected: Dangerous: serve a chain in which no step takes its vault from the config.
        dependencies: FastAPI dependencies of all routes.

    Raises:
        ValueError: ``config`` names a vault, an endpoint or an event is not known, ``path`` is none, or no
            step of the chain takes its vault from the config.
    """
    if config is not None and not callable(config):
        check_server_config(config)
    if unknown := sorted(set(endpoints) - set(_ENDPOINTS)):
        raise ValueError(f"endpoints are {', '.join(_ENDPOINTS)}; not so: {', '.join(unknown)}")
    if path and (not path.startswith("/") or path.endswith("/")):
        raise ValueError("path begins with a slash, and does not end with one")
    names = _names(chain, allowed=allow_unprotected)
    served = Served(
        chain,
        path or "/",
        wire.Shapes(chain, wire.schema_prefix(path), input_type, output_type),
        config_of=partial(find_config, vault_of=vault_id, config=config, names=names),
        limits=limits or Limits(),
        custom_events=check_events(custom_events),
        strict=not ignore_client_config,
    )
    router = APIRouter(dependencies=list(dependencies), tags=[path.strip("/")] if path else None)
    for name in (*endpoints, *(["stream_log"] if playground else [])):
        router.add_api_route(f"{path}/{name}", served.route(name), methods=["POST"], include_in_schema=False)
    for name in endpoints:
        _describe(router, f"{path}/{name}", name, served.shapes)
    _add_schemas(router, path, served.shapes)
    refused = ["GET", "POST", "PUT"]
    router.add_api_route(path + "/c/{rest:path}", _refuse, methods=refused, include_in_schema=False)
    if playground:
        page = partial(playground_file, getattr(app, "prefix", "") + path, served.shapes)
        router.add_api_route(path + "/playground/{file_path:path}", page, include_in_schema=False)
    app.include_router(router)


def _names(chain: Runnable[Any, Any], *, allowed: bool) -> tuple[str, ...]:
    """Return the keys of the config under which the chain looks for its vault, or for its thread."""
    declared = {spec.id for spec in chain.config_specs}
    if "vault_id" not in declared and not allowed:
        raise ValueError(
            "no step of this chain takes its vault from the config: wrap it in protect(...), or put "
            "Anonymizer() before and Deanonymizer() behind its model, without vault=, which all would share"
        )
    return (*VAULT_KEYS, "session_id") if "session_id" in declared else VAULT_KEYS


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events with JSON: `data` for each piece, then `end` or `error`.",
        "content": {"text/event-stream": {}},
    }
}


def _describe(router: APIRouter, path: str, name: str, shapes: wire.Shapes) -> None:
    """Describe a route, whose function reads its body itself, for OpenAPI."""
    body, answer, summary = {
        "invoke": (shapes.invoke_request, shapes.invoke_response, "Run the chain on one input."),
        "batch": (shapes.batch_request, shapes.batch_response, "Run the chain on some inputs."),
        "stream": (
            shapes.stream_request,
            None,
            "Run the chain, and stream its output as server-sent events.",
        ),
        "stream_events": (shapes.events_request, None, "Run the chain, and stream what becomes of it."),
    }[name]

    router.add_api_route(
        path,
        _with_body(body),
        methods=["POST"],
        name=f"{path.strip('/')}",
        operation_id=path.strip("/").replace("/", "_"),
        summary=summary,
        response_model=answer,
        response_class=JSONResponse if answer else Response,
        responses=wire.responses(*_REFUSALS) | ({} if answer else _EVENTS),
    )


def _with_body(body: type[BaseModel]) -> Callable[..., Awaitable[Response]]:
    async def described(_: Any) -> Response:
        raise AssertionError("the route before this one answers")

    described.__annotations__["_"] = Annotated[body, Body()]
    return described


def _add_schemas(router: APIRouter, path: str, shapes: wire.Shapes) -> None:
    """Add LangServe's routes that tell what goes in, what comes out, and that there is no config."""
    models = {"input": shapes.input, "output": shapes.output, "config": wire.NoFields}
    for name, model in models.items():
        router.add_api_route(
            f"{path}/{name}_schema",
            _returning(model),
            name=f"{path.strip('/')} {name}_schema".strip(),
            operation_id=f"{path.strip('/')}/{name}_schema".strip("/").replace("/", "_"),
            summary=f"Return the JSON schema of the chain's {name}.",
            response_model=dict[str, Any],
        )


def _returning(model: Any) -> Callable[[], Awaitable[Response]]:
    """Make a route that returns a model's schema, which is made when it is first asked for."""
    made: list[Response] = []

    async def returned() -> Response:
        if not made:
            made.append(JSONResponse(model.model_json_schema()))
        return made[0]

    return returned


async def _refuse() -> Response:
    """Refuse LangServe's links, which carry a config in their path."""
    return answer_for(HTTPException(422, "The path must not say a config: the server does."))
