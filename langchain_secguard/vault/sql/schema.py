"""The tables of a vault store in SQL: three for vaults, one for their version.

``vaults`` has a row for each vault that was ever written to, which stays when the vault is erased or
expires: it holds the numbers that must not be given out again. ``rows`` holds the rows of a ledger, named by
their arrival, from 1. ``keys`` tells which row has a key, cut to 64 bits: under the arrival, under its
negative where the key is that of a surrogate's phrase, and under 0 for the mark of a surrogate that was
given. A mistaken key does no harm: it is seen by the row that it finds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal["sqlite", "postgresql"]

VERSION = 1
"""The version of the tables, which grows when their columns, or what these hold, change."""

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,29}")

_TYPES: Mapping[Dialect, Mapping[str, str]] = {
    "sqlite": {"big": "INTEGER", "int": "INTEGER", "bytes": "BLOB", "text": "TEXT", "tail": "WITHOUT ROWID"},
    "postgresql": {
        "big": "BIGINT",
        "int": "INTEGER",
        "bytes": "BYTEA",
        "text": 'TEXT COLLATE "C"',
        "tail": "",
    },
}

_TABLES = (
    "CREATE TABLE IF NOT EXISTS {schema} (version {int} NOT NULL)",
    """CREATE TABLE IF NOT EXISTS {vaults} (
        id {big} PRIMARY KEY, name {text} NOT NULL UNIQUE, long_name {text}, version {big} NOT NULL,
        live {int} NOT NULL, epoch {big} NOT NULL, base {big} NOT NULL, born {big} NOT NULL,
        known {int} NOT NULL, words {int} NOT NULL, arrivals {int} NOT NULL, surrogates {int} NOT NULL,
        entries {int} NOT NULL, numbers {text} NOT NULL, seal {bytes} NOT NULL, expires {big})""",
    "CREATE INDEX IF NOT EXISTS {vaults}_expires ON {vaults} (expires) WHERE expires IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS {rows} (
        vault {big} NOT NULL, arrival {int} NOT NULL, type {text} NOT NULL, number {int} NOT NULL,
        variant {text} NOT NULL, identity {bytes} NOT NULL, links {bytes} NOT NULL, value {bytes},
        surrogate {bytes}, variants {int} NOT NULL, given {int} NOT NULL, news {int} NOT NULL,
        PRIMARY KEY (vault, arrival)) {tail}""",
    "CREATE UNIQUE INDEX IF NOT EXISTS {rows}_ref ON {rows} (vault, type, number, variant)",
    "CREATE INDEX IF NOT EXISTS {rows}_given ON {rows} (vault, given) WHERE given > 0",
    """CREATE TABLE IF NOT EXISTS {keys} (
        vault {big} NOT NULL, key {big} NOT NULL, arrival {int} NOT NULL,
        PRIMARY KEY (vault, key, arrival)) {tail}""",
    "INSERT INTO {schema} (version) VALUES ({version})",
)


@dataclass(frozen=True, slots=True)
class Tables:
    """Name the tables.

    Raises:
        ValueError: The prefix is no plain name in small letters.
    """

    prefix: str

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(
                "table_prefix is a small letter, then up to 29 small letters, digits and underscores"
            )

    def write(self, sql: str, **more: str) -> str:
        """Put the names of the tables, and what else is given, in the places of a statement."""
        names = {name: f"{self.prefix}_{name}" for name in ("schema", "vaults", "rows", "keys")}
        return " ".join(sql.format(**names, **more).split())

    def make(self, dialect: Dialect) -> Sequence[str]:
        """Write the statements that make the tables."""
        return [self.write(sql, **_TYPES[dialect], version=str(VERSION)) for sql in _TABLES]
