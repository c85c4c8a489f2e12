"""A ledger in the memory of one process, for a store in memory that encrypts; gone with the process."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable

from langchain_secguard.vault.ledger import (
    EraseValue,
    Fill,
    ListRows,
    ListSurrogates,
    LookUp,
    Recall,
    Reply,
    Request,
    Reseal,
    Settle,
    State,
)
from langchain_secguard.vault.memory_rows import Grave, Rows

_MAX_GRAVES = 100_000
"""So many erased or expired vaults are remembered one by one."""


class MemoryLedger:
    """Keep rows in memory: atomic under threads and tasks.

    Args:
        ttl: Seconds after its last use at which a vault expires; never when ``None``.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, *, ttl: float | None, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._vaults: OrderedDict[str, Rows] = OrderedDict()  # the one unused for longest comes first
        self._graves: OrderedDict[str, Grave] = OrderedDict()
        self._floor = 0
        self._buried: set[bytes] = set()
        self._epochs = itertools.count(1)
        self._generations = itertools.count(1)

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request."""
        with self._lock:
            self._sweep()
            vault = self._vaults.get(vault_id)
            grave = self._grave(vault_id, vault)
            kept = grave.seal if grave else b""
            if isinstance(request, Reseal):
                return self._reseal(vault_id, request, kept)
            foreign = kept if kept != seal and (kept or vault is not None) else None
            if foreign is not None and isinstance(request, Settle | Recall | Fill | EraseValue):
                return Reply(State(), seal=foreign, refused=True)
            if vault is None and isinstance(request, Settle) and request.records:
                vault = self._create(vault_id, seal)
            if vault is None:
                return _nothing(request, foreign)
            if not (isinstance(request, Settle) and request.read_only):
                vault.used = self._clock()
                self._vaults.move_to_end(vault_id)
            return self._carry_out(vault_id, vault, request, foreign)

    async def aperform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request; memory never blocks."""
        return self.perform(vault_id, request, seal)

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults that were ever written to, whose id begins with ``prefix``."""
        with self._lock:
            self._sweep()
            return [vault_id for vault_id in (*self._vaults, *self._graves) if vault_id.startswith(prefix)]

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does; memory never blocks."""
        return self.vault_ids(prefix)

    def _carry_out(self, vault_id: str, vault: Rows, request: Request, seal: bytes | None) -> Reply:
        match request:
            case Settle(records, phrases, since):
                rows = [vault.settle(record) for record in records]
                return Reply(vault.state, rows, [*map(vault.known, phrases)], vault.added(since))
            case Recall(values, phrases, since):
                known = [*map(vault.known, phrases)]
                return Reply(vault.state, vault.recall(values), known, vault.added(since))
            case Fill():
                return Reply(vault.state, vault.fill(request))
            case LookUp(refs):
                return Reply(vault.state, vault.rows(refs), seal=seal)
            case ListSurrogates():
                return Reply(vault.state, vault.with_surrogates(request), seal=seal)
            case ListRows():
                return Reply(vault.state, vault.all(), seal=seal)
            case EraseValue(folded):
                erased = vault.erase_value(folded, next(self._epochs))
                return Reply(vault.state, erased=erased)
            case _:
                return Reply(State(), erased=self._bury(vault_id), seal=seal)

    def _reseal(self, vault_id: str, request: Reseal, kept: bytes) -> Reply:
        vault = self._vaults.get(vault_id)
        if kept != request.old or (vault is not None and not request.new):
            return Reply(State(), seal=kept, refused=True)
        grave = self._grave(vault_id, vault)
        if grave is not None:
            grave.seal = request.new
        return Reply(vault.state if vault is not None else State())

    def _grave(self, vault_id: str, vault: Rows | None) -> Grave | None:
        return self._graves.get(vault_id) if vault is None else vault.grave

    def _create(self, vault_id: str, seal: bytes) -> Rows:
        grave = self._graves.pop(vault_id, None) or Grave()
        grave.seal = seal
        vault = Rows(
            grave,
            floor=self._floor,
            buried=self._buried,
            epoch=next(self._epochs),
            ticks=lambda: next(self._generations),
        )
        self._vaults[vault_id] = vault
        return vault

    def _sweep(self) -> None:
        """Bury the vaults that have expired."""
        while self._ttl is not None and self._vaults:
            vault_id, vault = next(iter(self._vaults.items()))
            if vault.used > self._clock() - self._ttl:
                return
            self._bury(vault_id)

    def _bury(self, vault_id: str) -> int:
        """Forget a vault's rows, and remember what must outlive them."""
        vault = self._vaults.pop(vault_id)
        self._graves[vault_id] = vault.grave
        if len(self._graves) > _MAX_GRAVES:
            _, oldest = self._graves.popitem(last=False)
            self._floor = max(self._floor, *oldest.numbers.values())
            self._buried |= oldest.marks
        return len(vault)


def _nothing(request: Request, seal: bytes | None) -> Reply:
    """Answer where there is no vault."""
    match request:
        case Settle(phrases=phrases):
            return Reply(State(), known=[None] * len(phrases))
        case Recall(values, phrases):
            return Reply(State(), [None] * len(values), [None] * len(phrases))
        case Fill(refs) | LookUp(refs):
            return Reply(State(), [None] * len(refs), seal=seal)
        case _:
            return Reply(State(), seal=seal)
