"""Writes of the API that were done once already: claimed before the work, answered after it, forgotten after a day.

Rows hold hashes and a sealed answer. A claim whose work never ended (the process was killed) can be taken over after
`CLAIM_LASTS`; what it may have written by then is met by the precondition of the call, never written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from audit.database import insert_rows, to_microseconds
from governance.tables import idempotency

CLAIM_LASTS = timedelta(minutes=2)
KEPT = timedelta(days=1)
COLUMNS = ("key", "request", "status", "answer", "created_at")


@dataclass(frozen=True)
class Held:
    """What is known of an earlier call under the same key."""

    request: bytes
    status: int | None
    """None while it is under way."""
    answer: bytes | None


def claim(connection: Connection, key: bytes, request: bytes, *, now: datetime) -> Held | None:
    """Claim a key for a request; None when the work is ours to do, else what somebody claimed or answered before.

    Two calls at once never both get None.
    """
    connection.execute(delete(idempotency).where(idempotency.c.key == key, idempotency.c.created_at <= now - KEPT))
    if insert_rows(connection, idempotency, COLUMNS, [(key, request, None, None, to_microseconds(now))], ignore=True):
        return None
    if _take_over(connection, key, request, now=now):
        return None
    columns = (idempotency.c.request, idempotency.c.status, idempotency.c.answer)
    row = connection.execute(select(*columns).where(idempotency.c.key == key)).one_or_none()
    if row is None:  # released in between
        return claim(connection, key, request, now=now)
    return Held(row.request, row.status, row.answer)


def _take_over(connection: Connection, key: bytes, request: bytes, *, now: datetime) -> bool:
    mine = (idempotency.c.key == key, idempotency.c.request == request, idempotency.c.status.is_(None))
    void = update(idempotency).where(*mine, idempotency.c.created_at <= now - CLAIM_LASTS).values(created_at=now)
    return connection.execute(void).rowcount == 1


def answered(connection: Connection, key: bytes, status: int, answer: bytes) -> None:
    """Keep the answer, sealed; a repeated call gets it again."""
    connection.execute(update(idempotency).where(idempotency.c.key == key).values(status=status, answer=answer))


def release(connection: Connection, key: bytes) -> None:
    """The work was refused and nothing was written: the key may be used again."""
    connection.execute(delete(idempotency).where(idempotency.c.key == key, idempotency.c.status.is_(None)))


def drop_void(connection: Connection, *, now: datetime) -> int:
    """Forget what is older than a day (Article 5(1)(e) GDPR); how many rows."""
    return int(connection.execute(delete(idempotency).where(idempotency.c.created_at <= now - KEPT)).rowcount)
