"""All SQL of corrections."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from segmentation.tables import correction


class CorrectionRow(NamedTuple):
    """One correction as it is stored; the reason is sealed."""

    id: int
    scheme: str
    subject: int
    kind: str
    segment: str | None
    reason: bytes
    author: str
    created_at: datetime
    review_on: int
    lifted_at: datetime | None
    lifted_by: str | None


_COLUMNS = tuple(correction.c[name] for name in CorrectionRow._fields)


def add(connection: Connection, row: CorrectionRow) -> None:
    """Store a correction."""
    connection.execute(insert(correction).values(**row._asdict()))


def next_number(connection: Connection) -> int:
    """The number of the next correction."""
    return (connection.scalar(select(func.max(correction.c.id))) or 0) + 1


def active(connection: Connection, scheme: str, *, subject: int | None = None) -> list[CorrectionRow]:
    """Corrections in force, by subject."""
    found = select(*_COLUMNS).where(correction.c.scheme == scheme, correction.c.lifted_at.is_(None))
    if subject is not None:
        found = found.where(correction.c.subject == subject)
    return [CorrectionRow._make(row) for row in connection.execute(found.order_by(correction.c.subject))]


def schemes_with(connection: Connection) -> list[str]:
    """Schemes with a correction in force that names a segment, by name."""
    table = correction.c
    found = select(table.scheme).where(table.lifted_at.is_(None), table.segment.is_not(None))
    return list(connection.scalars(found.distinct().order_by(table.scheme)))


def of_subject(connection: Connection, subject: int, scheme: str | None = None) -> list[CorrectionRow]:
    """Every correction of a person, lifted ones too, oldest first."""
    found = select(*_COLUMNS).where(correction.c.subject == subject).order_by(correction.c.id)
    rows = connection.execute(found if scheme is None else found.where(correction.c.scheme == scheme))
    return [CorrectionRow._make(row) for row in rows]


def due(connection: Connection, day: int) -> list[CorrectionRow]:
    """Corrections in force whose review day has come."""
    found = select(*_COLUMNS).where(correction.c.lifted_at.is_(None), correction.c.review_on <= day)
    return [CorrectionRow._make(row) for row in connection.execute(found.order_by(correction.c.review_on))]


def lift(connection: Connection, number: int, *, at: datetime, by: str) -> None:
    """End a correction."""
    connection.execute(update(correction).where(correction.c.id == number).values(lifted_at=at, lifted_by=by))
