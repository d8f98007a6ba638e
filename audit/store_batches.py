"""All SQL of bulk acts: their roots, tiles and the hashes that erased rows leave behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from audit.database import insert_rows
from audit.errors import NotFound
from audit.tables import batch, batch_tile, shredded_leaf


class BatchRow(NamedTuple):
    """One bulk act as it is stored."""

    id: int
    kind: str
    size: int
    root: bytes
    header: bytes


_COLUMNS = (batch.c.id, batch.c.kind, batch.c.size, batch.c.root, batch.c.header)


def add_batch(connection: Connection, row: BatchRow) -> None:
    """Store a bulk act."""
    insert_rows(connection, batch, BatchRow._fields, [row])


def read_batch(connection: Connection, number: int) -> BatchRow:
    """One bulk act.

    Raises:
        NotFound: there is none of that number.
    """
    row = connection.execute(select(*_COLUMNS).where(batch.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"there is no batch {number}")
    return BatchRow._make(row)


def all_batches(connection: Connection) -> list[BatchRow]:
    """Every bulk act by number."""
    return [BatchRow._make(row) for row in connection.execute(select(*_COLUMNS).order_by(batch.c.id))]


def add_tiles(connection: Connection, number: int, tiles: Iterable[tuple[int, int, bytes]]) -> None:
    """Store tiles (level, idx, hash) of a bulk act."""
    rows = [(number, *tile) for tile in tiles]
    if rows:
        insert_rows(connection, batch_tile, ("batch", "level", "idx", "hash"), rows)


def tiles_between(connection: Connection, number: int, level: int, start: int, stop: int) -> dict[int, bytes]:
    """The stored tiles [start, stop) of one level by position."""
    # Plain driver rows: SQLAlchemy's take longer than the hashing of what is above them.
    statement = (
        "SELECT idx, hash FROM batch_tile "  # noqa: S608  # numbers only
        f"WHERE batch = {number:d} AND level = {level:d} AND idx >= {start:d} AND idx < {stop:d}"
    )
    cursor = connection.exec_driver_sql(statement).cursor
    return dict(cursor.fetchall()) if cursor is not None else {}


def add_shredded(connection: Connection, number: int, rows: Iterable[tuple[int, bytes]]) -> None:
    """Store (position, leaf hash) of rows about to be erased; a second time changes nothing."""
    found = [(number, position, leaf) for position, leaf in rows]
    if found:
        insert_rows(connection, shredded_leaf, ("batch", "position", "hash"), found, ignore=True)


def shredded_between(connection: Connection, number: int, start: int, stop: int) -> dict[int, bytes]:
    """The hashes of erased rows at [start, stop) by position."""
    leaf = shredded_leaf.c
    match = (leaf.batch == number, leaf.position >= start, leaf.position < stop)
    return {row.position: row.hash for row in connection.execute(select(leaf.position, leaf.hash).where(*match))}
