"""What scanners that ask a service have in common: they are shown placeholders, and send no empty text."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from langchain_secguard.detect.windows import windows
from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.named import NamedScanner
from langchain_secguard.scan.service import Request, Service, Transport

M = TypeVar("M", bound=BaseModel)


class HostedScanner(NamedScanner, ABC):
    """Scan by asking a service.

    A subclass says what is asked about a text, and what the answers mean; it does no I/O. A blank text is
    asked nothing about: it may pass.

    Args:
        service: What is asked.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.
    """

    engine: ClassVar[str]

    def __init__(self, service: Service, *, name: str, sees: Sees) -> None:
        super().__init__(name=name, sees=sees)
        self._service = service

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Ask the service about ``text``.

        Raises:
            ScannerError: It did not answer in time, refused the key or the request, or gave what is no
                verdict; the message holds no text.
        """
        requests = self._asked(text, prompt)
        return self._concluded(text, self._service.ask(requests))

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, without blocking the event loop."""
        requests = self._asked(text, prompt)
        return self._concluded(text, await self._service.aask(requests))

    def close(self) -> None:
        """Close the connections of blocking calls; those of an event loop close with it."""
        self._service.transport.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._service.transport.aclose()

    def _asked(self, text: str, prompt: str | None) -> Sequence[Request]:
        return self._requests(text, prompt) if text.strip() else ()

    def _concluded(self, text: str, answers: Sequence[Any]) -> ScanResult:
        if not answers:
            return ScanResult(name=self._name, text=text, valid=True)
        return self._result(text, answers)

    def _read(self, model: type[M], answer: Any) -> M:
        """Read an answer, or say without its content that it is none."""
        try:
            return model.model_validate(answer)
        except ValidationError:
            pass
        raise ScannerError(f"{self._service.name} gave what is no verdict; the text counts as refused.")

    @abstractmethod
    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:
        """Say what to ask about a text that is not blank; nothing where it may pass unasked."""

    @abstractmethod
    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        """Say what the answers mean."""


def pieces(text: str, *, size: int, overlap: int) -> list[str]:
    """Cut a text into windows of ``size`` characters, all of them full but that of a shorter text."""
    if len(text) <= size:
        return [text]
    cuts = windows(len(text), size=size, overlap=overlap)
    return [text[max(0, cut.stop - size) : cut.stop] for cut in cuts]


def secret_of(given: SecretStr | str | None, *names: str) -> SecretStr | None:
    """Return the key that was given, or that of the first environment variable that is set."""
    if given is None:
        given = variable(*names)
    if given is None or isinstance(given, SecretStr):
        return given
    return SecretStr(given)


def variable(*names: str) -> str | None:
    """Return the first environment variable that is set to anything."""
    return next((value for name in names if (value := os.environ.get(name))), None)


def http_transport(engine: str, extra: str) -> Callable[..., Transport]:
    """Return the transport over httpx, or say what to install."""
    try:
        from langchain_secguard.scan.http import HttpxTransport  # noqa: PLC0415 - httpx may not be installed
    except ImportError as error:
        raise ImportError(f'{engine} needs httpx: pip install "langchain-secguard[{extra}]"') from error
    return HttpxTransport
