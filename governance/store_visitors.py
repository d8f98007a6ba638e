"""SQL on the ways into the portal and the visits under way."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from governance.tables import portal_link, portal_session


class LinkRow(NamedTuple):
    """A row of `portal_link`."""

    kind: str
    subject: int | None
    address: bytes | None
    created_at: datetime
    expires_at: datetime


class SessionRow(NamedTuple):
    """A row of `portal_session`."""

    subject: int | None
    address: bytes | None
    how: str
    created_at: datetime
    expires_at: datetime


_LINK = [portal_link.c[name] for name in LinkRow._fields]
_SESSION = [portal_session.c[name] for name in SessionRow._fields]


def add_link(connection: Connection, token: bytes, row: LinkRow) -> None:
    """A way in."""
    connection.execute(insert(portal_link).values(token=token, **row._asdict()))


def link(connection: Connection, token: bytes, now: datetime) -> LinkRow | None:
    """The way in, while it is open."""
    row = connection.execute(select(*_LINK).where(*_open(token, now))).one_or_none()
    return None if row is None else LinkRow(*row)


def use_link(connection: Connection, token: bytes, now: datetime) -> bool:
    """Close it; False when somebody was quicker, or it was closed already."""
    return connection.execute(update(portal_link).where(*_open(token, now)).values(used_at=now)).rowcount == 1


def _open(token: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    table = portal_link.c
    return (table.token == token, table.used_at.is_(None), table.expires_at > now)


def wanted_letters(connection: Connection, kind: str, now: datetime) -> list[tuple[int, datetime]]:
    """Who waits for a letter, and since when; whoever waits longest comes first."""
    table = portal_link.c
    query = select(table.subject, table.created_at).where(table.kind == kind, table.expires_at > now)
    rows = connection.execute(query.where(table.subject.is_not(None)).order_by(table.created_at))
    first: dict[int, datetime] = {}
    for row in rows:
        first.setdefault(int(row.subject), row.created_at)
    return list(first.items())


def drop_links(connection: Connection, kind: str, subject: int) -> None:
    """No way in of that kind for them any more."""
    connection.execute(delete(portal_link).where(portal_link.c.kind == kind, portal_link.c.subject == subject))


def add_session(connection: Connection, token: bytes, row: SessionRow) -> None:
    """A visit begins."""
    connection.execute(insert(portal_session).values(token=token, **row._asdict()))


def session(connection: Connection, token: bytes, now: datetime) -> SessionRow | None:
    """The visit, while it lasts."""
    query = select(*_SESSION).where(portal_session.c.token == token, portal_session.c.expires_at > now)
    row = connection.execute(query).one_or_none()
    return None if row is None else SessionRow(*row)


def prolong(connection: Connection, token: bytes, expires_at: datetime) -> None:
    """It lasts until then."""
    connection.execute(update(portal_session).where(portal_session.c.token == token).values(expires_at=expires_at))


def name_subject(connection: Connection, token: bytes, subject: int) -> None:
    """The visitor of a shared address said who they are; the first answer stays."""
    unset = portal_session.c.subject.is_(None)
    connection.execute(update(portal_session).where(portal_session.c.token == token, unset).values(subject=subject))


def end_session(connection: Connection, token: bytes) -> None:
    """The visit is over."""
    connection.execute(delete(portal_session).where(portal_session.c.token == token))


def drop_void(connection: Connection, now: datetime) -> int:
    """Delete what lets nobody in any more; how many rows."""
    links = delete(portal_link).where(or_(portal_link.c.expires_at <= now, portal_link.c.used_at.is_not(None)))
    sessions = delete(portal_session).where(portal_session.c.expires_at <= now)
    return int(connection.execute(links).rowcount) + int(connection.execute(sessions).rowcount)
