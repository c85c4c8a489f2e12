"""Reversible anonymization and security scanning for LangChain, as Runnables."""
