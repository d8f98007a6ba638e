"""Work to do once a transaction has committed: filled within it, drained by the worker, each step idempotent.

A row holds a kind, row numbers and keys, never personal data; whoever drains it looks everything else up again, so
that a mail written for somebody who objected in between is not sent. A row that is done is deleted; one that failed is
tried again after 1, 2, 4 … minutes, at most `MOST_ATTEMPTS` times within about three days, and then stays for the
operator to see. An attempt counts when it begins: work that kills its worker each time is given up as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from governance.tables import outbox

LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(minutes=1)
MOST_ATTEMPTS = 13
"""The pauses between them add up to 2 days and 20 hours."""
CRASHED = "crashed"
Reference = Mapping[str, int | str | None]


@dataclass(frozen=True)
class Item:
    """One piece of work, leased to us."""

    id: int
    kind: str
    reference: Reference
    attempts: int
    """How often it was tried, this time included."""
    created_at: datetime
    leased_until: datetime

    @property
    def is_last(self) -> bool:
        """Whether it is given up when it fails now."""
        return self.attempts >= MOST_ATTEMPTS


@dataclass(frozen=True)
class Waiting:
    """How full the outbox is."""

    due: int
    later: int
    failed: int


@dataclass(frozen=True)
class GivenUp:
    """Work that was given up: how much of a kind, and what was wrong the last time."""

    kind: str
    problem: str
    rows: int


def put(
    connection: Connection, kind: str, reference: Reference, *, now: datetime, after: timedelta = timedelta()
) -> None:
    """Add work in the caller's transaction; it is due *after* the commit.

    Args:
        reference: row numbers, hex digests of random tokens, keys of the catalogue; never an address or a name.
    """
    row = {"kind": kind, "reference": json.dumps(dict(reference)), "due_at": now + after, "attempts": 0}
    connection.execute(insert(outbox), row | {"created_at": now})


def take(connection: Connection, *, now: datetime, limit: int = 1) -> list[Item]:
    """Lease the oldest due work; two workers never hold the same row at a time, and none waits for another.

    A row whose last lease ran out without a word is given up: no worker survived it.

    Args:
        limit: how many rows; the lease of `LEASE` has to last for all of them.
    """
    query = select(outbox).where(*_due(now)).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    crashed = [row.id for row in rows if row.attempts >= MOST_ATTEMPTS]
    taken = [row for row in rows if row.attempts < MOST_ATTEMPTS]
    over: dict[str, object] = {"failed_at": now, "problem": CRASHED, "leased_until": None}
    connection.execute(update(outbox).where(outbox.c.id.in_(crashed)).values(over))
    ours = {"leased_until": now + LEASE, "attempts": outbox.c.attempts + 1}
    connection.execute(update(outbox).where(outbox.c.id.in_([row.id for row in taken])).values(ours))
    return [Item(r.id, r.kind, json.loads(r.reference), r.attempts + 1, r.created_at, now + LEASE) for r in taken]


def is_due(connection: Connection, *, now: datetime) -> bool:
    """Whether there is anything to take: a look that holds no lock."""
    return connection.execute(select(outbox.c.id).where(*_due(now)).limit(1)).first() is not None


def done(connection: Connection, item: int) -> None:
    """The work is done; doing it again would have changed nothing."""
    connection.execute(delete(outbox).where(outbox.c.id == item))


def failed(connection: Connection, item: Item, problem: str, *, now: datetime) -> None:
    """It failed: later again, or never after `MOST_ATTEMPTS`. *problem* is a token such as a class name.

    Whoever lost the lease meanwhile changes nothing: somebody else works on it.
    """
    values: dict[str, object] = {"problem": problem, "leased_until": None}
    if item.is_last:
        values["failed_at"] = now
    else:
        values["due_at"] = now + FIRST_PAUSE * 2 ** (item.attempts - 1)
    connection.execute(update(outbox).where(*_ours(item)).values(values))


def later(connection: Connection, item: Item, *, now: datetime) -> None:
    """It was not tried after all, because what it needs is known to be down: after a pause, and it does not count."""
    values = {"due_at": now + FIRST_PAUSE, "leased_until": None, "attempts": item.attempts - 1}
    connection.execute(update(outbox).where(*_ours(item)).values(values))


def retry(connection: Connection, *, now: datetime) -> int:
    """Give every row that was given up another round; how many."""
    values = {"failed_at": None, "attempts": 0, "due_at": now, "leased_until": None}
    return int(connection.execute(update(outbox).where(outbox.c.failed_at.is_not(None)).values(values)).rowcount)


def waiting(connection: Connection, *, now: datetime) -> Waiting:
    """How much is due, later, and given up."""
    given_up = outbox.c.failed_at.is_not(None)
    due = outbox.c.failed_at.is_(None) & (outbox.c.due_at <= now)
    query = select(given_up.label("failed"), due.label("due"), func.count().label("rows")).group_by("failed", "due")
    counts = {(bool(row.failed), bool(row.due)): int(row.rows) for row in connection.execute(query)}
    return Waiting(counts.get((False, True), 0), counts.get((False, False), 0), counts.get((True, False), 0))


def given_up(connection: Connection) -> list[GivenUp]:
    """What was given up, by kind and problem: tokens and counts."""
    columns = (outbox.c.kind, outbox.c.problem)
    query = select(*columns, func.count().label("rows")).where(outbox.c.failed_at.is_not(None))
    rows = connection.execute(query.group_by(*columns).order_by(*columns))
    return [GivenUp(row.kind, row.problem or "unknown", int(row.rows)) for row in rows]


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = outbox.c.leased_until.is_(None) | (outbox.c.leased_until <= now)
    return (outbox.c.failed_at.is_(None), outbox.c.due_at <= now, free)


def _ours(item: Item) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.id == item.id, outbox.c.leased_until == item.leased_until)
