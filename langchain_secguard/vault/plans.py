"""What a vault store over a ledger does, without I/O: plans that yield requests and are sent replies."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.base import Assignment, Entity, Entry, Finding, Hit, Text
from langchain_secguard.vault.codec import Codec
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    ListRows,
    ListSurrogates,
    LookUp,
    Offer,
    Record,
    Reply,
    Request,
    Row,
    Settle,
    State,
)
from langchain_secguard.vault.phrases import fold, folded_words, phrase_keys
from langchain_secguard.vault.search import Search, phrases_of

T = TypeVar("T")
Plan: TypeAlias = Generator[Request, Reply, T]
Spelling: TypeAlias = tuple[str, str]
"""An entity type and a value as it is written."""


class Hint(NamedTuple):
    """Guess what saves a round trip where it is right, and costs one where it is wrong.

    ``words`` is the length of the vault's longest phrase, and ``numbers`` has the highest number of each
    entity type.
    """

    words: int = 4
    numbers: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold what one search came to: ``spelled`` has the entries that were seen, as they are written."""

    state: State
    entries: list[Entry]
    hits: list[list[Hit]]
    spelled: dict[Spelling, Entry] = field(repr=False)


class Plans:
    """Plan the methods of a store for the vaults of a ledger, whose values ``codec`` writes."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def assign(
        self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text], hint: Hint
    ) -> Plan[Assignment]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.assign`.

        It is one request, and another where a known value stands in a text in a spelling that is new.
        """
        found = yield from self._search(vault_id, entities, texts, hint)
        marked = _spellings(texts, found.hits)
        new = [Entity(*spelling) for spelling in marked if spelling not in found.spelled]
        if new:
            _, entries = yield from self._settle(vault_id, new, hint)
            found.spelled.update(_by_spelling(entries))
        known = {spelling: found.spelled[spelling] for spelling in marked}
        return Assignment(found.entries, found.hits, known, found.state.generation, found.state.epoch)

    def find(self, vault_id: str, texts: Sequence[Text], hint: Hint) -> Plan[Finding]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.find`."""
        found = yield from self._search(vault_id, (), texts, hint, read_only=True)
        known = {
            spelling: found.spelled[spelling]
            for spelling in _spellings(texts, found.hits)
            if spelling in found.spelled
        }
        return Finding(found.hits, known, found.state.generation, found.state.epoch)

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> Plan[list[Entry | None]]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.lookup`."""
        reply = yield LookUp(refs)
        return [self._entry(vault_id, row) for row in reply.rows]

    def surrogates(self, vault_id: str, *, epoch: int, after: int) -> Plan[tuple[State, list[Entry]]]:
        """Plan what a copy of the surrogates lacks, of which it has the first ``after`` of ``epoch``."""
        reply = yield ListSurrogates(epoch, after)
        return reply.state, self._entries(vault_id, reply.rows)

    def entries(self, vault_id: str) -> Plan[list[Entry]]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.entries`."""
        reply = yield ListRows()
        return self._entries(vault_id, reply.rows)

    def erase(self) -> Plan[int]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.erase`."""
        return (yield Erase()).erased

    def erase_value(self, vault_id: str, value: str) -> Plan[int]:
        """Plan :meth:`~langchain_secguard.vault.VaultStore.erase_value`."""
        (key,) = self._codec.keys(vault_id, "folded", [fold(value)])
        return (yield EraseValue(key)).erased

    def _search(
        self,
        vault_id: str,
        entities: Sequence[Entity],
        texts: Sequence[Text],
        hint: Hint,
        *,
        read_only: bool = False,
    ) -> Plan[_Found]:
        """Settle ``entities``, and look known values up: again only if phrases are longer than guessed."""
        search = Search(texts)
        words = max([hint.words, *(_words(entity.value) for entity in entities)])
        asked = search.phrases(words)
        question = Settle((), self._codec.keys(vault_id, "phrase", asked), search.since, read_only)
        reply, entries = yield from self._settle(vault_id, entities, hint, question)
        known = dict(zip(asked, reply.known, strict=True))
        if reply.added is None or reply.state.words > words:
            asked = search.phrases(max(words, reply.state.words), all_texts=reply.added is None)
            again = yield Settle((), self._codec.keys(vault_id, "phrase", asked), 0, read_only)
            known |= zip(asked, again.known, strict=True)
        added = self._entries(vault_id, reply.added or ())
        seen = self._entries(vault_id, [row for one in known.values() if one for row in one.rows])
        types = {phrase: one.entity_type for phrase, one in known.items() if one}
        return _Found(
            reply.state,
            entries,
            search.hits(types, phrases_of(added)),
            _by_spelling([*added, *seen, *entries]),
        )

    def _settle(
        self, vault_id: str, entities: Sequence[Entity], hint: Hint, question: Settle | None = None
    ) -> Plan[tuple[Reply, list[Entry]]]:
        """Settle entities, and fill the rows that are new under a ref that was not foreseen."""
        offered = [_offered(entity) for entity in entities]
        records = self._records(vault_id, entities, offered, hint.numbers)
        reply = yield (question or Settle())._replace(records=records)
        rows = [row for row in reply.rows if row is not None]
        lacking = {
            row.ref: self._filled(vault_id, row, entity.value, surrogates)
            for row, entity, surrogates in zip(rows, entities, offered, strict=True)
            if row.value is None or (row.offer is not None and row.surrogate is None)
        }
        if lacking:
            filled = yield Fill(list(lacking.values()))
            now = {row.ref: row for row in filled.rows if row is not None}
            rows = [now.get(row.ref, row) for row in rows]
        return reply, self._entries(vault_id, rows)

    def _filled(self, vault_id: str, row: Row, value: str, surrogates: Sequence[str]) -> Row:
        surrogate = None if row.offer is None else surrogates[row.offer]
        return Row(
            row.ref,
            self._codec.encode(vault_id, row.ref, value),
            None if surrogate is None else self._codec.encode(vault_id, row.ref, surrogate),
        )

    def _records(
        self,
        vault_id: str,
        entities: Sequence[Entity],
        offered: Sequence[Sequence[str]],
        numbers: Mapping[str, int],
    ) -> list[Record]:
        values = [entity.value for entity in entities]
        identities = self._codec.keys(
            vault_id, "identity", [f"{name}\0{value}" for name, value, *_ in entities]
        )
        folds = self._codec.keys(vault_id, "folded", map(fold, values))
        phrases = self._keys_of_each(vault_id, map(phrase_keys, values))
        offers = [self._offers(vault_id, surrogates) for surrogates in offered]
        expected = _foreseen(entities, numbers) if self._codec.bound else [None] * len(entities)
        return [
            Record(
                entity.entity_type,
                identity,
                folded,
                self._codec.encode(vault_id, ref, entity.value),
                keys,
                max(map(_words, (entity.value, *surrogates))),
                offer,
                expected=ref,
            )
            for entity, identity, folded, keys, surrogates, offer, ref in zip(
                entities, identities, folds, phrases, offered, offers, expected, strict=True
            )
        ]

    def _offers(self, vault_id: str, surrogates: Sequence[str]) -> tuple[Offer, ...]:
        if not surrogates:
            return ()
        marks = self._codec.keys(vault_id, "mark", map(fold, surrogates))
        phrases = self._keys_of_each(vault_id, map(phrase_keys, surrogates))
        values = [
            None if self._codec.bound else self._codec.encode(vault_id, None, surrogate)
            for surrogate in surrogates
        ]
        return tuple(map(Offer, values, marks, phrases))

    def _keys_of_each(self, vault_id: str, phrases: Iterable[Sequence[str]]) -> list[tuple[bytes, ...]]:
        listed = list(phrases)
        keys = iter(self._codec.keys(vault_id, "phrase", [phrase for own in listed for phrase in own]))
        return [tuple(next(keys) for _ in own) for own in listed]

    def _entries(self, vault_id: str, rows: Iterable[Row | None]) -> list[Entry]:
        entries = (self._entry(vault_id, row) for row in rows)
        return [entry for entry in entries if entry is not None]

    def _entry(self, vault_id: str, row: Row | None) -> Entry | None:
        """Read a row; one that was not filled, because its writer ended first, was never given to anybody."""
        if row is None or row.value is None:
            return None
        value = self._codec.decode(vault_id, row.ref, row.value)
        surrogate = None if row.surrogate is None else self._codec.decode(vault_id, row.ref, row.surrogate)
        return Entry(row.ref, value, surrogate)


def _offered(entity: Entity) -> list[str]:
    """List the surrogates that can be found again in a text."""
    return [surrogate for surrogate in entity.surrogates if phrase_keys(surrogate)]


def _foreseen(entities: Iterable[Entity], numbers: Mapping[str, int]) -> list[Ref | None]:
    """Guess the refs of entities as if all were new."""
    last = dict(numbers)
    refs: list[Ref | None] = []
    for entity in entities:
        last[entity.entity_type] = last.get(entity.entity_type, 0) + 1
        refs.append(Ref(entity.entity_type, last[entity.entity_type]))
    return refs


def _words(value: str) -> int:
    return len(folded_words(value)) if phrase_keys(value) else 0


def _spellings(texts: Sequence[Text], hits: Iterable[Iterable[Hit]]) -> list[Spelling]:
    """List the types and spellings of the known values that stand at ``hits``."""
    marked = (
        (hit.entity_type, text.text[hit.start : hit.end])
        for text, own in zip(texts, hits, strict=True)
        for hit in own
    )
    return list(dict.fromkeys(marked))


def _by_spelling(entries: Iterable[Entry]) -> dict[Spelling, Entry]:
    return {(entry.ref.entity_type, entry.value): entry for entry in entries}
