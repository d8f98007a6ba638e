"""All SQL of letting records go: the rows of one run in pieces, and what stands before and after them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, func, select

from audit.database import STAGING_ROWS
from segmentation import store_assignments
from segmentation.record import FLAGS_OFFSET, Flag
from segmentation.store_assignments import AssignmentRow
from segmentation.store_exports import RELEASED
from segmentation.tables import assignment, export, export_row

Ids = NDArray[np.int64]
_COLUMNS = tuple(assignment.c[name] for name in AssignmentRow._fields)
FIRST = -(2**63)


class Stood(NamedTuple):
    """Where people stood in one run, ascending by subject."""

    subjects: Ids
    segments: Ids
    """Number of the effective segment; -1 none."""
    left: NDArray[np.bool_]


def piece_of(connection: Connection, run: int, after: int) -> list[AssignmentRow]:
    """The next rows that stand in this very run, at most one transaction's worth."""
    match = and_(assignment.c.run == run, assignment.c.subject > after)
    rows = connection.execute(select(*_COLUMNS).where(match).order_by(assignment.c.subject).limit(STAGING_ROWS))
    return [AssignmentRow._make(row) for row in rows]


def stood_in(connection: Connection, run: int, low: int, high: int) -> Stood:
    """Who stood where in another run, from one subject to another."""
    flags = func.substr(assignment.c.record, FLAGS_OFFSET + 1, 2)
    match = and_(assignment.c.run == run, assignment.c.subject >= low, assignment.c.subject <= high)
    query = select(assignment.c.subject, assignment.c.effective, flags).where(match).order_by(assignment.c.subject)
    rows = connection.execute(query).all()
    left = [bool(int.from_bytes(bytes(row[2]), "big") & Flag.LEFT) for row in rows]
    return Stood(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array(left, dtype=bool),
    )


def exported_from(connection: Connection, runs: Collection[int], subjects: Ids) -> Ids:
    """Those of some people who left the house by a release that drew from one of these runs, ascending."""
    query = select(export.c.id, export.c.manifest).where(export.c.state == RELEASED, export.c.manifest.is_not(None))
    numbers = [row.id for row in connection.execute(query) if json.loads(row.manifest).get("run") in runs]
    if not numbers or not len(subjects):
        return np.zeros(0, dtype=np.int64)
    low, high = int(subjects[0]), int(subjects[-1])
    match = and_(export_row.c.export.in_(numbers), export_row.c.subject >= low, export_row.c.subject <= high)
    found = connection.execute(select(export_row.c.subject).where(match).distinct()).scalars().all()
    return np.intersect1d(np.array(found, dtype=np.int64), subjects)


def let_go(connection: Connection, run: int, rows: Sequence[AssignmentRow]) -> None:
    """Replace records by the hashes of their leaves: whoever stays keeps a path of their own to the root."""
    store_assignments.withdraw(connection, run, rows)
