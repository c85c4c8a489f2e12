"""A chain behind HTTP, for several workers: who asks is known by a token, and has vaults of their own.

    APP_TOKENS=ann:a-long-secret,bob:another uvicorn --factory chat_app:create

The environment says everything else; README.md lists what. Without a key for a model, the answer is a summary
that a small model of examples/ makes.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from langchain_core.language_models import BaseChatModel

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.serve import Settings, create_app


def create() -> FastAPI:
    """Make the app."""
    logging.basicConfig(level=logging.INFO)
    settings = Settings.from_environment()
    store = settings.open_store()
    chain = Anonymizer(store=store) | chat_model() | Deanonymizer(store=store)
    return create_app(
        {"/chat": chain},
        vault_id=Users(secret("APP_TOKENS")),
        store=store,
        limits=settings.limits,
        endpoints=("invoke", "batch", "stream", "stream_events"),
        custom_events=("secguard.anonymized", "secguard.deanonymized"),
        **traced(),
    )


class Users:
    """Know users by their tokens: ``Authorization: Bearer ...``. In its place, ask your identity provider.

    Args:
        tokens: ``user:token`` pairs, separated by commas.
    """

    def __init__(self, tokens: str) -> None:
        pairs = [pair.strip().partition(":") for pair in tokens.split(",") if pair.strip()]
        if not pairs or not all(user and token for user, _, token in pairs):
            raise ValueError("APP_TOKENS must name a user and a token: ann:a-long-secret")
        self._users: Mapping[str, str] = {_digest(token): user for user, _, token in pairs}

    def __call__(self, request: Request) -> tuple[str | None, str]:
        """Name the vault of a request: the user's, for the conversation that the user names."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self._users.get(_digest(token)) if scheme.lower() == "bearer" else None
        return user, request.headers.get("x-conversation") or "main"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()  # how long a look-up takes tells nothing of a token


def secret(name: str) -> str:
    """Read a secret from the environment, or from the file that ``NAME_FILE`` names."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(name, "")


def chat_model() -> BaseChatModel:
    """Return OpenAI's model, or one like it at OPENAI_BASE_URL; without either, a small one of examples/."""
    if not (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")):
        sys.path.append(str(Path(__file__).parents[1]))
        from extractive_summarizer import ExtractiveSummarizer  # noqa: PLC0415 - its folder was just added

        small: BaseChatModel = ExtractiveSummarizer()
        return small
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - not installed where it is not used

    return ChatOpenAI(model=os.environ.get("APP_MODEL", "gpt-4o-mini"))


def traced() -> dict[str, Any]:
    """Trace to Langfuse, masked, if its keys are in the environment; send what is left at the end."""
    if not os.environ.get("LANGFUSE_PUBLIC_KEY"):
        return {}
    from langchain_secguard.tracing import LangfuseHandler, langfuse_client  # noqa: PLC0415 - it needs an extra

    client = langfuse_client()
    return {"config": {"callbacks": [LangfuseHandler()]}, "on_shutdown": [client.flush]}
