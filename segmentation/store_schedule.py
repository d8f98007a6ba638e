"""SQL on when schemes run again and how long their results may be used."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from segmentation.tables import schedule


class ScheduleRow(NamedTuple):
    """The schedule of one scheme."""

    scheme: str
    every: str | None
    on_change: bool
    fresh_for: str | None
    due_at: datetime | None
    seen: int | None
    attempts: int
    problem: str | None
    set_at: datetime
    set_by: str


_COLUMNS = tuple(schedule.c[name] for name in ScheduleRow._fields)


def of_scheme(connection: Connection, scheme: str, *, lock: bool = False) -> ScheduleRow | None:
    """The schedule of a scheme, or None."""
    query = select(*_COLUMNS).where(schedule.c.scheme == scheme)
    return _row(connection.execute(query.with_for_update() if lock else query).one_or_none())


def every_schedule(connection: Connection) -> list[ScheduleRow]:
    """Every schedule, by scheme."""
    return [ScheduleRow._make(row) for row in connection.execute(select(*_COLUMNS).order_by(schedule.c.scheme))]


def put(connection: Connection, row: ScheduleRow) -> None:
    """Store a schedule in place of the one before."""
    connection.execute(delete(schedule).where(schedule.c.scheme == row.scheme))
    connection.execute(insert(schedule).values(**row._asdict()))


def drop(connection: Connection, scheme: str) -> bool:
    """Forget a schedule; False when there was none."""
    return bool(connection.execute(delete(schedule).where(schedule.c.scheme == scheme)).rowcount)


def take(connection: Connection, scheme: str, due_at: datetime, until: datetime) -> bool:
    """Lease a run that is due: nobody else starts it before *until*; False when somebody was quicker."""
    mine = (schedule.c.scheme == scheme) & (schedule.c.due_at == due_at)
    return bool(connection.execute(update(schedule).where(mine).values(due_at=until)).rowcount)


def settle(connection: Connection, scheme: str, **values: Any) -> None:
    """Note how a run ended and when the next is due."""
    connection.execute(update(schedule).where(schedule.c.scheme == scheme).values(**values))


def _row(row: Row[Any] | None) -> ScheduleRow | None:
    return None if row is None else ScheduleRow._make(row)
