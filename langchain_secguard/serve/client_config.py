"""What a client may say of how a chain is run: nothing that names a vault, a callback, a run or a trace."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import HTTPException, Request

_HARMLESS = frozenset({"recursion_limit", "max_concurrency"})
"""Keys that LangChain's clients always send, and that are not taken over."""

_EMPTY: Mapping[str, Any] = {
    "configurable": {},
    "callbacks": [],
    "metadata": {},
    "tags": [],
    "run_id": None,
    "run_name": None,
}
"""Keys that may be there, with nothing in them: null, or this."""

_QUERIES = (
    _EMPTY.keys() | _HARMLESS | {"config", "config_hash", "vault", "vault_id", "thread_id", "session_id"}
)
_HEADERS = frozenset({"vault", "vault_id", "configurable", "callbacks", "run_config", "runnable_config"})
_UNREADABLE = object()
_FIRST = re.compile(r"[^.\[\]]*")


def check_client_config(config: Any) -> None:
    """Refuse a config of a client's, or a list of them, that says more than nothing.

    Raises:
        HTTPException: 422.
    """
    for one in config if isinstance(config, list) else [config]:
        if one is None:
            continue
        if not isinstance(one, Mapping):
            raise HTTPException(422, "The config is not an object.")
        said = sorted(name for name in _EMPTY if one.get(name) not in (None, _EMPTY[name]))
        if said:
            raise HTTPException(422, f"The config must not say {_shown(said)}: the server does.")
        if not all(name in _EMPTY or (name in _HARMLESS and _is_count(one[name])) for name in one):
            raise HTTPException(422, "The config says what is not known.")


def check_outside(request: Request) -> None:
    """Refuse a request whose query or headers would say how a chain is run.

    Raises:
        HTTPException: 422.
    """
    queries = {_plain(match[0]) for name in request.query_params if (match := _FIRST.match(name))}
    if said := sorted(queries & _QUERIES):
        raise HTTPException(422, f"The query must not say {_shown(said)}: the server does.")
    headers = {_plain(name).removeprefix("x_").removeprefix("secguard_") for name in request.headers}
    if said := sorted(headers & _HEADERS):
        raise HTTPException(422, f"The headers must not say {_shown(said)}: the server does.")


async def refuse_client_config(request: Request) -> None:
    """Refuse a request that says how a chain is run, in its query, its headers or its body.

    A FastAPI dependency, for routes of your own and for those of LangServe: ``dependencies=[Depends(...)]``.
    Of a JSON body the keys ``config``, ``configurable`` and ``kwargs`` are read.

    Raises:
        HTTPException: 422.
    """
    check_outside(request)
    try:
        body = json.loads(await request.body() or b"null")
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValueError) and "json" not in request.headers.get("content-type", ""):
            return  # a form or a file, which says nothing
        body = _UNREADABLE
    if body is _UNREADABLE:
        raise HTTPException(400, "The body is not JSON.")
    if isinstance(body, Mapping):
        check_client_config(body.get("config"))
        check_client_config({name: body[name] for name in ("configurable", "kwargs") if body.get(name)})


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _shown(names: Iterable[str]) -> str:
    return ", ".join(names)
