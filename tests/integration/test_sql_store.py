"""The vault store in SQL, on SQLite and on PostgreSQL."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import SQLVaultStore, VaultStore
from tests.servers import PostgresServer

pytestmark = pytest.mark.loopback

_NUMBERS = itertools.count()


@pytest.fixture
def prefix() -> str:
    """Name tables that no other test has."""
    return f"test{next(_NUMBERS)}"


class TestContractOnSQLite(VaultStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[VaultStore]:
        store = SQLVaultStore(f"sqlite:///{tmp_path}/vaults.db", timeout=60)
        yield store
        store.close()


class TestContractOnPostgreSQL(VaultStoreContract):
    @pytest.fixture
    def store(self, postgres_server: PostgresServer, prefix: str) -> Iterator[VaultStore]:
        store = SQLVaultStore(f"postgresql://{postgres_server.address}", table_prefix=prefix, timeout=60)
        yield store
        store.close()
