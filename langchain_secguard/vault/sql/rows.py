"""What the tables of a vault store in SQL hold of one vault: its own row, and the rows of its values."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from struct import pack, unpack_from
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.ledger import Row, State

_LONGEST_NAME = 1_000
"""Characters of a vault id, as it is quoted, that an index of PostgreSQL takes for sure."""

LONGEST_TYPE = 200
"""Characters of an entity type, as it is quoted."""

COUNTS = ("version", "live", "epoch", "base", "born", "known", "words", "arrivals", "surrogates", "entries")
"""The columns of a vault that count something."""

COLUMNS = {
    "arrival": "int",
    "type": "text",
    "number": "int",
    "variant": "text",
    "identity": "bytea",
    "links": "bytea",
    "value": "bytea",
    "surrogate": "bytea",
    "variants": "int",
    "given": "int",
    "news": "int",
}
"""The columns of a row, in the order in which they are read and written, and their types in PostgreSQL."""


def cut(keys: Sequence[bytes]) -> tuple[int, ...]:
    """Cut keys to the 64 bits that are kept of them, as integers with a sign."""
    return tuple([int.from_bytes(key[:8], signed=True) for key in keys]) if keys else ()


def quoted(text: str) -> str:
    """Write any string in ASCII, so that any database keeps it; what begins alike still does."""
    return quote(text, safe=" :@/", errors="surrogatepass")


def unquoted(text: str) -> str:
    """Read what :func:`quoted` wrote."""
    return unquote(text, errors="surrogatepass")


quoted_type = lru_cache(maxsize=1024)(quoted)
unquoted_type = lru_cache(maxsize=1024)(unquoted)


def names(vault_id: str) -> tuple[str, str | None]:
    """Write a vault id as the name of its row, and in full where the name had to be cut."""
    name = quoted(vault_id)
    if len(name) <= _LONGEST_NAME:
        return name, None
    return f"{name[:_LONGEST_NAME]}#{blake2b(name.encode(), digest_size=16).hexdigest()}", name


@dataclass(slots=True)
class Head:
    """Hold the row of a vault, and what time it is for the database, both in microseconds of the Unix epoch.

    ``version`` counts what was written, and is 0 where nothing ever was; ``live`` is 0 for what is left of an
    erased vault. The generation is ``base`` and ``known`` together: ``known`` is the arrival of the last row
    that made something known, ``base`` grows where what is known is changed otherwise, and ``born`` is the
    generation from which on it can be told what was added. ``numbers`` has the highest number of each entity
    type, quoted.
    """

    id: int
    version: int = 0
    live: int = 0
    epoch: int = 0
    base: int = 0
    born: int = 0
    known: int = 0
    words: int = 0
    arrivals: int = 0
    surrogates: int = 0
    entries: int = 0
    expires: int | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    seal: bytes = field(default=b"", repr=False)
    now: int = 0

    @classmethod
    def read(cls, kept: str, seal: Any) -> Self:
        """Read what the database wrote as one JSON array, and the seal."""
        identity, numbers, expires, now, *counts = json.loads(kept)
        if identity is None:  # there is no such vault: this is the id that it would have
            return cls(secrets.randbits(63), now=now)
        named = dict(zip(COUNTS, counts, strict=True))
        return cls(identity, **named, expires=expires, numbers=json.loads(numbers), seal=bytes(seal), now=now)

    @property
    def generation(self) -> int:
        """How far the vault has come."""
        return self.base + self.known

    @property
    def exists(self) -> bool:
        """Whether there is a vault that did not expire."""
        return bool(self.live) and (self.expires is None or self.expires > self.now)

    def state(self) -> State:
        """Tell how far the vault has come; all are 0 where there is none."""
        return State(self.epoch, self.generation, self.surrogates, self.words) if self.exists else State()

    def turn(self) -> None:
        """Begin another epoch: what was asked before is asked anew."""
        self.epoch = max(self.now, self.epoch + 1)
        self.base = max(self.now - self.known, self.base + 1)
        self.born = self.generation


class Links(NamedTuple):
    """Hold the keys of a row, each cut to 64 bits; ``fakes`` are those of its surrogate."""

    folded: int
    phrases: tuple[int, ...] = ()
    fakes: tuple[int, ...] = ()
    claims: tuple[int, ...] = ()
    refers: tuple[int, ...] = ()
    unless: tuple[int, ...] = ()

    def pack(self) -> bytes:
        """Write them: how many there are of each, and all."""
        folded, *lists = self
        keys = [key for keys in lists for key in keys]
        return pack(f">q5H{len(keys)}q", folded, *map(len, lists), *keys)

    @classmethod
    def read(cls, kept: bytes) -> Self:
        """Read what :meth:`pack` wrote."""
        folded, *counts = unpack_from(">q5H", kept)
        position, lists = 18, []
        for count in counts:
            lists.append(unpack_from(f">{count}q", kept, position))
            position += 8 * count
        return cls(folded, *lists)


@dataclass(slots=True)
class Kept:
    """Hold one row: ``variants`` were given to it, its surrogate is the ``given``-th of the vault, from 1.

    ``links`` are packed, and ``news`` tells that it made something known when it arrived.
    """

    arrival: int
    entity_type: str
    number: int
    variant: str
    identity: bytes = field(repr=False)
    links: bytes = field(repr=False)
    value: bytes | None = field(default=None, repr=False)
    surrogate: bytes | None = field(default=None, repr=False)
    variants: int = 0
    given: int = 0
    news: int = 0

    @classmethod
    def read(cls, columns: Sequence[Any]) -> Self:
        """Read the columns of a row."""
        return cls(*columns)

    def columns(self) -> tuple[Any, ...]:
        """Write the columns of the row."""
        return (
            self.arrival,
            self.entity_type,
            self.number,
            self.variant,
            self.identity,
            self.links,
            self.value,
            self.surrogate,
            self.variants,
            self.given,
            self.news,
        )

    def keys(self) -> list[tuple[int, int]]:
        """List the keys that tell of the row, each with what it tells: its arrival, or the negative."""
        links = Links.read(self.links)
        own = [*cut([self.identity]), links.folded, *links.phrases, *(() if self.variant else links.claims)]
        return [(key, self.arrival) for key in own] + [(key, -self.arrival) for key in links.fakes]

    def ref(self) -> Ref:
        """Return the ref."""
        return Ref(unquoted_type(self.entity_type), self.number, self.variant)

    def row(self) -> Row:
        """Show the row as a ledger does."""
        return Row(self.ref(), self.value, self.surrogate)
