"""Scanners: what says of a prompt or an answer whether it may pass. Engines are loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_secguard.scan.base import Scanner, ScanResult, Sees

if TYPE_CHECKING:
    from langchain_secguard.scan.embedded.injection import PromptInjectionScanner
    from langchain_secguard.scan.embedded.invisible import InvisibleTextScanner
    from langchain_secguard.scan.embedded.leak import SystemPromptLeakScanner, canary
    from langchain_secguard.scan.embedded.links import LinkExfiltrationScanner
    from langchain_secguard.scan.embedded.secrets import SecretsScanner
    from langchain_secguard.scan.embedded.tokens import TokenLimitScanner
    from langchain_secguard.scan.embedded.words import (
        BanCompetitorsScanner,
        BanSubstringsScanner,
        BanTopicsScanner,
    )
    from langchain_secguard.scan.function import FunctionScanner
    from langchain_secguard.scan.llm_guard import LLMGuardScanner

__all__ = [
    "BanCompetitorsScanner",
    "BanSubstringsScanner",
    "BanTopicsScanner",
    "FunctionScanner",
    "InvisibleTextScanner",
    "LinkExfiltrationScanner",
    "PromptInjectionScanner",
    "ScanResult",
    "Scanner",
    "SecretsScanner",
    "Sees",
    "SystemPromptLeakScanner",
    "TokenLimitScanner",
    "canary",
]

_MODULES = {
    "BanCompetitorsScanner": "embedded.words",
    "BanSubstringsScanner": "embedded.words",
    "BanTopicsScanner": "embedded.words",
    "FunctionScanner": "function",
    "LLMGuardScanner": "llm_guard",
    "InvisibleTextScanner": "embedded.invisible",
    "LinkExfiltrationScanner": "embedded.links",
    "PromptInjectionScanner": "embedded.injection",
    "SecretsScanner": "embedded.secrets",
    "SystemPromptLeakScanner": "embedded.leak",
    "TokenLimitScanner": "embedded.tokens",
    "canary": "embedded.leak",
}
"""The modules of the names that are loaded at first use."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
