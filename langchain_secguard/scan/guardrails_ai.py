"""Guardrails AI: https://guardrailsai.com/docs, validators in a ``Guard``."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.threads import leave, start, to_thread

Metadata: TypeAlias = Mapping[str, Any] | Callable[[str | None], Mapping[str, Any]]
"""What validators are told besides the text; or a function that makes it of an answer's prompt."""


class GuardrailsAIScanner:
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
        if not (math.isfinite(timeout) and timeout > 0):
            raise ValueError("timeout is a number of seconds above 0")
        if not name:
            raise ValueError("a scanner's name must not be empty")
        if sees not in ("values", "placeholders"):
            raise ValueError('sees is "values" or "placeholders"')
        self._name = name
        self._engine = _engine()(guard)
        self._metadata: Metadata = metadata if metadata is not None else {}
        self._timeout = timeout
        self.sanitizes = sanitizes
        self.sees: Sees = sees

    @property
    def name(self) -> str:
        """The scanner's name."""
        return self._name

    def __repr__(self) -> str:
        return f"GuardrailsAIScanner(name={self._name!r})"

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Validate ``text``.

        Raises:
            ScannerError: A validator failed to say anything, or took too long; the message holds no text.
        """
        if not text.strip():
            return ScanResult(name=self._name, text=text, valid=True)
        try:
            outcome = self._waited(text, self._told(prompt))
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        else:
            return self._result(text, outcome)
        raise failure

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, without blocking the event loop."""
        if not text.strip():
            return ScanResult(name=self._name, text=text, valid=True)
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await to_thread(self._engine.validate, text, self._told(prompt))
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        else:
            return self._result(text, outcome)
        raise failure

    def _told(self, prompt: str | None) -> Mapping[str, Any]:
        return self._metadata(prompt) if callable(self._metadata) else self._metadata

    def _waited(self, text: str, metadata: Mapping[str, Any]) -> Any:
        """Wait for a thread, and leave it behind when it takes too long."""
        future = start(partial(self._engine.validate, text, metadata), self._engine)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            leave(future, self._engine)
            raise

    def _result(self, text: str, outcome: Any) -> ScanResult:
        details = dict.fromkeys(outcome.failed, 1.0)
        if outcome.passed and not details:
            return ScanResult(name=self._name, text=text, valid=True)
        left = outcome.left if isinstance(outcome.left, str) else _written(outcome.left)
        if outcome.passed and self.sanitizes and left is not None:
            return ScanResult(name=self._name, text=left, valid=True, risk_score=1.0, details=details)
        return ScanResult(name=self._name, text=text, valid=False, risk_score=1.0, details=details)

    def _failure(self, error: Exception) -> ScannerError:
        if isinstance(error, TimeoutError):
            return ScannerError(f"the validators of {self._name} took more than {self._timeout:g} s.")
        return ScannerError(
            f"the validators of {self._name} failed with {type(error).__name__}; the text counts as refused. "
            "Run them alone to see why."
        )


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
