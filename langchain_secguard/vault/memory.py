"""A vault store in the memory of one process, for one process."""

import asyncio
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.base import Assignment, Entity, Entry, Finding, Hit, Text, settling_order
from langchain_secguard.vault.entries import Entries, Grave
from langchain_secguard.vault.ledger import Ledger
from langchain_secguard.vault.memory_ledger import MemoryLedger
from langchain_secguard.vault.phrases import PhraseIndex

_LONG = 20_000
"""Texts longer than this many characters together are searched in a worker thread."""

_MAX_GRAVES = 100_000
"""So many erased or expired vaults are remembered one by one."""


class InMemoryVaultStore:
    """Keep vaults in memory: atomic under threads and tasks, gone with the process.

    Args:
        ttl: Seconds after its last use at which a vault expires; never when ``None``.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        if ttl is not None and not ttl > 0:
            raise ValueError("ttl is a positive number of seconds, or None")
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._vaults: OrderedDict[str, Entries] = OrderedDict()  # the one unused for longest comes first
        self._graves: OrderedDict[str, Grave] = OrderedDict()
        self._floor = 0
        self._buried: set[int] = set()
        self._generation = 0
        self._epochs = itertools.count(1)
        self._ledger = MemoryLedger(ttl=ttl, clock=clock)

    def __repr__(self) -> str:
        return f"InMemoryVaultStore(ttl={self._ttl})"

    @property
    def ledger(self) -> Ledger:
        """What keeps the vaults of stores that encrypt, apart from those of this one."""
        return self._ledger

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults whose id begins with ``prefix``."""
        with self._lock:
            return [vault_id for vault_id in self._vaults if vault_id.startswith(prefix)]

    def assign(self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        """Give each entity its entry, and find known values in ``texts``."""
        with self._lock:
            vault = self._open(vault_id) or self._create(vault_id)
            before = vault.generation
            settled = {position: vault.entry(entities[position]) for position in settling_order(entities)}
            entries = [settled[position] for position in range(len(entities))]
            hits = vault.hits(texts)
            known = {spelling: vault.spelled(*spelling) for spelling in _spellings(texts, hits)}
            self._generation += vault.generation - before
            return Assignment(entries, hits, known, vault.generation, vault.epoch)

    def find(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Find known values in ``texts``, and leave no trace."""
        with self._lock:
            vault = self._peek(vault_id)
            if vault is None:
                return Finding([[] for _ in texts], {})
            hits = vault.hits(texts)
            known = {
                spelling: entry for spelling in _spellings(texts, hits) if (entry := vault.known(spelling))
            }
            return Finding(hits, known, vault.generation, vault.epoch)

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Return the entry of each ref, or ``None`` where the vault has none."""
        with self._lock:
            vault = self._open(vault_id)
            return [vault.entries.get(ref) if vault else None for ref in refs]

    def surrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Return the entries that are hidden behind surrogates, by surrogate."""
        with self._lock:
            vault = self._open(vault_id)
            return vault.surrogates if vault else _NO_SURROGATES

    def entries(self, vault_id: str) -> list[Entry]:
        """List what the vault holds, in the order of arrival."""
        with self._lock:
            vault = self._open(vault_id)
            return list(vault.entries.values()) if vault else []

    def erase(self, vault_id: str) -> int:
        """Erase the vault whole, and return how many entries it had."""
        with self._lock:
            vault = self._open(vault_id)
            return self._bury(vault_id) if vault else 0

    def erase_value(self, vault_id: str, value: str) -> int:
        """Erase every entry of ``value``, however its letters are cased, and return how many there were."""
        with self._lock:
            vault = self._open(vault_id)
            if vault is None:
                return 0
            before = vault.generation
            erased = vault.erase_value(value)
            vault.epoch = next(self._epochs)
            self._generation += vault.generation - before
            return erased

    async def aassign(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()
    ) -> Assignment:
        """Do what :meth:`assign` does, without blocking the event loop."""
        if _are_long(texts):
            return await asyncio.to_thread(self.assign, vault_id, entities, texts)
        return self.assign(vault_id, entities, texts)

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does; memory never blocks."""
        return self.vault_ids(prefix)

    async def afind(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Do what :meth:`find` does, without blocking the event loop."""
        if _are_long(texts):
            return await asyncio.to_thread(self.find, vault_id, texts)
        return self.find(vault_id, texts)

    async def alookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Do what :meth:`lookup` does; memory never blocks."""
        return self.lookup(vault_id, refs)

    async def asurrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Do what :meth:`surrogates` does; memory never blocks."""
        return self.surrogates(vault_id)

    async def aentries(self, vault_id: str) -> list[Entry]:
        """Do what :meth:`entries` does; memory never blocks."""
        return self.entries(vault_id)

    async def aerase(self, vault_id: str) -> int:
        """Do what :meth:`erase` does; memory never blocks."""
        return self.erase(vault_id)

    async def aerase_value(self, vault_id: str, value: str) -> int:
        """Do what :meth:`erase_value` does; memory never blocks."""
        return self.erase_value(vault_id, value)

    def _peek(self, vault_id: str) -> Entries | None:
        if self._ttl is not None:
            self._sweep(self._clock() - self._ttl)
        return self._vaults.get(vault_id)

    def _open(self, vault_id: str) -> Entries | None:
        vault = self._peek(vault_id)
        if vault is not None:
            vault.used = self._clock()
            self._vaults.move_to_end(vault_id)
        return vault

    def _create(self, vault_id: str) -> Entries:
        grave = self._graves.pop(vault_id, Grave(self._floor, frozenset()))
        vault = Entries(grave, self._buried, self._generation, self._clock())
        vault.epoch = next(self._epochs)
        self._vaults[vault_id] = vault
        return vault

    def _sweep(self, before: float) -> None:
        while self._vaults:
            vault_id, vault = next(iter(self._vaults.items()))
            if vault.used > before:
                return
            self._bury(vault_id)

    def _bury(self, vault_id: str) -> int:
        """Forget a vault's values, and remember its numbers, which must not be given out again."""
        vault = self._vaults.pop(vault_id)
        self._graves[vault_id] = vault.grave()
        if len(self._graves) > _MAX_GRAVES:
            _, oldest = self._graves.popitem(last=False)
            self._floor = max(self._floor, oldest.number)
            self._buried |= oldest.surrogates
        return len(vault.entries)


def _are_long(texts: Sequence[Text]) -> bool:
    return sum(len(text.text) for text in texts) > _LONG


def _spellings(texts: Sequence[Text], hits: Sequence[Sequence[Hit]]) -> Iterable[tuple[str, str]]:
    """List what stands at the hits: entity types and spellings."""
    return {
        (hit.entity_type, text.text[hit.start : hit.end]): None
        for text, marks in zip(texts, hits, strict=True)
        for hit in marks
    }


_NO_SURROGATES: PhraseIndex[Entry] = PhraseIndex()
