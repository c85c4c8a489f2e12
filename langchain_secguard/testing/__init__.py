"""Tests for what users of this package write themselves: pip install "langchain-secguard[testing]".

The modules of this package import pytest and hypothesis, and nothing else imports them.
"""

import pytest

_MODULES = ("concurrency", "entries", "known", "linked", "surrogates", "values", "vault_store")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))

from langchain_secguard.testing.vault_store import VaultStoreContract  # noqa: E402 - rewritten from here on

__all__ = ["VaultStoreContract"]
