"""What a mask remembers between calls of the texts that it masked with some vaults: no text, no value."""

import itertools
import threading
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from langchain_secguard.find import digest
from langchain_secguard.lru import Lru
from langchain_secguard.tracing.masking.marks import Mark
from langchain_secguard.vault import Vault

_MANY = 4_096
"""A scope of so many values is given up for a new one, so that what is kept of a text stays small."""


class Remembered(NamedTuple):
    """Hold what was marked in a text, which values were looked for, and how far each vault was.

    ``known`` has the bits of those values in the scope. ``encoded`` tells whether the text has words that are
    base64 of a text.
    """

    marks: tuple[Mark, ...]
    known: int
    generations: tuple[int, ...]
    encoded: bool


class Scope:
    """Give each value that was seen with some vaults a bit: an old text is searched for new ones alone."""

    def __init__(self, number: int, stores: Sequence[weakref.ref[Any]]) -> None:
        self.number = number
        self._stores = stores
        self._bits: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def is_of(self, vaults: Iterable[Vault]) -> bool:
        """Tell whether the stores are still those that it was made for, and the values not too many."""
        stores = [vault.store for vault in vaults]
        return len(self._bits) < _MANY and all(
            ref() is store for ref, store in zip(self._stores, stores, strict=True)
        )

    def bits(self, values: Iterable[str]) -> dict[str, int]:
        """Return the bit of each value: a power of two, the same as long as the scope is."""
        with self._lock:
            return {value: self._bits.setdefault(digest(value), 1 << len(self._bits)) for value in values}


class Memory:
    """Remember what was marked in texts, by scope and keyed hash."""

    def __init__(self, size: int) -> None:
        self._scopes: Lru[tuple[Any, ...], Scope] = Lru(size)
        self._marks: Lru[tuple[int, bytes], Remembered] = Lru(size)
        self._count = itertools.count()

    def scope(self, vaults: Sequence[Vault], also: bytes) -> Scope:
        """Return the scope of ``vaults``, and of whatever else ``also`` is the digest of."""
        key = (*((id(vault.store), vault.vault_id) for vault in vaults), also)
        scope = self._scopes.get(key)
        if scope is None or not scope.is_of(vaults):
            scope = Scope(next(self._count), [weakref.ref(vault.store) for vault in vaults])
            self._scopes.put(key, scope)
        return scope

    def get(self, scope: Scope, key: bytes) -> Remembered | None:
        """Return what is remembered of a text."""
        return self._marks.get((scope.number, key))

    def put(self, scope: Scope, key: bytes, remembered: Remembered) -> None:
        """Remember a text."""
        self._marks.put((scope.number, key), remembered)
