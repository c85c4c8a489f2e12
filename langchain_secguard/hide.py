"""How the texts of one call are hidden: which spans, behind what, in as few round trips as can be.

:meth:`Hider.hide` does no I/O: it is a generator that asks for what it needs, so that the sync and the async
driver cannot drift apart.
"""

import itertools
import re
import weakref
from bisect import bisect_right
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from langchain_secguard.content import Kind
from langchain_secguard.detect.base import Span
from langchain_secguard.errors import BlockedError
from langchain_secguard.find import Finder, digest
from langchain_secguard.hidden import Hidden, Leaf, Page, Spelling
from langchain_secguard.json_text import Edit, apply
from langchain_secguard.links import PERSON, link_keys, traits_before
from langchain_secguard.lru import Lru
from langchain_secguard.placeholders import Form
from langchain_secguard.settle import PolicyOf
from langchain_secguard.spellings import Reading, unescaped
from langchain_secguard.surrogates import Surrogates
from langchain_secguard.vault import Assignment, Entity, Entry, Hit, Keys, PhraseIndex, Text, Vault


class _Same(weakref.ref[Any]):
    """Stand for one object in a key, whether or not it can be hashed itself, and keep it no longer alive."""

    __slots__ = ("_id",)

    def __init__(self, thing: object) -> None:
        self._id = id(thing)

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Same) and self() is not None and self() is other())


@dataclass(frozen=True, slots=True)
class Detect:
    """Ask for the spans to hide in each text, by digest."""

    texts: Mapping[bytes, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """Ask the vault for an assignment."""

    entities: Sequence[Entity]
    texts: Sequence[Text] = ()


@dataclass(frozen=True, slots=True)
class AskSurrogates:
    """Ask the vault for its surrogates."""


Step: TypeAlias = Detect | Assign | AskSurrogates


class _Remembered(NamedTuple):
    """What is kept of a page between calls: nothing of its text."""

    generation: int
    spans: Sequence[Span]
    edits: Sequence[Edit] | None
    epoch: int
    escaped: bool


@dataclass(slots=True)
class _Want:
    """What is known of a value that needs an entry.

    ``fresh`` tells whether it stands in a text that is new to the vault; ``traits`` are what titles before it
    tell.
    """

    fresh: bool = False
    traits: frozenset[str] = frozenset()


class Hider:
    """Hide texts under one set of policies.

    Args:
        finder: Tells what is to be hidden in a text, whatever the vault.
        policy_of: Gives the policy of an entity type.
        form: Writes placeholders.
        surrogates: Makes fakes; needed where a policy is ``"surrogate"``.
        cache_size: How many texts are remembered, as keyed hashes.
        link_names: Link other ways to write a name to it.
    """

    def __init__(
        self,
        finder: Finder,
        policy_of: PolicyOf,
        *,
        form: Form,
        surrogates: Surrogates | None,
        cache_size: int,
        link_names: bool = True,
    ) -> None:
        self.finder = finder
        self._policy_of = policy_of
        self._form = form
        self._surrogates = surrogates
        self._link_names = link_names
        self._pages: Lru[tuple[int, bytes], _Remembered] = Lru(cache_size)
        self._scopes: Lru[tuple[_Same, str, int], int] = Lru(cache_size)
        self._numbers = itertools.count()

    def hide(
        self, leaves: Iterable[Leaf], vault: Vault, found: dict[str, Page] | None = None
    ) -> Generator[Step, Any, Hidden]:
        """Hide ``leaves`` in ``vault``; ``found`` is given what each text holds, also if hiding then fails.

        Raises:
            BlockedError: A leaf holds an entity whose policy is ``"block"``.
            DetectorError: The detector gave spans that do not fit the texts.
        """
        leaves = list(dict.fromkeys(leaves))
        texts = {digest(text): text for text, _ in leaves}
        types, scope = self.finder.types, self._scope(vault)
        pages, read = yield from self._find(texts, scope)
        if types != self.finder.types:  # one was seen for the first time
            scope = self._scope(vault)
            pages, again = yield from self._find(texts, scope)
            read = min(len(pages), read + again)
        if found is not None:
            found.update(pages)
        self._refuse(pages.values())
        wanted = self._wanted(leaves, pages)
        entries = yield from self._assign(leaves, pages, wanted)
        index = (yield AskSurrogates()) if any(entry.surrogate for entry in entries.values()) else None
        written = self._placeholders(entries, vault.vault_id)
        edits = {leaf: self._edits(leaf, pages[leaf[0]], written, entries, index) for leaf in leaves}
        for key, page in zip(texts, pages.values(), strict=True):
            if page.edits is None and index is None and self._tokenizes(page.spans):
                page.edits = edits.get((page.text, "text"))
            self._pages.put(
                (scope, key), _Remembered(page.generation, page.spans, page.edits, page.epoch, page.escaped)
            )
        return Hidden(edits, _counts(pages.values()), len(pages) - read, read, written)

    def _find(
        self, texts: Mapping[bytes, str], scope: int
    ) -> Generator[Step, Any, tuple[dict[str, Page], int]]:
        pages = {key: self._pages.get((scope, key)) for key in texts}
        spans = {key: self.finder.known(key) for key, page in pages.items() if page is None}
        unread = {key: texts[key] for key, known in spans.items() if known is None}
        learned = (yield Detect(unread)) if unread else {}
        return {
            text: Page(text, page.spans, page.generation, page.edits, page.epoch, page.escaped, fresh=False)
            if (page := pages[key])
            else Page(text, spans[key] or learned.get(key, ()))
            for key, text in texts.items()
        }, len(unread)

    def _tokenizes(self, spans: Iterable[Span]) -> bool:
        """Tell whether nothing but placeholders stands for ``spans``: no tail of a value that may be kept."""
        types = {span.entity_type for span in spans}
        return all(self._policy_of(entity_type).action == "tokenize" for entity_type in types)

    def _scope(self, vault: Vault) -> int:
        """Number a vault, so that what is remembered of its texts has keys that are quick to compare.

        With another entity type it has another number: more of a text may look like a placeholder then.
        """
        key = (_Same(vault.store), vault.vault_id, self.finder.types)
        scope = self._scopes.get(key)
        if scope is None:
            scope = next(self._numbers)
            self._scopes.put(key, scope)
        return scope

    def _refuse(self, pages: Iterable[Page]) -> None:
        counts = _counts(pages).items()
        blocked = {name: count for name, count in counts if self._policy_of(name).action == "block"}
        if blocked:
            listed = ", ".join(f"{name} ({count})" for name, count in sorted(blocked.items()))
            raise BlockedError(
                f"The text holds what a policy blocks: {listed}. Nothing was sent.",
                scores=dict.fromkeys(blocked, 1.0),
            )

    def _wanted(self, leaves: Iterable[Leaf], pages: Mapping[str, Page]) -> dict[Spelling, _Want]:
        """List the values that need an entry."""
        wanted: dict[Spelling, _Want] = {}
        reversible = {name for name in _counts(pages.values()) if self._policy_of(name).reversible}
        for text, kind in leaves:
            page = pages[text]
            if kind == "scalar" or (kind == "text" and page.edits is not None):
                continue
            for span in _spans(page, kind):
                if span.entity_type in reversible:
                    want = wanted.setdefault((span.entity_type, text[span.start : span.end]), _Want())
                    want.fresh |= page.fresh
                    if span.entity_type == PERSON and self._link_names:
                        want.traits |= traits_before(text, span.start)
        return wanted

    def _assign(
        self, leaves: Sequence[Leaf], pages: Mapping[str, Page], wanted: Mapping[Spelling, _Want]
    ) -> Generator[Step, Any, dict[Spelling, Entry]]:
        """Ask the vault, once unless what it knows changes what is to be hidden."""
        entities = [
            self._entity(spelling, want, pages if want.fresh else ()) for spelling, want in wanted.items()
        ]
        readings = [(page, reading) for page in pages.values() if (reading := _reading(page))]
        asked = [_question(page) for page in pages.values()]
        asked += [Text(reading.text, page.generation) for page, reading in readings]
        assignment: Assignment = yield Assign(entities, asked)
        hits = dict(zip(pages, assignment.hits, strict=False))
        for (page, reading), others in zip(readings, assignment.hits[len(pages) :], strict=True):
            new = [_origin(hit, reading) for hit in others if self._is_wanted(reading.text, hit)]
            hits[page.text] = [*hits[page.text], *(hit for hit in new if not _is_covered(hit, page.spans))]
        entries = dict(zip(wanted, assignment.entries, strict=True)) | assignment.known
        stale = False
        for page in pages.values():
            self._look_over(page, hits[page.text])
            if page.edits is not None and page.epoch != assignment.epoch:
                page.edits, stale = None, True
            page.generation, page.epoch = assignment.generation, assignment.epoch
        if stale or any(hits.values()):
            self._refuse(pages.values())
            wanted = self._wanted(leaves, pages)
        lacking = [
            self._entity(spelling, want, pages)
            for spelling, want in wanted.items()
            if spelling not in entries or (self._surrogates and self._lacks_surrogate(entries[spelling]))
        ]
        if lacking:
            again: Assignment = yield Assign(lacking)
            if not assignment.epoch:  # there was no vault, so all entries are of the one that begins now
                for page in pages.values():
                    page.epoch = again.epoch
            entries |= {
                (entity.entity_type, entity.value): entry
                for entity, entry in zip(lacking, again.entries, strict=True)
            }
        return entries

    def _entity(self, spelling: Spelling, want: _Want, texts: Iterable[str]) -> Entity:
        keys = link_keys(*spelling, want.traits) if self._link_names else Keys()
        if self._surrogates and texts and self._policy_of(spelling[0]).action == "surrogate":
            visible = (*texts, *self.finder.allowed)
            return Entity(*spelling, self._surrogates.candidates(*spelling, visible), keys)
        return Entity(*spelling, keys=keys)

    def _lacks_surrogate(self, entry: Entry) -> bool:
        return entry.surrogate is None and self._policy_of(entry.ref.entity_type).action == "surrogate"

    def _look_over(self, page: Page, hits: Sequence[Hit]) -> None:
        """Add the places of values that the vault knows and the detector did not mark."""
        new = [Span(hit.start, hit.end, hit.entity_type) for hit in hits if self._is_wanted(page.text, hit)]
        if new:
            page.spans = tuple(self.finder.settle(page.text, [*page.spans, *new]))
            page.edits = None

    def _is_wanted(self, text: str, hit: Hit) -> bool:
        policy = self._policy_of(hit.entity_type)
        return policy.action != "allow" and not self.finder.is_allowed(text[hit.start : hit.end])

    def _placeholders(self, entries: Mapping[Spelling, Entry], vault_id: str) -> dict[Spelling, str]:
        """Write the placeholder of each value that is to come back."""
        reversible = {name for name in {name for name, _ in entries} if self._policy_of(name).reversible}
        return {
            spelling: self._form.mint(entry.ref, vault_id)
            for spelling, entry in entries.items()
            if spelling[0] in reversible
        }

    def _edits(
        self,
        leaf: Leaf,
        page: Page,
        placeholders: Mapping[Spelling, str],
        entries: Mapping[Spelling, Entry],
        surrogates: PhraseIndex[Entry] | None,
    ) -> Sequence[Edit]:
        """Say what stands where in a leaf; a scalar that holds something is changed, and refused for it."""
        text, kind = leaf
        if kind == "text" and page.edits is not None:
            return page.edits
        if kind == "scalar":
            return [(0, len(text), f"[{page.spans[0].entity_type}]")] if page.spans else []
        edits = [
            (span.start, span.end, self._stand_in(text, span, placeholders)) for span in _spans(page, kind)
        ]
        if kind == "name":
            return [(start, end, re.sub(r"\W", "", stand_in)) for start, end, stand_in in edits]
        return edits if surrogates is None else self._disguised(page, edits, entries, surrogates)

    def _stand_in(self, text: str, span: Span, placeholders: Mapping[Spelling, str]) -> str:
        entity_type, value = span.entity_type, text[span.start : span.end]
        placeholder = placeholders.get((entity_type, value))
        return (
            self._policy_of(entity_type).replace(entity_type, value) if placeholder is None else placeholder
        )

    def _disguised(
        self, page: Page, edits: list[Edit], entries: Mapping[Spelling, Entry], index: PhraseIndex[Entry]
    ) -> list[Edit]:
        """Put surrogates in the edits, unless one of them could be read as another's where it would stand."""
        disguised: list[Edit] = []
        meant: list[tuple[int, str]] = []
        shift = 0
        for span, (start, end, stand_in) in zip(page.spans, edits, strict=True):
            fake = self._surrogate(entries.get((span.entity_type, page.text[start:end])))
            if fake:
                meant.append((start + shift, fake))
            disguised.append((start, end, fake or stand_in))
            shift += len(fake or stand_in) - (end - start)
        text = apply(page.text, disguised)
        read = [(match.start, text[match.start : match.end]) for match in index.find(text)]
        return disguised if read == meant else edits

    def _surrogate(self, entry: Entry | None) -> str | None:
        if entry is None or self._policy_of(entry.ref.entity_type).action != "surrogate":
            return None
        return entry.surrogate


def _counts(pages: Iterable[Page]) -> Counter[str]:
    """Count the spans of each entity type."""
    return Counter([span.entity_type for page in pages for span in page.spans])


def _reading(page: Page) -> Reading | None:
    """Undo the escapes of a page; it is remembered of one that it has none."""
    reading = unescaped(page.text) if page.escaped else None
    page.escaped = reading is not None
    return reading


def _origin(hit: Hit, reading: Reading) -> Hit:
    """Place a hit in the text, of which escapes were undone to find it."""
    return Hit(*reading.origin(hit.start, hit.end), hit.entity_type)


def _is_covered(hit: Hit, spans: Sequence[Span]) -> bool:
    position = bisect_right(spans, hit.start, key=lambda span: span.start) - 1
    return position >= 0 and hit.end <= spans[position].end


def _question(page: Page) -> Text:
    """Ask where values that are not hidden yet stand in a page."""
    return Text(page.text, page.generation, tuple([(span.start, span.end) for span in page.spans]))


def _spans(page: Page, kind: Kind) -> Sequence[Span]:
    """Return what is hidden of a page; of a participant's name, which must stay one word, all or nothing."""
    if kind == "name" and page.spans:
        return [Span(0, len(page.text), page.spans[0].entity_type)]
    return page.spans
