"""Detectors: what finds personal data in a text. Engines are loaded when their names are first used."""

from typing import TYPE_CHECKING, Any

from langchain_secguard.detect.base import Detector, Span, resolve

if TYPE_CHECKING:
    from langchain_secguard.detect.embedded import EmbeddedDetector

__all__ = ["Detector", "EmbeddedDetector", "Span", "resolve"]


def __getattr__(name: str) -> Any:
    if name == "EmbeddedDetector":
        from langchain_secguard.detect.embedded import EmbeddedDetector  # noqa: PLC0415 - loaded at first use

        return EmbeddedDetector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
