"""SQL on what a member of staff keeps for themselves: searches of the log, and up to where they have read it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from governance.tables import saved_view, seen_mark

MOST_VIEWS = 50


class SavedView(NamedTuple):
    """A search under a name."""

    id: int
    name: str
    query: str


def views_of(connection: Connection, owner: str) -> list[SavedView]:
    """Somebody's searches by name."""
    table = saved_view.c
    rows = connection.execute(
        select(table.id, table.name, table.query).where(table.owner == owner).order_by(table.name)
    )
    return [SavedView._make(row) for row in rows]


def add_view(connection: Connection, owner: str, name: str, query: str, *, now: datetime) -> int:
    """Keep a search; the same name again replaces it."""
    mine = (saved_view.c.owner == owner) & (saved_view.c.name == name)
    connection.execute(delete(saved_view).where(mine))
    number = (connection.scalar(select(func.max(saved_view.c.id))) or 0) + 1
    row = {"id": number, "owner": owner, "name": name, "query": query, "created_at": now}
    connection.execute(insert(saved_view).values(**row))
    return int(number)


def drop_view(connection: Connection, owner: str, number: int) -> bool:
    """Forget one of somebody's own searches; False when they have none of that number."""
    mine = (saved_view.c.owner == owner) & (saved_view.c.id == number)
    return bool(connection.execute(delete(saved_view).where(mine)).rowcount)


def seen_by(connection: Connection, owner: str) -> tuple[int, datetime] | None:
    """How many entries somebody has seen and since when; None when they never said."""
    row = connection.execute(select(seen_mark.c.size, seen_mark.c.at).where(seen_mark.c.owner == owner)).one_or_none()
    return (int(row.size), row.at) if row else None


def mark_seen(connection: Connection, owner: str, size: int, *, now: datetime) -> None:
    """Note up to where somebody has seen the log."""
    mine = seen_mark.c.owner == owner
    if not connection.execute(update(seen_mark).where(mine).values(size=size, at=now)).rowcount:
        connection.execute(insert(seen_mark).values(owner=owner, size=size, at=now))
