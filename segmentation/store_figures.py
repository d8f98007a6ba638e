"""All SQL of key figures and of notes on segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select

from audit.database import in_batches
from governance.tables import activity
from segmentation.record import FLAGS_OFFSET, Flag
from segmentation.tables import run, segment_figures, segment_note

BLOCK = 65_536


class FigureRow(NamedTuple):
    """What was counted of one segment when a run was published; amounts in minor units."""

    run: int
    segment: str
    people: int
    revenue: int | None
    margin: int | None
    active: int | None
    stayed: int | None
    currency: str | None


class NoteRow(NamedTuple):
    """What somebody planned for a segment."""

    id: int
    scheme: str
    segment: str
    owner: str
    strategy: str
    written_at: datetime
    written_by: str


class Steps(NamedTuple):
    """What happened to people on their way to a segment, in a run that kept records of them."""

    flags: dict[Flag, int]
    """How many each flag stands with."""
    reasons: dict[int, int]
    """Leavers by the record's code of the reason."""


_FIGURES = tuple(segment_figures.c[name] for name in FigureRow._fields)
_NOTE = tuple(segment_note.c[name] for name in NoteRow._fields)


def keep(connection: Connection, rows: Sequence[FigureRow]) -> None:
    """Store the figures of a run."""
    if rows:
        connection.execute(insert(segment_figures), [row._asdict() for row in rows])


def of_runs(connection: Connection, runs: Sequence[int]) -> dict[tuple[int, str], FigureRow]:
    """The figures of some runs, by run and segment."""
    found: dict[tuple[int, str], FigureRow] = {}
    for part in in_batches(runs, 10_000):
        rows = connection.execute(select(*_FIGURES).where(segment_figures.c.run.in_(part)))
        found.update(((row.run, row.segment), FigureRow._make(row)) for row in rows)
    return found


def cause_of(connection: Connection, number: int) -> tuple[str, int | None]:
    """Why a run was made, and the run whose records stand for everybody it did not look at again."""
    row = connection.execute(select(run.c.cause, run.c.base).where(run.c.id == number)).one()
    return row.cause, row.base


def any_activity(connection: Connection) -> bool:
    """Whether any activity is stored at all."""
    return connection.execute(select(activity.c.owner).limit(1)).first() is not None


def add_note(
    connection: Connection, scheme: str, segment: str, *, owner: str, strategy: str, actor: str, now: datetime
) -> NoteRow:
    """Store a note; older ones stay."""
    number = int(connection.scalar(select(func.coalesce(func.max(segment_note.c.id), 0))) or 0) + 1
    row = NoteRow(number, scheme, segment, owner, strategy, now, actor)
    connection.execute(insert(segment_note).values(**row._asdict()))
    return row


def notes(connection: Connection, scheme: str, segment: str | None = None) -> list[NoteRow]:
    """The notes on a scheme or on one of its segments, newest first."""
    found = select(*_NOTE).where(segment_note.c.scheme == scheme).order_by(segment_note.c.id.desc())
    rows = connection.execute(found if segment is None else found.where(segment_note.c.segment == segment))
    return [NoteRow._make(row) for row in rows]


def steps_of(connection: Connection, number: int) -> Steps:
    """Flags and reasons in the records that a run made itself."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"SELECT subject, substr(record, {FLAGS_OFFSET + 1}, 3) FROM assignment "  # noqa: S608
        f"WHERE run = {mark} AND record IS NOT NULL AND subject > {mark} ORDER BY subject LIMIT {BLOCK}"
    )
    flags, reasons = dict.fromkeys(Flag, 0), np.zeros(256, dtype=np.int64)
    after = -(2**63)
    while True:
        rows = connection.exec_driver_sql(statement, (number, after)).cursor
        found = rows.fetchall() if rows is not None else []
        if not found:
            break
        _count(flags, reasons, np.frombuffer(b"".join(bytes(row[1]) for row in found), dtype=np.uint8).reshape(-1, 3))
        after = int(found[-1][0])
    return Steps(flags, {int(code): int(reasons[code]) for code in np.flatnonzero(reasons)})


def _count(flags: dict[Flag, int], reasons: NDArray[np.int64], steps: NDArray[np.uint8]) -> None:
    words = steps[:, 0].astype(np.int64) * 256 + steps[:, 1]
    for flag in Flag:
        flags[flag] += int(np.count_nonzero(words & int(flag)))
    left = (words & int(Flag.LEFT)) != 0
    reasons += np.bincount(steps[left, 2], minlength=256)
