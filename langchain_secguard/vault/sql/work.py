"""How a request of a vault store in SQL is carried out: by generators that yield statements.

A request reads first. What it writes is written only if the vault is still as it was read; if it is not,
the vault is locked, and all is done again. So a call without a competitor, which is most of them, holds no
lock while the network is waited for, and none is turned down twice.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from typing import TypeAlias, TypeVar

from langchain_secguard.errors import VaultUnavailableError
from langchain_secguard.lru import Lru
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    ListRows,
    ListSurrogates,
    LookUp,
    Recall,
    Reply,
    Request,
    Settle,
)
from langchain_secguard.vault.sql.dialects import TEXTS
from langchain_secguard.vault.sql.page import Page
from langchain_secguard.vault.sql.rows import Head, Kept, cut, names, quoted, unquoted
from langchain_secguard.vault.sql.schema import VERSION, Tables
from langchain_secguard.vault.sql.statements import Answer, Statement, Statements

T = TypeVar("T")
Work: TypeAlias = Generator[Statement, Answer, T]

_FEW = 1_000
"""So many keys are read along with others, for the case that they will be needed."""

_CALM = 1.0
"""Seconds after which a vault that many wrote to at once is written to without a lock again."""

_SLACK = 16
"""An expiry is put off by this part of the ttl more than asked for, so that few reads must write."""

_NAMES = 5_000
_COMMIT, _ROLLBACK = Statement("COMMIT"), Statement("ROLLBACK")


class Worker:
    """Carry requests out.

    Args:
        statements: Writes the statements.
        ttl: Microseconds after its last use at which a vault expires; never when ``None``.
        grace: Microseconds for which an expired vault is left alone, since a call may still be under way.
    """

    def __init__(self, statements: Statements, *, ttl: int | None, grace: int) -> None:
        self._statements = statements
        self._ttl = ttl
        self._grace = grace
        self._crowded: Lru[str, float] = Lru(1024)
        self._is_sqlite = statements.dialect == "sqlite"

    def perform(self, vault_id: str, request: Request, seal: bytes) -> Work[Reply]:
        """Carry out one request."""
        name, long_name = names(vault_id)
        page = yield from self._read(name, request)
        reply = page.act(request, seal)
        if not page.dirty:
            yield from self._touch(page.head, request)
            return reply
        if time.monotonic() - (self._crowded.get(name) or -math.inf) > _CALM:
            if self._is_sqlite:
                yield self._statements.begin()
            if (yield from self._put(page, name, long_name)):
                if self._is_sqlite:
                    yield _COMMIT
                return reply
            if self._is_sqlite:
                yield _ROLLBACK
            self._crowded.put(name, time.monotonic())
        return (yield from self._perform_alone(name, long_name, request, seal))

    def _perform_alone(self, name: str, long_name: str | None, request: Request, seal: bytes) -> Work[Reply]:
        """Carry out a request while nobody else writes to the vault."""
        while True:
            yield self._statements.begin()
            if not self._is_sqlite:
                yield self._statements.lock(name)
            page = yield from self._read(name, request)
            reply = page.act(request, seal)
            if not page.dirty or (yield from self._put(page, name, long_name)):
                yield _COMMIT
                return reply
            yield _ROLLBACK  # there was no vault to lock; now there is

    def vault_ids(self, prefix: str) -> Work[list[str]]:
        """List the vaults whose id begins with ``prefix``."""
        found, after, start = list[str](), "", quoted(prefix)
        begin = names(prefix)[0].partition("#")[0]
        while True:
            answer = yield self._statements.read_names(begin, after, _NAMES)
            full = [long_name or name for name, long_name in answer]
            found += [unquoted(name) for name in full if name.startswith(start)]
            if len(answer) < _NAMES:
                return found
            after = answer[-1][0]

    def sweep(self) -> Work[None]:
        """Remove a part of what expired vaults have left."""
        if self._is_sqlite:
            yield self._statements.begin()
        yield from self._statements.sweep(self._grace)
        if self._is_sqlite:
            yield _COMMIT

    def _read(self, name: str, request: Request) -> Work[Page]:
        statements = self._statements
        match request:
            case Settle():
                return (yield from self._read_records(name, request))
            case Recall(values, phrases, since):
                keys = list(dict.fromkeys(cut([*(identity for identity, _ in values), *phrases])))
                answer = yield self._statements.read(name, keys, since)
                page = Page(_head(answer))
                page.learn(keys, _found(answer))
                page.take(_rows(answer))
                return page
            case EraseValue(folded):
                return (yield from self._read_family(name, cut([folded])[0]))
            case LookUp(refs):
                reading = statements.read_refs(name, refs)
            case Fill(rows):
                reading = statements.read_refs(name, [row.ref for row in rows])
            case ListSurrogates(epoch, after):
                reading = statements.read_surrogates(name, epoch, after)
            case ListRows():
                reading = statements.read_rows(name)
            case _:
                reading = statements.read(name)
        answer = yield reading
        page = Page(_head(answer))
        page.take(_rows(answer))
        return page

    def _read_records(self, name: str, request: Settle) -> Work[Page]:
        """Read what settling needs: what is asked for, and what a new row may stand against."""
        records = request.records
        asked = cut([*(record.identity for record in records), *request.phrases])
        more = [key for one in records for key in (*one.phrases, *one.refers, *one.unless)]
        more += [key for one in records for offer in one.offers for key in (offer.mark, *offer.phrases)]
        keys = list(dict.fromkeys((*asked, *cut(more)) if len(more) <= _FEW else asked))
        while True:
            answer = yield self._statements.read(name, keys, request.since)
            page = Page(_head(answer))
            page.learn(keys, _found(answer))
            page.take(_rows(answer))
            if (yield from self._read_more(name, page, request)):
                return page

    def _read_more(self, name: str, page: Page, request: Settle) -> Work[bool]:
        """Read what else is needed; tell whether the vault is still the same."""
        models = page.lacks_models(request.records)
        if models:
            answer = yield self._statements.read_refs(name, models)
            if _head(answer).version != page.head.version:
                return False
            page.take(_rows(answer))
        while keys := page.lacks(request.records):
            if page.head.version:
                answer = yield self._statements.read(name, keys)
                if _head(answer).version != page.head.version:
                    return False
                page.learn(keys, _found(answer))
            else:  # there is no vault, so there are no keys
                page.learn(keys, ())
        return True

    def _read_family(self, name: str, key: int) -> Work[Page]:
        """Read the rows of a value in any case, and those linked to them."""
        while True:
            answer = yield self._statements.read_folded(name, key)
            page = Page(_head(answer))
            named = _rows(answer)
            page.take(named)
            bases = [(row.entity_type, row.number) for row in named if not row.variant]
            if not bases:
                return page
            answer = yield self._statements.read_family(name, bases)
            page.take(_rows(answer))
            if _head(answer).version == page.head.version:
                return page

    def _put(self, page: Page, name: str, long_name: str | None) -> Work[bool]:
        """Write a page, if the vault is still as it was read; tell whether it was."""
        self._prolong(page.head)
        first, *others = self._statements.put(page, name, long_name)
        written = bool((yield first))
        for statement in others if written else ():  # noqa: UP028 - a list cannot be sent answers
            yield statement
        return written

    def _touch(self, head: Head, request: Request) -> Work[None]:
        """Put off the expiry of a vault that was read, where it is time."""
        is_silent = isinstance(request, Erase) or (isinstance(request, Settle) and request.read_only)
        if not is_silent and self._prolong(head):
            yield self._statements.touch(head, head.expires or 0)

    def _prolong(self, head: Head) -> bool:
        due = head.now + (self._ttl or 0)
        if self._ttl is None or not head.exists or (head.expires is not None and head.expires >= due):
            return False
        head.expires = due + self._ttl // _SLACK
        return True


def make_schema(tables: Tables, statements: Statements) -> Work[None]:
    """Make the tables where there are none, whoever else does so at the same time.

    Raises:
        VaultUnavailableError: They are of a later version of this package.
    """
    if (yield from _has_schema(tables, statements)):
        return
    if statements.dialect == "sqlite":
        yield Statement("PRAGMA journal_mode = WAL")
    yield statements.begin()
    if statements.dialect == "postgresql":
        yield Statement("SELECT pg_advisory_xact_lock(hashtext(:name))", {"name": tables.write("{schema}")})
    if not (yield from _has_schema(tables, statements)):
        for sql in tables.make(statements.dialect):
            yield Statement(sql)
    yield _COMMIT


def _has_schema(tables: Tables, statements: Statements) -> Work[bool]:
    find = TEXTS[statements.dialect].find_table
    if not (yield Statement(find, {"name": tables.write("{schema}")})):
        return False
    ((version,),) = yield Statement(tables.write("SELECT max(version) FROM {schema}"))
    if version is not None and version > VERSION:
        raise VaultUnavailableError(
            f"the tables {tables.prefix}_* are of version {version}, and this release of langchain-secguard "
            f"knows version {VERSION}: upgrade it, or name another table_prefix"
        )
    return version is not None


def _head(answer: Answer) -> Head:
    return next(Head.read(line[1], line[2]) for line in answer if line[0] == 0)


def _rows(answer: Answer) -> Sequence[Kept]:
    """Read the rows that were not found by keys."""
    return [Kept.read(line[5:]) for line in answer if line[0] == 2]


def _found(answer: Answer) -> Iterator[tuple[int, int, Kept | None]]:
    """Read what was found by keys, which may be a row several times."""
    rows: dict[int, Kept] = {}
    for line in answer:
        if line[0] == 1:
            key, tells, arrival = line[3:6]
            if arrival is not None and arrival not in rows:
                rows[arrival] = Kept.read(line[5:])
            yield key, tells, rows.get(arrival)
