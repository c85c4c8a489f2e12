"""What one request does to a vault in SQL, without I/O: what it must read, what it changes and answers."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TypeAlias

from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    Known,
    ListSurrogates,
    LookUp,
    Recall,
    Record,
    Reply,
    Request,
    Reseal,
    Row,
    Settle,
    State,
)
from langchain_secguard.vault.sql.rows import LONGEST_TYPE, Head, Kept, Links, cut, quoted_type

MOST_ROWS = 4
"""So many rows are told of a known phrase."""

MOST_ADDED = 128
"""So many rows are told of what was added since; if they are more, nothing is."""

_Found: TypeAlias = tuple[int, Kept | None]
"""What a key tells: an arrival or its negative, with its row; 0, with none, of the mark of a surrogate."""


class Page:
    """Hold what was read of one vault, and gather what is to be written.

    ``changed`` rows are to be written, and ``keys`` to be added, each with what it tells; ``gone`` rows and
    ``struck`` keys are to be removed. ``emptied`` tells that all rows go, and all keys but marks, before
    others are added. Nothing is written of a page that is not ``dirty``.
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        self.changed: dict[int, Kept] = {}
        self.keys: dict[tuple[int, int], None] = {}
        self.gone: list[int] = []
        self.struck: list[tuple[int, int]] = []
        self.emptied = False
        self.dirty = False
        self._found: dict[int, list[_Found]] = {}
        self._rows: dict[int, Kept] = {}
        self._by_ref: dict[Ref, Kept] = {}
        self._cut: dict[bytes, Links] = {}

    def learn(self, asked: Iterable[int], found: Iterable[tuple[int, int, Kept | None]]) -> None:
        """Take what the database has under keys: each key, what it tells, and its row."""
        lists: dict[int, list[_Found]] = {key: [] for key in asked}
        exists = self.head.exists
        for key, tells, kept in found:
            row = self._rows.setdefault(kept.arrival, kept) if kept and exists else None
            if row or not tells:
                lists[key].append((tells, row))
        for told in lists.values():
            if len(told) > 1:
                told.sort(key=itemgetter(0))
        self._found |= lists

    def take(self, rows: Iterable[Kept]) -> None:
        """Take rows that were read, but for those seen before; there are none in a vault that expired."""
        for kept in rows if self.head.exists else ():
            self._rows.setdefault(kept.arrival, kept)

    def _of(self, ref: Ref | None) -> Kept | None:
        """Return the row of a ref, if it was read."""
        if ref is None:
            return None
        if len(self._by_ref) < len(self._rows):
            self._by_ref = {row.ref(): row for row in self._rows.values()}
        return self._by_ref.get(ref)

    def lacks_models(self, records: Sequence[Record]) -> list[Ref]:
        """List the refs whose rows must be read to settle records, and were not."""
        refs = [one.like for one in records if one.like is not None and self._same(one.identity) is None]
        return [ref for ref in dict.fromkeys(refs) if self._of(ref) is None]

    def lacks(self, records: Sequence[Record]) -> list[int]:
        """List the keys that must be read to settle records, and were not."""
        return [key for key in dict.fromkeys(self._needed(records)) if key not in self._found]

    def _needed(self, records: Sequence[Record]) -> Iterable[int]:
        for record in records:
            row = self._same(record.identity)
            if row is None:
                links = self._links(record)
                yield from (*links.phrases, *links.refers, *links.unless)
            if row is None or row.surrogate is None:
                for offer in record.offers:
                    yield from cut((offer.mark, *offer.phrases))

    def act(self, request: Request, seal: bytes) -> Reply:
        """Do what a request asks for; under another seal than the vault's, only what needs none."""
        head = self.head
        if isinstance(request, Reseal):
            return self._reseal(request)
        foreign = head.seal if head.seal != seal and (head.exists or head.seal) else None
        if foreign is not None and isinstance(request, Settle | Recall | Fill | EraseValue):
            return Reply(State(), seal=foreign, refused=True)
        match request:
            case Settle():
                return self._settle(request, seal)
            case Recall():
                return self._recall(request)
            case Fill(filled):
                return self._fill(filled)
            case EraseValue():
                return self._erase_rows()
            case Erase():
                return Reply(State(), erased=self._erase(), seal=foreign)
            case LookUp(refs):
                rows = self._shown(refs)
            case ListSurrogates():
                rows = [row.row() for row in sorted(self._rows.values(), key=lambda row: row.given)]
            case _:
                rows = [row.row() for row in sorted(self._rows.values(), key=lambda row: row.arrival)]
        return Reply(head.state(), rows, seal=foreign)

    def _settle(self, request: Settle, seal: bytes) -> Reply:
        if not (self.head.exists or request.read_only):
            self._begin(seal)
        rows = [self._settle_record(record) for record in request.records]
        known = [self._known(key) for key in cut(request.phrases)]
        return Reply(self.head.state(), rows, known, self._added(request.since))

    def _recall(self, request: Recall) -> Reply:
        found = [self._same(identity) for identity, _ in request.values]
        rows = [None if row is None else row.row() for row in found]
        known = [self._known(key) for key in cut(request.phrases)]
        return Reply(self.head.state(), rows, known, self._added(request.since))

    def _begin(self, seal: bytes) -> None:
        """Begin a vault, in the place of one that expired or was erased, if there was one."""
        head = self.head
        self.dirty, self.emptied = True, head.live == 1
        head.live, head.expires = 1, None
        head.words = head.surrogates = head.entries = 0
        head.turn()
        head.seal = head.seal or seal

    def _settle_record(self, record: Record) -> Row:
        row = self._same(record.identity)
        if row is None:
            row = self._add(record)
            offer = self._disguise(row, record)
        elif row.surrogate is None and (offer := self._disguise(row, record)) is not None:
            self.head.base += 1  # its row came before: nobody is told of it as added
            self.head.born = self.head.generation
        else:
            offer = None
        return row.row()._replace(offer=offer)

    def _same(self, identity: bytes) -> Kept | None:
        for _, row in self._found.get(int.from_bytes(identity[:8], signed=True), ()):
            if row and row.identity == identity:
                return row
        return None

    def _add(self, record: Record) -> Kept:
        head, links = self.head, self._links(record)
        entity_type, number, variant = self._numbered(_checked(record.entity_type), links)
        head.arrivals += 1
        head.entries += 1
        head.words = max(head.words, record.words)
        is_expected = record.expected in (None, Ref(record.entity_type, number, variant))
        value = record.value if is_expected else None
        row = Kept(head.arrivals, entity_type, number, variant, record.identity, links.pack(), value)
        if any(not self._found.get(key) for key in links.phrases):
            self._make_news(row)
        self._rows[row.arrival] = row
        self._tell(row.keys())
        self._write(row)
        return row

    def _links(self, record: Record) -> Links:
        """Cut the keys of a record, or take those of its model, once this was read."""
        links = self._cut.get(record.identity)
        if links is None:
            model = self._of(record.like)
            links = self._cut_links(record, model)
            if model or record.like is None:
                self._cut[record.identity] = links
        return links

    def _cut_links(self, record: Record, model: Kept | None) -> Links:
        lists = (record.claims, record.refers, record.unless)
        claims, refers, unless = Links.read(model.links)[3:] if model else map(_distinct, lists)
        return Links(cut([record.folded])[0], _distinct(record.phrases), (), claims, refers, unless)

    def _numbered(self, entity_type: str, links: Links) -> tuple[str, int, str]:
        base = self._base(links)
        code = variant_code(base.variants + 1) if base else None
        if base and code:
            base.variants += 1
            self._write(base)
            return entity_type, base.number, code
        number = self.head.numbers.get(entity_type, 0) + 1
        self.head.numbers[entity_type] = number
        return entity_type, number, ""

    def _base(self, links: Links) -> Kept | None:
        """Return the one row that every reference means, if nothing speaks against it."""
        claimants = {tuple(tells for tells, _ in self._found.get(key, ())) for key in links.refers}
        if len(claimants) != 1 or any(self._found.get(key) for key in links.unless):
            return None
        (arrivals,) = claimants
        return self._rows.get(arrivals[0]) if len(arrivals) == 1 else None

    def _disguise(self, row: Kept, record: Record) -> int | None:
        """Give a row the first surrogate that is free, and return its position."""
        for position, offer in enumerate(record.offers):
            mark, *fakes = cut((offer.mark, *offer.phrases))
            if any(self._found.get(key) for key in (mark, *fakes)):
                continue
            self.head.surrogates += 1
            row.given = self.head.surrogates
            row.surrogate = offer.value if record.expected in (None, row.ref()) else None
            links = Links.read(row.links)
            row.links = links._replace(fakes=(*links.fakes, *fakes)).pack()
            if row.arrival == self.head.arrivals:
                self._make_news(row)
            self._found[mark] = [(0, None)]
            self.keys[mark, 0] = None
            self._tell([(key, -row.arrival) for key in fakes])
            self._write(row)
            return position
        return None

    def _make_news(self, row: Kept) -> None:
        row.news = 1
        self.head.known = row.arrival

    def _tell(self, keys: Iterable[tuple[int, int]]) -> None:
        for key, tells in keys:
            self.keys[key, tells] = None
            found = self._found.setdefault(key, [])
            if all(tells != one for one, _ in found):
                found.append((tells, self._rows[abs(tells)]))
                found.sort(key=itemgetter(0))

    def _write(self, row: Kept) -> None:
        self.dirty = True
        self.changed[row.arrival] = row

    def _known(self, key: int) -> Known | None:
        found = [(tells, row) for tells, row in self._found.get(key, ()) if row is not None]
        if not found:
            return None
        tells, first = found[0]  # the surrogate, if one has it: it was free of what was known
        rows = [row.row() for tells, row in found if tells > 0]
        return Known(first.ref().entity_type, first.ref() if tells > 0 else None, rows[:MOST_ROWS])

    def _added(self, since: int) -> list[Row] | None:
        if not since:
            return []
        head = self.head
        if not (head.exists and head.born <= since <= head.generation <= since + MOST_ADDED):
            return None
        later = sorted(arrival for arrival in self._rows if arrival > since - head.base)
        return [self._rows[arrival].row() for arrival in later if self._rows[arrival].news]

    def _fill(self, rows: Iterable[Row]) -> Reply:
        for given in rows:
            row = self._of(given.ref)
            if row and (row.value is None or (row.surrogate is None and given.surrogate is not None)):
                row.value = given.value if row.value is None else row.value
                row.surrogate = given.surrogate if row.surrogate is None else row.surrogate
                self._write(row)
        return Reply(self.head.state(), self._shown(row.ref for row in rows))

    def _shown(self, refs: Iterable[Ref]) -> list[Row | None]:
        asked = list(refs)
        rows = [self._of(ref) for ref in asked]
        return [
            None if row is None else Row(ref, row.value, row.surrogate)
            for ref, row in zip(asked, rows, strict=True)
        ]

    def _erase(self) -> int:
        head = self.head
        erased = head.entries if head.exists else 0
        self.dirty = self.emptied = head.live == 1
        head.live, head.entries, head.expires = 0, 0, None
        return erased

    def _erase_rows(self) -> Reply:
        """Erase the rows that were read."""
        rows = self._rows.values()
        if rows:
            self.dirty = True
            self.gone = list(self._rows)
            self.struck = [pair for row in rows for pair in row.keys()]  # noqa: SIM118 - not those of a mapping
            self.head.entries -= len(rows)
            self.head.turn()
        return Reply(self.head.state(), erased=len(rows))

    def _reseal(self, request: Reseal) -> Reply:
        head = self.head
        if head.seal != request.old or (head.exists and not request.new):
            return Reply(State(), seal=head.seal, refused=True)
        head.seal = request.new
        self.dirty = True
        return Reply(head.state())


def _distinct(keys: Sequence[bytes]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(cut(keys)))


def _checked(entity_type: str) -> str:
    name = quoted_type(entity_type)
    if len(name) > LONGEST_TYPE:
        raise ValueError(f"an entity type has at most {LONGEST_TYPE} bytes")
    return name
