"""Vaults in a SQL database: SQLite in a file, or PostgreSQL."""

from langchain_secguard.vault.sql.store import SQLVaultStore

__all__ = ["SQLVaultStore"]
