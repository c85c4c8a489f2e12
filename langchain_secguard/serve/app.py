"""An app around one chain or some, ready to be run: ``uvicorn --workers 2 --factory yours:create``."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, FastAPI
from langchain_core.runnables import Runnable
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from langchain_secguard.serve.access import AccessLog
from langchain_secguard.serve.limits import Limits, RequestLimits
from langchain_secguard.serve.problems import NO_STORE, described, install_error_handlers
from langchain_secguard.serve.routes import add_secure_routes
from langchain_secguard.serve.vaults import VaultOf
from langchain_secguard.vault import Text, VaultStore

_LOG = logging.getLogger("langchain_secguard.serve")
_READY_VAULT = "secguard-readiness"  # nothing is ever written to it

Ending = Callable[[], Any]
"""Is called when the server stops: a function, which runs in a thread, or a coroutine function."""


class Health(BaseModel):
    """Describe whether a server runs, or can do its work."""

    status: Literal["ok", "unavailable"]


def create_app(  # noqa: PLR0913 - each is a decision of its own
    chains: Runnable[Any, Any] | Mapping[str, Runnable[Any, Any]],
    *,
    vault_id: VaultOf,
    store: VaultStore | None = None,
    limits: Limits | None = None,
    title: str = "langchain-secguard",
    docs: bool = False,
    on_shutdown: Sequence[Ending] = (),
    shutdown_timeout: float = 5.0,
    ready_timeout: float = 2.0,
    **routes: Any,
) -> FastAPI:
    """Make an app that serves chains, with health routes, limits, and errors and a log without texts.

    ``GET /healthz`` answers as long as the process does, and ``GET /readyz`` with a 503 while the vaults'
    store does not answer. A stop of the server lets streams end, as long as the server waits for them
    (``uvicorn --timeout-graceful-shutdown``).

    Args:
        chains: What is served: one chain, under ``/``, or some, by path.
        vault_id: Names the vault of a request; see :func:`add_secure_routes`.
        store: The store that the chains' steps were given: it is asked by ``/readyz``, and closed at the end.
        limits: How much one request may take.
        title: What the app is called in its OpenAPI description.
        docs: Serve FastAPI's ``/docs``, a page that loads its scripts from another host.
        on_shutdown: What is called when the server stops, such as Langfuse's ``flush``.
        shutdown_timeout: Seconds that each of these may take.
        ready_timeout: Seconds that the store may take to answer ``/readyz``.
        routes: What else :func:`add_secure_routes` takes.

    Raises:
        ValueError: What :func:`add_secure_routes` refuses.
    """
    limits = limits or Limits()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        for ending in (*on_shutdown, *_closing(store)):
            await _end(ending, shutdown_timeout)

    app = FastAPI(title=title, lifespan=lifespan, docs_url="/docs" if docs else None, redoc_url=None)
    app.add_middleware(RequestLimits, limits=limits)
    install_error_handlers(app)
    app.add_middleware(AccessLog)
    app.include_router(_health(store, ready_timeout))
    for path, chain in chains.items() if isinstance(chains, Mapping) else [("", chains)]:
        add_secure_routes(app, chain, vault_id=vault_id, path=path, limits=limits, **routes)
    return app


def _health(store: VaultStore | None, timeout: float) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_model=Health, operation_id="healthz")
    async def healthz() -> Response:
        """Tell whether the process answers."""
        return _healthy()

    unready: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "Not ready."}}

    @router.get("/readyz", response_model=Health, operation_id="readyz", responses=unready)
    async def readyz() -> Response:
        """Tell whether the store of the vaults answers."""
        try:
            async with asyncio.timeout(timeout):
                if store is not None:
                    await store.afind(_READY_VAULT, [Text("ready")])
        except Exception as error:  # noqa: BLE001 - whatever it is, the store does not answer
            _LOG.warning("not ready: %s", described(error))
            return _healthy("unavailable", 503)
        return _healthy()

    return router


def _healthy(status: str = "ok", code: int = 200) -> Response:
    return JSONResponse({"status": status}, code, dict(NO_STORE))


def _closing(store: VaultStore | None) -> Sequence[Ending]:
    """Return what closes a store."""
    closing = getattr(store, "aclose", None) or getattr(store, "close", None)
    return [] if closing is None else [closing]


async def _end(ending: Ending, seconds: float) -> None:
    """Call what ends something, and go on if it fails or takes too long."""
    work = ending() if inspect.iscoroutinefunction(ending) else asyncio.to_thread(partial(ending))
    try:
        await asyncio.wait_for(work, seconds)
    except Exception as error:  # noqa: BLE001 - the server stops all the same
        _LOG.error("at the end: %s", described(error))
