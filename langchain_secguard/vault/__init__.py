"""Vaults: what has been hidden, and where it is kept. A store's driver is loaded when the store is made."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_secguard.vault.base import (
    Assignment,
    Entity,
    Entry,
    Finding,
    Hit,
    Keys,
    Text,
    Vault,
    VaultStore,
    settling_order,
)
from langchain_secguard.vault.llm_guard import from_llm_guard, to_llm_guard
from langchain_secguard.vault.memory import InMemoryVaultStore
from langchain_secguard.vault.phrases import Match, PhraseIndex, word_sequences
from langchain_secguard.vault.tenants import (
    Erasure,
    Held,
    aerase_value_everywhere,
    aerase_vaults,
    aexport_vaults,
    erase_value_everywhere,
    erase_vaults,
    export_vaults,
)

if TYPE_CHECKING:
    from langchain_secguard.vault.encrypted import EncryptedVaultStore
    from langchain_secguard.vault.redis import RedisVaultStore
    from langchain_secguard.vault.sql import SQLVaultStore

__all__ = [
    "Assignment",
    "EncryptedVaultStore",
    "Entity",
    "Entry",
    "Erasure",
    "Finding",
    "Held",
    "Hit",
    "InMemoryVaultStore",
    "Keys",
    "Match",
    "PhraseIndex",
    "RedisVaultStore",
    "SQLVaultStore",
    "Text",
    "Vault",
    "VaultStore",
    "aerase_value_everywhere",
    "aerase_vaults",
    "aexport_vaults",
    "erase_value_everywhere",
    "erase_vaults",
    "export_vaults",
    "from_llm_guard",
    "settling_order",
    "to_llm_guard",
    "word_sequences",
]

_LOADED_AT_FIRST_USE = {
    "EncryptedVaultStore": "encrypted",
    "RedisVaultStore": "redis",
    "SQLVaultStore": "sql",
}
"""The stores that need a driver, and their modules."""


def __getattr__(name: str) -> Any:
    if name in _LOADED_AT_FIRST_USE:
        return getattr(import_module(f"{__name__}.{_LOADED_AT_FIRST_USE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
