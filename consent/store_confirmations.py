"""The SQL of double opt-in requests; a row is looked up by the hash of its secret and gone once it was used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from consent.confirmation import Confirmation, Shown
from consent.tables import confirmation, notice
from governance.vocabulary import Channel, Language

_WAITING = tuple(column for column in confirmation.c if column.name != "token")


def add(connection: Connection, token: bytes, request: Confirmation) -> None:
    """Keep a request under the hash of its secret."""
    row = {
        "token": token,
        "subject": request.subject,
        "address": request.address,
        "purpose": request.purpose,
        "channel": request.channel.value,
        "language": request.language,
        "notice": request.notice,
        "requested_at": request.requested_at,
        "expires_at": request.expires_at,
    }
    connection.execute(insert(confirmation), row)


def waiting(connection: Connection, token: bytes, *, now: datetime) -> Confirmation | None:
    """The request behind the hash of a secret; None when there is none, or its time is over."""
    query = select(*_WAITING).where(confirmation.c.token == token, confirmation.c.expires_at > now)
    row = connection.execute(query).one_or_none()
    return None if row is None else _request(row)


def use(connection: Connection, request: Confirmation) -> bool:
    """Take the request out, with every other secret that was mailed for it; False when somebody was faster."""
    done = connection.execute(delete(confirmation).where(confirmation.c.address == request.address))
    return int(done.rowcount) > 0


def drop_void(connection: Connection, *, now: datetime) -> list[bytes]:
    """Take out every request whose time is over; the numbers of their addresses."""
    void = confirmation.c.expires_at <= now
    numbers = [bytes(one) for one in connection.execute(select(confirmation.c.address).where(void)).scalars()]
    connection.execute(delete(confirmation).where(void))
    return numbers


def texts_of(connection: Connection, digest: bytes) -> dict[Language, Shown]:
    """The notice of that hash and the same version of it in the other language, byte for byte."""
    own = connection.execute(select(notice).where(notice.c.hash == digest)).one_or_none()
    if own is None:
        return {}
    same = select(notice).where(notice.c.purpose == own.purpose, notice.c.version == own.version)
    found: dict[Language, Shown] = {row.language: Shown(bytes(row.hash), row.text) for row in connection.execute(same)}
    return found | {own.language: Shown(bytes(own.hash), own.text)}


def _request(row: Any) -> Confirmation:
    return Confirmation(
        subject=row.subject,
        address=bytes(row.address),
        purpose=row.purpose,
        channel=Channel(row.channel),
        language=row.language,
        notice=bytes(row.notice),
        requested_at=row.requested_at,
        expires_at=row.expires_at,
    )
