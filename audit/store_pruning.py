"""All SQL of pruning: the minimum index, and the one way an entry loses its bytes."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from audit.database import insert_rows, to_microseconds
from audit.tables import log_leaf, log_pruning, log_subject


class PruningRow(NamedTuple):
    """One pruning."""

    minimum: int
    fact: int
    pruned_at: datetime


def minimum(connection: Connection) -> int:
    """The log's minimum index: entries below it have no bytes any more. 0 in a log that was never pruned."""
    found: int | None = connection.execute(select(func.max(log_pruning.c.minimum))).scalar_one()
    return found or 0


def newest(connection: Connection) -> PruningRow | None:
    """The last pruning."""
    row = connection.execute(select(log_pruning).order_by(log_pruning.c.minimum.desc()).limit(1)).one_or_none()
    return PruningRow(row.minimum, row.fact, row.pruned_at) if row else None


def add(connection: Connection, row: PruningRow) -> None:
    """Raise the minimum index."""
    values = (row.minimum, row.fact, to_microseconds(row.pruned_at))
    insert_rows(connection, log_pruning, PruningRow._fields, [values])


def first_since(connection: Connection, instant: datetime) -> int | None:
    """The lowest index of an entry that was recorded at *instant* or later."""
    statement = select(func.min(log_leaf.c.idx)).where(log_leaf.c.recorded_at >= instant)
    found: int | None = connection.execute(statement).scalar_one()
    return found


def empty(connection: Connection, below: int, *, limit: int) -> int:
    """Take the bytes of at most *limit* entries below an index, and who they were about; how many entries it was."""
    match = (log_leaf.c.idx < below, log_leaf.c.body != b"")
    chosen = select(log_leaf.c.idx).where(*match).order_by(log_leaf.c.idx).limit(limit)
    indexes = list(connection.execute(chosen).scalars())
    if not indexes:
        return 0
    span = (log_leaf.c.idx >= indexes[0], log_leaf.c.idx <= indexes[-1], *match)
    connection.execute(update(log_leaf).where(*span).values(body=b""))
    about = (log_subject.c.idx >= indexes[0], log_subject.c.idx <= indexes[-1])
    connection.execute(delete(log_subject).where(*about))
    return len(indexes)
