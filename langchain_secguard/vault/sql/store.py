"""A vault store in a SQL database: SQLite in a file, or PostgreSQL."""

import asyncio
import math
import threading
import time
from contextlib import suppress
from typing import Any

from langchain_secguard.errors import VaultUnavailableError
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.ledger import Reply, Request
from langchain_secguard.vault.sql.engines import Engines
from langchain_secguard.vault.sql.schema import Tables
from langchain_secguard.vault.sql.statements import Statements
from langchain_secguard.vault.sql.work import Worker, make_schema

_MICRO = 1_000_000
_GRACE = 60.0
"""Seconds for which an expired vault is left alone, since a call that found it alive may be under way."""

_POLL = 0.005  # seconds


class SQLVaultStore(LedgerVaultStore):
    """Keep vaults in SQLite or PostgreSQL; the tables are made at first use.

    Args:
        database: A URL (``sqlite:///vaults.db``, ``postgresql://user:password@host/database``); or an
            ``Engine`` or ``AsyncEngine`` of SQLAlchemy, whose own pool and settings then hold. A URL serves
            threads and tasks, and so does an ``Engine``, in worker threads; an ``AsyncEngine`` serves the
            event loop it is used in, by the async methods alone.
        ttl: Seconds after its last use at which a vault expires; never when ``None``. It may be up to a
            sixteenth more. What has expired is removed bit by bit, by calls that write.
        timeout: Seconds after which waiting for a connection, connecting (two seconds at least, to
            PostgreSQL) and a call are each given up.
        connections: So many calls run at once, in the process or in an event loop; others wait.
        table_prefix: What the names of all tables begin with.

    Raises:
        ImportError: SQLAlchemy, or the driver of the database, is not installed.
    """

    def __init__(
        self,
        database: Any,
        *,
        ttl: float | None = None,
        timeout: float = 5.0,
        connections: int = 10,
        table_prefix: str = "secguard",
    ) -> None:
        for name, seconds in (("ttl", ttl), ("timeout", timeout)):
            if seconds is not None and not (0 < seconds < math.inf):
                raise ValueError(f"{name} is a positive number of seconds")
        if connections < 1:
            raise ValueError("connections is at least 1")
        tables = Tables(table_prefix)
        engines = Engines(database, timeout=timeout, connections=connections)
        super().__init__(SQLLedger(engines, tables, ttl=ttl, grace=max(_GRACE, 4 * timeout)))
        self._engines = engines
        self._shown = f"SQLVaultStore({engines.dialect}, ttl={ttl}, table_prefix={table_prefix!r})"

    def __repr__(self) -> str:
        return self._shown

    def close(self) -> None:
        """Close the connections that the store opened for its blocking methods."""
        self._engines.close()

    async def aclose(self) -> None:
        """Close the connections that the store opened in this event loop; they close with it, too."""
        await self._engines.aclose()


class SQLLedger:
    """Keep rows in a SQL database."""

    def __init__(self, engines: Engines, tables: Tables, *, ttl: float | None, grace: float) -> None:
        self._engines = engines
        self._tables = tables
        self._statements = Statements(engines.dialect, tables)
        lifetime = None if ttl is None else math.ceil(ttl * _MICRO)
        self._worker = Worker(self._statements, ttl=lifetime, grace=math.ceil(grace * _MICRO))
        self._made = False
        self._making = threading.Lock()
        self._pause = None if ttl is None else min(_GRACE, ttl)
        self._swept = time.monotonic()
        self._lock = threading.Lock()

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request."""
        self._make()
        reply = self._engines.run(lambda: self._worker.perform(vault_id, request, seal))
        if self._sweeps():
            with suppress(VaultUnavailableError):
                self._engines.run(self._worker.sweep)
        return reply

    async def aperform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        """Carry out one request without blocking the event loop."""
        await self._amake()
        reply = await self._engines.arun(lambda: self._worker.perform(vault_id, request, seal))
        if self._sweeps():
            with suppress(VaultUnavailableError):
                await self._engines.arun(self._worker.sweep)
        return reply

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults that were ever written to, whose id begins with ``prefix``."""
        self._make()
        return self._engines.run(lambda: self._worker.vault_ids(prefix))

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does, without blocking the event loop."""
        await self._amake()
        return await self._engines.arun(lambda: self._worker.vault_ids(prefix))

    def _make(self) -> None:
        """Make the tables at first use: once, however many threads come at once."""
        if not self._made:
            with self._making:
                if not self._made:
                    self._engines.run(lambda: make_schema(self._tables, self._statements))
                    self._made = True

    async def _amake(self) -> None:
        while not self._made:
            if self._making.acquire(blocking=False):
                try:
                    await self._engines.arun(lambda: make_schema(self._tables, self._statements))
                    self._made = True
                finally:
                    self._making.release()
            else:
                await asyncio.sleep(_POLL)

    def _sweeps(self) -> bool:
        """Tell whether it is time to sweep; one caller is told so."""
        if self._pause is None or time.monotonic() - self._swept < self._pause:
            return False
        with self._lock:
            due = time.monotonic() - self._swept >= self._pause
            self._swept = time.monotonic() if due else self._swept
        return due
