"""What one vault holds, in the memory of one process; whoever uses it holds a lock."""

from collections.abc import Collection, Iterable, Sequence

from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.base import Entity, Entry, Hit, Keys, Text
from langchain_secguard.vault.claims import Claims
from langchain_secguard.vault.phrases import PhraseIndex, fold, fold_case, folded_words, phrase_keys

_FEW = 32
"""Up to this many new phrases are tried one by one before a text is searched for all."""

_NONE = Keys()
_NOBODY = 0  # the number under which a surrogate is known


class Grave:
    """What is left of a vault: the highest number given out, and which surrogates were (as hashes)."""

    __slots__ = ("number", "surrogates")

    def __init__(self, number: int, surrogates: frozenset[int]) -> None:
        self.number = number
        self.surrogates = surrogates


class Entries:
    """Hold the entries of one vault, and what is needed to number, link, find and erase them.

    Args:
        grave: What is left of a vault of the same name.
        buried: Hashes of surrogates that nobody may have again; it grows with the store.
        born: The generation at which the vault begins.
        now: The time of its first use.
    """

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

    def __init__(self, grave: Grave, buried: Collection[int], born: int, now: float) -> None:
        self.entries: dict[Ref, Entry] = {}
        self.surrogates: PhraseIndex[Entry] = PhraseIndex(streamed=True)
        self.used = now
        self.epoch = 0
        self._refs: dict[tuple[str, str], Ref] = {}
        self._numbers: dict[str, int] = {}
        self._floor = grave.number
        self._taken = set(grave.surrogates)
        self._buried = buried
        self._phrases: PhraseIndex[Ref] = PhraseIndex()  # by the value that made each known
        self._keys: dict[Ref, Keys] = {}  # of those that have any
        self._claims: dict[str, Claims] = {}
        self._variants: dict[tuple[str, int], int] = {}
        self._added: list[str] = []
        self._born = born

    @property
    def generation(self) -> int:
        """How many phrases were added, also to vaults before this one."""
        return self._born + len(self._added)

    def grave(self) -> Grave:
        """Return what must outlive the vault."""
        return Grave(max(self._numbers.values(), default=self._floor), frozenset(self._taken))

    def entry(self, entity: Entity) -> Entry:
        """Return the entry of a value, a new one where it has none."""
        ref = self._refs.get((entity.entity_type, entity.value))
        entry = self.entries[ref] if ref else self._add(entity)
        if entity.surrogates and entry.surrogate is None:
            entry = self._disguise(entry, entity.surrogates)
        return entry

    def known(self, spelling: tuple[str, str]) -> Entry | None:
        """Return the entry of an entity type and value, or ``None``."""
        ref = self._refs.get(spelling)
        return self.entries[ref] if ref else None

    def spelled(self, entity_type: str, value: str) -> Entry:
        """Return the entry of what stands at a hit, a new one for a new spelling."""
        known = self.known((entity_type, value))
        if known:
            return known
        like = self._phrases.get(phrase_keys(value)[0])
        return self.entry(Entity(entity_type, value, keys=self._keys.get(like, _NONE) if like else _NONE))

    def hits(self, texts: Sequence[Text]) -> list[list[Hit]]:
        """Find known values in each text."""
        news = {generation: self._news(generation) for generation in {text.generation for text in texts}}
        return [self._search(text, news[text.generation]) for text in texts]

    def _search(self, text: Text, news: Sequence[Sequence[str]] | None) -> list[Hit]:
        if not (self._phrases.has_word_of(text.uncovered()) if news is None else _may_hold(text.text, news)):
            return []
        return [
            Hit(start, end, like.entity_type)
            for start, end, key in self._phrases.find(text.text)
            if text.asks(start, end) and (like := self._phrases.get(key))
        ]

    def _news(self, generation: int) -> list[list[str]] | None:
        """List the words of each phrase added after ``generation``; ``None`` if that is all, or many."""
        if generation < self._born or self.generation - generation > _FEW:
            return None
        return [folded_words(key) for key in self._added[generation - self._born :] if key]

    def erase_value(self, value: str) -> int:
        """Erase the entries of ``value``, and what is linked to it; return how many there were."""
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
            fakes = phrase_keys(entry.surrogate or "")
            gone.update(fakes)
            for key in fakes:
                self.surrogates.remove(key)
        self._forget(gone)
        for entry in self.entries.values():  # "(Jane Doe)" was known by the words of "Jane Doe"
            self._learn(gone.intersection(phrase_keys(entry.value)), entry.ref)
            if entry.surrogate:  # so was a fake by those of somebody who is really called so
                nobody = Ref(entry.ref.entity_type, _NOBODY)
                self._learn(gone.intersection(phrase_keys(entry.surrogate)), nobody)
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

    def _add(self, entity: Entity) -> Entry:
        ref = self._linked(entity) or self._numbered(entity)
        entry = Entry(ref, entity.value)
        self.entries[ref] = entry
        self._refs[entity.entity_type, entity.value] = ref
        if entity.keys is not _NONE and any(entity.keys):
            self._keys[ref] = entity.keys
        self._learn(phrase_keys(entity.value), ref)
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
                self._learn(
                    keys, Ref(entry.ref.entity_type, _NOBODY)
                )  # a user who types it means somebody else
                break
        return entry

    def _learn(self, keys: Iterable[str], ref: Ref) -> None:
        for key in keys:
            if key not in self._phrases:
                self._phrases.add(key, ref)
                self._added.append(key)

    def _forget(self, keys: Collection[str]) -> None:
        for key in keys:
            self._phrases.remove(key)
        self._added = ["" if key in keys else key for key in self._added]


def _may_hold(text: str, news: Iterable[Sequence[str]]) -> bool:
    """Tell whether ``text`` holds all words of a phrase, or what looks like them."""
    folded = fold_case(text)
    begun = [words for words in news if words[0] in folded]
    return any(all(word in folded for word in words) for words in begun)
