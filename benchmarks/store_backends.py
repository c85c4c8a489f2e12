"""The databases that stores are measured on, each with the bare statements that do the same work.

Bare reads are the very commands or statements that the store sends. Bare writes put as many rows and keys,
about as large as the store's, into tables or hashes of the same kind, decide nothing, and know the numbers
beforehand.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import redis
import sqlalchemy

from benchmarks.loads import Call
from langchain_secguard.vault import InMemoryVaultStore, RedisVaultStore
from langchain_secguard.vault.sql import SQLVaultStore
from langchain_secguard.vault.sql.schema import Dialect, Tables
from tests.servers import PostgresServer, RedisServer, StallProxy

_TIMEOUT = 60.0
_COMMANDS = ("hget", "hset", "hincrby", "hmget", "hexists")
_VALUE = b"x" * 60
_READY = 512
_COLUMNS = f"x'{'69' * 16}', x'{'6c' * 60}', x'{'76' * 12}', NULL, 0, 0, 1"
"""An identity, links and a value, as large as those of a person, and what else a row has."""

Call1 = Callable[[Any], object]


class Backend(Protocol):
    """Make stores over one database, and what they are measured against."""

    name: str

    def store(self, clients: int) -> Any:
        """Open a store for so many clients."""
        ...

    def bare(self, call: Call, entities: int, clients: int) -> Callable[[], Call] | None:
        """Make calls that do what ``call`` does; ``None`` where there is nothing barer."""
        ...

    def trips(self, use: Callable[[Any, Callable[[], int]], str]) -> str:
        """Let ``use`` ask a store of its own how often it has sent something, or carried out a statement."""
        ...

    def weigh(self, vault_id: str) -> int:
        """Return the bytes of a vault, or of all."""
        ...


class Memory:
    """Keep vaults in the memory of the process."""

    name = "memory"

    def __init__(self) -> None:
        self._before = _resident()

    def store(self, clients: int) -> Any:  # noqa: ARG002 - it has no connections
        """Open a store."""
        return InMemoryVaultStore()

    def bare(self, call: Call, entities: int, clients: int) -> None:
        """Make none: nothing is barer."""

    def trips(self, use: Callable[[Any, Callable[[], int]], str]) -> str:  # noqa: ARG002 - see below
        """Count none."""
        return "none"

    def weigh(self, vault_id: str) -> int:  # noqa: ARG002 - of all
        """Return by how much the process has grown."""
        return _resident() - self._before


class Redis:
    """Keep vaults on a Redis server of its own."""

    name = "Redis"

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._admin: Any = redis.Redis.from_url(server.url)
        self._admin.hset("bare", mapping={b"%016d" % number: _VALUE for number in range(_READY)})

    def store(self, clients: int) -> Any:
        """Open a store."""
        return RedisVaultStore(self._server.url, connections=clients, timeout=_TIMEOUT)

    def bare(self, call: Call, entities: int, clients: int) -> Callable[[], Call]:  # noqa: ARG002 - a pool
        """Make a pipeline of as many of the same commands."""
        call()
        self._admin.config_resetstat()
        call()
        stats: Mapping[str, Any] = self._admin.info("commandstats")
        commands = {
            name: stats[f"cmdstat_{name}"]["calls"] for name in _COMMANDS if f"cmdstat_{name}" in stats
        }
        return lambda: _pipeline(self._admin, commands, entities)

    def trips(self, use: Callable[[Any, Callable[[], int]], str]) -> str:
        """Count round trips."""
        with StallProxy(self._server.port) as proxy:
            store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}")
            counted = use(store, lambda: proxy.turns)
            store.close()
        return counted

    def weigh(self, vault_id: str) -> int:
        """Return the bytes of a vault."""
        names = (f"secguard:{{{vault_id}}}", f"secguard:{{{vault_id}}}:numbers")
        return sum(self._admin.memory_usage(name, samples=0) or 0 for name in names)


def _pipeline(bare: Any, commands: Mapping[str, int], entities: int) -> Call:
    counts = iter(range(1 << 60))
    ready = itertools.cycle([b"%016d" % number for number in range(_READY)])

    def call() -> object:
        pipeline = bare.pipeline(transaction=False)
        number = next(counts)
        for name, count in commands.items():
            for step in range(count):
                if name == "hset":
                    pipeline.hset("bare-new", b"%016d" % (number * count + step), _VALUE)
                elif name == "hincrby":
                    pipeline.hincrby("bare-numbers", "PERSON", 1)
                elif name == "hmget":
                    pipeline.hmget("bare", list(itertools.islice(ready, entities + 1)))
                else:
                    pipeline.hget("bare", next(ready))
        return pipeline.execute()

    return call


class SQL:
    """Keep vaults in a SQL database of its own."""

    def __init__(self, name: str, dialect: Dialect, url: str, port: int | None = None) -> None:
        self.name = name
        self._dialect: Dialect = dialect
        self._url = sqlalchemy.make_url(url)
        self._port = port
        self._bare_tables = Tables("bare")
        self._numbers = itertools.count(1)
        self._arguments: dict[str, Any] = {"timeout": _TIMEOUT} if dialect == "sqlite" else {}
        with self._engine(1).connect() as connection:
            for sql in self._bare_tables.make(dialect):
                connection.execute(sqlalchemy.text(sql))

    def store(self, clients: int) -> Any:
        """Open a store."""
        return SQLVaultStore(str(self._url), connections=clients, timeout=_TIMEOUT)

    def bare(self, call: Call, entities: int, clients: int) -> Callable[[], Call]:
        """Make the statements that the store reads with, or statements that write as much as it does."""
        call()
        heard, engine = self._heard(call), self._engine(clients)
        writes = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT")
        reads = [one for one in heard if not any(word in one[0] for word in writes)]
        keys = sum(_count_keys(parameters) for _, parameters in heard)

        def read(connection: Any) -> object:
            return [connection.exec_driver_sql(sql, parameters).all() for sql, parameters in reads]

        def replay() -> object:
            with engine.connect() as connection:
                return read(connection)

        return (lambda: self._writer(engine, read, entities, keys)) if keys else (lambda: replay)

    def trips(self, use: Callable[[Any, Callable[[], int]], str]) -> str:
        """Count round trips, or statements where there is no network."""
        with ExitStack() as exits:
            if self._port is None:
                statements: list[str] = []
                listen = exits.enter_context(_listening(statements))
                store = SQLVaultStore(str(self._url))
                counted = use(store, lambda: len(listen))
            else:
                proxy = exits.enter_context(StallProxy(self._port))
                store = SQLVaultStore(str(self._url.set(port=proxy.port)))
                counted = use(store, lambda: proxy.turns)
            store.close()
        return counted

    def weigh(self, vault_id: str) -> int:  # noqa: ARG002 - of all
        """Return the bytes of the tables and their indexes."""
        with self._engine(1).connect() as connection:
            if self._dialect == "postgresql":
                names = [f"secguard_{table}" for table in ("vaults", "rows", "keys")]
                sizes = """SELECT sum(pg_total_relation_size(name::regclass))
                    FROM unnest(CAST(:names AS text[])) AS name"""
                return int(connection.execute(sqlalchemy.text(sizes), {"names": names}).scalar_one())
            pages, size, free = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_count", "page_size", "freelist_count")
            )
            return (pages - free) * size

    def _engine(self, clients: int) -> Any:
        drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
        engine = sqlalchemy.create_engine(
            self._url.set(drivername=drivers[self._dialect]),
            isolation_level="AUTOCOMMIT",
            pool_size=clients,
            max_overflow=0,
            connect_args=self._arguments,
        )
        if self._dialect == "sqlite":
            sqlalchemy.event.listen(engine, "connect", _as_durable)
        return engine

    def _heard(self, call: Call) -> list[tuple[str, Any]]:
        """Listen to the statements of a call, of whatever engine."""
        heard: list[tuple[str, Any]] = []

        def hear(_: Any, __: Any, sql: str, parameters: Any, ___: Any, ____: Any) -> None:
            heard.append((sql, parameters))

        sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", hear)
        try:
            call()
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", hear)
        return heard

    def _writer(self, engine: Any, read: Call1, entities: int, keys: int) -> Call:
        """Read as the store does, and write rows and keys into tables of the same kind."""
        vault, arrivals = next(self._numbers), itertools.count(1)
        write = _write_postgresql if self._dialect == "postgresql" else _write_sqlite

        def call() -> object:
            own = list(itertools.islice(arrivals, entities))
            places = [own[0] * keys + at for at in range(keys)]
            with engine.connect() as connection:
                read(connection)
                write(connection, vault, own, places)
            return own

        return call


def _write_sqlite(connection: Any, vault: int, arrivals: Sequence[int], keys: Sequence[int]) -> None:
    rows = f"INSERT INTO bare_rows VALUES (?, ?, 'PERSON', ?, '', {_COLUMNS})"
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql(rows, [(vault, one, one) for one in arrivals])
    connection.exec_driver_sql("INSERT INTO bare_keys VALUES (?, ?, 1)", [(vault, key) for key in keys])
    connection.exec_driver_sql("COMMIT")


def _write_postgresql(connection: Any, vault: int, arrivals: Sequence[int], keys: Sequence[int]) -> None:
    columns = _COLUMNS.replace("x'", "'\\x")
    sql = f"""WITH rows AS (INSERT INTO bare_rows SELECT %s, one, 'PERSON', one, '', {columns}
        FROM unnest(%s::int[]) AS one)
        INSERT INTO bare_keys SELECT %s, key, 1 FROM unnest(%s::bigint[]) AS key"""
    connection.exec_driver_sql(sql, (vault, list(arrivals), vault, list(keys)))


def _count_keys(parameters: Any) -> int:
    """Count the keys that a statement puts: one for each set of three parameters, or a list of them all."""
    if isinstance(parameters, dict):
        return len(parameters.get("new_keys", ()))
    return sum(len(one) == 3 for one in parameters if isinstance(one, tuple | list))


@contextmanager
def _listening(heard: list[str]) -> Iterator[list[str]]:
    def hear(_: Any, __: Any, sql: str, ___: Any, ____: Any, _____: Any) -> None:
        heard.append(sql)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", hear)


def _as_durable(connection: Any, _record: Any) -> None:
    """Wait for the disk as the store does."""
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


@contextmanager
def backends() -> Iterator[list[Backend]]:
    """Run the servers, and open what is measured."""
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory())
        redis_server = exits.enter_context(RedisServer())
        postgres = exits.enter_context(PostgresServer(max_connections="300", fsync="on"))
        yield [
            Memory(),
            Redis(redis_server),
            SQL("SQLite", "sqlite", f"sqlite:///{folder}/vaults.db"),
            SQL("PostgreSQL", "postgresql", f"postgresql://{postgres.address}", postgres.port),
        ]
