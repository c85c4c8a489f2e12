"""What a vault is: the values that one conversation, case or user has hidden, and who keeps them."""

import re
import sys
import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple, Protocol, runtime_checkable

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.phrases import PhraseIndex

_INNER = re.compile(r"\w\w")
_FIRST = sys.maxsize


class Keys(NamedTuple):
    """Say by what names a value may be called, and by which of them it is called here.

    A new value is linked to another of its entity type when each key in ``refers`` is claimed by exactly one
    value, by the same for all of them, and no key in ``unless`` is claimed at all. What is linked claims
    nothing for itself; a value that is not linked is known by its ``claims`` from then on. To a store, keys
    are strings without a meaning.
    """

    claims: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Keys(claims={len(self.claims)}, refers={len(self.refers)}, unless={len(self.unless)})"


class Entity(NamedTuple):
    """Ask for the entry of one value.

    ``surrogates`` are stand-ins to choose from, for a value that is hidden behind a realistic fake: the
    store takes the first that is neither a value nor a surrogate of the vault, also of an erased one.
    ``keys`` say which value of the vault this one is another way to write, if any.
    """

    entity_type: str
    value: str
    surrogates: tuple[str, ...] = ()
    keys: Keys = Keys()

    def __repr__(self) -> str:
        return f"Entity(entity_type={self.entity_type!r})"


def settling_order(entities: Sequence[Entity]) -> list[int]:
    """Return the positions of ``entities`` in the order in which a store settles those that are new.

    It is the order given, but for what another one of them may be called, which waits: "Jane Doe" is there
    for a "Doe" before it to be linked to. Of those that wait, what may be called by more names goes first.
    """
    claims = [key for entity in entities for key in entity.keys.claims]
    if len(set(claims)) == len(claims):  # the usual case: nobody may be called as another is
        return list(range(len(entities)))
    claimants: defaultdict[tuple[str, str], list[Keys]] = defaultdict(list)
    for entity in entities:
        for key in entity.keys.claims:
            claimants[entity.entity_type, key].append(entity.keys)

    def turn(position: int) -> int:
        entity = entities[position]
        own, referred = entity.keys.claims, entity.keys.refers[:1]
        fuller = (keys for key in referred for keys in claimants[entity.entity_type, key])
        return -len(own) if any(not set(keys.refers).issubset(own) for keys in fuller) else -_FIRST

    return sorted(range(len(entities)), key=turn)


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one entry of a vault; ``surrogate`` is the fake that stands for the value, if it has one."""

    ref: Ref
    value: str = field(repr=False)
    surrogate: str | None = field(default=None, repr=False)


class Text(NamedTuple):
    """Ask where known values stand in ``text``, of those that were added after ``generation``.

    ``covered`` has the start and end of what is hidden already, sorted and disjoint: a value that stands
    inside it is not asked about.
    """

    text: str
    generation: int = 0
    covered: tuple[tuple[int, int], ...] = ()

    def __repr__(self) -> str:
        return f"Text(generation={self.generation}, covered={self.covered})"

    def uncovered(self) -> str:
        """Return the words that are not covered, and the whole text where a covered piece ends in a word."""
        parts: list[str] = []
        position = 0
        for start, end in self.covered:
            if _INNER.match(self.text, start - 1) or _INNER.match(self.text, end - 1):
                return self.text
            parts.append(self.text[position:start])
            position = end
        return "\n".join([*parts, self.text[position:]])

    def asks(self, start: int, end: int) -> bool:
        """Tell whether characters ``start`` to ``end`` are not all inside one covered piece."""
        position = bisect_right(self.covered, start, key=itemgetter(0)) - 1
        return position < 0 or end > self.covered[position][1]


@dataclass(frozen=True, slots=True)
class Hit:
    """Mark a known value: characters ``start`` to ``end`` (exclusive) of the text that was asked about."""

    start: int
    end: int
    entity_type: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Answer one call of :meth:`VaultStore.assign`.

    ``entries`` has one entry for each entity asked for, in that order; ``hits`` has one list for each text:
    the places of known values, and ``known`` the entry of each value so found, by entity type and spelling.
    ``generation`` counts the values of the vault: whoever asks about a text again gives it back. ``epoch``
    stays the same as long as nothing is erased and the vault does not expire: until then, an entry that was
    given out is good without asking for it again.
    """

    entries: list[Entry]
    hits: list[list[Hit]]
    known: dict[tuple[str, str], Entry] = field(repr=False)
    generation: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Answer one call of :meth:`VaultStore.find`.

    ``hits`` has one list for each text: the places of known values. ``known`` has the entry of each value
    that stands at a hit exactly as it is kept, by entity type and spelling; at other hits stands another
    spelling of a value, or a surrogate. ``generation`` and ``epoch`` are those of an :class:`Assignment`,
    and 0 where there is no vault.
    """

    hits: list[list[Hit]]
    known: dict[tuple[str, str], Entry] = field(repr=False)
    generation: int = 0
    epoch: int = 0


@runtime_checkable
class VaultStore(Protocol):
    """Keep the entries of many vaults, each named by an id.

    Every method is one atomic step, under any number of threads, tasks, processes and machines, and takes
    one round trip. Within a vault an (entity type, value) has one entry, and a number is never given out
    twice for an entity type: not after an erase, and not after an expiry. A value that is linked to another
    has its number and a variant of its own (see :func:`~langchain_secguard.placeholders.variant_code`), in
    order of arrival, never given out twice either; when the variants run out, it has a number of its own. No
    entry ever changes its ref, whatever becomes of what it was linked to. A vault that was never written to
    is an empty one.

    Every method raises :class:`~langchain_secguard.VaultUnavailableError` when the store does not answer.
    """

    def assign(self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        """Give each entity its entry, a new one where it has none, and find known values in ``texts``.

        The values of ``entities`` count as known. A spelling that is known but for its case, or for the
        white space between its words, is given an entry of its own, with the keys of the value that made it
        known. Entities are settled in :func:`settling_order`, and such spellings behind them.
        """
        ...

    def find(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Find known values in ``texts`` and leave no trace: nothing is written, and no expiry is put off."""
        ...

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Return the entry of each ref, or ``None`` where the vault has none."""
        ...

    def surrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Return the entries that are hidden behind surrogates, by surrogate.

        It is asked again while an answer streams, and may answer from a copy that a later call brings up
        to date.
        """
        ...

    def entries(self, vault_id: str) -> list[Entry]:
        """List what the vault holds, in the order of arrival: for export, and a person's right of access."""
        ...

    def erase(self, vault_id: str) -> int:
        """Erase the vault whole, and return how many entries it had."""
        ...

    def erase_value(self, vault_id: str, value: str) -> int:
        """Erase every entry of ``value``, however its letters are cased, and return how many there were.

        With a value that others are linked to, these are erased too; a value that is itself linked to
        another is erased alone. What is erased claims nothing from then on.
        """
        ...

    async def aassign(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()
    ) -> Assignment:
        """Do what :meth:`assign` does, without blocking the event loop."""
        ...

    async def afind(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Do what :meth:`find` does, without blocking the event loop."""
        ...

    async def alookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Do what :meth:`lookup` does, without blocking the event loop."""
        ...

    async def asurrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Do what :meth:`surrogates` does, without blocking the event loop."""
        ...

    async def aentries(self, vault_id: str) -> list[Entry]:
        """Do what :meth:`entries` does, without blocking the event loop."""
        ...

    async def aerase(self, vault_id: str) -> int:
        """Do what :meth:`erase` does, without blocking the event loop."""
        ...

    async def aerase_value(self, vault_id: str, value: str) -> int:
        """Do what :meth:`erase_value` does, without blocking the event loop."""
        ...


class Vault:
    """Open one vault of a store.

    A ``Vault()`` of its own, with neither store nor id, lives in memory as long as the object does.

    Args:
        vault_id: The name of the vault in its store: a user, a case, a conversation. It appears in logs
            and errors, so it must not be a personal value itself. Made at random when it is not given.
        store: Where the entries are kept; an in-memory store of its own when it is not given.
    """

    __slots__ = ("_store", "_vault_id")

    def __init__(self, vault_id: str | None = None, *, store: VaultStore | None = None) -> None:
        if store is None:
            from langchain_secguard.vault.memory import InMemoryVaultStore  # noqa: PLC0415 - memory builds on base

            store = InMemoryVaultStore()
        self._store = store
        self._vault_id = vault_id if vault_id is not None else uuid.uuid4().hex
        if not self._vault_id:
            raise ValueError("a vault id must not be empty")

    @property
    def vault_id(self) -> str:
        """The name of the vault in its store."""
        return self._vault_id

    @property
    def store(self) -> VaultStore:
        """The store that keeps the entries."""
        return self._store

    def __repr__(self) -> str:
        return f"Vault({self._vault_id!r}, store={type(self._store).__name__})"

    def assign(self, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        """Give each entity its entry; see :meth:`VaultStore.assign`."""
        return self._store.assign(self._vault_id, entities, texts)

    def find(self, texts: Sequence[Text]) -> Finding:
        """Find known values in ``texts``, and write nothing; see :meth:`VaultStore.find`."""
        return self._store.find(self._vault_id, texts)

    def lookup(self, refs: Sequence[Ref]) -> list[Entry | None]:
        """Return the entry of each ref; see :meth:`VaultStore.lookup`."""
        return self._store.lookup(self._vault_id, refs)

    def surrogates(self) -> PhraseIndex[Entry]:
        """Return the entries behind surrogates; see :meth:`VaultStore.surrogates`."""
        return self._store.surrogates(self._vault_id)

    def entries(self) -> list[Entry]:
        """List what the vault holds, in the order of arrival."""
        return self._store.entries(self._vault_id)

    def erase(self) -> int:
        """Erase the vault whole, and return how many entries it had."""
        return self._store.erase(self._vault_id)

    def erase_value(self, value: str) -> int:
        """Erase every entry of ``value`` and what is linked to it, and return how many there were."""
        return self._store.erase_value(self._vault_id, value)

    async def aassign(self, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        """Do what :meth:`assign` does, without blocking the event loop."""
        return await self._store.aassign(self._vault_id, entities, texts)

    async def afind(self, texts: Sequence[Text]) -> Finding:
        """Do what :meth:`find` does, without blocking the event loop."""
        return await self._store.afind(self._vault_id, texts)

    async def alookup(self, refs: Sequence[Ref]) -> list[Entry | None]:
        """Do what :meth:`lookup` does, without blocking the event loop."""
        return await self._store.alookup(self._vault_id, refs)

    async def asurrogates(self) -> PhraseIndex[Entry]:
        """Do what :meth:`surrogates` does, without blocking the event loop."""
        return await self._store.asurrogates(self._vault_id)

    async def aentries(self) -> list[Entry]:
        """Do what :meth:`entries` does, without blocking the event loop."""
        return await self._store.aentries(self._vault_id)

    async def aerase(self) -> int:
        """Do what :meth:`erase` does, without blocking the event loop."""
        return await self._store.aerase(self._vault_id)

    async def aerase_value(self, value: str) -> int:
        """Do what :meth:`erase_value` does, without blocking the event loop."""
        return await self._store.aerase_value(self._vault_id, value)
