"""A vault store in the memory of one process, for one process."""

import asyncio
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.base import (
    Assignment,
    Entity,
    Entry,
    Finding,
    Hit,
    Keys,
    Text,
    settling_order,
)
from langchain_secguard.vault.claims import Claims
from langchain_secguard.vault.phrases import PhraseIndex, fold, fold_case, folded_words, phrase_keys

_LONG = 20_000
"""Texts longer than this many characters together are searched in a worker thread."""

_FEW = 32
"""Up to this many new phrases are tried one by one before a text is searched for all."""

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
        self._vaults: OrderedDict[str, _Vault] = OrderedDict()  # the one unused for longest comes first
        self._graves: OrderedDict[str, _Grave] = OrderedDict()
        self._floor = 0
        self._buried: set[int] = set()
        self._generation = 0
        self._epochs = itertools.count(1)

    def __repr__(self) -> str:
        return f"InMemoryVaultStore(ttl={self._ttl})"

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

    def _peek(self, vault_id: str) -> "_Vault | None":
        if self._ttl is not None:
            self._sweep(self._clock() - self._ttl)
        return self._vaults.get(vault_id)

    def _open(self, vault_id: str) -> "_Vault | None":
        vault = self._peek(vault_id)
        if vault is not None:
            vault.used = self._clock()
            self._vaults.move_to_end(vault_id)
        return vault

    def _create(self, vault_id: str) -> "_Vault":
        grave = self._graves.pop(vault_id, _Grave(self._floor, frozenset()))
        vault = _Vault(grave, self._buried, self._generation, self._clock())
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


class _Grave:
    """What is left of a vault: the highest number given out, and which surrogates were (as hashes)."""

    __slots__ = ("number", "surrogates")

    def __init__(self, number: int, surrogates: frozenset[int]) -> None:
        self.number = number
        self.surrogates = surrogates


class _Taught(NamedTuple):
    """What a known phrase is: its entity type, and the keys of the value that made it known."""

    entity_type: str
    keys: Keys = Keys()


class _Vault:
    """The entries of one vault; its store holds the lock."""

    __slots__ = (
        "_added",
        "_born",
        "_buried",
        "_claims",
        "_floor",
        "_keys",
        "_numbers",
        "_phrases",
        "_refs",
        "_taken",
        "_variants",
        "entries",
        "epoch",
        "surrogates",
        "used",
    )

    def __init__(self, grave: _Grave, buried: Collection[int], born: int, now: float) -> None:
        self.entries: dict[Ref, Entry] = {}
        self.surrogates: PhraseIndex[Entry] = PhraseIndex(streamed=True)
        self.used = now
        self.epoch = 0
        self._refs: dict[tuple[str, str], Ref] = {}
        self._numbers: dict[str, int] = {}
        self._floor = grave.number
        self._taken = set(grave.surrogates)
        self._buried = buried
        self._phrases: PhraseIndex[_Taught] = PhraseIndex()
        self._keys: dict[Ref, Keys] = {}  # of those that have any
        self._claims: dict[str, Claims] = {}
        self._variants: dict[tuple[str, int], int] = {}
        self._added: list[str] = []
        self._born = born

    @property
    def generation(self) -> int:
        return self._born + len(self._added)

    def grave(self) -> _Grave:
        return _Grave(max(self._numbers.values(), default=self._floor), frozenset(self._taken))

    def entry(self, entity: Entity) -> Entry:
        ref = self._refs.get((entity.entity_type, entity.value))
        entry = self.entries[ref] if ref else self._add(entity)
        if entity.surrogates and entry.surrogate is None:
            entry = self._disguise(entry, entity.surrogates)
        return entry

    def known(self, spelling: tuple[str, str]) -> Entry | None:
        ref = self._refs.get(spelling)
        return self.entries[ref] if ref else None

    def spelled(self, entity_type: str, value: str) -> Entry:
        """Return the entry of what stands at a hit, a new one for a new spelling."""
        known = self.known((entity_type, value))
        if known:
            return known
        taught = self._phrases.get(phrase_keys(value)[0])
        return self.entry(Entity(entity_type, value, keys=taught.keys if taught else Keys()))

    def hits(self, texts: Sequence[Text]) -> list[list[Hit]]:
        news = {generation: self._news(generation) for generation in {text.generation for text in texts}}
        return [self._search(text, news[text.generation]) for text in texts]

    def _search(self, text: Text, news: Sequence[Sequence[str]] | None) -> list[Hit]:
        if not (self._phrases.has_word_of(text.uncovered()) if news is None else _may_hold(text.text, news)):
            return []
        return [
            Hit(start, end, taught.entity_type)
            for start, end, key in self._phrases.find(text.text)
            if text.asks(start, end) and (taught := self._phrases.get(key))
        ]

    def _news(self, generation: int) -> list[list[str]] | None:
        """List the words of each phrase added after ``generation``; ``None`` if that is all, or many."""
        if generation < self._born or self.generation - generation > _FEW:
            return None
        return [folded_words(key) for key in self._added[generation - self._born :] if key]

    def erase_value(self, value: str) -> int:
        doomed = self._named(value)
        gone: set[str] = set()
        for entry in doomed:
            ref = entry.ref
            del self.entries[ref]
            del self._refs[ref.entity_type, entry.value]
            keys = self._keys.pop(ref, None)
            if keys and not ref.variant:
                self._claims[ref.entity_type].remove(ref.number, keys.claims)
            gone.update(phrase_keys(entry.value))
            for key in phrase_keys(entry.surrogate or ""):
                self.surrogates.remove(key)
        self._forget(gone)
        for entry in self.entries.values():  # "(Jane Doe)" was known by the words of "Jane Doe"
            self._learn(gone.intersection(phrase_keys(entry.value)), self._taught(entry.ref))
        return len(doomed)

    def _named(self, value: str) -> list[Entry]:
        """List the entries of ``value``, and what is linked to it."""
        folded = fold(value)
        named = {entry.ref for entry in self.entries.values() if fold(entry.value) == folded}
        return [
            entry
            for ref, entry in self.entries.items()
            if ref in named or (ref.variant and ref._replace(variant="") in named)
        ]

    def _taught(self, ref: Ref) -> _Taught:
        return _Taught(ref.entity_type, self._keys.get(ref, Keys()))

    def _add(self, entity: Entity) -> Entry:
        ref = self._linked(entity) or self._numbered(entity)
        entry = Entry(ref, entity.value)
        self.entries[ref] = entry
        self._refs[entity.entity_type, entity.value] = ref
        if entity.keys != Keys():
            self._keys[ref] = entity.keys
        self._learn(phrase_keys(entity.value), _Taught(entity.entity_type, entity.keys))
        return entry

    def _linked(self, entity: Entity) -> Ref | None:
        """Return the next variant of the value that ``entity`` is another way to write, if there is one."""
        claims = self._claims.get(entity.entity_type)
        number = claims.fits(entity.keys) if claims else None
        if number is None:
            return None
        position = self._variants.get((entity.entity_type, number), 0) + 1
        code = variant_code(position)
        if code is None:
            return None
        self._variants[entity.entity_type, number] = position
        return Ref(entity.entity_type, number, code)

    def _numbered(self, entity: Entity) -> Ref:
        number = self._numbers.get(entity.entity_type, self._floor) + 1
        self._numbers[entity.entity_type] = number
        if entity.keys.claims:
            self._claims.setdefault(entity.entity_type, Claims()).add(number, entity.keys.claims)
        return Ref(entity.entity_type, number)

    def _disguise(self, entry: Entry, surrogates: Iterable[str]) -> Entry:
        for surrogate in surrogates:
            keys, mark = phrase_keys(surrogate), hash(fold(surrogate))
            taken = mark in self._taken or mark in self._buried or any(key in self._phrases for key in keys)
            if keys and not taken:
                entry = Entry(entry.ref, entry.value, surrogate)
                self.entries[entry.ref] = entry
                self._taken.add(mark)
                for key in keys:
                    self.surrogates.add(key, entry)
                self._learn(keys, _Taught(entry.ref.entity_type))  # a user who types it means somebody else
                break
        return entry

    def _learn(self, keys: Iterable[str], taught: _Taught) -> None:
        for key in keys:
            if key not in self._phrases:
                self._phrases.add(key, taught)
                self._added.append(key)

    def _forget(self, keys: Collection[str]) -> None:
        for key in keys:
            self._phrases.remove(key)
        self._added = ["" if key in keys else key for key in self._added]


def _are_long(texts: Sequence[Text]) -> bool:
    return sum(len(text.text) for text in texts) > _LONG


def _spellings(texts: Sequence[Text], hits: Sequence[Sequence[Hit]]) -> Iterable[tuple[str, str]]:
    """List what stands at the hits: entity types and spellings."""
    return {
        (hit.entity_type, text.text[hit.start : hit.end]): None
        for text, marks in zip(texts, hits, strict=True)
        for hit in marks
    }


def _may_hold(text: str, news: Iterable[Sequence[str]]) -> bool:
    """Tell whether ``text`` holds all words of a phrase, or what looks like them."""
    folded = fold_case(text)
    begun = [words for words in news if words[0] in folded]
    return any(all(word in folded for word in words) for words in begun)


_NO_SURROGATES: PhraseIndex[Entry] = PhraseIndex()
