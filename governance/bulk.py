"""Rows by many binary keys at once, alike on SQLite and PostgreSQL; names of columns are our own, never input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table

KEYS_PER_QUERY = 1_000
"""Keys in one SQLite statement; a fixed number, so that the prepared statement is used again."""


def select_by_keys(
    connection: Connection, table: Table, columns: Sequence[str], key: str, wanted: Sequence[bytes]
) -> Iterator[tuple[Any, ...]]:
    """The *columns* of every row whose column *key* is among *wanted*, in no order."""
    head = f'SELECT {", ".join(columns)} FROM "{table.name}" WHERE {key}'  # noqa: S608
    cursor = connection.connection.cursor()
    try:
        for part, condition in _conditions(connection, wanted):
            cursor.execute(f"{head} {condition}", part)
            yield from cursor.fetchall()
    finally:
        cursor.close()


def delete_by_keys(connection: Connection, table: Table, key: str, wanted: Sequence[bytes]) -> int:
    """Delete every row whose column *key* is among *wanted*.

    Returns:
        The number of rows deleted.
    """
    cursor = connection.connection.cursor()
    deleted = 0
    try:
        for part, condition in _conditions(connection, wanted):
            cursor.execute(f'DELETE FROM "{table.name}" WHERE {key} {condition}', part)  # noqa: S608
            deleted += cursor.rowcount
    finally:
        cursor.close()
    return deleted


def _conditions(connection: Connection, wanted: Sequence[bytes]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if connection.dialect.name != "sqlite":
        yield (list(wanted),), "= ANY(%s)"
        return
    for start in range(0, len(wanted), KEYS_PER_QUERY):
        part = tuple(wanted[start : start + KEYS_PER_QUERY])
        yield part, f"IN ({','.join('?' * len(part))})"
