"""Statements, carried out by a driver itself.

SQLAlchemy opens and pools the connections. A statement would take it several times as long as the driver, and
its events and logs would be told what is sent.
"""

import re
from functools import lru_cache
from typing import Any

from langchain_secguard.vault.sql.statements import Answer, Statement

_NAMED = re.compile(r":(\w+)")


def execute(connection: Any, statement: Statement) -> Answer:
    """Carry out a statement on a connection of sqlite3 or psycopg."""
    sql, parameters, _ = statement
    if isinstance(parameters, list):
        connection.executemany(sql, parameters)
        return ()
    if not hasattr(connection, "pgconn"):
        return list(connection.execute(sql, parameters))
    cursor = connection.execute(_in_psycopg(sql), parameters or None)
    return list(cursor.fetchall()) if cursor.description else ()


async def aexecute(connection: Any, statement: Statement) -> Answer:
    """Carry out a statement on a connection of aiosqlite or psycopg."""
    sql, parameters, _ = statement
    if isinstance(parameters, list):
        await (await connection.executemany(sql, parameters)).close()
        return ()
    if not hasattr(connection, "pgconn"):
        return list(await connection.execute_fetchall(sql, parameters))
    cursor = await connection.execute(_in_psycopg(sql), parameters or None)
    return list(await cursor.fetchall()) if cursor.description else ()


@lru_cache(maxsize=512)
def _in_psycopg(sql: str) -> str:
    """Write a statement with its parameters as psycopg names them."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))
