"""What a bare user of SQLAlchemy would write in the place of a store; see ``store_bare``.

It reads by the very statements that the store reads with, and writes as many rows and keys, as large as the
store's, into tables of the same kind, and its counters: in one transaction, or one statement to PostgreSQL.
"""

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.loads import Call
from benchmarks.store_bare import KEYS_EACH, Found, Job, Kind, People, Values
from langchain_secguard.vault.sql.schema import Dialect, Tables
from langchain_secguard.vault.sql.statements import Statement

_NAMED = re.compile(r":(\w+)")
_TABLES = Tables("bare")
_LINKS = b"l" * 66
_ROW = "(vault, arrival, type, number, variant, identity, links, value, surrogate, variants, given, news)"
_COUNTED = """UPDATE bare_vaults SET version = version + 1, known = {0}, arrivals = {0}, entries = {0},
    numbers = {0} WHERE id = {0}"""


def make_tables(connection: Any, dialect: Dialect) -> None:
    """Make the tables that are written to."""
    for sql in _TABLES.make(dialect):
        connection.exec_driver_sql(sql)


class Statements:
    """Carry out what ``heard`` has of a call, on connections of an engine's pool."""

    def __init__(self, engine: Any, dialect: Dialect, heard: Sequence[Statement], job: Job) -> None:
        self._engine = engine
        self._is_postgresql = dialect == "postgresql"
        self._values = Values(encrypted=job.encrypted)
        self._people = People()
        self._job = job
        self._reads = [one for one in heard if one.sql.startswith("SELECT")]
        self._known = self._people.take(job.entities)
        self._asked = self._of_known()
        self._kept = [self._values.write(number, name) for number, name in enumerate(self._known, 1)]

    def call_for(self, kind: Kind) -> Callable[[], Call]:
        """Make what makes the calls of one client."""
        if kind == "hide new names":
            return lambda: _Writing(self, self._job.entities)
        return lambda: self._recall if kind == "hide known names" else self._restore

    def _recall(self) -> list[Found]:
        keys = [self._asked[self._values.key(f"PERSON\0{name}")] for name in self._known]
        return self._found({"keys": self._list(keys)})

    def _restore(self) -> list[Found]:
        numbers = list(range(1, self._job.entities + 1))
        if not self._is_postgresql:
            return self._found({"refs": json.dumps([("PERSON", number, "") for number in numbers])})
        kinds = {"types": ["PERSON"] * len(numbers), "numbers": numbers, "variants": [""] * len(numbers)}
        return self._found(kinds)

    def _found(self, parameters: Mapping[str, Any]) -> list[Found]:
        with self._engine.connect() as connection:
            rows = self.read(connection, parameters)
        kept = self._kept
        return [
            (row[6], row[7], self._values.read(at, kept[at - 1])) for at, row in enumerate(rows, 1) if row[0]
        ]

    def read(self, connection: Any, parameters: Mapping[str, Any]) -> list[Any]:
        """Read as the store does, and return what the last statement answers, but for the vault itself."""
        rows: list[Any] = []
        for sql, own, _ in self._reads:
            assert isinstance(own, dict)
            used = {**own, **{name: value for name, value in parameters.items() if name in own}}
            rows = connection.exec_driver_sql(*self._in_driver(sql, used)).all()
        return rows[1:]

    def _of_known(self) -> dict[bytes, int]:
        """Map the keys of known names to those that the store has put in its tables."""
        asked = self._reads[0].parameters
        if self._job.kind != "hide known names" or not isinstance(asked, Mapping):
            return {}
        keys = json.loads(asked["keys"].replace("{", "[").replace("}", "]"))
        made = [self._values.key(f"PERSON\0{name}") for name in self._known]
        return dict(zip(made, keys, strict=True))

    def _list(self, keys: Sequence[int]) -> Any:
        return list(keys) if self._is_postgresql else json.dumps(keys)

    def _in_driver(self, sql: str, parameters: Mapping[str, Any]) -> tuple[str, Any]:
        if self._is_postgresql:
            return _NAMED.sub(r"%(\1)s", sql), parameters
        return _NAMED.sub("?", sql), tuple(parameters[name] for name in _NAMED.findall(sql))

    def write(self, vault: int, arrivals: Sequence[int]) -> list[Found]:
        """Read what is under the keys of new names, which is nothing, and write these."""
        people = self._people.take(len(arrivals))
        made = self._values.keys(people)
        keys = [int.from_bytes(key[:8], signed=True) for key in made]
        kept = list(map(self._values.write, arrivals, people))
        identities = made[::KEYS_EACH]
        with self._engine.connect() as connection:
            self.read(connection, {"keys": self._list(keys)})
            write = _write_postgresql if self._is_postgresql else _write_sqlite
            write(connection, vault, arrivals, identities, kept, keys)
        return [("PERSON", number, name) for number, name in zip(arrivals, people, strict=True)]

    def begin(self, vault: int) -> None:
        """Put the row of a vault that is written to."""
        columns = f"({vault}, 'bare {vault}', NULL, 1, 1, 1, 1, 1, 0, 2, 0, 0, 0, '', '', NULL)"
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"INSERT INTO bare_vaults VALUES {columns}")


class _Writing:
    """Write to a vault of its own, as each client of the store does."""

    _vaults = itertools.count(1)

    def __init__(self, statements: Statements, entities: int) -> None:
        self._statements = statements
        self._entities = entities
        self._vault = next(self._vaults)
        self._arrivals = itertools.count(1)
        statements.begin(self._vault)

    def __call__(self) -> object:
        arrivals = list(itertools.islice(self._arrivals, self._entities))
        return self._statements.write(self._vault, arrivals)


def _write_sqlite(
    connection: Any,
    vault: int,
    arrivals: Sequence[int],
    identities: Sequence[bytes],
    kept: Sequence[bytes],
    keys: Sequence[int],
) -> None:
    rows = f"INSERT INTO bare_rows {_ROW} VALUES (?, ?, 'PERSON', ?, '', ?, ?, ?, NULL, 0, 0, 1)"
    last = arrivals[-1]
    written = zip(arrivals, identities, kept, strict=True)
    told = [(vault, key, arrivals[at // KEYS_EACH]) for at, key in enumerate(keys)]
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql(_COUNTED.format("?"), (last, last, last, f'{{"PERSON": {last}}}', vault))
    connection.exec_driver_sql(rows, [(vault, one, one, key, _LINKS, value) for one, key, value in written])
    connection.exec_driver_sql("INSERT INTO bare_keys (vault, key, arrival) VALUES (?, ?, ?)", told)
    connection.exec_driver_sql("COMMIT")


def _write_postgresql(
    connection: Any,
    vault: int,
    arrivals: Sequence[int],
    identities: Sequence[bytes],
    kept: Sequence[bytes],
    keys: Sequence[int],
) -> None:
    sql = f"""WITH counted AS ({_COUNTED.format("%s")}), rows AS (
        INSERT INTO bare_rows {_ROW} SELECT %s, one, 'PERSON', one, '', identity, %s, value, NULL, 0, 0, 1
        FROM unnest(%s::int[], %s::bytea[], %s::bytea[]) AS r(one, identity, value))
        INSERT INTO bare_keys (vault, key, arrival)
        SELECT %s, key, arrival FROM unnest(%s::bigint[], %s::int[]) AS k(key, arrival)"""
    last = arrivals[-1]
    told = [arrivals[at // KEYS_EACH] for at in range(len(keys))]
    counted = (last, last, last, f'{{"PERSON": {last}}}', vault)
    rows = (vault, _LINKS, list(arrivals), list(identities), list(kept))
    connection.exec_driver_sql(sql, (*counted, *rows, vault, list(keys), told))
