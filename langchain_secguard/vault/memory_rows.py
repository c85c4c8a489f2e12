"""The rows of one vault, in the memory of one process; whoever uses them holds a lock."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.ledger import Fill, Known, ListSurrogates, Offer, Record, Row, State

_REMEMBERED = 128
"""Of so many additions it is known when they came."""

_MOST_ROWS = 4
"""So many rows are told of a phrase."""


@dataclass(slots=True)
class Grave:
    """Hold what outlives a vault: its numbers, the marks of surrogates that were given, and its seal."""

    numbers: dict[str, int] = field(default_factory=dict)
    marks: set[bytes] = field(default_factory=set, repr=False)
    seal: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Kept:
    """Hold a row, and what it is found and linked by."""

    row: Row
    identity: bytes
    folded: bytes
    phrases: tuple[bytes, ...]
    claims: tuple[bytes, ...]
    refers: tuple[bytes, ...]
    unless: tuple[bytes, ...]
    fakes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mention:
    """Tell of a phrase whose it is: the value's of a row, or its surrogate's."""

    ref: Ref
    is_surrogate: bool = False


class Rows:
    """Hold the rows of one vault.

    Args:
        grave: What outlives it.
        floor: The number after which those of an entity type begin that has none yet.
        buried: Marks of surrogates that nobody may have again.
        epoch: Another one than any vault of this name had.
        ticks: Returns the next generation; no vault ever has a smaller one after it.
    """

    def __init__(
        self,
        grave: Grave,
        *,
        floor: int,
        buried: Collection[bytes],
        epoch: int,
        ticks: Callable[[], int],
    ) -> None:
        self.grave = grave
        self.used = 0.0
        self._floor = floor
        self._buried = buried
        self._epoch = epoch
        self._ticks = ticks
        self._kept: dict[Ref, _Kept] = {}
        self._identities: dict[bytes, Ref] = {}
        self._folded: defaultdict[bytes, list[Ref]] = defaultdict(list)
        self._phrases: defaultdict[bytes, list[_Mention]] = defaultdict(list)
        self._claimants: defaultdict[bytes, set[int]] = defaultdict(set)
        self._variants: defaultdict[Ref, int] = defaultdict(int)
        self._surrogates: list[Ref] = []
        self._words = 0
        self._generation = self._since = ticks()
        self._added: deque[tuple[int, Ref]] = deque(maxlen=_REMEMBERED)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def state(self) -> State:
        """How far the vault has come."""
        return State(self._epoch, self._generation, len(self._surrogates), self._words)

    def rows(self, refs: Iterable[Ref]) -> list[Row | None]:
        """Return the row of each ref."""
        return [kept.row if (kept := self._kept.get(ref)) else None for ref in refs]

    def all(self) -> list[Row | None]:
        """List all rows, in the order of arrival."""
        return [kept.row for kept in self._kept.values()]

    def with_surrogates(self, request: ListSurrogates) -> list[Row | None]:
        """List rows with surrogates, those that came later than the caller knows."""
        after = request.after if request.epoch == self._epoch else 0
        return [kept.row for ref in self._surrogates[after:] if (kept := self._kept.get(ref))]

    def known(self, phrase: bytes) -> Known | None:
        """Tell what is known by a phrase."""
        mentions = self._phrases.get(phrase)
        if not mentions:
            return None
        first = mentions[0]
        values = [one.ref for one in mentions if not one.is_surrogate][:_MOST_ROWS]
        teacher = None if first.is_surrogate else first.ref
        return Known(first.ref.entity_type, teacher, [self._kept[ref].row for ref in values])

    def added(self, since: int) -> list[Row] | None:
        """List what was added after a generation; ``None`` where that is not known."""
        if not since:
            return []
        if not self._since <= since <= self._generation:
            return None
        refs = dict.fromkeys(ref for generation, ref in self._added if generation > since)
        return [self._kept[ref].row for ref in refs if ref in self._kept]

    def settle(self, record: Record) -> Row:
        """Return the row of a record, a new one where it has none."""
        ref = self._identities.get(record.identity)
        kept = self._kept[ref] if ref else self._add(record)
        offer = self._disguise(kept, record) if kept.row.surrogate is None else None
        return kept.row._replace(offer=offer)

    def recall(self, values: Iterable[tuple[bytes, bytes]]) -> list[Row | None]:
        """Return the row of each value, named by its keys."""
        refs = [self._identities.get(identity) for identity, _ in values]
        return [None if ref is None else self._kept[ref].row for ref in refs]

    def fill(self, request: Fill) -> list[Row | None]:
        """Fill rows as far as they are empty, and return them."""
        for given in request.rows:
            kept = self._kept.get(given.ref)
            if kept:
                value = given.value if kept.row.value is None else kept.row.value
                surrogate = given.surrogate if kept.row.surrogate is None else kept.row.surrogate
                kept.row = Row(given.ref, value, surrogate)
        return self.rows(row.ref for row in request.rows)

    def erase_value(self, folded: bytes, epoch: int) -> int:
        """Erase the rows of a value, and what is linked to them; return how many there were."""
        named = set(self._folded.get(folded, ()))
        doomed = [ref for ref in self._kept if ref in named or ref._replace(variant="") in named]
        for ref in doomed:
            self._remove(ref)
        if doomed:
            self._epoch = epoch
            self._generation = self._since = self._ticks()
        return len(doomed)

    def _add(self, record: Record) -> _Kept:
        links = (record.claims, record.refers, record.unless)
        if record.like in self._kept:
            like = self._kept[record.like]
            links = (like.claims, like.refers, like.unless)
        ref = self._linked(record.entity_type, *links[1:]) or self._numbered(record.entity_type, links[0])
        value = record.value if record.expected in (None, ref) else None
        kept = _Kept(Row(ref, value), record.identity, record.folded, record.phrases, *links)
        self._kept[ref] = kept
        self._identities[record.identity] = ref
        self._folded[record.folded].append(ref)
        self._words = max(self._words, record.words)
        self._learn(record.phrases, _Mention(ref))
        return kept

    def _linked(self, entity_type: str, refers: Sequence[bytes], unless: Sequence[bytes]) -> Ref | None:
        """Return the next variant of the one base that is referred to."""
        claims = [self._claimants.get(key) or {0} for key in refers]
        bases = set[int]().union(*claims)
        if len(bases) != 1 or 0 in bases or any(self._claimants.get(key) for key in unless):
            return None
        base = Ref(entity_type, bases.pop())
        self._variants[base] += 1
        code = variant_code(self._variants[base])
        return None if code is None else base._replace(variant=code)

    def _numbered(self, entity_type: str, claims: Iterable[bytes]) -> Ref:
        number = self.grave.numbers.get(entity_type, self._floor) + 1
        self.grave.numbers[entity_type] = number
        for key in claims:
            self._claimants[key].add(number)
        return Ref(entity_type, number)

    def _disguise(self, kept: _Kept, record: Record) -> int | None:
        """Give a row the first surrogate that is free, and return its position."""
        place = next((at for at, offer in enumerate(record.offers) if self._is_free(offer)), None)
        if place is None:
            return None
        offer, ref = record.offers[place], kept.row.ref
        self.grave.marks.add(offer.mark)
        kept.fakes = (*kept.fakes, *offer.phrases)  # of two that came before it is filled, either may be
        kept.row = kept.row._replace(surrogate=offer.value if record.expected in (None, ref) else None)
        self._surrogates.append(ref)
        self._learn(offer.phrases, _Mention(ref, is_surrogate=True))
        return place

    def _is_free(self, offer: Offer) -> bool:
        given = offer.mark in self.grave.marks or offer.mark in self._buried
        return not given and not any(self._phrases.get(phrase) for phrase in offer.phrases)

    def _learn(self, phrases: Iterable[bytes], mention: _Mention) -> None:
        new = [phrase for phrase in phrases if not self._phrases.get(phrase)]
        for phrase in phrases:
            if mention not in self._phrases[phrase]:
                self._phrases[phrase].append(mention)
        if new:
            if len(self._added) == _REMEMBERED:
                self._since = self._added[0][0]
            self._generation = self._ticks()
            self._added.append((self._generation, mention.ref))

    def _forget(self, phrases: Iterable[bytes], mention: _Mention) -> None:
        for phrase in phrases:
            left = [one for one in self._phrases[phrase] if one != mention]
            if left:
                self._phrases[phrase] = left
            else:
                del self._phrases[phrase]

    def _remove(self, ref: Ref) -> None:
        kept = self._kept.pop(ref)
        del self._identities[kept.identity]
        self._folded[kept.folded].remove(ref)
        if not self._folded[kept.folded]:
            del self._folded[kept.folded]
        self._forget(kept.phrases, _Mention(ref))
        self._forget(kept.fakes, _Mention(ref, is_surrogate=True))
        if not ref.variant:
            self._variants.pop(ref, None)
            for key in kept.claims:
                self._claimants[key].discard(ref.number)
