"""SQL on key checks: what is known of every key this house ever used."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from governance.tables import key_check


class CheckRow(NamedTuple):
    """A row of `key_check`."""

    role: str
    epoch: int
    value: bytes
    since: datetime
    destroyed_at: datetime | None


def known(connection: Connection) -> list[CheckRow]:
    """Every key that was ever noted, destroyed ones too."""
    query = select(key_check).order_by(key_check.c.role, key_check.c.epoch)
    return [CheckRow(row.role, row.epoch, bytes(row.value), row.since, row.destroyed_at) for row in
            connection.execute(query)]  # fmt: skip


def add(connection: Connection, role: str, epoch: int, value: bytes, *, now: datetime) -> None:
    """Note a key."""
    connection.execute(insert(key_check).values(role=role, epoch=epoch, value=value, since=now))


def set_destroyed(connection: Connection, role: str, epoch: int, *, now: datetime) -> None:
    """Note that a key was destroyed on purpose."""
    match = (key_check.c.role == role) & (key_check.c.epoch == epoch)
    connection.execute(update(key_check).where(match).values(destroyed_at=now))
