"""Whose vault a request uses: said by the server, from the request that it has authenticated."""

import inspect
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import quote

from fastapi import HTTPException, Request
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

VaultName: TypeAlias = str | Sequence[str | None] | None
"""What a vault is called: its id; or its parts, which :func:`vault_name` joins; or nothing, for nobody."""

VaultOf: TypeAlias = Callable[[Request], VaultName | Awaitable[VaultName]]
"""Names the vault of a request. It must say who is asking: a client can send whatever it likes."""

ConfigOf: TypeAlias = Callable[[Request], RunnableConfig | Awaitable[RunnableConfig]]
"""Makes what else the config of a request holds, such as callbacks."""

VAULT_KEYS = ("vault_id", "thread_id")
"""The keys of a config that name the vault: the steps' own, and that of a graph, whose thread it is."""

_LONGEST = 512


def vault_name(*parts: str) -> str:
    """Join parts to the id of a vault, so that no two lists of parts have the same id.

    ``vault_name("acme", "u17", "chat-7")`` is ``"acme/u17/chat-7"``; what is special in a part is escaped, so
    that whoever chooses one part, such as the name of a conversation, cannot reach into another user's.

    Raises:
        ValueError: A part is empty, or the id is longer than 512 characters.
    """
    if not parts or not all(parts):
        raise ValueError("a part of a vault's name must not be empty")
    return _valid("/".join(quote(part, safe="@:+", errors="surrogatepass") for part in parts))


def _valid(vault_id: str) -> str:
    if len(vault_id) > _LONGEST:
        raise ValueError(f"a vault id has at most {_LONGEST} characters")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in vault_id):
        raise ValueError("a vault id holds no control characters")
    return vault_id


async def find_vault_id(request: Request, vault_of: VaultOf) -> str:
    """Name the vault of a request.

    Raises:
        HTTPException: 401, the request is nobody's; 422, a part of the name is none. Or what ``vault_of``
            raises.
        TypeError: ``vault_of`` returned what is no name.
    """
    named = vault_of(request)
    if inspect.isawaitable(named):
        named = await named
    parts = [named] if isinstance(named, str) or named is None else list(named)
    if not parts or not all(parts):
        raise HTTPException(
            401, "The request does not say whose vault it uses.", headers={"WWW-Authenticate": "Bearer"}
        )
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("vault_id returned what is neither a string nor a list of strings")
    try:
        return _valid(named) if isinstance(named, str) else vault_name(*map(str, parts))
    except ValueError:
        pass
    raise HTTPException(422, "The request names what cannot be part of a vault's name.")


def check_server_config(config: RunnableConfig) -> RunnableConfig:
    """Return the server's own config, which must leave the vault to the request.

    Raises:
        ValueError: It names a vault, which every user would share.
    """
    configurable = config.get("configurable") or {}
    if any(configurable.get(name) is not None for name in ("vault", "vault_id")):
        raise ValueError(
            "the config of the server must not name a vault, which all users would share: vault_id does"
        )
    return config


async def find_config(
    request: Request, vault_of: VaultOf, config: RunnableConfig | ConfigOf | None, names: Sequence[str]
) -> RunnableConfig:
    """Make the config of a request: the server's own, with the vault under each of ``names``."""
    vault_id = await find_vault_id(request, vault_of)
    own = config(request) if callable(config) else config
    if inspect.isawaitable(own):
        own = await own
    named = RunnableConfig(configurable=dict.fromkeys(names, vault_id))
    return merge_configs(named, check_server_config(own or {}))


def vault_config(
    vault_id: VaultOf, *, config: RunnableConfig | ConfigOf | None = None
) -> Callable[[Request], Awaitable[RunnableConfig]]:
    """Make a FastAPI dependency that gives a route the config of its request, with the vault in it.

    The vault's name is the ``thread_id`` too, for graphs.

    Example:
        .. code-block:: python

            @app.post("/ask")
            async def ask(
                question: Question, config: Annotated[RunnableConfig, Depends(vault_config(user_of))]
            ):
                return await chain.ainvoke(question.text, config)

    Args:
        vault_id: Names the vault of a request; see :data:`VaultOf`.
        config: What else the config holds, such as callbacks, or a function of the request that makes it.

    Raises:
        ValueError: ``config`` names a vault.
    """
    if config is not None and not callable(config):
        check_server_config(config)

    async def config_of(request: Request) -> RunnableConfig:
        return await find_config(request, vault_id, config, VAULT_KEYS)

    return config_of
