"""How an answer is restored: whole, or chunk by chunk as it streams.

Like :mod:`~langchain_secguard.hide` this does no I/O: its generators yield the refs that they need and are
sent their entries.
"""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from langchain_secguard.blocks import UNSCANNED
from langchain_secguard.content import rewrite
from langchain_secguard.errors import UnknownPlaceholderError
from langchain_secguard.find import STANDARD_TYPES
from langchain_secguard.json_text import JsonStream, Piece, escape
from langchain_secguard.leaf import Reader, TextStream
from langchain_secguard.placeholders import Placeholder, Ref
from langchain_secguard.vault import Entry, PhraseIndex

Part: TypeAlias = str | Placeholder | Piece[Placeholder]
Entries: TypeAlias = Mapping[Ref, Entry | None]
LookUp: TypeAlias = Generator[list[Ref], list[Entry | None], Any]
"""Yields refs, is sent their entries, and returns what was restored."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Say what is restored.

    ``entity_types`` are the only ones restored, if given; ``unknown`` says what becomes of a placeholder
    that the vault does not hold; ``urls`` whether values are put into URLs; ``json`` whether texts are JSON.
    """

    entity_types: Collection[str] | None = None
    unknown: Literal["keep", "drop", "error"] = "keep"
    urls: bool = False
    json: bool = False


@dataclass(slots=True)
class Tally:
    """Count what became of placeholders: restored by entity type, unknown, and left in place.

    ``entries`` has each entry whose value was written.
    """

    restored: Counter[str]
    unknown: int = 0
    withheld: int = 0
    entries: dict[Ref, Entry] = field(default_factory=dict, repr=False)


class Draft(NamedTuple):
    """Hold what was read of an answer, leaf by leaf, and the entries that it needs; ``None`` for none."""

    read: Sequence[Sequence[Part]]
    entries: Entries | None


class Restorer:
    """Restore one answer from one vault, under one set of rules."""

    def __init__(self, reader: Reader, rules: Rules, keys: Collection[str] | None) -> None:
        self.reader = reader
        self.tally = Tally(Counter())
        self._rules = rules
        self._keys = keys

    def whole(self, value: Any) -> LookUp:
        """Restore ``value``, whatever its shape."""
        draft = yield from self.draft(value)
        return self._written(value, draft)

    def draft(self, value: Any) -> LookUp:
        """Read ``value`` and look its placeholders up: what :meth:`finish` is given."""
        read = self._read_leaves(value)
        return Draft(read, (yield from look_up(read)))

    def finish(self, value: Any, draft: "Draft", surrogates: PhraseIndex[Entry]) -> LookUp:
        """Restore a whole answer, and its ``surrogates``, which were asked for behind its placeholders.

        A store far away that has just answered a look-up gives its surrogates without another round trip.
        """
        if len(surrogates):
            self.reader.surrogates = surrogates
            read = self._read_leaves(value)
            draft = Draft(read, (yield from look_up(read, draft.entries)))
        return self._written(value, draft)

    def _read_leaves(self, value: Any) -> list[Sequence[Part]]:
        if type(value) is str:
            return [self.read(value)]
        read: list[Sequence[Part]] = []

        def take(text: str) -> str:
            read.append(self.read(text))
            return text

        def take_json(text: str) -> str:
            read.append(self.reader.read_json(text))
            return text

        self.rewrite(value, take, take_json)
        return read

    def _written(self, value: Any, draft: "Draft") -> Any:
        entries = draft.entries
        if entries is None:
            return value
        written = (self.write(parts, entries) for parts in draft.read)
        if type(value) is str:
            return next(written)
        return self.rewrite(value, lambda _: next(written), lambda _: next(written))

    def rewrite(self, value: Any, visit: Callable[[str], str], visit_json: Callable[[str], str]) -> Any:
        """Walk the leaves of ``value`` that may hold placeholders."""
        return rewrite(
            value,
            lambda text, kind: text if kind == "scalar" else visit(text),
            allow=UNSCANNED,
            keys=self._keys,
            visit_json=visit_json,
            keep_keys=True,
        )

    def read(self, text: str) -> Sequence[Part]:
        """Split a text leaf."""
        return self.reader.read_json(text) if self._rules.json else self.reader.read(text)

    def stream(self, *, json: bool) -> TextStream | JsonStream[Placeholder]:
        """Begin a leaf that arrives in pieces."""
        return self.reader.json_stream() if json or self._rules.json else self.reader.stream()

    def write(self, parts: Sequence[Part], entries: Entries) -> str:
        """Write a leaf with its values."""
        return "".join([part if isinstance(part, str) else self._value(part, entries) for part in parts])

    def _value(self, part: Any, entries: Entries) -> str:
        in_json = type(part) is Piece
        placeholder: Placeholder = part.found if in_json else part
        kept: str = part.raw if in_json else placeholder.text
        entry = entries.get(placeholder.ref)
        if entry is None:
            return self._unknown(placeholder, kept)
        entity_type = entry.ref.entity_type
        only, urls = self._rules.entity_types, self._rules.urls
        if (placeholder.refused and not urls) or (only is not None and entity_type not in only):
            self.tally.withheld += 1
            return kept
        self.tally.restored[entity_type] += 1
        self.tally.entries[entry.ref] = entry
        value = entry.value + placeholder.tail
        return escape(value) if in_json else value

    def _unknown(self, placeholder: Placeholder, kept: str) -> str:
        """Treat a placeholder that the vault does not hold; what merely looks like one is text."""
        ref = placeholder.ref
        if not placeholder.canonical and ref.entity_type not in STANDARD_TYPES:
            return kept
        self.tally.unknown += 1
        if self._rules.unknown == "error":
            # A type that the model made up may say too much.
            known = f" of type {ref.entity_type}" if ref.entity_type in STANDARD_TYPES else ""
            raise UnknownPlaceholderError(
                f"The answer holds a placeholder{known} that its vault never issued. "
                'Deanonymizer(unknown="keep") lets it stand.'
            )
        return "" if self._rules.unknown == "drop" else kept


def look_up(
    read: Sequence[Sequence[Part]], known: Entries | None = None
) -> Generator[list[Ref], list[Entry | None], Entries | None]:
    """Ask for the entries of all placeholders in ``read`` that are not known; ``None`` when there is none."""
    found: list[Any] = [part for parts in read for part in parts if not isinstance(part, str)]
    if not found:
        return None
    refs = {part.found.ref if type(part) is Piece else part.ref for part in found}
    if not known:
        asked = list(refs)
        return dict(zip(asked, (yield asked), strict=True))
    asked = list(refs.difference(known))
    return {**known, **dict(zip(asked, (yield asked), strict=True))} if asked else known
