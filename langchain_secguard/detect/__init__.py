"""Detectors: what finds personal data in a text. Engines are loaded when their names are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_secguard.detect.base import Detector, Span, resolve

if TYPE_CHECKING:
    from langchain_secguard.detect.embedded import EmbeddedDetector
    from langchain_secguard.detect.function import FunctionDetector
    from langchain_secguard.detect.gliner import GLiNERDetector
    from langchain_secguard.detect.llm_guard import LLMGuardDetector
    from langchain_secguard.detect.presidio import PresidioDetector
    from langchain_secguard.detect.transformers import TransformersDetector
    from langchain_secguard.detect.union import UnionDetector

__all__ = [
    "Detector",
    "EmbeddedDetector",
    "FunctionDetector",
    "GLiNERDetector",
    "LLMGuardDetector",
    "PresidioDetector",
    "Span",
    "TransformersDetector",
    "UnionDetector",
    "resolve",
]

_MODULES = {
    "EmbeddedDetector": "embedded",
    "FunctionDetector": "function",
    "GLiNERDetector": "gliner",
    "LLMGuardDetector": "llm_guard",
    "PresidioDetector": "presidio",
    "TransformersDetector": "transformers",
    "UnionDetector": "union",
}
"""The modules of the names that are loaded at first use."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
