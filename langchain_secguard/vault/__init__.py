"""Vaults: what has been hidden, and where it is kept."""

from langchain_secguard.vault.base import Assignment, Entity, Entry, Finding, Hit, Text, Vault, VaultStore
from langchain_secguard.vault.memory import InMemoryVaultStore
from langchain_secguard.vault.phrases import Match, PhraseIndex, word_sequences

__all__ = [
    "Assignment",
    "Entity",
    "Entry",
    "Finding",
    "Hit",
    "InMemoryVaultStore",
    "Match",
    "PhraseIndex",
    "Text",
    "Vault",
    "VaultStore",
    "word_sequences",
]
