"""What a bare user of a driver would write in the place of a store: keys, rows and answers, by hand.

It is given names, too: it hashes them, writes and reads values, encrypted if the store's are, and makes of
what comes back who stands behind which placeholder. It decides nothing: it knows what to ask for, and the
numbers that it gives.
"""

import itertools
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.loads import Call
from benchmarks.texts import names

Kind = Literal["hide new names", "hide known names", "restore"]
Found = tuple[str, int, str]
"""An entity type, a number and a value."""

KEYS_EACH = 6
"""Keys that a store makes of a person's name of two words: of the value, its case, a phrase, three claims."""

NAMES_READY = 40_000
"""Names that are made before any time is taken."""

_KEPT = b"x" * 60
_BYTES = 80
_SEEDS = itertools.count(1_000_000)


@dataclass(frozen=True, slots=True)
class Job:
    """Say what calls of a store do, ``call`` for one: so many ``entities`` each, ``encrypted`` or not."""

    kind: Kind
    call: Call
    entities: int
    encrypted: bool


class Values:
    """Hash names, and write and read values: as they are, or with AES-256-GCM, bound to their place."""

    def __init__(self, *, encrypted: bool) -> None:
        self._cipher = AESGCM(os.urandom(32)) if encrypted else None
        self._begun = blake2b(digest_size=16, key=os.urandom(32) if encrypted else b"", salt=b"vault")

    def key(self, text: str) -> bytes:
        """Make a key of a text."""
        hashed = self._begun.copy()
        hashed.update(text.encode())
        return hashed.digest()

    def keys(self, people: Iterable[str]) -> list[bytes]:
        """Make all keys of some names."""
        return [self.key(f"{place}\0{name}") for name in people for place in range(KEYS_EACH)]

    def write(self, number: int, value: str) -> bytes:
        """Write a value for its place."""
        if self._cipher is None:
            return value.encode()
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, value.encode().ljust(32), _place(number))

    def read(self, number: int, kept: bytes) -> str:
        """Read a value of its place."""
        if self._cipher is None:
            return kept.decode()
        return self._cipher.decrypt(kept[:12], kept[12:], _place(number)).decode().rstrip()


def _place(number: int) -> bytes:
    return b"vault\0PERSON\0%d\0value" % number


@cache
def _ready() -> Sequence[str]:
    return list(itertools.islice(names(next(_SEEDS)), NAMES_READY))


class People:
    """Give out names, each once: first those that are ready."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = itertools.chain(_ready(), names(next(_SEEDS)))

    def take(self, count: int) -> list[str]:
        """Take so many names."""
        with self._lock:
            return list(itertools.islice(self._names, count))


class Pipeline:
    """Send as many of the same commands as the store, or its script, in one pipeline of redis-py."""

    def __init__(self, client: Any, commands: Mapping[str, int], job: Job) -> None:
        self._client = client
        self._commands = commands
        self._values = Values(encrypted=job.encrypted)
        self._entities = job.entities
        self._people = People()
        self._numbers = itertools.count(1)
        self._known = self._people.take(job.entities)
        self._hash = f"bare {next(_SEEDS)}"
        rows = [self._row(number, name) for number, name in enumerate(self._known, 1)]
        client.hset(self._hash, mapping=dict(zip(self._fields(), rows, strict=True)))
        client.hset(self._hash, mapping={self._ref(number): row for number, row in enumerate(rows, 1)})

    def call_for(self, kind: Kind) -> Call:
        """Make the calls of one client."""
        return {"hide new names": self._add, "hide known names": self._recall, "restore": self._restore}[kind]

    def _recall(self) -> object:
        return self._read(self._fields())

    def _restore(self) -> object:
        return self._read([self._ref(number) for number in range(1, self._entities + 1)])

    def _read(self, fields: Sequence[bytes]) -> list[Found]:
        pipeline = self._client.pipeline(transaction=False)
        for _ in range(self._commands.get("hget", 0)):
            pipeline.hget(self._hash, ".")
        for _ in range(self._commands.get("hmget", 0)):
            pipeline.hmget(self._hash, fields)
        return [self._found(row) for row in pipeline.execute()[-1]]

    def _add(self) -> object:
        people = self._people.take(self._entities)
        keys = itertools.cycle(self._values.keys(people))
        numbers = [next(self._numbers) for _ in people]
        kept = itertools.chain(map(self._row, numbers, people), itertools.repeat(_KEPT))
        pipeline = self._client.pipeline(transaction=False)
        for name, count in self._commands.items():
            for _ in range(count):
                if name == "hset":
                    pipeline.hset(self._hash, next(keys), next(kept))
                elif name == "hincrby":
                    pipeline.hincrby(self._hash, "PERSON", 1)
                elif name == "hmget":
                    pipeline.hmget(self._hash, list(itertools.islice(keys, self._entities)))
                else:
                    pipeline.hget(self._hash, next(keys))
        pipeline.execute()
        return list(zip(numbers, people, strict=True))

    def _fields(self) -> list[bytes]:
        return [self._values.key(f"PERSON\0{name}") for name in self._known]

    def _ref(self, number: int) -> bytes:
        return b"PERSON:%d" % number

    def _row(self, number: int, name: str) -> bytes:
        return (b"PERSON:%d\n" % number + self._values.write(number, name) + b"\n").ljust(_BYTES, b"x")

    def _found(self, row: bytes) -> Found:
        ref, _, kept = row.partition(b"\n")
        entity_type, _, number = ref.decode().partition(":")
        return entity_type, int(number), self._values.read(int(number), kept[: kept.rindex(b"\n")])
