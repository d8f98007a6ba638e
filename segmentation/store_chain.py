"""SQL on the chain of a run: an incremental run keeps records of those who changed, its base has everybody else's.

The newest record along the chain is where somebody stands; a record of leaving that an earlier run made says that they
are nobody's any more. Everything is read in windows of ascending subjects, so that memory is bounded by the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from audit.database import in_batches
from segmentation.record import FLAGS_OFFSET, Flag, RecordLayout, unpack_many
from segmentation.tables import assignment, run

LONGEST = 10
"""Runs in a chain, the full one at its end included."""
WINDOW = 65_536
FIRST, LAST = -(2**63), 2**63 - 1


class AssignmentRow(NamedTuple):
    """One stored assignment."""

    run: int
    subject: int
    position: int
    effective: int
    record: bytes
    random: bytes
    locator: int


class Standing(NamedTuple):
    """Where people stand, ascending by subject; `left` marks records of leaving, `run` the run of each record."""

    subjects: NDArray[np.int64]
    effective: NDArray[np.int16]
    left: NDArray[np.bool_]
    run: NDArray[np.int64]


COLUMNS = tuple(assignment.c[name] for name in AssignmentRow._fields)


def chain_of(connection: Connection, number: int) -> tuple[int, ...]:
    """A run, its base, the base of that, and so on to the full run."""
    chain = [number]
    while len(chain) <= LONGEST:
        base = connection.scalar(select(run.c.base).where(run.c.id == chain[-1]))
        if base is None:
            break
        chain.append(base)
    return tuple(chain)


def set_base(connection: Connection, number: int, base: int) -> None:
    """Note whose records stand for everybody a run has none of."""
    connection.execute(run.update().where(run.c.id == number).values(base=base))


def own_rows_of(connection: Connection, number: int, *, rows: int = WINDOW) -> Iterator[list[AssignmentRow]]:
    """Every record that a run itself made, in blocks of ascending subjects."""
    after = FIRST
    while True:
        match = (assignment.c.run == number, assignment.c.subject > after)
        found = connection.execute(select(*COLUMNS).where(*match).order_by(assignment.c.subject).limit(rows))
        block = [AssignmentRow._make(row) for row in found]
        if not block:
            return
        after = block[-1].subject
        yield block


def windows(connection: Connection, chain: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Spans of subjects (after, until] that hold so many records of the full run; together they are everybody."""
    after = FIRST
    while True:
        match = (assignment.c.run == chain[-1], assignment.c.subject > after)
        query = select(assignment.c.subject).where(*match).order_by(assignment.c.subject)
        until = connection.scalar(query.offset(WINDOW - 1).limit(1))
        if until is None:
            yield after, LAST
            return
        yield after, until
        after = until


def rows_between(connection: Connection, chain: Sequence[int], after: int, until: int) -> list[AssignmentRow]:
    """The newest record of everybody in a span, ascending; without those who left in an earlier run."""
    newest: dict[int, AssignmentRow] = {}
    for number in reversed(chain):
        match = (assignment.c.run == number, assignment.c.subject > after, assignment.c.subject <= until)
        for row in connection.execute(select(*COLUMNS).where(*match)):
            newest[row.subject] = AssignmentRow._make(row)
    return [newest[subject] for subject in sorted(newest) if stands(newest[subject], chain[0])]


def records_between(
    connection: Connection, chain: Sequence[int], after: int, until: int, layout: RecordLayout
) -> NDArray[np.void]:
    """The newest records of a span as one array, ascending by subject; without those who left in an earlier run.

    Straight from the driver: a run compares itself with everybody by it.
    """
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"SELECT subject, record FROM assignment WHERE run = {mark} "  # noqa: S608
        f"AND subject > {mark} AND subject <= {mark} ORDER BY subject"
    )
    newest: dict[int, bytes] = {}
    for number in reversed(chain):
        rows = connection.exec_driver_sql(statement, (number, after, until)).cursor
        newest.update(rows.fetchall() if rows is not None else ())
    ordered = newest.values() if len(chain) == 1 else (newest[subject] for subject in sorted(newest))
    found = unpack_many(b"".join(ordered), layout)
    gone = (found["flags"] & int(Flag.LEFT) != 0) & (found["run"] != chain[0])
    return found[~gone] if gone.any() else found


def standing_between(connection: Connection, chain: Sequence[int], after: int, until: int) -> Standing:
    """The same as arrays, without the records."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        "SELECT subject, effective, CASE WHEN effective < 0 "  # noqa: S608
        f"THEN substr(record, {FLAGS_OFFSET + 1}, 2) END FROM assignment "
        f"WHERE run = {mark} AND subject > {mark} AND subject <= {mark} ORDER BY subject"
    )
    parts = []
    for number in reversed(chain):
        rows = connection.exec_driver_sql(statement, (number, after, until)).cursor
        found = rows.fetchall() if rows is not None else []
        if found:
            parts.append(_standing(found, number))
    return _newest(parts, chain[0])


def rows_among(connection: Connection, chain: Sequence[int], subjects: Sequence[int]) -> list[AssignmentRow]:
    """The newest record of those of these people who have one."""
    newest: dict[int, AssignmentRow] = {}
    for number in reversed(chain):
        for part in in_batches(subjects, 10_000):
            match = (assignment.c.run == number, assignment.c.subject.in_(part))
            for row in connection.execute(select(*COLUMNS).where(*match)):
                newest[row.subject] = AssignmentRow._make(row)
    return [row for row in newest.values() if stands(row, chain[0])]


def stands(row: AssignmentRow, number: int) -> bool:
    """Whether a newest record counts in a run: leaving counts in the run that made it alone."""
    return row.run == number or not _left(row)


def _left(row: AssignmentRow) -> bool:
    return bool(int.from_bytes(row.record[FLAGS_OFFSET : FLAGS_OFFSET + 2], "big") & Flag.LEFT)


def _standing(found: Sequence[Sequence[object]], number: int) -> Standing:
    subjects, effective, flags = zip(*found, strict=True)
    left = [flag is not None and bool(int.from_bytes(bytes(flag), "big") & Flag.LEFT) for flag in flags]
    return Standing(
        np.array(subjects, dtype=np.int64),
        np.array(effective, dtype=np.int16),
        np.array(left, dtype=bool),
        np.full(len(subjects), number, dtype=np.int64),
    )


def _newest(parts: Sequence[Standing], number: int) -> Standing:
    """The last part's row of each subject; leaving of an earlier run is dropped."""
    none = np.zeros(0, dtype=np.int64)
    if not parts:
        return Standing(none, none.astype(np.int16), none.astype(bool), none)
    subjects, effective, left, runs = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((np.arange(len(subjects)), subjects))
    ends = np.ones(len(order), dtype=bool)
    ends[:-1] = subjects[order][1:] != subjects[order][:-1]
    keep = order[ends]
    keep = keep[~left[keep] | (runs[keep] == number)]
    return Standing(subjects[keep], effective[keep], left[keep], runs[keep])
