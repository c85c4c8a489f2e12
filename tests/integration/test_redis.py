"""The vault store in Redis, against servers that the tests start."""

import uuid
from collections.abc import Iterator

import pytest

from langchain_secguard.vault import VaultStore
from langchain_secguard.vault.redis import RedisVaultStore
from tests.servers import RedisCluster, RedisServer
from tests.unit.vault.contract import VaultStoreContract

pytestmark = pytest.mark.loopback


@pytest.fixture
def prefix() -> str:
    """Name keys that no other test has."""
    return f"test-{uuid.uuid4().hex}"


class TestContract(VaultStoreContract):
    @pytest.fixture
    def store(self, redis_server: RedisServer, prefix: str) -> Iterator[VaultStore]:
        store = RedisVaultStore(redis_server.url, key_prefix=prefix)
        yield store
        store.close()


class TestContractOnACluster(VaultStoreContract):
    @pytest.fixture
    def store(self, redis_cluster: RedisCluster, prefix: str) -> Iterator[VaultStore]:
        store = RedisVaultStore(redis_cluster.url, key_prefix=prefix, cluster=True)
        yield store
        store.close()
