"""Scanners: what says of a prompt or an answer whether it may pass. Engines are loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_secguard.scan.base import Scanner, ScanResult, Sees

if TYPE_CHECKING:
    from langchain_secguard.scan.function import FunctionScanner

__all__ = [
    "FunctionScanner",
    "ScanResult",
    "Scanner",
    "Sees",
]

_MODULES = {
    "FunctionScanner": "function",
}
"""The modules of the names that are loaded at first use."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
