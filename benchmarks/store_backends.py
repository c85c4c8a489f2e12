"""The databases that stores are measured on, each with what does the same work bare; see ``store_bare``."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import redis
import sqlalchemy

from benchmarks.loads import Call
from benchmarks.store_bare import Job, Pipeline
from benchmarks.store_bare_sql import Statements, make_tables
from langchain_secguard.vault import InMemoryVaultStore, RedisVaultStore
from langchain_secguard.vault.sql import SQLVaultStore, drivers
from langchain_secguard.vault.sql.schema import Dialect
from langchain_secguard.vault.sql.statements import Statement
from tests.servers import PostgresServer, RedisServer, StallProxy

_TIMEOUT = 60.0
_COMMANDS = ("hget", "hmget", "hset", "hincrby", "hexists")


class Backend(Protocol):
    """Make stores over one database, and what they are measured against."""

    name: str
    weighed_from: int
    """The entries from which on the weight of a vault tells what one takes."""

    def store(self, clients: int) -> Any:
        """Open a store for so many clients."""
        ...

    def bare(self, job: Job, clients: int) -> Callable[[], Call] | None:
        """Make what makes calls of each client that do the job; ``None`` where there is nothing barer."""
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
    weighed_from = 100_000  # by the growth of a process, which has other reasons too

    def __init__(self) -> None:
        self._before = _resident()

    def store(self, clients: int) -> Any:  # noqa: ARG002 - it has no connections
        """Open a store."""
        return InMemoryVaultStore()

    def bare(self, job: Job, clients: int) -> None:
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
    weighed_from = 10_000

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        waits = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}  # as the store does
        self._admin: Any = redis.Redis.from_url(server.url, **waits)

    def store(self, clients: int) -> Any:
        """Open a store."""
        return RedisVaultStore(self._server.url, connections=clients, timeout=_TIMEOUT)

    def bare(self, job: Job, clients: int) -> Callable[[], Call]:  # noqa: ARG002 - a pool
        """Make pipelines of as many of the same commands."""
        job.call()
        self._admin.config_resetstat()
        job.call()
        stats: Mapping[str, Any] = self._admin.info("commandstats")
        commands = {
            name: stats[f"cmdstat_{name}"]["calls"] for name in _COMMANDS if f"cmdstat_{name}" in stats
        }
        pipeline = Pipeline(self._admin, commands, job)
        return lambda: pipeline.call_for(job.kind)

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


class SQL:
    """Keep vaults in a SQL database of its own."""

    weighed_from = 10_000

    def __init__(self, name: str, dialect: Dialect, url: str, port: int | None = None) -> None:
        self.name = name
        self._dialect: Dialect = dialect
        self._url = sqlalchemy.make_url(url)
        self._port = port
        self._pool: Any = None
        self._arguments: dict[str, Any] = {"timeout": _TIMEOUT} if dialect == "sqlite" else {}
        with self._engine(1).connect() as connection:
            make_tables(connection, dialect)

    def store(self, clients: int) -> Any:
        """Open a store."""
        return SQLVaultStore(str(self._url), connections=clients, timeout=_TIMEOUT)

    def bare(self, job: Job, clients: int) -> Callable[[], Call]:
        """Make the statements that the store reads with, and others that write as much as it does."""
        job.call()
        heard: list[Statement] = []
        with overheard(heard):
            job.call()
        statements = Statements(self._engine(clients), self._dialect, heard, job)
        return statements.call_for(job.kind)

    def trips(self, use: Callable[[Any, Callable[[], int]], str]) -> str:
        """Count round trips, or statements where there is no network."""
        with ExitStack() as exits:
            if self._port is None:
                heard: list[Statement] = []
                exits.enter_context(overheard(heard))
                store = SQLVaultStore(str(self._url))
                counted = use(store, lambda: len(heard))
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
        """Make an engine with so many connections, and close those of the one before."""
        if self._pool is not None and self._pool.pool.size() == clients:
            return self._pool
        if self._pool is not None:
            self._pool.dispose()
        names = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
        engine = sqlalchemy.create_engine(
            self._url.set(drivername=names[self._dialect]),
            isolation_level="AUTOCOMMIT",
            pool_size=clients,
            max_overflow=0,
            connect_args=self._arguments,
        )
        if self._dialect == "sqlite":
            sqlalchemy.event.listen(engine, "connect", _as_durable)
        self._pool = engine
        return engine


@contextmanager
def overheard(heard: list[Statement]) -> Iterator[None]:
    """Note the statements that any store carries out."""
    execute = drivers.execute

    def execute_heard(connection: Any, statement: Statement) -> Any:
        heard.append(statement)
        return execute(connection, statement)

    drivers.execute = execute_heard
    try:
        yield
    finally:
        drivers.execute = execute


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
