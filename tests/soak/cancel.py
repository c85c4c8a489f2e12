"""Cancel calls at every await, over one kind of store.

python -m tests.soak.cancel redis --seconds 30
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_secguard.vault import (
    EncryptedVaultStore,
    InMemoryVaultStore,
    RedisVaultStore,
    SQLVaultStore,
    VaultStore,
)
from tests.integration.cancelled_calls import CALLS, MAKES, sweep
from tests.servers import RedisServer

NAMES = ("memory", "encrypted", "sqlite", "redis", "redis-encrypted")
KEYS = [bytes(range(32))]
_AT_A_TIME = 5


@contextmanager
def _opened(name: str) -> Iterator[VaultStore]:
    if name.startswith("redis"):
        with RedisServer() as server:
            redis = RedisVaultStore(server.url, timeout=30)
            yield EncryptedVaultStore(redis, KEYS) if name.endswith("encrypted") else redis
            redis.close()
    elif name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="secguard-soak-") as folder:
            sql = SQLVaultStore(f"sqlite:///{folder}/vaults.db", timeout=30)
            yield sql
            sql.close()
    else:
        yield InMemoryVaultStore() if name == "memory" else EncryptedVaultStore(InMemoryVaultStore(), KEYS)


def main() -> int:
    """Sweep over the awaits of each call, all of them if the time allows."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.cancel")
    parser.add_argument("store", choices=NAMES)
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    logging.disable()
    end, number = time.monotonic() + asked.seconds, 1
    pending = [(make, call) for make in MAKES for call in CALLS]
    done = 0
    with _opened(asked.store) as store:
        while pending and time.monotonic() < end:
            for make, call in list(pending):
                cancelled = sweep(store, MAKES[make], call, first=number, most=_AT_A_TIME)
                done += cancelled
                if cancelled < _AT_A_TIME:
                    pending.remove((make, call))
            number += _AT_A_TIME
    print(json.dumps({"cancelled": done, "calls": f"{len(MAKES) * len(CALLS) - len(pending)} to their end"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
