"""What the processes do that write to one vault in SQL at once; each runs it in a process of its own."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from langchain_secguard import VaultUnavailableError
from langchain_secguard.vault import Entity
from langchain_secguard.vault.sql import SQLVaultStore

THREADS = 8


def allocate(url: str, worker: int, values: int, batch: int, timeout: float) -> tuple[dict[str, str], int]:
    """Ask for half of ``values`` values, the half that begins at the place of this worker, one of eight.

    A call that fails is made again until it succeeds. Return the refs by value, and how many calls failed.
    """
    store = SQLVaultStore(url, timeout=timeout)
    start = worker * values // 8
    numbers = [(start + step) % values for step in range(values // 2)]
    batches = [numbers[at : at + batch] for at in range(0, len(numbers), batch)]
    with ThreadPoolExecutor(THREADS) as pool:
        given = list(pool.map(lambda own: _assign(store, own), batches))
    store.close()
    refs = dict(itertools.chain.from_iterable(one.items() for one, _ in given))
    return refs, sum(failures for _, failures in given)


def write_until_killed(url: str, told: Connection) -> None:
    """Write new values one by one, and tell each ref once it was acknowledged."""
    store = SQLVaultStore(url, timeout=10)
    for number in itertools.count():
        (entry,) = store.assign("v", [Entity("PERSON", f"value {number}")]).entries
        told.send((entry.value, f"{entry.ref.entity_type}:{entry.ref.number}"))


def _assign(store: SQLVaultStore, numbers: Sequence[int]) -> tuple[dict[str, str], int]:
    entities = [Entity(f"TYPE_{number % 3}", f"value {number}") for number in numbers]
    for failures in itertools.count():
        try:
            entries = store.assign("v", entities).entries
        except VaultUnavailableError:
            time.sleep(0.02)
        else:
            return {entry.value: f"{entry.ref.entity_type}:{entry.ref.number}" for entry in entries}, failures
    raise AssertionError("never reached")
