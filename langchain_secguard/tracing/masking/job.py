"""One masking of many texts: what is found in each, in as few calls of detector and vaults as can be."""

import re
from collections.abc import Iterable, Mapping, Sequence

from langchain_secguard.find import digest
from langchain_secguard.json_text import Edit, apply
from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.spellings import spellings
from langchain_secguard.tracing.masking.known import Known
from langchain_secguard.tracing.masking.marks import Mark, entity_types, settle_marks
from langchain_secguard.tracing.masking.reading import (
    Readers,
    encoded,
    mark_encoded,
    mark_known,
    named,
    shaped,
)
from langchain_secguard.tracing.masking.scopes import Memory, Remembered, Scope
from langchain_secguard.vault import Text, Vault

_MARGIN = 4096
"""A text that is cut is looked at so many characters further, so that no value is cut in two."""


class Page:
    """Hold one text of a job, and what is to be masked in it.

    ``known`` has a bit for each of the scope's values that was looked for, and ``generations`` tell how far
    each vault was then.
    """

    __slots__ = ("encoded", "fresh", "generations", "key", "known", "loud", "marks", "spellings", "text")

    def __init__(self, text: str, key: bytes, before: Remembered | None, *, loud: bool, vaults: int) -> None:
        self.text = text
        self.key = key
        self.loud = loud
        self.fresh = before is None
        self.spellings = spellings(text)
        self.encoded = encoded(text) if before is None or before.encoded else []
        self.marks: list[Mark] = list(before.marks) if before else []
        self.known = before.known if before else 0
        self.generations = list(before.generations) if before else [0] * vaults


class Job:
    """Mask the texts of one call.

    Args:
        readers: Detect in texts.
        memory: Remembers what was found.
        names: Patterns of names that are always masked.
        most: Texts are cut behind so many characters.
    """

    def __init__(self, readers: Readers, memory: Memory, names: Sequence[re.Pattern[str]], most: int) -> None:
        self._readers = readers
        self._memory = memory
        self._names = names
        self._most = most

    def mask(self, leaves: Mapping[str, bool], sights: Sequence[Sight]) -> dict[str, str]:
        """Map each text to what is written in its place.

        Args:
            leaves: The texts, and whether a detector is to read each.
            sights: What the steps of the run saw.

        Raises:
            DetectorError: The detector failed.
            Exception: A vault's store failed.
        """
        vaults = _vaults(sights)
        values = {value: new for sight in sights for value, new in sight.values.items() if value.strip()}
        scope = self._memory.scope([vault for vault, _ in vaults], self._names_digest())
        pages = [self._page(text, scope, loud=loud, vaults=len(vaults)) for text, loud in leaves.items()]
        self._look_for(values, pages, scope)
        types = entity_types(values.values())
        for number, (vault, form) in enumerate(vaults):
            types |= _ask(vault, form, pages, number)
        self._read([page for page in pages if page.fresh])
        for page in pages:
            remembered = Remembered(
                tuple(page.marks), page.known, tuple(page.generations), bool(page.encoded)
            )
            self._memory.put(scope, page.key, remembered)
        return {text: self._written(text, page, types) for text, page in zip(leaves, pages, strict=True)}

    def _names_digest(self) -> bytes:
        return digest("\0".join(sorted(pattern.pattern for pattern in self._names)))

    def _page(self, text: str, scope: Scope, *, loud: bool, vaults: int) -> Page:
        cut = text[: self._most + _MARGIN]
        key = digest(("+" if loud else "-") + cut)
        return Page(cut, key, self._memory.get(scope, key), loud=loud, vaults=vaults)

    def _look_for(self, values: Mapping[str, str], pages: Iterable[Page], scope: Scope) -> None:
        """Mark the values that were not looked for in a page before."""
        bits = scope.bits(values)
        wanted = sum(set(bits.values()))
        indexes: dict[int, Known] = {}
        for page in pages:
            lacking = wanted & ~page.known
            if lacking not in indexes:
                indexes[lacking] = Known(
                    {value: values[value] for value, bit in bits.items() if bit & lacking}
                )
            known = indexes[lacking]
            names = self._names if page.fresh else ()
            if known or names:
                page.marks += mark_known(page.spellings, known)
                page.marks += mark_encoded(page.encoded, known, names)
            page.known |= wanted

    def _read(self, pages: Sequence[Page]) -> None:
        """Mark what a detector finds, and what needs none, in pages that were never read."""
        read = self._readers.read([page.text for page in pages if page.loud])
        for page in pages:
            page.marks += named(page.spellings, self._names)
            page.marks += shaped(page.text)
            page.marks += read[page.text] if page.loud else ()

    def _written(self, text: str, page: Page, types: set[str]) -> str:
        edits = settle_marks(page.text, page.marks, types) if page.marks else []
        if len(text) <= self._most:
            return apply(text, edits)
        end = max([self._most, *(end for start, end, _ in edits if start < self._most)])
        kept: list[Edit] = [edit for edit in edits if edit[0] < self._most]
        rest = f"<{len(text) - end} more characters>" if end < len(text) else ""
        return apply(page.text[:end], kept) + rest


def _vaults(sights: Sequence[Sight]) -> list[tuple[Vault, Form]]:
    """List the vaults of sights once each, in an order of their own."""
    vaults = {
        (vault.vault_id, id(vault.store)): (vault, sight.form)
        for sight in reversed(sights)
        if (vault := sight.vault) is not None
    }
    return [vaults[key] for key in sorted(vaults)]


def _ask(vault: Vault, form: Form, pages: Sequence[Page], number: int) -> set[str]:
    """Mark what a vault knows and the pages were not searched for; return the entity types of it."""
    asked = [(page, spelling) for page in pages for spelling in page.spellings]
    finding = vault.find([Text(spelling.text, page.generations[number]) for page, spelling in asked])
    types: set[str] = set()
    for (page, spelling), hits in zip(asked, finding.hits, strict=True):
        for hit in hits:
            types.add(hit.entity_type)
            entry = finding.known.get((hit.entity_type, spelling.text[hit.start : hit.end]))
            stand_in = form.mint(entry.ref, vault.vault_id) if entry else f"[{hit.entity_type}]"
            page.marks.append(Mark(*spelling.origin(hit.start, hit.end), stand_in))
    for page in pages:
        page.generations[number] = finding.generation
    return types
