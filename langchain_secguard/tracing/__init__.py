"""Tracers that hear the steps' events, and the mask that keeps personal data out of what they write.

Each tracer's library is loaded when the tracer's name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_secguard.tracing.langfuse.client import langfuse_client
    from langchain_secguard.tracing.langfuse.handler import LangfuseHandler
    from langchain_secguard.tracing.langsmith import langsmith_anonymizer
    from langchain_secguard.tracing.masking.mask import WITHHELD, Mask
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
    "LangfuseHandler": "langfuse.handler",
    "langfuse_client": "langfuse.client",
    "langsmith_anonymizer": "langsmith",
    "WITHHELD": "masking.mask",
    "Mask": "masking.mask",
    "OpenTelemetryHandler": "opentelemetry",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
