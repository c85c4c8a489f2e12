"""A vault store over a ledger: what every store that keeps its vaults in a database has in common."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from langchain_secguard.lru import Lru
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.base import Assignment, Entity, Entry, Finding, Text
from langchain_secguard.vault.codec import Codec, PlainCodec
from langchain_secguard.vault.ledger import Erase, Ledger, Reply, Request, Reseal, State
from langchain_secguard.vault.phrases import PhraseIndex, phrase_keys
from langchain_secguard.vault.plans import Hint, Plan, Plans

T = TypeVar("T")

_LONG = 20_000
"""Texts longer than this many characters together are searched in a worker thread."""

_FRESH = 0.1
"""Seconds for which what was heard of a vault's surrogates is taken as up to date."""

_COPIES = 4096
"""Of so many vaults it is remembered how far they have come, and their surrogates."""

_RECENT = 65_536
"""Of so many values it is remembered that they were settled, by their keys alone."""


@dataclass(slots=True)
class _Copy:
    """Remember of a vault what saves round trips: how far it had come when last heard of, its surrogates.

    ``surrogates`` are the first ``count`` of ``epoch``, and ``entries`` theirs.
    """

    state: State = State()  # noqa: RUF009 - a tuple
    heard: float = float("-inf")
    numbers: dict[str, int] = field(default_factory=dict)
    surrogates: PhraseIndex[Entry] = field(default_factory=lambda: PhraseIndex(streamed=True), repr=False)
    entries: dict[Ref, Entry] = field(default_factory=dict, repr=False)
    epoch: int = 0
    count: int = 0

    def is_current(self) -> bool:
        """Tell whether it lacks no surrogate, as far as was heard a moment ago."""
        current = (self.epoch, self.count) == (self.state.epoch, self.state.surrogates)
        return current and time.monotonic() - self.heard < _FRESH

    def begin(self, epoch: int) -> None:
        self.surrogates, self.entries = PhraseIndex(streamed=True), {}
        self.epoch, self.count = epoch, 0

    def hint(self, recent: Lru[bytes, bytes]) -> Hint:
        return Hint(self.state.words, self.numbers, recent) if self.state.epoch else Hint(recent=recent)


@dataclass(slots=True)
class _End(Generic[T]):
    result: T


class LedgerVaultStore:
    """Keep vaults in a ledger.

    Args:
        ledger: Keeps rows of bytes, and finds them by keys.
        codecs: Makes the codec of a vault, which writes values and keys for the ledger; values are kept as
            they are by default.
    """

    def __init__(self, ledger: Ledger, codecs: Callable[[str], Codec] | None = None) -> None:
        self._ledger = ledger
        self._codecs = codecs or _plain
        self._copies: Lru[str, _Copy] = Lru(_COPIES)
        self._recent: Lru[bytes, bytes] = Lru(_RECENT)
        self._lock = threading.Lock()

    @property
    def ledger(self) -> Ledger:
        """What keeps the rows: to put another store over the same."""
        return self._ledger

    def assign(self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        """Give each entity its entry, and find known values in ``texts``."""
        return self._drive(
            vault_id, lambda plans: plans.assign(vault_id, entities, texts, self._hint(vault_id))
        )

    def find(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Find known values in ``texts``, and leave no trace."""
        return self._drive(vault_id, lambda plans: plans.find(vault_id, texts, self._hint(vault_id)))

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Return the entry of each ref, or ``None`` where the vault has none."""
        return self._drive(vault_id, lambda plans: self._lookup(plans, vault_id, refs))

    def surrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Return the entries that are hidden behind surrogates, by surrogate.

        It asks the ledger only if it heard nothing of the vault for a tenth of a second, or heard that its
        copy lacks some.
        """
        return self._drive(vault_id, lambda plans: self._surrogates(plans, vault_id))

    def entries(self, vault_id: str) -> list[Entry]:
        """List what the vault holds, in the order of arrival."""
        return self._drive(vault_id, lambda plans: plans.entries(vault_id))

    def erase(self, vault_id: str) -> int:
        """Erase the vault whole, and return how many entries it had."""
        return self._drive(vault_id, lambda plans: plans.erase(vault_id))

    def erase_value(self, vault_id: str, value: str) -> int:
        """Erase every entry of ``value``, however its letters are cased, and return how many there were."""
        return self._drive(vault_id, lambda plans: plans.erase_value(vault_id, value))

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults that were ever written to, whose id begins with ``prefix``; see the ledger."""
        return self._ledger.vault_ids(prefix)

    async def aassign(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()
    ) -> Assignment:
        """Do what :meth:`assign` does, without blocking the event loop."""
        return await self._adrive(
            vault_id,
            lambda plans: plans.assign(vault_id, entities, texts, self._hint(vault_id)),
            apart=_are_long(texts),
        )

    async def afind(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        """Do what :meth:`find` does, without blocking the event loop."""
        return await self._adrive(
            vault_id,
            lambda plans: plans.find(vault_id, texts, self._hint(vault_id)),
            apart=_are_long(texts),
        )

    async def alookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        """Do what :meth:`lookup` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda plans: self._lookup(plans, vault_id, refs))

    async def asurrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        """Do what :meth:`surrogates` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda plans: self._surrogates(plans, vault_id))

    async def aentries(self, vault_id: str) -> list[Entry]:
        """Do what :meth:`entries` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda plans: plans.entries(vault_id), apart=True)

    async def aerase(self, vault_id: str) -> int:
        """Do what :meth:`erase` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda plans: plans.erase(vault_id))

    async def aerase_value(self, vault_id: str, value: str) -> int:
        """Do what :meth:`erase_value` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda plans: plans.erase_value(vault_id, value))

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does, without blocking the event loop."""
        return await self._ledger.avault_ids(prefix)

    async def _aopen(self, vault_id: str) -> Codec:
        """Make the codec of a vault, without blocking the event loop."""
        return self._codecs(vault_id)

    def _drive(self, vault_id: str, make: Callable[[Plans], Plan[T]]) -> T:
        """Carry out a plan, and make it anew where the vault turns out to have another seal."""
        plans = Plans(self._codecs(vault_id))
        plan, reply = make(plans), None
        while True:
            step = _advance(plan, reply)
            if isinstance(step, _End):
                return step.result
            reply = self._ledger.perform(vault_id, step, plans.codec.seal)
            if _tells_a_seal(step, reply):
                plans.codec.adopt(vault_id, reply.seal or b"")
                if reply.refused:
                    plan, reply = make(plans), None
                    continue
            if not reply.refused:
                self._note(plans, vault_id, reply)

    async def _adrive(self, vault_id: str, make: Callable[[Plans], Plan[T]], *, apart: bool = False) -> T:
        """Do what :meth:`_drive` does; ``apart`` where a plan's own work would hold up the event loop."""
        plans = Plans(await self._aopen(vault_id))
        plan, reply = make(plans), None
        while True:
            step = await asyncio.to_thread(_advance, plan, reply) if apart else _advance(plan, reply)
            if isinstance(step, _End):
                return step.result
            reply = await self._ledger.aperform(vault_id, step, plans.codec.seal)
            if _tells_a_seal(step, reply):
                await asyncio.to_thread(plans.codec.adopt, vault_id, reply.seal or b"")
                if reply.refused:
                    plan, reply = make(plans), None
                    continue
            if not reply.refused:
                self._note(plans, vault_id, reply)

    def _lookup(self, plans: Plans, vault_id: str, refs: Sequence[Ref]) -> Plan[list[Entry | None]]:
        """Plan a look-up, which asks nothing if a moment ago all refs were those of known surrogates."""
        copy = self._copy(vault_id)
        entries = copy.entries
        if refs and copy.is_current() and all(ref in entries for ref in refs):
            return [entries[ref] for ref in refs]
        return (yield from plans.lookup(vault_id, refs))

    def _surrogates(self, plans: Plans, vault_id: str) -> Plan[PhraseIndex[Entry]]:
        copy = self._copy(vault_id)
        if not copy.is_current():
            asked = copy.epoch
            state, entries = yield from plans.surrogates(vault_id, epoch=asked, after=copy.count)
            self._bring_up(copy, asked, state, entries)
        return copy.surrogates

    def _bring_up(self, copy: _Copy, asked: int, state: State, entries: Sequence[Entry]) -> None:
        """Add what a copy lacked when it was of the epoch ``asked``; another thread may have been quicker."""
        with self._lock:
            if state.epoch != copy.epoch:
                if state.epoch == asked:
                    return
                copy.begin(state.epoch)
            for entry in entries:
                copy.entries[entry.ref] = entry
                for key in phrase_keys(entry.surrogate or ""):
                    copy.surrogates.add(key, entry)
            copy.count = state.surrogates

    def _note(self, plans: Plans, vault_id: str, reply: Reply) -> None:
        """Remember what a reply tells of a vault."""
        copy, state = self._copy(vault_id), reply.state
        with self._lock:
            copy.state, copy.heard = _later(copy.state, state), time.monotonic()
            if plans.codec.bound:
                for ref in (row.ref for row in reply.rows if row is not None):
                    copy.numbers[ref.entity_type] = max(ref.number, copy.numbers.get(ref.entity_type, 0))
            if not state.surrogates and not copy.is_current():
                copy.begin(state.epoch)
        taken = [row for row in reply.rows if row is not None and row.offer is not None]
        before = copy.count if copy.epoch == state.epoch else 0
        filled = all(row.value is not None and row.surrogate is not None for row in taken)
        if taken and filled and before + len(taken) == state.surrogates:  # there are no others to ask for
            self._bring_up(copy, copy.epoch, state, plans.read(vault_id, taken))

    def _copy(self, vault_id: str) -> _Copy:
        copy = self._copies.get(vault_id)
        if copy is None:
            copy = _Copy()
            self._copies.put(vault_id, copy)
        return copy

    def _hint(self, vault_id: str) -> Hint:
        return self._copy(vault_id).hint(self._recent)


_PLAIN = PlainCodec()


def _plain(vault_id: str) -> Codec:  # noqa: ARG001 - the same for every vault
    return _PLAIN


def _tells_a_seal(request: Request, reply: Reply) -> bool:
    """Tell whether a reply is under a seal that must be adopted; two requests see to it themselves."""
    return reply.seal is not None and not isinstance(request, Erase | Reseal)


def _advance(plan: Plan[T], reply: Reply | None) -> Request | _End[T]:
    """Run a plan up to its next request, or to its end."""
    try:
        return next(plan) if reply is None else plan.send(reply)
    except StopIteration as stop:
        return _End(stop.value)


def _later(one: State, other: State) -> State:
    """Return what is known after both were heard, whichever the database said first."""
    return State(*map(max, one, other)) if one.epoch == other.epoch and one != other else other


def _are_long(texts: Sequence[Text]) -> bool:
    return sum(len(text.text) for text in texts) > _LONG
