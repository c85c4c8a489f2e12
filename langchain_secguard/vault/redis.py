"""A vault store in Redis, 6 and up, or a cluster of it: one script, so that each request is one atomic step.

The script, ``redis.lua``, describes how a vault is laid out.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from langchain_secguard.placeholders import Ref, variant_code
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.ledger import (
    EraseValue,
    Fill,
    Known,
    ListRows,
    ListSurrogates,
    LookUp,
    Record,
    Reply,
    Request,
    Row,
    Settle,
    State,
)
from langchain_secguard.vault.redis_client import Arguments, ScriptRunner

_SCRIPT = Path(__file__).with_name("redis.lua")
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
            _SCRIPT.read_text(encoding="utf-8"),
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

    def perform(self, vault_id: str, request: Request) -> Reply:
        """Carry out one request."""
        return _reply(request, self._runner.run(*self._call(vault_id, request)))

    async def aperform(self, vault_id: str, request: Request) -> Reply:
        """Carry out one request without blocking the event loop."""
        return _reply(request, await self._runner.arun(*self._call(vault_id, request)))

    def _call(self, vault_id: str, request: Request) -> tuple[Sequence[str], Arguments]:
        """Write the keys, which share a hash tag and so a place in a cluster, and the arguments."""
        vault = f"{self._prefix}:{{{quote(vault_id, safe='', errors='surrogatepass')}}}"
        read_only = isinstance(request, Settle) and request.read_only
        operation, *arguments = _arguments(request)
        return (vault, f"{vault}:numbers"), [operation, 0 if read_only else self._ttl, _CODES, *arguments]


def _arguments(request: Request) -> list[str | bytes | int]:
    match request:
        case Settle(records, phrases, since):
            parts = [part for record in records for part in _record(record)]
            return ["settle", since, _cut(phrases), len(records), *parts]
        case Fill(rows):
            return ["fill", len(rows), *(part for row in rows for part in _filling(row))]
        case LookUp(refs):
            return ["lookup", len(refs), *map(_name, refs)]
        case ListSurrogates(epoch, after):
            return ["surrogates", epoch, after]
        case EraseValue(folded):
            return ["erase_value", folded]
        case ListRows():
            return ["rows"]
        case _:
            return ["erase"]


def _record(record: Record) -> list[str | bytes | int]:
    parts: list[str | bytes | int] = [
        _type(record.entity_type),
        record.identity,
        record.folded,
        record.value,
        _name(record.expected) if record.expected else "",
        record.words,
        _cut(record.phrases),
        _name(record.like) if record.like else "",
        _cut(record.claims),
        _cut(record.refers),
        _cut(record.unless),
        len(record.offers),
    ]
    for offer in record.offers:
        parts += [_optional(offer.value), offer.mark, _cut(offer.phrases)]
    return parts


def _cut(keys: Iterable[bytes]) -> bytes:
    """Pack keys of which a mistaken one does no harm."""
    return b"".join([key[:8] for key in keys])


def _filling(row: Row) -> list[str | bytes | int]:
    return [_name(row.ref), row.value or b"", _optional(row.surrogate)]


def _optional(value: bytes | None) -> bytes:
    return b"" if value is None else b"+" + value


def _reply(request: Request, answer: Any) -> Reply:
    """Read what the script answered."""
    state = State(*map(int, answer[0].split()))
    match request:
        case Settle(phrases=phrases):
            _, rows, known, added = answer
            return Reply(
                state,
                _rows(rows),
                _known(known, len(phrases)),
                None if added is None else [_row(kept) for kept in added],
            )
        case Fill() | LookUp() | ListSurrogates():
            return Reply(state, _rows(answer[1]))
        case ListRows():
            return Reply(state, [_row(kept) for kept in sorted(answer[1], key=_arrival)])
        case _:
            return Reply(state, erased=answer[1])


def _rows(answer: Iterable[bytes | None]) -> list[Row | None]:
    return [None if kept is None else _row(kept) for kept in answer]


def _row(kept: bytes) -> Row:
    """Read a row: a line with its ref and its lengths, then the value and the surrogate."""
    head, _, body = kept.partition(b"\n")
    name, value, surrogate, _, offer, *_ = head.split()
    size, fake = int(value), int(surrogate)
    end = max(size, 0)
    return Row(
        _ref(name),
        body[:end] if size >= 0 else None,
        body[end : end + fake] if fake >= 0 else None,
        int(offer) - 1 if offer != b"0" else None,
    )


def _arrival(kept: bytes) -> int:
    return int(kept.split(b" ", 4)[3])


def _known(answer: Iterable[Sequence[Any]], length: int) -> list[Known | None]:
    known: list[Known | None] = [None] * length
    for position, first, *rows in answer:
        ref = _ref(first.removeprefix(b"~"))
        teacher = None if first.startswith(b"~") else ref
        known[position] = Known(ref.entity_type, teacher, [_row(kept) for kept in rows])
    return known


@lru_cache(maxsize=1024)
def _type(entity_type: str) -> str:
    return quote(entity_type, safe="", errors="surrogatepass")


def _name(ref: Ref) -> str:
    return f"{_type(ref.entity_type)}:{ref.number}{ref.variant}"


def _ref(name: bytes) -> Ref:
    entity_type, _, last = name.decode().partition(":")
    number = last.rstrip("abcdefghijklmnopqrstuvwxyz")
    return Ref(unquote(entity_type, errors="surrogatepass"), int(number), last[len(number) :])
