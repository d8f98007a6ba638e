"""Work to do once a transaction has committed: filled within it, drained by the worker, each step idempotent.

A row holds a kind, row numbers and keys, never personal data; whoever drains it looks everything else up again, so
that a mail written for somebody who objected in between is not sent. A row that is done is deleted; one that failed is
tried again after 1, 2, 4 … minutes, at most `MOST_ATTEMPTS` times, and then stays for the operator to see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from governance.tables import outbox

LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(minutes=1)
MOST_ATTEMPTS = 12
Reference = Mapping[str, int | str | None]


@dataclass(frozen=True)
class Item:
    """One piece of work, leased to us."""

    id: int
    kind: str
    reference: Reference
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class Waiting:
    """How full the outbox is."""

    due: int
    later: int
    failed: int


def put(
    connection: Connection, kind: str, reference: Reference, *, now: datetime, after: timedelta = timedelta()
) -> None:
    """Add work in the caller's transaction; it is due *after* the commit.

    Args:
        reference: row numbers, hex digests of random tokens, keys of the catalogue; never an address or a name.
    """
    row = {"kind": kind, "reference": json.dumps(dict(reference)), "due_at": now + after, "attempts": 0}
    connection.execute(insert(outbox), row | {"created_at": now})


def take(connection: Connection, *, now: datetime, limit: int = 20) -> list[Item]:
    """Lease the oldest due work; two workers never hold the same row at a time."""
    free = outbox.c.leased_until.is_(None) | (outbox.c.leased_until <= now)
    query = select(outbox).where(outbox.c.failed_at.is_(None), outbox.c.due_at <= now, free)
    rows = connection.execute(query.order_by(outbox.c.due_at, outbox.c.id).limit(limit).with_for_update()).all()
    for row in rows:
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(leased_until=now + LEASE))
    return [Item(row.id, row.kind, json.loads(row.reference), row.attempts, row.created_at) for row in rows]


def done(connection: Connection, item: int) -> None:
    """The work is done; doing it again would have changed nothing."""
    connection.execute(delete(outbox).where(outbox.c.id == item))


def failed(connection: Connection, item: Item, problem: str, *, now: datetime) -> None:
    """It failed: later again, or never after `MOST_ATTEMPTS`. *problem* is a token such as a class name."""
    attempts = item.attempts + 1
    values: dict[str, object] = {"attempts": attempts, "problem": problem, "leased_until": None}
    if attempts >= MOST_ATTEMPTS:
        values["failed_at"] = now
    else:
        values["due_at"] = now + FIRST_PAUSE * 2 ** (attempts - 1)
    connection.execute(update(outbox).where(outbox.c.id == item.id).values(values))


def retry(connection: Connection, *, now: datetime) -> int:
    """Give every row that was given up another round; how many."""
    values = {"failed_at": None, "attempts": 0, "due_at": now, "leased_until": None}
    return int(connection.execute(update(outbox).where(outbox.c.failed_at.is_not(None)).values(values)).rowcount)


def waiting(connection: Connection, *, now: datetime) -> Waiting:
    """How much is due, later, and given up."""

    def count(*where: object) -> int:
        return int(connection.execute(select(func.count()).select_from(outbox).where(*where)).scalar_one())  # type: ignore[arg-type]

    alive = outbox.c.failed_at.is_(None)
    return Waiting(
        count(alive, outbox.c.due_at <= now),
        count(alive, outbox.c.due_at > now),
        count(outbox.c.failed_at.is_not(None)),
    )
