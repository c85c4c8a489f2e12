import pytest
from cryptography.fernet import Fernet

from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import InMemoryVaultStore, VaultStore
from langchain_secguard.vault.encrypted import EncryptedVaultStore
from langchain_secguard.vault.keyed import LedgerVaultStore


class TestPlain(VaultStoreContract):
    @pytest.fixture
    def store(self) -> VaultStore:
        return LedgerVaultStore(InMemoryVaultStore().ledger)


class TestEnc(VaultStoreContract):
    @pytest.fixture
    def store(self) -> VaultStore:
        return EncryptedVaultStore(InMemoryVaultStore(), [Fernet.generate_key()])
