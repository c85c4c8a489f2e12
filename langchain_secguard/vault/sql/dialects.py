"""How SQLite and PostgreSQL say what a vault store asks of them; each text is put together by ``statements``.

What is read of a vault is one table: ``part`` is 0 for the vault itself, whose columns are one JSON array and
its seal; 1 for what was found under a key, with the key and what it tells; and 2 for other rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from langchain_secguard.vault.sql.page import MOST_ADDED, MOST_ROWS
from langchain_secguard.vault.sql.rows import COLUMNS, COUNTS
from langchain_secguard.vault.sql.schema import Dialect

_HEAD = f"v.id, v.numbers, v.expires, {{now}}, {', '.join(f'v.{name}' for name in COUNTS)}"
_ROW = ", ".join(f"r.{name}" for name in COLUMNS)
_KEY = f"UNION ALL SELECT 1, NULL, NULL, a.key, k.arrival, {_ROW} FROM {{vaults}} v"
_MORE = f"UNION ALL SELECT 2, NULL, NULL, NULL, NULL, {_ROW} FROM {{vaults}} v"
_OF = "WHERE v.name = :name"
_TOLD = f"""(SELECT arrival FROM {{keys}} WHERE vault = v.id AND key = a.key
    ORDER BY arrival LIMIT {MOST_ROWS + 1})"""
_DOOMED = "SELECT id FROM {vaults} WHERE expires + :grace <= {now} AND live = 1 ORDER BY expires LIMIT 16"
_BURIED = """UPDATE {vaults} SET live = 0, entries = 0, expires = NULL, version = version + 1
    WHERE id IN (SELECT id FROM doomed)
        AND NOT EXISTS (SELECT 1 FROM {rows} r WHERE r.vault = {vaults}.id)
        AND NOT EXISTS (SELECT 1 FROM {keys} k WHERE k.vault = {vaults}.id AND k.arrival <> 0)"""


@dataclass(frozen=True, slots=True)
class Texts:
    """Hold the texts of one dialect.

    ``now`` is the time in microseconds of the Unix epoch. ``head`` reads a vault; one of ``parts`` may follow
    it, and ``added``, if what was added is asked for too. ``writes`` carry out the fields of a page of the
    same name.
    """

    now: str
    head: str
    parts: Mapping[str, str]
    added: str
    find_table: str
    writes: Mapping[str, str]
    sweep: Sequence[str]


def _null(kind: str) -> str:
    return f"CAST(NULL AS {kind})"


_UPSERTED = ", ".join(f"{name} = excluded.{name}" for name in list(COLUMNS)[5:])
_SWEPT_ROWS = """DELETE FROM {{rows}} WHERE (vault, arrival) IN (
    SELECT r.vault, r.arrival FROM {doomed} d CROSS JOIN {{rows}} r WHERE r.vault = d.id LIMIT 1000)"""
_SWEPT_KEYS = """DELETE FROM {{keys}} WHERE (vault, key, arrival) IN (
    SELECT k.vault, k.key, k.arrival FROM {doomed} d CROSS JOIN {{keys}} k
    WHERE k.vault = d.id AND k.arrival <> 0 LIMIT 8000)"""

# Few rows are looked up by many keys, so a plan must go from key to key, however small the tables seem to be:
# that is what CROSS JOIN says to SQLite, and LATERAL with a LIMIT to PostgreSQL.

_SQLITE = Texts(
    now="CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    head=f"""SELECT 0 AS part, json_array({_HEAD}) AS head, v.seal AS seal, NULL AS key, NULL AS tells,
        {", ".join("NULL" for _ in COLUMNS)} FROM (SELECT 1) LEFT JOIN {{vaults}} v ON v.name = :name""",
    parts={
        "keys": f"""{_KEY} CROSS JOIN (SELECT value AS key FROM json_each(:keys)) a
            CROSS JOIN {{keys}} k ON k.vault = v.id AND k.key = a.key AND k.arrival IN {_TOLD}
            LEFT JOIN {{rows}} r ON r.vault = v.id AND r.arrival = abs(k.arrival) {_OF}""",
        "refs": f"""{_MORE} CROSS JOIN json_each(:refs) a CROSS JOIN {{rows}} r ON r.vault = v.id
            AND r.type = json_extract(a.value, '$[0]') AND r.number = json_extract(a.value, '$[1]')
            AND r.variant = json_extract(a.value, '$[2]') {_OF}""",
        "family": f"""{_MORE} CROSS JOIN json_each(:refs) a CROSS JOIN {{rows}} r ON r.vault = v.id
            AND r.type = json_extract(a.value, '$[0]') AND r.number = json_extract(a.value, '$[1]') {_OF}""",
        "folded": f"""{_MORE} CROSS JOIN {{keys}} k ON k.vault = v.id AND k.key = :key
            CROSS JOIN {{rows}} r ON r.vault = v.id AND r.arrival = k.arrival {_OF}""",
        "given": f"""{_MORE} CROSS JOIN {{rows}} r ON r.vault = v.id AND r.given > 0
            AND (v.epoch <> :epoch OR r.given > :after) {_OF}""",
        "all": f"{_MORE} CROSS JOIN {{rows}} r ON r.vault = v.id {_OF}",
    },
    added=f"""{_MORE} CROSS JOIN {{rows}} r ON r.vault = v.id AND r.arrival > :since - v.base
        AND r.arrival <= v.known {_OF} AND :since BETWEEN v.born AND v.base + v.known
        AND v.base + v.known <= :since + {MOST_ADDED}""",
    find_table="SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name",
    writes={
        "emptied": "DELETE FROM {rows} WHERE vault = :vault",
        "emptied_keys": "DELETE FROM {keys} WHERE vault = :vault AND arrival <> 0",
        "gone": "DELETE FROM {rows} WHERE vault = :vault AND arrival = :arrival",
        "struck": "DELETE FROM {keys} WHERE vault = :vault AND key = :key AND arrival = :arrival",
        "changed": f"""INSERT INTO {{rows}} (vault, {", ".join(COLUMNS)})
            VALUES (:vault, {", ".join(f":{name}" for name in COLUMNS)})
            ON CONFLICT (vault, arrival) DO UPDATE SET {_UPSERTED}""",
        "keys": """INSERT INTO {keys} (vault, key, arrival) VALUES (:vault, :key, :arrival)
            ON CONFLICT DO NOTHING""",
    },
    sweep=(
        _SWEPT_ROWS.format(doomed=f"({_DOOMED})"),
        _SWEPT_KEYS.format(doomed=f"({_DOOMED})"),
        f"WITH doomed AS ({_DOOMED}) {_BURIED}",
    ),
)

_POSTGRESQL = Texts(
    now="CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    head=f"""SELECT 0 AS part, json_build_array({_HEAD}) #>> '{{{{}}}}' AS head, v.seal AS seal,
        {_null("bigint")} AS key, {_null("int")} AS tells,
        {", ".join(f"{_null(kind)} AS {name}" for name, kind in COLUMNS.items())}
        FROM (SELECT 1) AS always LEFT JOIN {{vaults}} v ON v.name = :name""",
    parts={
        "keys": f"""{_KEY} CROSS JOIN unnest(CAST(:keys AS bigint[])) AS a(key) CROSS JOIN LATERAL {_TOLD} k
            LEFT JOIN LATERAL (SELECT * FROM {{rows}} r WHERE r.vault = v.id AND r.arrival = abs(k.arrival)
                LIMIT 1) r ON true {_OF}""",
        "refs": f"""{_MORE} CROSS JOIN unnest(CAST(:types AS text[]), CAST(:numbers AS int[]),
                CAST(:variants AS text[])) AS a(type, number, variant)
            CROSS JOIN LATERAL (SELECT * FROM {{rows}} r WHERE r.vault = v.id AND r.type = a.type
                AND r.number = a.number AND r.variant = a.variant LIMIT 1) r {_OF}""",
        "family": f"""{_MORE}
            CROSS JOIN unnest(CAST(:types AS text[]), CAST(:numbers AS int[])) AS a(type, number)
            JOIN {{rows}} r ON r.vault = v.id AND r.type = a.type AND r.number = a.number {_OF}""",
        "folded": f"""{_MORE} JOIN {{keys}} k ON k.vault = v.id AND k.key = CAST(:key AS bigint)
            JOIN {{rows}} r ON r.vault = v.id AND r.arrival = k.arrival {_OF}""",
        "given": f"""{_MORE} JOIN {{rows}} r ON r.vault = v.id AND r.given > 0
            AND (v.epoch <> CAST(:epoch AS bigint) OR r.given > CAST(:after AS int)) {_OF}""",
        "all": f"{_MORE} JOIN {{rows}} r ON r.vault = v.id {_OF}",
    },
    added=f"""{_MORE} JOIN {{rows}} r ON r.vault = v.id AND r.arrival > CAST(:since AS bigint) - v.base
        AND r.arrival <= v.known {_OF} AND CAST(:since AS bigint) BETWEEN v.born AND v.base + v.known
        AND v.base + v.known <= CAST(:since AS bigint) + {MOST_ADDED}""",
    # Not to_regclass, which within a transaction may not see a table that was made since another look.
    find_table="""SELECT relname FROM pg_catalog.pg_class
        WHERE relname = :name AND pg_catalog.pg_table_is_visible(oid)""",
    writes={
        "emptied": "DELETE FROM {rows} r USING vault v WHERE r.vault = v.id",
        "emptied_keys": "DELETE FROM {keys} k USING vault v WHERE k.vault = v.id AND k.arrival <> 0",
        "gone": """DELETE FROM {rows} r USING vault v
            WHERE r.vault = v.id AND r.arrival = ANY(CAST(:gone AS int[]))""",
        "struck": """DELETE FROM {keys} k USING vault v,
                unnest(CAST(:struck_keys AS bigint[]), CAST(:struck_tells AS int[])) AS s(key, tells)
            WHERE k.vault = v.id AND k.key = s.key AND k.arrival = s.tells""",
        "changed": f"""INSERT INTO {{rows}} (vault, {", ".join(COLUMNS)}) SELECT v.id, r.* FROM vault v,
                unnest({", ".join(f"CAST(:row_{name} AS {kind}[])" for name, kind in COLUMNS.items())})
                AS r({", ".join(COLUMNS)})
            ON CONFLICT (vault, arrival) DO UPDATE SET {_UPSERTED}""",
        "keys": """INSERT INTO {keys} (vault, key, arrival) SELECT v.id, k.key, k.tells FROM vault v,
                unnest(CAST(:new_keys AS bigint[]), CAST(:new_tells AS int[])) AS k(key, tells)
            ON CONFLICT DO NOTHING""",
    },
    sweep=(
        f"""WITH doomed AS ({_DOOMED.replace(":grace", "CAST(:grace AS bigint)")} FOR UPDATE SKIP LOCKED),
        swept_rows AS ({_SWEPT_ROWS.format(doomed="doomed")}),
        swept_keys AS ({_SWEPT_KEYS.format(doomed="doomed")})
        {_BURIED}""",
    ),
)

TEXTS: Final[Mapping[Dialect, Texts]] = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""The texts of each dialect; the names of tables, and ``{now}``, are still to be put in their places."""
