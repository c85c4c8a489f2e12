"""What a vault store in SQL is told to use: a URL or an engine of SQLAlchemy, read and checked."""

import importlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from langchain_secguard.vault.sql.schema import Dialect

_DRIVERS: Mapping[Dialect, Sequence[str]] = {
    "sqlite": ("pysqlite", "aiosqlite"),
    "postgresql": ("psycopg", "psycopg_async"),
}
"""The drivers of each dialect: the one that is used for a URL, and another that an engine may have."""


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
    """Read a URL, and name the driver in it.

    Raises:
        ImportError: The driver of the database is not installed.
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
    if dialect_of(url) == "postgresql":
        _load_psycopg()
    return url.set(drivername=f"{dialect_of(url)}+{_DRIVERS[dialect_of(url)][0]}")


def check_url(url: Any) -> None:
    """Check that a URL, which may be that of an engine, names a database and a driver that are supported."""
    dialect = dialect_of(url)
    if "+" in url.drivername and url.get_driver_name() not in _DRIVERS[dialect]:
        raise ValueError(f"{url.drivername} is not supported: use {dialect}+{_DRIVERS[dialect][0]}")
    if dialect == "sqlite" and _is_in_memory(url):
        raise ValueError("each connection to :memory: has a database of its own: use InMemoryVaultStore")


def dialect_of(url: Any) -> Dialect:
    """Tell the dialect of a URL."""
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise ValueError(f"{backend} is not supported: use SQLite or PostgreSQL")
    return cast("Dialect", backend)


def _is_in_memory(url: Any) -> bool:
    return not url.database or ":memory:" in url.database or url.query.get("mode") == "memory"


def _load_psycopg() -> None:
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        raise ImportError(
            'SQLVaultStore needs psycopg for PostgreSQL: pip install "langchain-secguard[postgres]"'
        ) from error
