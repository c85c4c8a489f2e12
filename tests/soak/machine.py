"""Run the state machine of vaults over one kind of store, for some seconds.

python -m tests.soak.machine sqlite --seconds 30
"""

import argparse
import json
import logging
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from langchain_secguard.vault import EncryptedVaultStore, RedisVaultStore, SQLVaultStore, VaultStore
from tests.servers import RedisServer
from tests.unit.vault_machine import TTL, VAULTS, EncryptedBench, MemoryBench, VaultMachine

STEPS = 40
Make = Callable[[], Any]


class SQLiteBench:
    """Keep vaults in one SQLite file, seen by two stores; time passes by moving its rows back."""

    encrypts = False

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="secguard-soak-")
        self._path = Path(self._folder.name) / "vaults.db"
        self._stores = [SQLVaultStore(f"sqlite:///{self._path}", ttl=TTL, timeout=30) for _ in range(2)]
        self._stores[0].entries(VAULTS[0])  # which makes the tables

    @property
    def stores(self) -> Sequence[VaultStore]:
        return self._stores

    def expire(self, vault_ids: Iterable[str]) -> None:
        """Move the last use of vaults so far back that they have expired."""
        admin = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        for vault_id in vault_ids:
            admin.execute("UPDATE secguard_vaults SET expires = 1 WHERE name = ?", [vault_id])
        admin.close()

    def rotate(self) -> None:
        """Do nothing: there are no keys."""

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self._folder.cleanup()


class EncryptedSQLiteBench(EncryptedBench):
    """Encrypt what is kept in one SQLite file."""

    def __init__(self) -> None:
        self._file = SQLiteBench()
        self.inner: Any = self._file.stores[0]
        self.keys = [bytes([1]) * 32]
        self._open()

    def expire(self, vault_ids: Iterable[str]) -> None:
        self._file.expire(vault_ids)

    def close(self) -> None:
        self._file.close()


class RedisBench:
    """Keep vaults in Redis, seen by two stores; time passes as for Redis: vaults are taken away."""

    encrypts = False
    server: RedisServer

    def __init__(self) -> None:
        self.server.cli("flushall")
        self._stores = [RedisVaultStore(self.server.url, ttl=TTL, timeout=30) for _ in range(2)]

    @property
    def stores(self) -> Sequence[VaultStore]:
        return self._stores

    def expire(self, vault_ids: Iterable[str]) -> None:
        self.server.cli("del", *(f"secguard:{{{quote(vault_id, safe='')}}}" for vault_id in vault_ids))

    def rotate(self) -> None:
        """Do nothing: there are no keys."""

    def close(self) -> None:
        for store in self._stores:
            store.close()


class EncryptedRedisBench(EncryptedBench):
    """Encrypt what is kept in Redis, by two stores over connections of their own."""

    def __init__(self) -> None:
        self._redis = RedisBench()
        self.inner: Any = self._redis.stores[0]
        self.keys = [bytes([1]) * 32]
        self._open()

    def _open(self) -> None:
        inner: Any = self._redis.stores
        self._stores = [EncryptedVaultStore(one, self.keys) for one in inner]

    def expire(self, vault_ids: Iterable[str]) -> None:
        self._redis.expire(vault_ids)

    def close(self) -> None:
        self._redis.close()


BENCHES: Mapping[str, Make] = {
    "memory": MemoryBench,
    "encrypted": EncryptedBench,
    "sqlite": SQLiteBench,
    "sqlite-encrypted": EncryptedSQLiteBench,
    "redis": RedisBench,
    "redis-encrypted": EncryptedRedisBench,
}


def main() -> int:
    """Run one machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.machine")
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    logging.disable()
    if not asked.bench.startswith("redis"):
        return run(BENCHES[asked.bench], asked.seconds)
    with RedisServer() as server:
        RedisBench.server = server
        return run(BENCHES[asked.bench], asked.seconds)


def run(bench: Make, seconds: float) -> int:
    """Run examples until the time is up; an example that fails is shrunk, and shown."""
    examples = 0

    class Machine(VaultMachine):
        bench_of = bench

        def teardown(self) -> None:
            nonlocal examples
            examples += 1
            super().teardown()

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=5,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                derandomize=False,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(json.dumps({"examples": examples, "steps": STEPS}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
