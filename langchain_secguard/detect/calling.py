"""Call a detector that anyone may have written: what it does wrong is one error, and names no text."""

from collections.abc import Callable, Sequence
from functools import wraps
from operator import index
from typing import TypeVar

from langchain_secguard.detect.base import Detector, Span
from langchain_secguard.errors import DetectorError
from langchain_secguard.placeholders import entity_type_name

Self = TypeVar("Self")


def guarded(
    detect: Callable[[Self, Sequence[str]], list[list[Span]]],
) -> Callable[[Self, Sequence[str]], list[list[Span]]]:
    """Let a detector's own ``detect`` raise nothing but a ``DetectorError`` that names no text."""

    @wraps(detect)
    def guard(self: Self, texts: Sequence[str]) -> list[list[Span]]:
        try:
            return detect(self, texts)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = _failure(self, error)
        raise failure

    return guard


def call(detector: Detector, texts: Sequence[str]) -> Sequence[Sequence[Span]]:
    """Return what ``detector`` gives for ``texts``, unchecked.

    Raises:
        DetectorError: It failed; the error has no cause and no context, which may hold the texts.
    """
    try:
        return detector.detect(texts)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
        failure = _failure(detector, error)
    raise failure


async def acall(detector: Detector, texts: Sequence[str]) -> Sequence[Sequence[Span]]:
    """Do what :func:`call` does, without blocking the event loop."""
    try:
        return await detector.adetect(texts)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
        failure = _failure(detector, error)
    raise failure


def checked(detector: object, texts: Sequence[str], detected: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """Return what ``detector`` gave for ``texts``, with its labels written as entity types.

    Raises:
        DetectorError: That is no list of spans for each text, its offsets are no whole numbers, or a span
            lies outside its text.
    """
    name = type(detector).__name__
    try:
        if len(detected) == len(texts):
            return [
                [_checked(name, span, len(text)) for span in spans]
                for text, spans in zip(texts, detected, strict=True)
            ]
        failure = DetectorError(f"{name} gave {len(detected)} lists for {len(texts)} texts")
    except (AttributeError, TypeError, ValueError) as error:
        failure = DetectorError(
            f"{name} gave what is no list of spans for each text ({type(error).__name__})"
        )
    raise failure


def without_origin(error: DetectorError) -> DetectorError:
    """Forget what ``error`` arose from: a traceback shows those errors' messages, which may hold the text."""
    error.__cause__ = error.__context__ = None
    return error


def _failure(detector: object, error: Exception) -> DetectorError:
    if isinstance(error, DetectorError):
        return without_origin(error)
    return DetectorError(
        f"{type(detector).__name__} failed with {type(error).__name__}; nothing was sent. "
        "Run it alone to see why."
    )


def _checked(name: str, span: Span, length: int) -> Span:
    start, end = (
        index(span.start),
        index(span.end),
    )  # a library's integer, numpy's for instance, is made Python's
    if not 0 <= start <= end <= length:
        raise DetectorError(f"{name} marked characters {start} to {end} of a text of {length}")
    entity_type, score = entity_type_name(span.entity_type), float(span.score)
    if entity_type == span.entity_type and score is span.score and start is span.start and end is span.end:
        return span
    return Span(start, end, entity_type, score)
