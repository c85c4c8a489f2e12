"""A vault store in Redis, 6 and up, or a cluster of it: one script, so that each request is one atomic step.

The script, ``redis.lua``, describes how a vault is laid out.
"""

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from struct import Struct, pack, unpack_from
from typing import Any
from urllib.parse import quote, unquote

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.ledger import (
    EraseValue,
    Fill,
    Known,
    ListRows,
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
from langchain_secguard.vault.redis_client import Arguments, ScriptRunner

_SCRIPT = Path(__file__).with_name("redis.lua")
_NO_ROW = 0xFFFFFFFF
_LONGEST_TYPE = 200
_RECORD = Struct(">HIHHHHHHHH16s16s")
_STATE = Struct(">dddIIII")
_SIZE = Struct(">I")
_CHANGED = (
    "what is kept of the vault {vault_id!r} cannot be read: it was changed; restore the vault from a backup, "
    "or erase it"
)
_SPECIAL = re.compile(r"[*?\[\]^\\]")
_ESCAPED = r"\\\g<0>"
_CODES = "".join(code for position in range(1, 27) if len(code := variant_code(position) or "") == 1)


class RedisVaultStore(LedgerVaultStore):
    """Keep vaults in Redis.

    Args:
        server: A URL (``redis://``, ``rediss://``, ``unix://``); or a client or a connection pool of
            redis-py, whose own timeouts then hold. A URL and a blocking client serve threads and tasks; an
            asyncio client serves the event loop it was made in, by the async methods alone.
        ttl: Seconds after its last use at which a vault expires; never when ``None``.
        timeout: Seconds after which a request is given up. A blocking client that was given has its own,
            and so have connecting, sending and answering each, where it was made for a URL.
        connections: So many requests run at once, in the process or in an event loop; others wait for their
            turn. Keep it below the size of a pool that you give.
        key_prefix: What the names of all keys begin with.
        cluster: The URL names a node of a cluster.

    Raises:
        ImportError: redis-py is not installed.
    """

    def __init__(
        self,
        server: Any,
        *,
        ttl: float | None = None,
        timeout: float = 5.0,
        connections: int = 50,
        key_prefix: str = "secguard",
        cluster: bool = False,
    ) -> None:
        for name, seconds in (("ttl", ttl), ("timeout", timeout)):
            if seconds is not None and not (0 < seconds < math.inf):
                raise ValueError(f"{name} is a positive number of seconds")
        if connections < 1:
            raise ValueError("connections is at least 1")
        if "{" in key_prefix:
            raise ValueError("key_prefix must not hold {, which chooses a key's place in a cluster")
        runner = ScriptRunner(
            server,
            f"local codes = '{_CODES}'\n{_SCRIPT.read_text(encoding='utf-8')}",
            timeout=timeout,
            connections=connections,
            cluster=cluster,
        )
        super().__init__(RedisLedger(runner, ttl=ttl, key_prefix=key_prefix))
        self._runner = runner
        self._shown = f"RedisVaultStore(ttl={ttl}, key_prefix={key_prefix!r})"

    def __repr__(self) -> str:
        return self._shown

    def close(self) -> None:
        """Close the connections that the store opened for its blocking methods."""
        self._runner.close()

    async def aclose(self) -> None:
        """Close the connections that the store opened in this event loop; they close with it, too."""
        await self._runner.aclose()


class RedisLedger:
    """Keep rows in Redis: a hash for each vault, and one for what outlives it."""

    def __init__(self, runner: ScriptRunner, *, ttl: float | None, key_prefix: str) -> None:
        self._runner = runner
        self._ttl = math.ceil(ttl * 1000) if ttl is not None else 0
        self._prefix = key_prefix

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request."""
        if isinstance(request, LookUp):
            return _looked_up(vault_id, self._runner.fetch(*self._fields(vault_id, request)), seal)
        return _understood(vault_id, request, self._runner.run(*self._call(vault_id, request, seal)))

    async def aperform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request without blocking the event loop."""
        if isinstance(request, LookUp):
            return _looked_up(vault_id, await self._runner.afetch(*self._fields(vault_id, request)), seal)
        return _understood(vault_id, request, await self._runner.arun(*self._call(vault_id, request, seal)))

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults that were ever written to; this walks over all keys of the database."""
        return self._listed(self._runner.scan(self._pattern(prefix)))

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does, without blocking the event loop."""
        return self._listed(await self._runner.ascan(self._pattern(prefix)))

    def _call(self, vault_id: str, request: Request, seal: bytes) -> tuple[Sequence[str], Arguments]:
        """Write the keys, which share a hash tag and so a place in a cluster, and the arguments."""
        vault = self._key(vault_id)
        operation, packed = _arguments(request)
        ttl = 0 if operation == "find" else self._ttl
        return (vault, f"{vault}:numbers"), [operation, ttl, packed, seal] if seal else [
            operation,
            ttl,
            packed,
        ]

    def _fields(self, vault_id: str, request: LookUp) -> tuple[str, list[bytes], int]:
        """Name the fields that hold the state and rows; what is only read costs a script ten times more."""
        return self._key(vault_id), [b".", *map(_field, request.refs)], self._ttl

    def _key(self, vault_id: str) -> str:
        return f"{self._prefix}:{{{_quoted(vault_id)}}}"

    def _pattern(self, prefix: str) -> str:
        return f"{_SPECIAL.sub(_ESCAPED, self._prefix)}:{{{_quoted(prefix)}*}}:numbers"

    def _listed(self, names: Iterable[bytes]) -> list[str]:
        start, end = len(self._prefix.encode()) + 2, -len("}:numbers")
        return [unquote(name[start:end].decode(), errors="surrogatepass") for name in set(names)]


def _arguments(request: Request) -> tuple[str, bytes]:
    """Name an operation of the script, and pack what it takes."""
    match request:
        case Settle(records, phrases, since, read_only):
            asked = [_record(record) for record in records]
            packed = b"".join([pack(">dI", since, len(asked)), _sized(_cut(phrases)), *asked])
            return "find" if read_only else "settle", packed
        case Recall(values, phrases, since):
            asked = [key for keys in values for key in keys]
            packed = b"".join([pack(">dI", since, len(values)), _sized(_cut(phrases)), *asked])
            return "recall", packed
        case Fill(rows):
            return "fill", b"".join([pack(">I", len(rows)), *map(_filling, rows)])
        case ListSurrogates(epoch, after):
            return "surrogates", pack(">dI", epoch, after)
        case EraseValue(folded):
            return "erase_value", folded
        case Reseal(old, new):
            return "reseal", _sized(old) + _sized(new)
        case ListRows():
            return "rows", b""
        case _:
            return "erase", b""


def _record(record: Record) -> bytes:
    parts = [
        _type(record.entity_type),
        record.value,
        _name(record.expected) if record.expected else b"",
        _name(record.like) if record.like else b"",
        _cut(record.phrases),
        _cut(record.claims),
        _cut(record.refers),
        _cut(record.unless),
    ]
    sizes = list(map(len, parts))
    sizes.insert(4, record.words)
    head = _RECORD.pack(*sizes, len(record.offers), record.identity, record.folded)
    for offer in record.offers:
        parts += [_sized(offer.value or b""), offer.mark, _short(_cut(offer.phrases))]
    return b"".join([head, *parts])


def _filling(row: Row) -> bytes:
    has_surrogate = pack(">B", row.surrogate is not None)
    return _short(_name(row.ref)) + _sized(row.value or b"") + has_surrogate + _sized(row.surrogate or b"")


def _cut(keys: Sequence[bytes]) -> bytes:
    """Pack keys of which a mistaken one does no harm."""
    return b"".join([key[:8] for key in keys]) if keys else b""


@lru_cache(maxsize=4096)
def _quoted(vault_id: str) -> str:
    return quote(vault_id, safe="", errors="surrogatepass")


def _sized(part: bytes) -> bytes:
    return pack(">I", len(part)) + part


def _short(part: bytes) -> bytes:
    return pack(">H", len(part)) + part


def _understood(vault_id: str, request: Request, answer: bytes) -> Reply:
    """Read what the script answered; the error of a database that was changed may hold what stands there."""
    try:
        return _reply(request, answer)
    except Exception:  # noqa: BLE001 - see above
        failure = VaultDecryptionError(_CHANGED.format(vault_id=vault_id))
    raise failure


def _looked_up(vault_id: str, fields: Sequence[bytes | None], seal: bytes) -> Reply:
    """Read the state of a vault and some of its rows, with the same care."""
    kept, *rows = fields
    if kept is None:
        return Reply(State(), [None] * len(rows))
    try:
        epoch, _, generation, words, _, surrogates, _ = _STATE.unpack_from(kept)
        state = State(int(epoch), int(generation), surrogates, words)
        sealed = kept[_STATE.size :]
        read = [None if row is None else _row(row) for row in rows]
        return Reply(state, read, seal=sealed if sealed != seal else None)
    except Exception:  # noqa: BLE001 - its message may hold what stands there
        failure = VaultDecryptionError(_CHANGED.format(vault_id=vault_id))
    raise failure


def _reply(request: Request, answer: bytes) -> Reply:
    """Read what the script answered."""
    epoch, generation, surrogates, words = unpack_from(">ddII", answer)
    state = State(int(epoch), int(generation), surrogates, words)
    reader = _Reader(answer, 24)
    seal = reader.part()
    match request:
        case Settle() | Recall() | Fill() | EraseValue() | Reseal() if seal is not None:
            return Reply(state, seal=seal, refused=True)
        case Settle(phrases=phrases) | Recall(phrases=phrases):
            rows, known = reader.rows(), reader.known(len(phrases))
            return Reply(state, rows, known, reader.added())
        case Fill() | ListSurrogates():
            return Reply(state, reader.rows(), seal=seal)
        case ListRows():
            rows = [_row(kept) for kept in sorted(reader.parts(), key=_arrival) if kept]
            return Reply(state, rows, seal=seal)
        case Reseal():
            return Reply(state)
        case _:
            return Reply(state, erased=reader.number(), seal=seal)


class _Reader:
    """Read packed numbers and rows, each behind its length."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def number(self) -> int:
        (number,) = _SIZE.unpack_from(self._data, self._position)
        self._position += 4
        return int(number)

    def part(self) -> bytes | None:
        size = self.number()
        if size == _NO_ROW:
            return None
        self._position += size
        return self._data[self._position - size : self._position]

    def parts(self) -> list[bytes | None]:
        data, parts = self._data, list[bytes | None]()
        count, position = self.number(), self._position
        for _ in range(count):
            (size,) = _SIZE.unpack_from(data, position)
            position += 4
            if size == _NO_ROW:
                parts.append(None)
            else:
                parts.append(data[position : position + size])
                position += size
        self._position = position
        return parts

    def rows(self) -> list[Row | None]:
        return [None if kept is None else _row(kept) for kept in self.parts()]

    def known(self, length: int) -> list[Known | None]:
        known: list[Known | None] = [None] * length
        for _ in range(self.number()):
            position, first = self.number(), self.part() or b""
            ref = _ref(first.removeprefix(b"~"))
            teacher = None if first.startswith(b"~") else ref
            known[position] = Known(ref.entity_type, teacher, [row for row in self.rows() if row])
        return known

    def added(self) -> list[Row] | None:
        count = self.number()
        return None if count == _NO_ROW else [_row(kept) for _ in range(count) if (kept := self.part())]


def _row(kept: bytes) -> Row:
    """Read a row: a line with its ref and its lengths, then the value and the surrogate."""
    head, _, body = kept.partition(b"\n")
    ref, size, fake, offer = _head(head)
    end = max(size, 0)
    return Row(ref, body[:end] if size >= 0 else None, body[end : end + fake] if fake >= 0 else None, offer)


@lru_cache(maxsize=4096)
def _head(line: bytes) -> tuple[Ref, int, int, int | None]:
    """Read a ref, the lengths of its value and of its surrogate, and the offer that was taken."""
    name, value, surrogate, _, offer, _ = line.split(b" ", 5)
    return _ref(name), int(value), int(surrogate), int(offer) - 1 if offer != b"0" else None


def _arrival(kept: bytes | None) -> int:
    return int((kept or b"").split(b" ", 4)[3])


@lru_cache(maxsize=1024)
def _type(entity_type: str) -> bytes:
    name = quote(entity_type, safe="", errors="surrogatepass").replace("~", "%7E").encode()
    if len(name) > _LONGEST_TYPE:
        raise ValueError(f"an entity type has at most {_LONGEST_TYPE} bytes")
    return name


def _name(ref: Ref) -> bytes:
    return b"%s:%d%s" % (_type(ref.entity_type), ref.number, ref.variant.encode())


@lru_cache(maxsize=4096)
def _field(ref: Ref) -> bytes:
    return b"e" + _name(ref)


@lru_cache(maxsize=4096)
def _ref(name: bytes) -> Ref:
    entity_type, _, last = name.decode().partition(":")
    number = last.rstrip("abcdefghijklmnopqrstuvwxyz")
    return Ref(unquote(entity_type, errors="surrogatepass"), int(number), last[len(number) :])
