"""The statements of a vault store in SQL.

All that one request reads is read by one statement, which sees one state of the database. All that it writes
in PostgreSQL is written by one statement too, and in SQLite by some in one transaction; either does nothing
where the vault's version is not the one that was read.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.sql.dialects import TEXTS
from langchain_secguard.vault.sql.page import Page
from langchain_secguard.vault.sql.rows import COLUMNS, COUNTS, Head, quoted_type
from langchain_secguard.vault.sql.schema import Dialect, Tables

Answer: TypeAlias = Sequence[Sequence[Any]]
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_BIGGEST = 1 << 31
_VAULT = (*COUNTS, "numbers", "seal", "expires")


class Statement(NamedTuple):
    """Hold one statement; with a list of parameters it is carried out for each, and answers nothing.

    ``locks`` tells that it begins a transaction that writes, of which SQLite has one at a time.
    """

    sql: str
    parameters: Parameters = {}  # noqa: RUF012 - a tuple's, and never changed
    locks: bool = False

    def __repr__(self) -> str:
        return f"Statement({self.sql!r})"


class Statements:
    """Write the statements of one dialect."""

    def __init__(self, dialect: Dialect, tables: Tables) -> None:
        self.dialect = dialect
        self._tables = tables
        self._texts = texts = TEXTS[dialect]
        self._head = self._write(texts.head)
        self._parts = {name: f"{self._head} {self._write(sql)}" for name, sql in texts.parts.items()}
        added = self._write(texts.added)
        self._reads = {
            (False, False): self._head,
            (False, True): f"{self._head} {added}",
            (True, False): self._parts["keys"],
            (True, True): f"{self._parts['keys']} {added}",
        }
        self._writes = {name: self._write(sql) for name, sql in texts.writes.items()}
        self._sweep = [self._write(sql) for sql in texts.sweep]
        self._put = self._write(_put_vault())
        self._put_parts: dict[tuple[str, ...], str] = {}

    def _write(self, sql: str) -> str:
        return self._tables.write(sql, now=self._texts.now)

    # reading

    def read(self, name: str, keys: Sequence[int] = (), since: int = 0) -> Statement:
        """Read a vault, what is under keys, and the rows that were added after the generation ``since``."""
        sql, parameters = self._reads[bool(keys), bool(since)], dict[str, Any](name=name)
        if keys:
            parameters["keys"] = _array("int", keys) if self.dialect == "postgresql" else json.dumps(keys)
        if since:
            parameters["since"] = since
        return Statement(sql, parameters)

    def read_refs(self, name: str, refs: Sequence[Ref]) -> Statement:
        """Read a vault, and the rows of refs."""
        asked = [ref for ref in dict.fromkeys(refs) if 0 < ref.number < _BIGGEST]
        return self._of_refs("refs", name, [(quoted_type(one.entity_type), *one[1:]) for one in asked])

    def read_family(self, name: str, bases: Sequence[tuple[str, int]]) -> Statement:
        """Read a vault, and all rows of these types and numbers, with every variant."""
        return self._of_refs("family", name, bases)

    def _of_refs(self, part: str, name: str, refs: Sequence[tuple[Any, ...]]) -> Statement:
        parameters: dict[str, Any] = {"name": name}
        if self.dialect == "postgresql":
            kinds = {"types": "text", "numbers": "int", "variants": "text"}
            names = list(kinds)[: 3 if part == "refs" else 2]
            for at, field in enumerate(names):
                parameters[field] = _array(kinds[field], [ref[at] for ref in refs])
        else:
            parameters["refs"] = json.dumps(refs)
        return Statement(self._parts[part], parameters)

    def read_folded(self, name: str, key: int) -> Statement:
        """Read a vault, and all rows under a key."""
        return Statement(self._parts["folded"], {"name": name, "key": key})

    def read_surrogates(self, name: str, epoch: int, after: int) -> Statement:
        """Read a vault, and its rows with surrogates, but for the first ones of an epoch."""
        parameters = {"name": name, "epoch": epoch, "after": after}
        return Statement(self._parts["given"], parameters)

    def read_rows(self, name: str) -> Statement:
        """Read a vault, and all its rows."""
        return Statement(self._parts["all"], {"name": name})

    def read_names(self, prefix: str, after: str, limit: int) -> Statement:
        """Read names of vaults in their order, each with the long one it may have."""
        sql = """SELECT name, long_name FROM {vaults} WHERE name > :after AND name >= :prefix
            AND substr(name, 1, :size) = :prefix ORDER BY name LIMIT :most"""
        parameters = {"prefix": prefix, "size": len(prefix), "after": after, "most": limit}
        return Statement(self._write(sql), parameters)

    # writing

    def begin(self) -> Statement:
        """Begin a transaction that writes."""
        return Statement("BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN", locks=True)

    def lock(self, name: str) -> Statement:
        """Let nobody else write to a vault until the transaction ends; SQLite does so from its beginning."""
        return Statement(self._write("SELECT id FROM {vaults} WHERE name = :name FOR UPDATE"), {"name": name})

    def touch(self, head: Head, expires: int) -> Statement:
        """Put the expiry of a vault off, if it did not expire meanwhile."""
        sql = """UPDATE {vaults} SET expires = :expires WHERE id = :id AND live = 1
            AND (expires IS NULL OR expires BETWEEN {now} AND :expires)"""
        return Statement(self._write(sql), {"id": head.id, "expires": expires})

    def put(self, page: Page, name: str, long_name: str | None) -> Iterator[Statement]:
        """Write a page: the first statement answers nothing where the vault is not as it was read.

        Then the others, which SQLite needs, are not to be carried out.
        """
        head = page.head
        vault = {column: getattr(head, column) for column in _VAULT}
        vault |= {"version": head.version + 1, "numbers": json.dumps(head.numbers), "seen": head.version}
        vault |= {"id": head.id, "name": name, "long_name": long_name}
        if self.dialect == "postgresql":
            yield self._put_all(page, vault)
        else:
            yield Statement(self._put, vault)
            yield from self._put_each(page)

    def _put_all(self, page: Page, vault: Mapping[str, Any]) -> Statement:
        parts = tuple(_to_write(page))
        if parts not in self._put_parts:
            written = "".join(f", {part} AS ({self._writes[part]})" for part in parts)
            self._put_parts[parts] = f"WITH vault AS ({self._put}){written} SELECT id FROM vault"
        parameters = dict(vault)
        for part in parts:
            parameters |= _arrays(part, page)
        return Statement(self._put_parts[parts], parameters)

    def _put_each(self, page: Page) -> Iterator[Statement]:
        vault = {"vault": page.head.id}
        rows = [dict(zip(COLUMNS, row.columns(), strict=True)) for row in page.changed.values()]
        each: Mapping[str, Sequence[Mapping[str, Any]]] = {
            "gone": [{"arrival": arrival} for arrival in page.gone],
            "struck": [{"key": key, "arrival": tells} for key, tells in page.struck],
            "changed": rows,
            "keys": [{"key": key, "arrival": tells} for key, tells in page.keys],
        }
        for part in _to_write(page):
            yield Statement(self._writes[part], [{**vault, **one} for one in each.get(part, [{}])])

    def sweep(self, grace: int) -> Iterator[Statement]:
        """Remove some rows and keys of vaults that expired, and then what says that these live."""
        for sql in self._sweep:
            yield Statement(sql, {"grace": grace})


def _to_write(page: Page) -> list[str]:
    """List what a page writes besides its vault."""
    parts = ("emptied", "gone", "struck", "changed", "keys")
    chosen = [part for part in parts if getattr(page, part)]
    return ["emptied", "emptied_keys", *chosen[1:]] if page.emptied else chosen


def _arrays(part: str, page: Page) -> dict[str, str]:
    """Write the parameters of one part of what a page writes in PostgreSQL."""
    match part:
        case "gone":
            return {"gone": _array("int", page.gone)}
        case "struck":
            keys, tells = zip(*page.struck, strict=True)
            return {"struck_keys": _array("int", keys), "struck_tells": _array("int", tells)}
        case "keys":
            keys, tells = zip(*page.keys, strict=True)
            return {"new_keys": _array("int", keys), "new_tells": _array("int", tells)}
        case "changed":
            columns = zip(*[row.columns() for row in page.changed.values()], strict=True)
            named = zip(COLUMNS.items(), columns, strict=True)
            return {f"row_{name}": _array(kind, column) for (name, kind), column in named}
        case _:
            return {}


def _array(kind: str, items: Iterable[Any]) -> str:
    """Write an array as PostgreSQL reads it: many times faster than by a driver, which looks at each item."""
    if kind == "int":
        return f"{{{','.join(map(str, items))}}}"
    if kind == "text":  # of types, which are quoted, and variants: they have no quotes and no backslashes
        return "{" + ",".join([f'"{item}"' for item in items]) + "}"
    return "{" + ",".join(["NULL" if item is None else f'"\\\\x{item.hex()}"' for item in items]) + "}"


def _put_vault() -> str:
    """Write a vault under its next version, if its version is still the one that was seen."""
    columns = ("id", "name", "long_name", *_VAULT)
    return f"""INSERT INTO {{vaults}} ({", ".join(columns)})
        VALUES ({", ".join(f":{one}" for one in columns)})
        ON CONFLICT (name) DO UPDATE SET {", ".join(f"{one} = excluded.{one}" for one in _VAULT)}
        WHERE {{vaults}}.version = :seen RETURNING id"""
