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
from segmentation import store_chain
from segmentation.record import FLAGS_OFFSET, SCORED_OFFSET, Flag
from segmentation.store_chain import AssignmentRow
from segmentation.store_proofs import AssignmentRows
from segmentation.tables import assignment

BLOCK = 65_536
KIND = "assignment"
"""What the batches of runs are called."""


__all__ = ["AssignmentRow", "AssignmentRows", "Block", "PackedRows", "Waiting"]

Numbers = NDArray[np.int64]
_NOBODY = np.zeros(0, dtype=np.int64)


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
    """Where one person stands by a run: the newest record along its chain."""
    found = store_chain.rows_among(connection, store_chain.chain_of(connection, run), [subject])
    return found[0] if found else None


def rows_of(connection: Connection, run: int, *, rows: int = BLOCK) -> Iterator[list[AssignmentRow]]:
    """Where everybody stands by a run, whole, in blocks of ascending subjects."""
    chain = store_chain.chain_of(connection, run)
    if len(chain) == 1:
        yield from store_chain.own_rows_of(connection, run, rows=rows)
        return
    for after, until in store_chain.windows(connection, chain):
        block = store_chain.rows_between(connection, chain, after, until)
        if block:
            yield block


def blocks_of(connection: Connection, run: int, *, members_only: bool = False) -> Iterator[Block]:
    """Who stands where by a run, in blocks of ascending subjects."""
    chain = store_chain.chain_of(connection, run)
    if len(chain) == 1:
        yield from _own_blocks_of(connection, run, members_only=members_only)
        return
    for after, until in store_chain.windows(connection, chain):
        found = store_chain.standing_between(connection, chain, after, until)
        keep = found.effective >= 0 if members_only else np.ones(len(found.subjects), dtype=bool)
        if keep.any():
            yield Block(found.subjects[keep], found.effective[keep], found.left[keep])


def _own_blocks_of(connection: Connection, run: int, *, members_only: bool) -> Iterator[Block]:
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
    chain = store_chain.chain_of(connection, run)
    waiting = int(Flag.HELD | Flag.QUEUED)
    subjects, scored, queued = [_NOBODY], [_NOBODY], [_NOBODY]
    for numbers, where, flags in _steps_of(connection, chain):
        waits = (flags & waiting) != 0
        subjects.append(numbers[waits])
        scored.append(where[waits])
        queued.append(flags[waits] & int(Flag.QUEUED))
    return Waiting(np.concatenate(subjects), np.concatenate(scored).astype(np.int16), np.concatenate(queued) != 0)


def _steps_of(connection: Connection, chain: Sequence[int]) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Subjects, scored segments and flags of the newest records, ascending."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"SELECT subject, substr(record, {SCORED_OFFSET + 1}, 2), substr(record, {FLAGS_OFFSET + 1}, 2) "  # noqa: S608
        f"FROM assignment WHERE run = {mark} AND subject > {mark} AND subject <= {mark}"
    )
    for after, until in store_chain.windows(connection, chain):
        newest: dict[int, tuple[bytes, bytes]] = {}
        for run in reversed(chain):
            rows = connection.exec_driver_sql(statement, (run, after, until)).cursor
            newest.update((row[0], (bytes(row[1]), bytes(row[2]))) for row in (rows.fetchall() if rows else ()))
        if newest:
            numbers = np.array(sorted(newest), dtype=np.int64)
            scored = np.frombuffer(b"".join(newest[n][0] for n in numbers.tolist()), dtype=">i2")
            flags = np.frombuffer(b"".join(newest[n][1] for n in numbers.tolist()), dtype=">u2")
            yield numbers, scored.astype(np.int64), flags.astype(np.int64)


def size_of(connection: Connection, run: int) -> int:
    """How many assignments of a run are stored."""
    return connection.scalar(select(func.count()).select_from(assignment).where(assignment.c.run == run)) or 0


def withdraw(connection: Connection, run: int, rows: Sequence[AssignmentRow]) -> None:
    """Take records out of the run that made them; only their leaf hashes stay, so that every other proof verifies."""
    batch_tree.shred(connection, run, [Opening(row.position, row.random, row.record, row.locator) for row in rows])
    for part in in_batches([row.subject for row in rows], 10_000):
        connection.execute(delete(assignment).where(assignment.c.run == run, assignment.c.subject.in_(part)))


def assignments_among(connection: Connection, run: int, subjects: Sequence[int]) -> list[AssignmentRow]:
    """Where those of these people stand who have a record along the chain of a run."""
    return store_chain.rows_among(connection, store_chain.chain_of(connection, run), subjects)


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
