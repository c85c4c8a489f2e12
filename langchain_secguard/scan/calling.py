"""Call a scanner that anyone may have written: what it does wrong is one error, and names no text."""

from typing import NoReturn

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import Scanner, ScanResult, sanitizes


def call(scanner: Scanner, text: str, prompt: str | None = None) -> ScanResult:
    """Scan ``text``.

    Raises:
        ScannerError: The scanner failed, gave what is no :class:`ScanResult`, or another text without being
            one that sanitizes. The error has no cause and no context, which may hold the text.
    """
    try:
        result = scanner.scan(text, prompt=prompt)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
        failure = failure_of(scanner, error)
    else:
        return _checked(scanner, text, result)
    raise failure


async def acall(scanner: Scanner, text: str, prompt: str | None = None) -> ScanResult:
    """Do what :func:`call` does, without blocking the event loop."""
    try:
        result = await scanner.ascan(text, prompt=prompt)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
        failure = failure_of(scanner, error)
    else:
        return _checked(scanner, text, result)
    raise failure


def failure_of(scanner: Scanner, error: Exception) -> ScannerError:
    """Make the one error for whatever a scanner raised; a ``ScannerError`` of its own keeps its message."""
    if isinstance(error, ScannerError):
        error.__cause__ = error.__context__ = None
        return error
    return ScannerError(
        f"{type(scanner).__name__} failed with {type(error).__name__}; the text counts as refused. "
        "Run it alone to see why."
    )


def _checked(scanner: Scanner, text: str, result: ScanResult) -> ScanResult:
    if not isinstance(result, ScanResult):
        _refuse(scanner, f"gave a {type(result).__name__}, which is no ScanResult")
    if result.text != text and not sanitizes(scanner):
        _refuse(scanner, "gave another text, but does not say that it sanitizes (sanitizes = True)")
    return result


def _refuse(scanner: Scanner, why: str) -> NoReturn:
    raise ScannerError(f"{type(scanner).__name__} {why}; the text counts as refused.")
