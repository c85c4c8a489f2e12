"""What a vault store over a ledger does, without I/O: plans that yield requests and are sent replies."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeAlias, TypeVar

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.lru import Lru
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.base import Assignment, Entity, Entry, Finding, Hit, Text, settling_order
from langchain_secguard.vault.codec import Codec, KeyKind
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    ListRows,
    ListSurrogates,
    LookUp,
    Offer,
    Recall,
    Record,
    Reply,
    Request,
    Reseal,
    Row,
    Settle,
    State,
)
from langchain_secguard.vault.phrases import count_words, fold, phrase_keys
from langchain_secguard.vault.search import Search, Taught, taught_by

T = TypeVar("T")
Plan: TypeAlias = Generator[Request, Reply, T]
Spelling: TypeAlias = tuple[str, str]
"""An entity type and a value as it is written."""


_Answer: TypeAlias = tuple[Reply, list[Entry]]
_Ask: TypeAlias = Callable[[Settle], Plan[_Answer | None]]
"""Adds what is to be settled or recalled to a question; ``None`` where not all was there to be recalled."""

_Links: TypeAlias = tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]]


class Hint(NamedTuple):
    """Guess what saves a round trip where it is right, and costs one where it is wrong.

    ``words`` is the length of the vault's longest phrase, and ``numbers`` has the highest number of each
    entity type. ``recent`` has the keys of values that were settled a while ago: ``folded`` by ``identity``.
    """

    words: int = 4
    numbers: Mapping[str, int] = {}
    recent: Lru[bytes, bytes] = Lru(0)


class _Wanted(NamedTuple):
    """Ask for the entry of an entity, with the keys of the row ``like`` if it is given.

    ``phrases`` are those of its value, of at most ``words`` words, which those of its surrogates, the ones
    that can be found again in a text, are not above either.
    """

    entity: Entity
    phrases: tuple[str, ...]
    surrogates: Sequence[str]
    words: int
    like: Ref | None


def _want(entity: Entity, like: Ref | None = None) -> _Wanted:
    phrases = phrase_keys(entity.value)
    surrogates = [one for one in entity.surrogates if phrase_keys(one)] if entity.surrogates else ()
    words = max(map(count_words, (*phrases[:1], *surrogates)), default=0)
    return _Wanted(entity, phrases, surrogates, words, like)


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold what one search came to: ``spelled`` has the entries that were seen, as they are written."""

    state: State
    entries: list[Entry]
    hits: list[list[Hit]]
    marked: dict[Spelling, Taught] = field(repr=False)
    spelled: dict[Spelling, Entry] = field(repr=False)


class Plans:
    """Plan the methods of a store for the vaults of a ledger, whose values ``codec`` writes."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def assign(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text], hint: Hint
    ) -> Plan[Assignment]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.assign`.

        It is one request, and another where a known value stands in a text in a spelling that is new.
        """
        found = None
        recalled = self._recalled(vault_id, entities, hint)
        if recalled:
            ask = partial(self._recall, vault_id, entities, recalled)
            found = yield from self._search(vault_id, ask, texts, hint.words)
        if found is None:
            found = yield from self._search_new(vault_id, entities, texts, hint)
        new = [
            _want(Entity(*spelling), taught.teacher)
            for spelling, taught in found.marked.items()
            if spelling not in found.spelled
        ]
        if new:
            _, entries = yield from self._settle(vault_id, new, hint, Settle())
            found.spelled.update(_by_spelling(entries))
        return Assignment(
            found.entries,
            found.hits,
            {spelling: found.spelled[spelling] for spelling in found.marked},
            found.state.generation,
            found.state.epoch,
        )

    def find(self, vault_id: str, texts: Sequence[Text], hint: Hint) -> Plan[Finding]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.find`."""
        ask = partial(self._settle, vault_id, (), hint)
        found = yield from self._search(vault_id, ask, texts, hint.words, read_only=True)
        assert found is not None  # noqa: S101 - only what is recalled may be missing
        known = {spelling: found.spelled[spelling] for spelling in found.marked if spelling in found.spelled}
        return Finding(found.hits, known, found.state.generation, found.state.epoch)

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> Plan[list[Entry | None]]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.lookup`.

        A row is bound to its ref, but it is the database that says which row stands where.
        """
        reply = yield LookUp(refs)
        entries: list[Entry | None] = []
        for ref, row in zip(refs, reply.rows, strict=True):
            if row is not None and row.ref != ref:
                raise VaultDecryptionError(
                    f"an entry of the vault {vault_id!r} was copied from another place: restore the vault "
                    "from a backup, or erase it"
                )
            entries.append(self._entry(vault_id, row))
        return entries

    def surrogates(self, vault_id: str, *, epoch: int, after: int) -> Plan[tuple[State, list[Entry]]]:
        """Plan what a copy of the surrogates lacks, of which it has the first ``after`` of ``epoch``."""
        reply = yield ListSurrogates(epoch, after)
        return reply.state, self.read(vault_id, reply.rows)

    def entries(self, vault_id: str) -> Plan[list[Entry]]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.entries`."""
        reply = yield ListRows()
        return self.read(vault_id, reply.rows)

    def erase(self, vault_id: str) -> Plan[int]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.erase`.

        It needs no key, and takes away a seal whose key is lost, so that the vault can be used again.
        """
        reply = yield Erase()
        if reply.seal is not None and not self.codec.opens(vault_id, reply.seal):
            yield Reseal(reply.seal, b"")
        return reply.erased

    def erase_value(self, vault_id: str, value: str) -> Plan[int]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.erase_value`."""
        (key,) = self.codec.keys(vault_id, "folded", [fold(value)])
        return (yield EraseValue(key)).erased

    def _search_new(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text], hint: Hint
    ) -> Plan[_Found]:
        """Settle entities in their order, new ones too, and look known values up."""
        order = settling_order(entities)
        wanted = [_want(entities[position]) for position in order]
        words = max([hint.words, *(one.words for one in wanted)])
        found = yield from self._search(vault_id, partial(self._settle, vault_id, wanted, hint), texts, words)
        assert found is not None  # noqa: S101 - every record has a row
        settled = dict(zip(order, found.entries, strict=True))
        found.entries[:] = [settled[position] for position in range(len(order))]
        return found

    def _search(
        self, vault_id: str, ask: _Ask, texts: Sequence[Text], words: int, *, read_only: bool = False
    ) -> Plan[_Found | None]:
        """Ask for entries, and look known values up: again only if phrases are longer than ``words``."""
        if not texts:
            answer = yield from ask(Settle(read_only=read_only))
            return answer and _Found(answer[0].state, answer[1], [], {}, {})
        search = Search(texts)
        asked, keys = self._asked(vault_id, search.phrases(words))
        answer = yield from ask(Settle((), keys, search.since, read_only))
        if answer is None:
            return None
        reply, entries = answer
        known = dict(zip(asked, reply.known, strict=True))
        added = self._added(vault_id, reply, entries)
        if added is None or reply.state.words > words:
            more = search.phrases(max(words, reply.state.words), all_texts=added is None)
            asked, keys = self._asked(vault_id, more)
            again = yield Settle((), keys, 0, read_only)
            known |= zip(asked, again.known, strict=True)
        added = added or []
        seen = self.read(vault_id, [row for one in known.values() if one for row in one.rows])
        taught = {phrase: Taught(one.entity_type, one.teacher) for phrase, one in known.items() if one}
        marks = search.marks(taught, taught_by(added))
        return _Found(
            reply.state,
            entries,
            [[hit for hit, _ in own] for own in marks],
            _spellings(texts, marks),
            _by_spelling([*added, *seen, *entries]),
        )

    def _added(self, vault_id: str, reply: Reply, entries: Iterable[Entry]) -> list[Entry] | None:
        """Read what was added; ``None`` where that is not known, or another writer has not filled it yet."""
        if not reply.added:
            return None if reply.added is None else []
        settled = {entry.ref: entry for entry in entries}
        added = [settled.get(row.ref) or self._entry(vault_id, row) for row in reply.added]
        return None if None in added else [entry for entry in added if entry]

    def _asked(self, vault_id: str, phrases: list[str]) -> tuple[Sequence[str], Sequence[bytes]]:
        """Make the keys of phrases; encrypted, they are asked for in no order of the text's."""
        keys = self.codec.keys(vault_id, "phrase", phrases)
        if not (self.codec.bound and phrases):
            return phrases, keys
        keys, phrases = map(list, zip(*sorted(zip(keys, phrases, strict=True)), strict=True))
        return phrases, keys

    def _recalled(
        self, vault_id: str, entities: Sequence[Entity], hint: Hint
    ) -> list[tuple[bytes, bytes]] | None:
        """Make the keys of entities that were all settled a while ago; ``None`` where they were not."""
        texts = [f"{one.entity_type}\0{one.value}" for one in entities]
        recalled: list[tuple[bytes, bytes]] = []
        for identity in self.codec.keys(vault_id, "identity", texts):
            folded = hint.recent.get(identity)
            if folded is None:
                return None
            recalled.append((identity, folded))
        return recalled

    def _recall(
        self,
        vault_id: str,
        entities: Sequence[Entity],
        recalled: Sequence[tuple[bytes, bytes]],
        question: Settle,
    ) -> Plan[_Answer | None]:
        """Ask for the entries of values that the vault had; ``None`` where it lacks one, or a part of it."""
        reply = yield Recall(recalled, question.phrases, question.since)
        entries: list[Entry] = []
        for row, entity in zip(reply.rows, entities, strict=True):
            if row is None or row.value is None or (entity.surrogates and row.surrogate is None):
                return None
            entries.append(self._settled(vault_id, row, entity.value))
        return reply, entries

    def _settle(
        self, vault_id: str, wanted: Sequence[_Wanted], hint: Hint, question: Settle
    ) -> Plan[_Answer]:
        """Settle what is wanted, and fill the rows that are new under a ref that was not foreseen."""
        records = self._records(vault_id, wanted, hint.numbers)
        reply = yield question._replace(records=records)
        entries, lacking = [], []
        for row, one, record in zip(reply.rows, wanted, records, strict=True):
            assert row is not None  # noqa: S101 - every record has a row
            entry = self._settled(vault_id, row, one.entity.value, one.surrogates)
            if entry.surrogate is not None or not one.entity.surrogates:
                hint.recent.put(record.identity, record.folded)
            entries.append(entry)
            if row.value is None or (row.offer is not None and row.surrogate is None):
                lacking.append(self._filled(vault_id, entry))
        if lacking:
            filled = yield Fill(lacking)
            now = {entry.ref: entry for entry in self.read(vault_id, filled.rows)}
            entries = [now.get(entry.ref, entry) for entry in entries]
        return reply, entries

    def _settled(self, vault_id: str, row: Row, value: str, offered: Sequence[str] = ()) -> Entry:
        """Make the entry of a row whose value is known, since it was asked for.

        What is encrypted is read all the same: whoever can write to the database could lead to another row.
        """
        kept = row.value if self.codec.bound else None
        if kept is not None and self.codec.decode(vault_id, row.ref, "value", kept) != value:
            raise VaultDecryptionError(
                f"an entry of the vault {vault_id!r} holds another value than it is found by: the database "
                "was changed"
            )
        if row.offer is not None:
            return Entry(row.ref, value, offered[row.offer])
        return Entry(row.ref, value, self._surrogate(vault_id, row))

    def _surrogate(self, vault_id: str, row: Row) -> str | None:
        kept = row.surrogate
        return None if kept is None else self.codec.decode(vault_id, row.ref, "surrogate", kept)

    def _filled(self, vault_id: str, entry: Entry) -> Row:
        encode, surrogate = self.codec.encode, entry.surrogate
        kept = None if surrogate is None else encode(vault_id, entry.ref, "surrogate", surrogate)
        return Row(entry.ref, encode(vault_id, entry.ref, "value", entry.value), kept)

    def _records(self, vault_id: str, wanted: Sequence[_Wanted], numbers: Mapping[str, int]) -> list[Record]:
        if not wanted:
            return []
        entities = [one.entity for one in wanted]
        keys = self.codec.keys
        identities = keys(vault_id, "identity", [f"{one.entity_type}\0{one.value}" for one in entities])
        folds = keys(vault_id, "folded", [fold(one.value) for one in entities])
        phrases = self._keys_of_each(vault_id, "phrase", [one.phrases for one in wanted])
        links = self._links(vault_id, entities)
        expected = _foreseen(entities, numbers) if self.codec.bound else [None] * len(entities)
        return [
            Record(
                one.entity.entity_type,
                identities[position],
                folds[position],
                self.codec.encode(vault_id, expected[position], "value", one.entity.value),
                phrases[position],
                one.words,
                self._offers(vault_id, expected[position], one.surrogates),
                *links[position],
                like=one.like,
                expected=expected[position],
            )
            for position, one in enumerate(wanted)
        ]

    def _links(self, vault_id: str, entities: Sequence[Entity]) -> list[_Links]:
        """Make the claims, the references and what speaks against them, of each entity."""
        named = [[f"{one.entity_type}\0{key}" for key in keys] for one in entities for keys in one.keys]
        once = list(dict.fromkeys(text for own in named for text in own))  # most refer to what they claim
        made = dict(zip(once, self.codec.keys(vault_id, "claim", once), strict=True))
        keys = [tuple([made[text] for text in own]) for own in named]
        return list(zip(keys[::3], keys[1::3], keys[2::3], strict=True))

    def _offers(self, vault_id: str, ref: Ref | None, surrogates: Sequence[str]) -> tuple[Offer, ...]:
        if not surrogates:
            return ()
        marks = self.codec.keys(vault_id, "mark", map(fold, surrogates))
        phrases = self._keys_of_each(vault_id, "phrase", list(map(phrase_keys, surrogates)))
        values = [self.codec.encode(vault_id, ref, "surrogate", surrogate) for surrogate in surrogates]
        return tuple(map(Offer, values, marks, phrases))

    def _keys_of_each(
        self, vault_id: str, kind: KeyKind, texts: Sequence[Sequence[str]]
    ) -> list[tuple[bytes, ...]]:
        keys = iter(self.codec.keys(vault_id, kind, [text for own in texts for text in own]))
        return [tuple(islice(keys, len(own))) for own in texts]

    def read(self, vault_id: str, rows: Iterable[Row | None]) -> list[Entry]:
        """Read the entries of rows; one that is missing, or was never filled, has none."""
        entries = (self._entry(vault_id, row) for row in rows)
        return [entry for entry in entries if entry is not None]

    def _entry(self, vault_id: str, row: Row | None) -> Entry | None:
        """Read a row; one that was not filled, because its writer ended first, was never given to anybody."""
        if row is None:
            return None
        ref, kept, fake, _ = row
        if kept is None:
            return None
        value = self.codec.decode(vault_id, ref, "value", kept)
        return Entry(
            ref, value, None if fake is None else self.codec.decode(vault_id, ref, "surrogate", fake)
        )


def _foreseen(entities: Iterable[Entity], numbers: Mapping[str, int]) -> list[Ref | None]:
    """Guess the refs of entities as if all were new."""
    last = dict(numbers)
    refs: list[Ref | None] = []
    for entity in entities:
        last[entity.entity_type] = last.get(entity.entity_type, 0) + 1
        refs.append(Ref(entity.entity_type, last[entity.entity_type]))
    return refs


def _spellings(
    texts: Sequence[Text], marks: Iterable[Iterable[tuple[Hit, Taught]]]
) -> dict[Spelling, Taught]:
    """List the types and spellings of the known values that were marked."""
    return {
        (hit.entity_type, text.text[hit.start : hit.end]): taught
        for text, own in zip(texts, marks, strict=True)
        for hit, taught in own
    }


def _by_spelling(entries: Iterable[Entry]) -> dict[Spelling, Entry]:
    return {(entry.ref.entity_type, entry.value): entry for entry in entries}
