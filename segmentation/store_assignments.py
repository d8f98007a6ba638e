"""All SQL of assignments: staged in tuples, read in ascending blocks, opened by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select

from audit import batch_tree
from audit.database import STAGING_ROWS, in_batches, insert_rows
from audit.opening import RANDOM_BYTES, Opening
from audit.tables import batch, batch_tile, shredded_leaf
from governance.tables import subject
from segmentation.record import FLAGS_OFFSET, SCORED_OFFSET, Flag
from segmentation.tables import assignment

BLOCK = 65_536
KIND = "assignment"
"""What the batches of runs are called."""


class AssignmentRow(NamedTuple):
    """One stored assignment."""

    run: int
    subject: int
    position: int
    effective: int
    record: bytes
    random: bytes
    locator: int


_NOBODY = np.zeros(0, dtype=np.int64)
_COLUMNS = tuple(assignment.c[name] for name in AssignmentRow._fields)


class Feeder(NamedTuple):
    """A contact whose orders count for a company."""

    contact: int
    account: int
    personal: bool
    """The company is a natural person."""
    closed: bool
    """The contact is restricted or erased."""


@dataclass(frozen=True)
class Block:
    """Assignments of one run, ascending by subject; `left` marks records of people who left the scheme."""

    subjects: NDArray[np.int64]
    effective: NDArray[np.int16]
    left: NDArray[np.bool_]


@dataclass(frozen=True)
class Waiting:
    """Who would have moved in a run and did not, ascending: where to, and whether it was the budget that kept them."""

    subjects: NDArray[np.int64]
    wanted: NDArray[np.int16]
    queued: NDArray[np.bool_]


@dataclass(frozen=True)
class PackedRows:
    """Some assignments of one run, ascending, laid end to end; `position` is that of the first."""

    run: int
    position: int
    width: int
    subjects: NDArray[np.int64]
    effective: NDArray[np.int64]
    records: bytes
    randoms: bytes
    locators: NDArray[np.uint32]


def stage(connection: Connection, rows: PackedRows) -> None:
    """Insert assignments; what is staged is invisible until its run is published."""
    if connection.dialect.name == "sqlite":
        _stage_sqlite(connection, rows)
        return
    count = len(rows.subjects)
    tuples = zip(
        [rows.run] * count,
        rows.subjects.tolist(),
        range(rows.position, rows.position + count),
        rows.effective.tolist(),
        np.frombuffer(rows.records, dtype=f"V{rows.width}").tolist(),
        np.frombuffer(rows.randoms, dtype=f"V{RANDOM_BYTES}").tolist(),
        rows.locators.tolist(),
        strict=True,
    )
    insert_rows(connection, assignment, AssignmentRow._fields, tuples)


_STAGE_SQLITE = """
    INSERT INTO assignment (run, subject, position, effective, record, random, locator)
    SELECT ?1, json_extract(value, '$[0]'), ?2 + key, json_extract(value, '$[1]'),
           substr(?3, key * ?4 + 1, ?4), substr(?5, key * 16 + 1, 16), json_extract(value, '$[2]')
    FROM json_each(?6)
"""


def _stage_sqlite(connection: Connection, rows: PackedRows) -> None:
    """One statement for all rows: SQLite cuts the records itself and runs beside the hashing of the next ones."""
    numbers = zip(rows.subjects.tolist(), rows.effective.tolist(), rows.locators.tolist(), strict=True)
    listed = "[" + ",".join([f"[{subject},{effective},{locator}]" for subject, effective, locator in numbers]) + "]"
    values = (rows.run, rows.position, rows.records, rows.width, rows.randoms, listed)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_STAGE_SQLITE, values)
    finally:
        cursor.close()


def assignment_of(connection: Connection, run: int, subject: int) -> AssignmentRow | None:
    """One person's assignment in a run."""
    match = (assignment.c.run == run, assignment.c.subject == subject)
    row = connection.execute(select(*_COLUMNS).where(*match)).one_or_none()
    return AssignmentRow._make(row) if row else None


def rows_of(connection: Connection, run: int, *, rows: int = BLOCK) -> Iterator[list[AssignmentRow]]:
    """Every assignment of a run, whole, in blocks of ascending subjects."""
    after = -(2**63)
    while True:
        match = (assignment.c.run == run, assignment.c.subject > after)
        found = connection.execute(select(*_COLUMNS).where(*match).order_by(assignment.c.subject).limit(rows))
        block = [AssignmentRow._make(row) for row in found]
        if not block:
            return
        after = block[-1].subject
        yield block


def blocks_of(connection: Connection, run: int, *, members_only: bool = False) -> Iterator[Block]:
    """Who was assigned where in a run, in blocks of ascending subjects."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    only = " AND effective >= 0" if members_only else ""
    statement = (
        "SELECT subject, effective, CASE WHEN effective < 0 "  # noqa: S608
        f"THEN substr(record, {FLAGS_OFFSET + 1}, 2) END FROM assignment "
        f"WHERE run = {mark} AND subject > {mark}{only} ORDER BY subject LIMIT {BLOCK}"
    )
    after = -(2**63)
    while True:
        rows = connection.exec_driver_sql(statement, (run, after)).cursor
        found = rows.fetchall() if rows is not None else []
        if not found:
            return
        subjects, effective, flags = zip(*found, strict=True)
        after = subjects[-1]
        left = [flag is not None and bool(int.from_bytes(flag, "big") & Flag.LEFT) for flag in flags]
        yield Block(np.array(subjects, dtype=np.int64), np.array(effective, dtype=np.int16), np.array(left, dtype=bool))


def waiting_in(connection: Connection, run: int) -> Waiting:
    """Who would have moved in a run and was held or queued, and where to; ascending."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"SELECT subject, substr(record, {SCORED_OFFSET + 1}, 2), substr(record, {FLAGS_OFFSET + 1}, 2) "  # noqa: S608
        f"FROM assignment WHERE run = {mark} AND record IS NOT NULL AND subject > {mark} ORDER BY subject LIMIT {BLOCK}"
    )
    waiting = int(Flag.HELD | Flag.QUEUED)
    subjects, scored, queued = [_NOBODY], [_NOBODY], [_NOBODY]
    after = -(2**63)
    while True:
        rows = connection.exec_driver_sql(statement, (run, after)).cursor
        found = rows.fetchall() if rows is not None else []
        if not found:
            break
        numbers = np.array([row[0] for row in found], dtype=np.int64)
        flags = np.frombuffer(b"".join(bytes(row[2]) for row in found), dtype=">u2").astype(np.int64)
        where = np.frombuffer(b"".join(bytes(row[1]) for row in found), dtype=">i2").astype(np.int64)
        waits = (flags & waiting) != 0
        subjects.append(numbers[waits])
        scored.append(where[waits])
        queued.append(flags[waits] & int(Flag.QUEUED))
        after = int(numbers[-1])
    return Waiting(np.concatenate(subjects), np.concatenate(scored).astype(np.int16), np.concatenate(queued) != 0)


def effective_of(connection: Connection, run: int, subjects: NDArray[np.int64]) -> NDArray[np.int16]:
    """The effective segments of these people in a run; -1 for none or not there."""
    found: dict[int, int] = {}
    for part in in_batches(subjects.tolist(), 10_000):
        match = (assignment.c.run == run, assignment.c.subject.in_(part))
        found.update(
            (row.subject, row.effective)
            for row in connection.execute(select(assignment.c.subject, assignment.c.effective).where(*match))
        )
    return np.array([found.get(subject, -1) for subject in subjects.tolist()], dtype=np.int16)


def counts_of(connection: Connection, run: int) -> dict[int, int]:
    """People per effective segment number of a run."""
    found = select(assignment.c.effective, func.count()).where(assignment.c.run == run)
    return {int(number): int(count) for number, count in connection.execute(found.group_by(assignment.c.effective))}


def size_of(connection: Connection, run: int) -> int:
    """How many assignments of a run are stored."""
    return connection.scalar(select(func.count()).select_from(assignment).where(assignment.c.run == run)) or 0


def withdraw(connection: Connection, run: int, rows: Sequence[AssignmentRow]) -> None:
    """Take rows out of a run; only their leaf hashes stay, so that every other proof still verifies."""
    batch_tree.shred(connection, run, [Opening(row.position, row.random, row.record, row.locator) for row in rows])
    for part in in_batches([row.subject for row in rows], 10_000):
        connection.execute(delete(assignment).where(assignment.c.run == run, assignment.c.subject.in_(part)))


def assignments_among(connection: Connection, run: int, subjects: Sequence[int]) -> list[AssignmentRow]:
    """The assignments of those of these people who have one in the run."""
    found: list[AssignmentRow] = []
    for part in in_batches(subjects, 10_000):
        match = (assignment.c.run == run, assignment.c.subject.in_(part))
        found.extend(AssignmentRow._make(row) for row in connection.execute(select(*_COLUMNS).where(*match)))
    return found


def feeders_among(connection: Connection, contacts: Sequence[int]) -> list[Feeder]:
    """Those of some subjects who are contacts of a company."""
    company = subject.alias("company")
    columns = (subject.c.id, subject.c.account, company.c.natural, subject.c.restricted_at, subject.c.erased_at)
    joined = select(*columns).join(company, company.c.id == subject.c.account)
    found: list[Feeder] = []
    for part in in_batches(contacts, 10_000):
        for contact, account, natural, restricted, erased in connection.execute(joined.where(subject.c.id.in_(part))):
            found.append(Feeder(contact, account, natural, restricted is not None or erased is not None))
    return found


def drop_some(connection: Connection, run: int) -> int:
    """Delete at most one staging of a run's assignments; 0 when none are left."""
    some = select(assignment.c.subject).where(assignment.c.run == run).order_by(assignment.c.subject)
    last = connection.execute(some.limit(STAGING_ROWS)).scalars().all()
    if not last:
        return 0
    match = (assignment.c.run == run, assignment.c.subject <= last[-1])
    return connection.execute(delete(assignment).where(*match)).rowcount


def drop_batch(connection: Connection, run: int) -> None:
    """Delete root, tiles and left-over hashes of a run that was never published."""
    connection.execute(delete(batch_tile).where(batch_tile.c.batch == run))
    connection.execute(delete(shredded_leaf).where(shredded_leaf.c.batch == run))
    connection.execute(delete(batch).where(batch.c.id == run))


class AssignmentRows:
    """Hands out the rows of a run by position, for proofs and checks of the log.

    Positions ascend with subjects, so that no index is kept for them: the first is found by bisection.
    """

    def openings(self, connection: Connection, batch: int, start: int, stop: int) -> list[Opening]:
        """The rows at positions [start, stop) in ascending order; erased ones are left out."""
        first = self._subject_at(connection, batch, start)
        if first is None:
            return []
        match = (assignment.c.run == batch, assignment.c.subject >= first)
        found = select(*_COLUMNS).where(*match).order_by(assignment.c.subject).limit(stop - start)
        rows = [AssignmentRow._make(row) for row in connection.execute(found)]
        inside = (row for row in rows if start <= row.position < stop)
        return [Opening(row.position, row.random, row.record, row.locator) for row in inside]

    def _subject_at(self, connection: Connection, run: int, position: int) -> int | None:
        """The lowest subject whose position is not below the one wanted."""
        ends = select(func.min(assignment.c.subject), func.max(assignment.c.subject)).where(assignment.c.run == run)
        low, high = connection.execute(ends).one()
        if low is None:
            return None
        answer: int | None = None
        while low <= high:
            middle = (low + high) // 2
            match = (assignment.c.run == run, assignment.c.subject >= middle)
            found = select(assignment.c.subject, assignment.c.position).where(*match)
            row = connection.execute(found.order_by(assignment.c.subject).limit(1)).one()
            if row.position >= position:
                answer, high = row.subject, middle - 1
            else:
                low = row.subject + 1
        return answer
