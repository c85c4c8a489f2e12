"""The engines of a vault store in SQL: they carry statements out, with and without blocking, or cannot."""

import asyncio
import importlib
import logging
import math
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast
from weakref import WeakSet

from langchain_secguard.errors import VaultUnavailableError
from langchain_secguard.vault.sql import drivers
from langchain_secguard.vault.sql.statements import Answer, Statement
from langchain_secguard.vault.sql.urls import check_url, dialect_of, load_sqlalchemy, read_url
from langchain_secguard.vault.sql.watch import Watchdog, stopper

T = TypeVar("T")
Work: TypeAlias = Generator[Statement, Answer, T]

_UNAVAILABLE = (
    "the database failed with {name}; nothing was sent. Is it up, reachable, writable and not full, does "
    "something else hold a lock, and are the user and the password right?"
)
_LEAST_TO_CONNECT = 2  # seconds: libpq knows no less


@dataclass(frozen=True, slots=True)
class _Line:
    """Hold the engine of one event loop; ``lease`` ends with the loop."""

    engine: Any
    lease: AsyncGenerator[Any, None] | None = None


class _GoneError(Exception):
    """A connection turned out to be dead before anything was done with it."""


class Engines:
    """Carry out the statements that generators yield, each generator on a connection of its own.

    Args:
        database: A URL; or an ``Engine`` or ``AsyncEngine`` of SQLAlchemy.
        timeout: Seconds after which waiting for a connection, connecting, and a call are each given up.
        connections: The size of the pools that are made for a URL.

    Raises:
        ImportError: SQLAlchemy, or the driver, is not installed.
        ValueError: The URL cannot be read, or is that of a database or a driver that is not supported.
        TypeError: ``database`` is none of these.
    """

    def __init__(self, database: Any, *, timeout: float, connections: int) -> None:
        self._sqlalchemy = load_sqlalchemy()
        self._timeout = timeout
        self._connections = connections
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._url, self._engine, self._async_engine = self._understand(database)
        self.dialect = dialect_of(self._url or (self._engine or self._async_engine).url)
        self._is_blocking = self._async_engine is None and (self._url is None or self.dialect == "sqlite")
        self._unlock()
        _ALL.add(self)

    def run(self, make: Callable[[], Work[T]]) -> T:
        """Carry out what ``make`` makes, again from the start if its connection turns out to be dead.

        Raises:
            VaultUnavailableError: The database did not carry it out, for whatever reason.
        """
        engine = self._blocking()
        for _ in range(2):
            with suppress(_GoneError):
                return self._drive(engine, make())
            engine.dispose()  # the others that wait in the pool are dead, too
        raise _unavailable("a dead connection")

    async def arun(self, make: Callable[[], Work[T]]) -> T:
        """Do what :meth:`run` does, without blocking the event loop."""
        if self._is_blocking:
            return await self._run_apart(make)
        line = self._lines.get(asyncio.get_running_loop()) or await self._open_line()
        name = "a dead connection"
        for _ in range(2):
            try:
                return await self._adrive(line, make())
            except _GoneError:
                await line.engine.dispose()
            except TimeoutError:
                name = "TimeoutError"
                break
        raise _unavailable(name)

    def close(self) -> None:
        """Close the connections that were opened for a URL; those of an event loop close with it."""
        if self._url is not None:
            with self._lock:
                engine, self._engine = self._engine, None
            if engine is not None:
                engine.dispose()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    async def aclose(self) -> None:
        """Close the connections that were opened for a URL in this event loop."""
        line = self._lines.pop(asyncio.get_running_loop(), None)
        if line is not None and line.lease is not None:
            await line.lease.aclose()
        if self._is_blocking:
            await asyncio.to_thread(self.close)

    def forget(self) -> None:
        """Leave the connections and locks of the process that this one was forked from to it."""
        self._unlock()
        if self._engine is not None:
            self._engine.dispose(close=False)

    def _unlock(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._watchdog = Watchdog(self._timeout)
        self._threads = None

    async def _run_apart(self, make: Callable[[], Work[T]]) -> T:
        """Carry something out in a thread, of which there are as many as connections."""
        begun = time.monotonic()

        def run() -> T:
            if time.monotonic() - begun > self._timeout:
                raise _unavailable("TimeoutError")
            return self.run(make)

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._connections, "secguard-sql")
            future = self._threads.submit(run)
        return await asyncio.wrap_future(future)

    def _drive(self, engine: Any, work: Work[T]) -> T:
        begun, has_turn = time.monotonic(), False
        if self._url is not None:
            connection = pooled = _attempt(engine.raw_connection)
        else:  # one that is given has its options set by what SQLAlchemy makes around a connection
            connection = _attempt(engine.connect)
            pooled = connection.connection
        driver = pooled.driver_connection
        try:
            with self._watchdog.over(stopper(driver)):
                statement, is_first = next(work), True
                while True:
                    if statement.locks and self.dialect == "sqlite" and not has_turn:
                        has_turn = self._take_turn()
                    may_be_dead = is_first and time.monotonic() - begun < self._timeout
                    dialect = engine.dialect if may_be_dead else None
                    answer = _attempt(drivers.execute, driver, statement, dialect=dialect)
                    try:
                        statement, is_first = work.send(answer), False
                    except StopIteration as stop:
                        return cast("T", stop.value)
        except BaseException:
            with suppress(Exception):
                connection.invalidate()
            raise
        finally:
            if has_turn:
                self._turn.release()
            with suppress(Exception):
                connection.close()

    async def _adrive(self, line: _Line, work: Work[T]) -> T:
        begun = time.monotonic()
        async with asyncio.timeout(self._timeout):
            connection = await _aattempt(line.engine.connect().start)
        driver = (await connection.get_raw_connection()).driver_connection
        watch = asyncio.get_running_loop().call_later(self._timeout, stopper(driver))
        try:
            statement, is_first = next(work), True
            while True:
                may_be_dead = is_first and time.monotonic() - begun < self._timeout
                dialect = line.engine.dialect if may_be_dead else None
                answer = await _aattempt(drivers.aexecute, driver, statement, dialect=dialect)
                try:
                    statement, is_first = work.send(answer), False
                except StopIteration as stop:
                    return cast("T", stop.value)
        except BaseException:
            with suppress(Exception):
                await asyncio.shield(connection.invalidate())
            raise
        finally:
            watch.cancel()
            with suppress(Exception):
                await asyncio.shield(connection.close())

    def _take_turn(self) -> bool:
        if not self._turn.acquire(timeout=self._timeout):
            raise _unavailable("TimeoutError")
        return True

    def _understand(self, database: Any) -> tuple[Any, Any, Any]:
        """Tell a URL from an engine and from an async one."""
        sqlalchemy = self._sqlalchemy
        aio = importlib.import_module("sqlalchemy.ext.asyncio")
        if isinstance(database, str | sqlalchemy.URL):
            return read_url(database), None, None
        if not isinstance(database, sqlalchemy.Engine | aio.AsyncEngine):
            raise TypeError(
                f"{type(database).__name__} is no database: give a URL such as sqlite:///vaults.db or "
                "postgresql://user:password@host/database, or an Engine or AsyncEngine of SQLAlchemy"
            )
        check_url(database.url)
        engine: Any = database.execution_options(isolation_level="AUTOCOMMIT")
        if isinstance(database, aio.AsyncEngine):
            logging.getLogger("aiosqlite").addFilter(_is_no_call)
            return None, None, engine
        return None, engine, None

    def _blocking(self) -> Any:
        if self._async_engine is not None:
            raise TypeError("this store has an AsyncEngine: use its async methods, or give it a URL")
        with self._lock:
            if self._engine is None:
                self._engine = self._create(self._sqlalchemy.create_engine)
            return self._engine

    async def _open_line(self) -> _Line:
        """Make an engine for the running event loop: its connections are good in one loop alone."""
        if self._async_engine is not None:
            line = _Line(self._async_engine)
        else:
            lease = self._lease()
            line = _Line(await anext(lease), lease)
        for ended in [other for other in list(self._lines) if other.is_closed()]:
            self._lines.pop(ended, None)
        return self._lines.setdefault(asyncio.get_running_loop(), line)

    async def _lease(self) -> AsyncGenerator[Any, None]:
        """Hold an engine as long as its loop: one that shuts down closes the generators that run in it."""
        aio = importlib.import_module("sqlalchemy.ext.asyncio")
        engine = self._create(aio.create_async_engine)
        try:
            yield engine
        finally:
            self._lines.pop(asyncio.get_running_loop(), None)
            await engine.dispose()

    def _create(self, create: Callable[..., Any]) -> Any:
        engine = create(
            self._url,
            isolation_level="AUTOCOMMIT",  # transactions are begun by statements
            pool_size=self._connections,
            max_overflow=0,
            pool_timeout=self._timeout,
            pool_reset_on_return=None,  # what failed in a transaction is not used again
            connect_args=self._connect_args(),
        )
        if self.dialect == "sqlite":
            self._sqlalchemy.event.listen(engine, "connect", _set_up)
        return engine

    def _connect_args(self) -> dict[str, Any]:
        if self.dialect == "sqlite":
            return {"timeout": self._timeout}
        limit = math.ceil(self._timeout * 1000)
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        given = {
            "connect_timeout": max(math.ceil(self._timeout), _LEAST_TO_CONNECT),
            "options": " ".join(f"-c {name}={limit}" for name in limits),
        }
        return {name: value for name, value in given.items() if name not in self._url.query}


def _set_up(connection: Any, _record: Any) -> None:
    """Let SQLite wait for the disk before a write is acknowledged, and overwrite what is erased."""
    cursor = connection.cursor()
    for pragma in ("synchronous = FULL", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _is_no_call(record: logging.LogRecord) -> bool:
    """Keep from the log of aiosqlite, at its level for debugging, what a database is sent."""
    return record.levelno > logging.DEBUG


def _attempt(call: Callable[..., Any], *arguments: Any, dialect: Any = None) -> Any:
    """Call the database; what it raises may hold what was sent, or a password, and is let go."""
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001 - see above
        failure = _failure(error, arguments, dialect)
    raise failure


async def _aattempt(call: Callable[..., Any], *arguments: Any, dialect: Any = None) -> Any:
    try:
        return await call(*arguments)
    except Exception as error:  # noqa: BLE001 - see above
        failure = _failure(error, arguments, dialect)
    raise failure


def _failure(error: Exception, arguments: Sequence[Any], dialect: Any) -> Exception:
    """Tell a failure from a connection that was dead before; only a ``dialect`` that is given can tell."""
    if dialect is not None and dialect.is_disconnect(error, arguments[0], None):
        return _GoneError()
    return _unavailable(type(getattr(error, "orig", None) or error).__name__)


def _unavailable(name: str) -> VaultUnavailableError:
    return VaultUnavailableError(_UNAVAILABLE.format(name=name))


def _forget_all() -> None:
    for engines in list(_ALL):
        engines.forget()


_ALL: WeakSet[Engines] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
