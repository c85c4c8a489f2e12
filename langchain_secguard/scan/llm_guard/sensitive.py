"""Run LLM Guard's ``Sensitive``, whose analyzer asks the network about e-mail addresses, and logs texts."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_secguard.errors import DetectorError, ScannerError


def that_asks_nobody(scanner: Any) -> Any:
    """Copy a scanner; the copy knows public suffixes from the list that is installed."""
    from langchain_secguard.detect.presidio_engine import without_network  # noqa: PLC0415 - imports Presidio

    copied = copy.copy(scanner)
    analyzer = copied._analyzer = copy.copy(scanner._analyzer)  # noqa: SLF001 - there is no other way to it
    registry = analyzer.registry = copy.copy(analyzer.registry)
    registry.recognizers = [without_network(recognizer) for recognizer in registry.recognizers]
    return copied


@contextmanager
def silenced() -> Iterator[None]:
    """Keep Presidio silent.

    Raises:
        ScannerError: A recognizer of it gave up.
    """
    from langchain_secguard.detect import presidio_engine  # noqa: PLC0415 - imports Presidio

    try:
        with presidio_engine.silenced():
            yield
    except DetectorError as error:
        raise ScannerError("a recognizer of Presidio gave up; the text counts as refused") from error
