"""Scanners that ask an engine or a model: what that raises is one error, and names no text."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.named import NamedScanner, checked_timeout


class AskingScanner(NamedScanner, ABC):
    """Scan by asking; a blank text is asked nothing about: it may pass.

    Args:
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.
        timeout: Seconds that a scan takes at most, where the scanner sees to that itself.

    Raises:
        ValueError: The name is empty, ``sees`` is no form of a text, or ``timeout`` is not above 0.
    """

    whom: ClassVar[str]
    """Who is asked, for errors: ``"the rails"``."""

    def __init__(self, *, name: str, sees: Sees, timeout: float | None = None) -> None:
        super().__init__(name=name, sees=sees)
        self._timeout = checked_timeout(timeout) if timeout is not None else None

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Ask about ``text``.

        Raises:
            ScannerError: Who was asked failed, took too long, or said what is no verdict; the message holds
                no text.
        """
        if not text.strip():
            return ScanResult(name=self._name, text=text, valid=True)
        try:
            said = self._ask(text, prompt)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        else:
            return self._result(text, said)
        raise failure

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, without blocking the event loop."""
        if not text.strip():
            return ScanResult(name=self._name, text=text, valid=True)
        try:
            said = await self._aask(text, prompt)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        else:
            return self._result(text, said)
        raise failure

    def _failure(self, error: Exception) -> ScannerError:
        if isinstance(error, ScannerError):
            error.__cause__ = error.__context__ = None
            return error
        if isinstance(error, TimeoutError) and self._timeout is not None:
            return ScannerError(
                f"{self.whom} of {self._name} took more than {self._timeout:g} s; the text counts as "
                "refused. Give a longer timeout where that is too short."
            )
        return ScannerError(
            f"{self.whom} of {self._name} failed with {type(error).__name__}; the text counts as refused. "
            "Run the same without the scanner to see why."
        )

    @abstractmethod
    def _ask(self, text: str, prompt: str | None) -> Any:
        """Ask about a text that is not blank; return what is said."""

    @abstractmethod
    async def _aask(self, text: str, prompt: str | None) -> Any:
        """Do what :meth:`_ask` does, without blocking the event loop."""

    @abstractmethod
    def _result(self, text: str, said: Any) -> ScanResult:
        """Say what it means."""
