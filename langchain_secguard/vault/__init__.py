"""Vaults: what has been hidden, and where it is kept."""

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
from langchain_secguard.vault.memory import InMemoryVaultStore
from langchain_secguard.vault.phrases import Match, PhraseIndex, word_sequences

__all__ = [
    "Assignment",
    "Entity",
    "Entry",
    "Finding",
    "Hit",
    "InMemoryVaultStore",
    "Keys",
    "Match",
    "PhraseIndex",
    "Text",
    "Vault",
    "VaultStore",
    "settling_order",
    "word_sequences",
]
