"""Scanners: what says of a prompt or an answer whether it may pass. Engines are loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_secguard.scan.base import Scanner, ScanResult, Sees

if TYPE_CHECKING:
    from langchain_secguard.scan.azure import (
        AzureContentSafetyScanner,
        AzureGroundednessScanner,
        AzurePromptShieldScanner,
        AzureProtectedMaterialScanner,
    )
    from langchain_secguard.scan.azure_connection import AzureConnection
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
    from langchain_secguard.scan.guardrails_ai import GuardrailsAIScanner
    from langchain_secguard.scan.judge import JudgeScanner
    from langchain_secguard.scan.lakera import LakeraGuardScanner
    from langchain_secguard.scan.llm_guard import LLMGuardScanner
    from langchain_secguard.scan.nemo import NeMoGuardrailsScanner, NeMoGuardrailsServerScanner
    from langchain_secguard.scan.prompt_armor import PromptArmorScanner
    from langchain_secguard.scan.transformers import TransformersScanner

__all__ = [
    "AzureConnection",
    "AzureContentSafetyScanner",
    "AzureGroundednessScanner",
    "AzurePromptShieldScanner",
    "AzureProtectedMaterialScanner",
    "BanCompetitorsScanner",
    "BanSubstringsScanner",
    "BanTopicsScanner",
    "FunctionScanner",
    "GuardrailsAIScanner",
    "InvisibleTextScanner",
    "JudgeScanner",
    "LLMGuardScanner",
    "LakeraGuardScanner",
    "LinkExfiltrationScanner",
    "NeMoGuardrailsScanner",
    "NeMoGuardrailsServerScanner",
    "PromptArmorScanner",
    "PromptInjectionScanner",
    "ScanResult",
    "Scanner",
    "SecretsScanner",
    "Sees",
    "SystemPromptLeakScanner",
    "TokenLimitScanner",
    "TransformersScanner",
    "canary",
]

_MODULES = {
    "AzureConnection": "azure_connection",
    "AzureContentSafetyScanner": "azure",
    "AzureGroundednessScanner": "azure",
    "AzurePromptShieldScanner": "azure",
    "AzureProtectedMaterialScanner": "azure",
    "BanCompetitorsScanner": "embedded.words",
    "BanSubstringsScanner": "embedded.words",
    "BanTopicsScanner": "embedded.words",
    "FunctionScanner": "function",
    "GuardrailsAIScanner": "guardrails_ai",
    "InvisibleTextScanner": "embedded.invisible",
    "LLMGuardScanner": "llm_guard",
    "JudgeScanner": "judge",
    "LakeraGuardScanner": "lakera",
    "LinkExfiltrationScanner": "embedded.links",
    "NeMoGuardrailsScanner": "nemo",
    "NeMoGuardrailsServerScanner": "nemo",
    "PromptArmorScanner": "prompt_armor",
    "PromptInjectionScanner": "embedded.injection",
    "SecretsScanner": "embedded.secrets",
    "SystemPromptLeakScanner": "embedded.leak",
    "TokenLimitScanner": "embedded.tokens",
    "TransformersScanner": "transformers",
    "canary": "embedded.leak",
}
"""The modules of the names that are loaded at first use."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
