"""All SQL of cosignatures and of the log's own public keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, update

from audit.database import insert_rows, to_microseconds
from audit.tables import log_cosignature, log_key


class CosignatureRow(NamedTuple):
    """One line by a witness."""

    size: int
    key: str
    witnessed_at: datetime
    line: str


class LogKeyRow(NamedTuple):
    """One public key of the log."""

    key: str
    vkey: str
    since: datetime
    retired_at: datetime | None


def add_cosignatures(connection: Connection, rows: Iterable[CosignatureRow]) -> None:
    """Store lines; one that is there already stays as it is."""
    table = log_cosignature.c
    for row in rows:
        match = (table.size == row.size, table.key == row.key, table.witnessed_at == row.witnessed_at)
        if connection.execute(select(table.size).where(*match)).first() is None:
            values = (row.size, row.key, to_microseconds(row.witnessed_at), row.line)
            insert_rows(connection, log_cosignature, CosignatureRow._fields, [values])


def cosignatures(connection: Connection, size: int) -> list[CosignatureRow]:
    """The newest line of each witness for the checkpoint of that size, by key."""
    table = log_cosignature.c
    newest = (
        select(table.key, func.max(table.witnessed_at).label("at")).where(table.size == size).group_by(table.key)
    ).subquery()
    match = (table.size == size, table.key == newest.c.key, table.witnessed_at == newest.c.at)
    rows = connection.execute(
        select(table.size, table.key, table.witnessed_at, table.line).where(*match).order_by(table.key)
    )
    return [CosignatureRow(row.size, row.key, row.witnessed_at, row.line) for row in rows]


def newest_size(connection: Connection) -> int | None:
    """Size of the newest checkpoint that a witness signed."""
    found: int | None = connection.execute(select(func.max(log_cosignature.c.size))).scalar_one()
    return found


def last_cosigned(connection: Connection, key: str) -> CosignatureRow | None:
    """What a witness said last."""
    table = log_cosignature.c
    query = select(table.size, table.key, table.witnessed_at, table.line).where(table.key == key)
    row = connection.execute(query.order_by(table.witnessed_at.desc(), table.size.desc()).limit(1)).one_or_none()
    return CosignatureRow(row.size, row.key, row.witnessed_at, row.line) if row else None


def note_key(connection: Connection, key: str, vkey: str, *, now: datetime) -> None:
    """Note one of the log's own keys; one that is noted stays."""
    insert_rows(connection, log_key, ("key", "vkey", "since"), [(key, vkey, to_microseconds(now))], ignore=True)


def retire_key(connection: Connection, key: str, *, now: datetime) -> None:
    """Nothing is signed with it from now on."""
    connection.execute(update(log_key).where(log_key.c.key == key).values(retired_at=now))


def log_keys(connection: Connection) -> list[LogKeyRow]:
    """Every noted key of the log, oldest first; none before the first rotation."""
    rows = connection.execute(select(log_key).order_by(log_key.c.since, log_key.c.key))
    return [LogKeyRow(row.key, row.vkey, row.since, row.retired_at) for row in rows]
