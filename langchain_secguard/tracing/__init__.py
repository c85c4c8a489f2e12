"""Tracers that hear the steps' events, and the mask that keeps personal data out of what they write.

Each tracer's library is loaded when the tracer's name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_secguard.tracing.client import langfuse_client
    from langchain_secguard.tracing.langfuse import LangfuseHandler
    from langchain_secguard.tracing.langsmith import langsmith_anonymizer
    from langchain_secguard.tracing.mask import WITHHELD, Mask
    from langchain_secguard.tracing.opentelemetry import OpenTelemetryHandler

__all__ = [
    "WITHHELD",
    "LangfuseHandler",
    "Mask",
    "OpenTelemetryHandler",
    "langfuse_client",
    "langsmith_anonymizer",
]

_MODULES = {
    "LangfuseHandler": "langfuse",
    "langfuse_client": "client",
    "langsmith_anonymizer": "langsmith",
    "WITHHELD": "mask",
    "Mask": "mask",
    "OpenTelemetryHandler": "opentelemetry",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
