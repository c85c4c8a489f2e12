"""Tests for what users of this package write themselves: pip install "langchain-secguard[testing]".

The modules of this package import pytest and hypothesis, and nothing else imports them.
"""

import pytest

pytest.register_assert_rewrite("langchain_secguard.testing")

from langchain_secguard.testing.vault_store import VaultStoreContract  # noqa: E402 - rewritten from here on

__all__ = ["VaultStoreContract"]
