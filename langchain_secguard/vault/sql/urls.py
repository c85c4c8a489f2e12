"""What a vault store in SQL is told to use: a URL or an engine of SQLAlchemy, read and checked."""

import importlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from langchain_secguard.vault.sql.schema import Dialect

DRIVERS: Mapping[Dialect, Mapping[str, str]] = {
    "sqlite": {"sync": "pysqlite", "async": "aiosqlite"},
    "postgresql": {"sync": "psycopg", "async": "psycopg"},
}
"""The drivers of each dialect, for blocking and for async methods."""


@lru_cache(maxsize=1)
def load_sqlalchemy() -> Any:
    """Import SQLAlchemy, and what its async engines need.

    Raises:
        ImportError: It is not installed.
    """
    try:
        importlib.import_module("greenlet")
        return importlib.import_module("sqlalchemy")
    except ImportError as error:
        raise ImportError(
            'SQLVaultStore needs SQLAlchemy: pip install "langchain-secguard[sql]" for SQLite, or '
            '"langchain-secguard[postgres]"'
        ) from error


def read_url(database: Any) -> Any:
    """Read a URL, whose driver is left to the engine.

    Raises:
        ImportError: A driver of the database is not installed.
        ValueError: It cannot be read, or is that of a database that is not supported.
    """
    try:
        url = load_sqlalchemy().make_url(database)
    except Exception:  # noqa: BLE001 - its message may hold a piece of the password
        url = None
    if url is None:
        raise ValueError(
            "the URL of the database cannot be read; one looks like sqlite:///vaults.db or "
            "postgresql://user:password@host/database, with special characters of the password "
            "percent-encoded"
        )
    if url.drivername == "postgres":
        url = url.set(drivername="postgresql")
    check_url(url)
    for driver in dict.fromkeys(DRIVERS[dialect_of(url)].values()):
        _check_driver(driver)
    return url


def check_url(url: Any) -> None:
    """Check that a URL, which may be that of an engine, names a database and a driver that are supported."""
    dialect = dialect_of(url)
    drivers = dict.fromkeys(DRIVERS[dialect].values())
    if "+" in url.drivername and url.get_driver_name() not in drivers:
        raise ValueError(
            f"{url.drivername} is not supported: use {dialect}+{' or '.join(drivers)}, or name no driver"
        )
    if dialect == "sqlite" and _is_in_memory(url):
        raise ValueError("each connection to :memory: has a database of its own: use InMemoryVaultStore")


def dialect_of(url: Any) -> Dialect:
    """Tell the dialect of a URL."""
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        raise ValueError(f"{backend} is not supported: use SQLite or PostgreSQL")
    return cast("Dialect", backend)


def _is_in_memory(url: Any) -> bool:
    return (
        not url.database
        or ":memory:" in url.database
        or "memory" in (url.query.get("mode"), url.query.get("vfs"))
    )


def _check_driver(driver: str) -> None:
    try:
        importlib.import_module("sqlite3" if driver == "pysqlite" else driver)
    except ImportError as error:
        extra = "postgres" if driver == "psycopg" else "sql"
        raise ImportError(
            f'SQLVaultStore needs {driver}: pip install "langchain-secguard[{extra}]"'
        ) from error
