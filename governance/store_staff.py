"""SQL on staff, their sessions and the tokens of the API."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from governance.tables import api_token, staff, staff_session


class StaffRow(NamedTuple):
    """A row of `staff`."""

    id: int
    name: str
    handle: str
    role: str
    password: str
    created_at: datetime
    disabled_at: datetime | None


class TokenRow(NamedTuple):
    """What a token stands for."""

    label: str
    role: str
    scopes: str


def by_name(connection: Connection, name: str) -> StaffRow | None:
    """The member of that name, disabled or not."""
    row = connection.execute(select(staff).where(staff.c.name == name)).one_or_none()
    return None if row is None else StaffRow(*row)


def everybody(connection: Connection) -> list[StaffRow]:
    """All members by name."""
    return [StaffRow(*row) for row in connection.execute(select(staff).order_by(staff.c.name))]


def add(connection: Connection, name: str, handle: str, role: str, password: str, now: datetime) -> int:
    """A new member; the number it got."""
    number = int(connection.execute(select(func.coalesce(func.max(staff.c.id), 0))).scalar_one()) + 1
    values = {"id": number, "name": name, "handle": handle, "role": role, "password": password, "created_at": now}
    connection.execute(insert(staff), values)
    return number


def set_password(connection: Connection, number: int, password: str) -> None:
    """Another password hash."""
    connection.execute(update(staff).where(staff.c.id == number).values(password=password))


def disable(connection: Connection, number: int, now: datetime) -> None:
    """No sign-in from now on; the first time counts."""
    unset = staff.c.disabled_at.is_(None)
    connection.execute(update(staff).where(staff.c.id == number, unset).values(disabled_at=now))


def add_session(connection: Connection, token: bytes, number: int, now: datetime, expires_at: datetime) -> None:
    """A session under way."""
    values = {"token": token, "staff": number, "created_at": now, "expires_at": expires_at}
    connection.execute(insert(staff_session), values)


def session(connection: Connection, token: bytes, now: datetime) -> StaffRow | None:
    """The member whose session it is, if it lasts and they may still sign in."""
    query = (
        select(staff)
        .join(staff_session, staff_session.c.staff == staff.c.id)
        .where(staff_session.c.token == token, staff_session.c.expires_at > now)
        .where(or_(staff.c.disabled_at.is_(None), staff.c.disabled_at > now))
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else StaffRow(*row)


def end_session(connection: Connection, token: bytes) -> None:
    """One session less."""
    connection.execute(delete(staff_session).where(staff_session.c.token == token))


def end_sessions(connection: Connection, number: int) -> None:
    """No session of this member any more."""
    connection.execute(delete(staff_session).where(staff_session.c.staff == number))


def drop_expired_sessions(connection: Connection, now: datetime) -> None:
    """Sessions whose time is over."""
    connection.execute(delete(staff_session).where(staff_session.c.expires_at <= now))


def add_token(
    connection: Connection, token: bytes, label: str, role: str, scopes: str, now: datetime, expires_at: datetime
) -> None:
    """A token of the API."""
    values = {
        "token": token,
        "label": label,
        "role": role,
        "scopes": scopes,
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(api_token), values)


_TOKEN = select(api_token.c.label, api_token.c.role, api_token.c.scopes).where(
    api_token.c.token == bindparam("sent"), api_token.c.expires_at > bindparam("at")
)
"""Built once: every call of the API asks it."""


def token(connection: Connection, token: bytes, now: datetime) -> TokenRow | None:
    """What the token stands for, if it has not expired."""
    row = connection.execute(_TOKEN, {"sent": token, "at": now}).one_or_none()
    return None if row is None else TokenRow(*row)


class TokenKept(NamedTuple):
    """A token as it is listed."""

    label: str
    role: str
    scopes: str
    created_at: datetime
    expires_at: datetime


def tokens(connection: Connection, now: datetime) -> list[TokenKept]:
    """Tokens that have not expired, by label."""
    kept = api_token.c
    query = select(kept.label, kept.role, kept.scopes, kept.created_at, kept.expires_at).where(kept.expires_at > now)
    return [TokenKept(*row) for row in connection.execute(query.order_by(kept.label, kept.created_at))]


def revoke(connection: Connection, label: str) -> int:
    """No token of that label any more; how many there were."""
    return int(connection.execute(delete(api_token).where(api_token.c.label == label)).rowcount)
