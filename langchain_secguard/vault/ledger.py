"""What a database does for a vault store: it keeps rows of bytes, and finds them by keys of 16 bytes.

A ledger understands no text and sees no value: what a row holds, and what its keys are made of, is the
business of :mod:`~langchain_secguard.vault.keyed` and its codec. So one ledger serves a store that keeps
values as they are, and one that encrypts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from langchain_secguard.placeholders import Ref

KEY_SIZE = 16
"""Bytes of a key."""


class Offer(NamedTuple):
    """Offer a surrogate for a record: the first is taken whose ``mark`` and ``phrases`` the vault never had.

    The mark of a surrogate that was taken is kept for good, also when the vault is erased or expires. A
    ``value`` of ``None`` is filled later.
    """

    value: bytes | None
    mark: bytes
    phrases: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "Offer()"


class Record(NamedTuple):
    """Ask for the row of one value, a new one where it has none.

    ``identity`` is the key of the type and the value, ``folded`` that of the value in any case, ``phrases``
    those under which the value is known again, of at most ``words`` words (also of the offers). ``claims``,
    ``refers`` and ``unless`` are :class:`~.base.Keys`, and those of the row ``like`` where it is given.
    Under another ref than ``expected``, if that is given, neither ``value`` nor the value of an offer is
    kept: what came out otherwise stays empty until it is filled.
    """

    entity_type: str
    identity: bytes
    folded: bytes
    value: bytes
    phrases: tuple[bytes, ...] = ()
    words: int = 0
    offers: tuple[Offer, ...] = ()
    claims: tuple[bytes, ...] = ()
    refers: tuple[bytes, ...] = ()
    unless: tuple[bytes, ...] = ()
    like: Ref | None = None
    expected: Ref | None = None

    def __repr__(self) -> str:
        return f"Record(entity_type={self.entity_type!r})"


class Row(NamedTuple):
    """Hold one row; ``value`` is ``None`` until it is filled, and ``surrogate`` where it has none.

    ``offer`` is the position of the offer that was taken by the request that is answered, from 0.
    """

    ref: Ref
    value: bytes | None
    surrogate: bytes | None = None
    offer: int | None = None

    def __repr__(self) -> str:
        return f"Row(ref={self.ref!r})"


class State(NamedTuple):
    """Tell how far a vault has come; all are 0 where there is none.

    ``epoch`` is another after each erase and each expiry, also of a ledger that lost its data.
    ``generation`` counts rows and surrogates with phrases that were new, and never falls: whatever was in
    the vault at an older generation is in it now, or it was erased. ``surrogates`` counts those of this
    epoch, and ``words`` is that of the longest phrase.
    """

    epoch: int = 0
    generation: int = 0
    surrogates: int = 0
    words: int = 0


class Settle(NamedTuple):
    """Ask for the rows of ``records``, settled in their order, then for known phrases.

    Answered by ``rows``, one for each record; ``known``, one for each of ``phrases``; and ``added``, what
    was added after the generation ``since``. With ``read_only`` nothing is written and no expiry refreshed.
    """

    records: Sequence[Record] = ()
    phrases: Sequence[bytes] = ()
    since: int = 0
    read_only: bool = False

    def __repr__(self) -> str:
        return f"Settle(records={len(self.records)}, phrases={len(self.phrases)}, since={self.since})"


class Recall(NamedTuple):
    """Ask for the rows of ``values`` that the vault had before, then for known phrases.

    A value is named by the ``identity`` and the ``folded`` of its :class:`Record`. Answered as
    :class:`Settle`, but for ``rows``: ``None`` where there is none. Nothing is written but the expiry.
    """

    values: Sequence[tuple[bytes, bytes]]
    phrases: Sequence[bytes] = ()
    since: int = 0

    def __repr__(self) -> str:
        return f"Recall(values={len(self.values)}, phrases={len(self.phrases)}, since={self.since})"


class Fill(NamedTuple):
    """Fill rows that are empty, each as far as it is; answered by ``rows`` as they are then."""

    rows: Sequence[Row]


class LookUp(NamedTuple):
    """Ask for the rows of refs; answered by ``rows``, ``None`` where there is none."""

    refs: Sequence[Ref]


class ListSurrogates(NamedTuple):
    """Ask for rows with surrogates: those after the first ``after`` of ``epoch``, or all of another epoch."""

    epoch: int = 0
    after: int = 0


class ListRows(NamedTuple):
    """Ask for all rows, in the order of arrival."""


class Erase(NamedTuple):
    """Erase the vault whole, but for the numbers and surrogates that must not be given out again."""


class EraseValue(NamedTuple):
    """Erase the rows whose key ``folded`` is this one, and those linked to them."""

    folded: bytes


class Reseal(NamedTuple):
    """Put the seal ``new`` in the place of ``old``; none is empty.

    It is refused where the vault's seal is another, and where a vault that has rows would have none.
    """

    old: bytes
    new: bytes

    def __repr__(self) -> str:
        return "Reseal()"


Request: TypeAlias = Settle | Recall | Fill | LookUp | ListSurrogates | ListRows | Erase | EraseValue | Reseal


@dataclass(frozen=True, slots=True)
class Known:
    """Tell what is known by a phrase: an entity type, and some of the rows whose values have it.

    The type is that of whoever had it first: the row ``teacher``, or a surrogate where that is ``None``.
    """

    entity_type: str
    teacher: Ref | None
    rows: Sequence[Row]


class Reply(NamedTuple):
    """Answer one request; see there which fields are set. ``added`` is ``None`` where it cannot be told.

    ``seal`` is the seal of the vault where that is not the one given, and ``refused`` tells that for this
    reason nothing was done.
    """

    state: State
    rows: Sequence[Row | None] = ()
    known: Sequence[Known | None] = ()
    added: Sequence[Row] | None = ()
    erased: int = 0
    seal: bytes | None = None
    refused: bool = False

    def __repr__(self) -> str:
        return f"Reply(state={self.state}, erased={self.erased}, refused={self.refused})"


class Ledger(Protocol):
    """Keep the rows of many vaults; every request is one atomic step and one round trip.

    A vault can have a seal: bytes without a meaning here, which a writer that encrypts chooses, and which
    outlive an erase and an expiry as the numbers do. A vault with neither rows nor a seal takes that of the
    first :class:`Settle` that writes. Under another seal than the one given, which is empty for a writer
    that does not encrypt, :class:`Settle`, :class:`Recall`, :class:`Fill` and :class:`EraseValue` are
    refused, and the others carried out. Either way the reply tells the seal.

    All methods raise :class:`~langchain_secguard.VaultUnavailableError` when the database does not answer.
    """

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request."""
        ...

    async def aperform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request without blocking the event loop."""
        ...

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults that were ever written to, whose id begins with ``prefix``; in no order.

        Those that are erased or expired are among them. It reads a whole database, in many round trips.
        """
        ...

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does, without blocking the event loop."""
        ...
