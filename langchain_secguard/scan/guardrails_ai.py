"""Guardrails AI: https://guardrailsai.com/docs, validators in a ``Guard``."""

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from langchain_secguard.scan.asking import AskingScanner
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.threads import leave, start, to_thread

Metadata: TypeAlias = Mapping[str, Any] | Callable[[str | None], Mapping[str, Any]]
"""What validators are told besides the text; or a function that makes it of an answer's prompt."""


class GuardrailsAIScanner(AskingScanner):
    """Scan by a ``Guard`` of Guardrails AI, or by its validators.

    A validator that fails refuses the text with a risk of 1, and ``details`` names it. With ``on_fail="fix"``
    it changes the text instead: the changed text goes on if the scanner may sanitize, with the risk of 1 that
    was found; otherwise it counts as refused. No model is asked again (``reask``): that is a refusal.

    A guard is copied: what it validated here is not in its history. Its usage metrics are turned off, and so
    are its spans, which hold the texts, unless ``guardrails.settings.disable_tracing`` is set to ``False``.
    Validators may ask models or services of their own; tell by ``sees`` what they are to be shown.

    Args:
        guard: A ``Guard`` or an ``AsyncGuard``, or a list of validators.
        metadata: What validators are told besides the text; or a function that makes it of the prompt.
        sanitizes: A validator may change the text, and the changed text goes on.
        timeout: Seconds that a scan takes at most; a validator that takes longer is left behind.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ImportError: Guardrails AI is not installed.
        TypeError: ``guard`` is no guard.
    """

    engine: str = "Guardrails AI"
    whom = "the validators"

    def __init__(
        self,
        guard: Any,
        *,
        metadata: Metadata | None = None,
        sanitizes: bool = False,
        timeout: float = 30.0,
        name: str = "GuardrailsAI",
        sees: Sees = "placeholders",
    ) -> None:
        super().__init__(name=name, sees=sees, timeout=timeout)
        self._engine = _engine()(guard)
        self._metadata: Metadata = metadata if metadata is not None else {}
        self.sanitizes = sanitizes

    def _ask(self, text: str, prompt: str | None) -> Any:
        """Wait for a thread, and leave it behind when it takes too long."""
        future = start(partial(self._engine.validate, text, self._told(prompt)), self._engine)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            leave(future, self._engine)
            raise

    async def _aask(self, text: str, prompt: str | None) -> Any:
        async with asyncio.timeout(self._timeout):
            return await to_thread(self._engine.validate, text, self._told(prompt))

    def _told(self, prompt: str | None) -> Mapping[str, Any]:
        return self._metadata(prompt) if callable(self._metadata) else self._metadata

    def _result(self, text: str, said: Any) -> ScanResult:
        details = dict.fromkeys(said.failed, 1.0)
        if said.passed and not details:
            return ScanResult(name=self._name, text=text, valid=True)
        left = said.left if isinstance(said.left, str) else _written(said.left)
        if said.passed and self.sanitizes and left is not None:
            return ScanResult(name=self._name, text=left, valid=True, risk_score=1.0, details=details)
        return ScanResult(name=self._name, text=text, valid=False, risk_score=1.0, details=details)


def _written(left: Any) -> str | None:
    """Write what a guard with a schema read from JSON, or ``None`` if there is nothing left."""
    return None if left is None else json.dumps(left, ensure_ascii=False)


def _engine() -> Callable[[Any], Any]:
    try:
        from langchain_secguard.scan.guardrails_engine import Engine  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError(
            'GuardrailsAIScanner needs Guardrails AI: pip install "langchain-secguard[guardrails-ai]"'
        ) from error
    return Engine
