"""Serve the page and its chain: ``make serve``, then http://127.0.0.1:8000.

    uvicorn --app-dir examples --factory app.main:create

With OPENAI_API_KEY set, the model is OpenAI's gpt-4o-mini; without it, a small summarizer that runs here.
Vaults are kept in memory for an hour, one for each browser; with SECGUARD_REDIS_URL, in Redis.
"""

import os
import re
import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from app.show import choose_model, make_chain
from langchain_secguard.serve import Limits, create_app
from langchain_secguard.vault import InMemoryVaultStore, RedisVaultStore, VaultStore

STATIC = Path(__file__).parent / "static"
COOKIE = "secguard_demo"
HOUR = 3600
_SESSION = re.compile(r"[A-Za-z0-9_-]{32}")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def create() -> FastAPI:
    """Make the app: the page under ``/``, its chain under ``/show``."""
    store = choose_store()
    model = choose_model()
    app = create_app(
        {"/show": make_chain(store, model)},
        vault_id=vault_of,
        store=store,
        endpoints=("stream",),
        limits=Limits(max_body=200_000),
        title="langchain-secguard: a page to look at",
    )

    @app.get("/", include_in_schema=False)
    def page(request: Request) -> Response:
        """Hand out the page, and a session to a browser that has none."""
        response = FileResponse(STATIC / "index.html", headers=_HEADERS)
        if vault_of(request) is None:
            response.set_cookie(
                COOKIE, secrets.token_urlsafe(24), max_age=HOUR, httponly=True, samesite="strict"
            )
        return response

    @app.get("/model", include_in_schema=False)
    def about() -> dict[str, str]:
        """Name the model."""
        return {"model": str(getattr(model, "model_name", type(model).__name__))}

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def choose_store() -> VaultStore:
    """Keep vaults in Redis where its URL is given, and in memory elsewhere."""
    url = os.environ.get("SECGUARD_REDIS_URL")
    return RedisVaultStore(url, ttl=HOUR) if url else InMemoryVaultStore(ttl=HOUR)


def vault_of(request: Request) -> str | None:
    """Name the vault of a browser by the cookie that it was given; nobody's has none."""
    session = request.cookies.get(COOKIE, "")
    return f"demo-{session}" if _SESSION.fullmatch(session) else None
