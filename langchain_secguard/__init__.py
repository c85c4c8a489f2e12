"""Reversible anonymization and security scanning for LangChain, as Runnables."""

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.errors import (
    BlockedError,
    DetectorError,
    ScannerError,
    SecGuardError,
    ToolCallError,
    UnknownPlaceholderError,
    UnprotectedStateError,
    UnsupportedContentError,
    VaultDecryptionError,
    VaultRequiredError,
    VaultUnavailableError,
)
from langchain_secguard.guard import Guard
from langchain_secguard.placeholders import Form
from langchain_secguard.policy import Policy
from langchain_secguard.protect import protect
from langchain_secguard.vault import Vault

__all__ = [
    "Anonymizer",
    "BlockedError",
    "Deanonymizer",
    "DetectorError",
    "Form",
    "Guard",
    "Policy",
    "ScannerError",
    "SecGuardError",
    "ToolCallError",
    "UnknownPlaceholderError",
    "UnprotectedStateError",
    "UnsupportedContentError",
    "Vault",
    "VaultDecryptionError",
    "VaultRequiredError",
    "VaultUnavailableError",
    "protect",
]
