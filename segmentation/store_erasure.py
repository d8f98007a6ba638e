"""All SQL of erasure in this package's tables: openings, corrections, and who left the house in which export.

An assignment is replaced by the hash of its leaf under (run, position): every other proof still verifies, and nothing
is left to guess. A run that is not published yet is left alone: its publication asks everybody again and takes an
erased person out itself.

Of the recipient ledger the rows stay that Article 19 GDPR needs: exports that were released and whose validity has not
ended. Each says that the number of nobody stood in it under a pseudonym of that export alone. The others go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, and_, delete, func, select

from audit.database import in_batches
from segmentation import store, store_assignments
from segmentation.store_assignments import AssignmentRow
from segmentation.store_exports import RELEASED
from segmentation.tables import assignment, correction, export, export_row

_RUNS_AT_ONCE = 500


class Segments:
    """Holder of who was put where, what the desk decided, and who left the house."""

    holds: Mapping[str, str] = {
        "assignment": "the latest run and each change of segment; others P35D (`lauter retention run`)",
        "correction": "until erasure; in force until lifted",
        "export_row": "until erasure; where a recipient must still be told, until the export's validity ends",
    }
    stays: frozenset[str] = frozenset({"export_row"})

    def describe(self, connection: Connection, subject: int) -> dict[str, int]:
        """Rows of each table; openings of published runs only."""
        return {
            "assignment": len(_assigned(connection, subject)),
            "correction": _count(connection, correction, subject),
            "export_row": _count(connection, export_row, subject),
        }

    def erase(self, connection: Connection, subject: int, *, now: datetime) -> int:
        """Openings to hashes; corrections; exports that nobody has to be told about."""
        runs = _assigned(connection, subject)
        for run in runs:
            store_assignments.withdraw(connection, run, _own_row(connection, run, subject))
        gone = int(connection.execute(delete(correction).where(correction.c.subject == subject)).rowcount)
        return len(runs) + gone + _drop_exports(connection, subject, now)


def drop_ended(connection: Connection, subjects: Sequence[int], *, now: datetime) -> int:
    """Take erased people out of exports whose validity has ended meanwhile; how many rows."""
    return sum(_drop_exports(connection, subject, now) for subject in subjects)


def _assigned(connection: Connection, subject: int) -> list[int]:
    """Published runs that hold a row of the subject."""
    published = [run.id for run in store.published_runs(connection)]
    found: list[int] = []
    for part in in_batches(published, _RUNS_AT_ONCE):
        match = and_(assignment.c.run.in_(part), assignment.c.subject == subject)
        found += connection.execute(select(assignment.c.run).where(match).order_by(assignment.c.run)).scalars()
    return found


def _own_row(connection: Connection, run: int, subject: int) -> list[AssignmentRow]:
    """The row that stands in this very run, not the one that counts for it."""
    columns = [assignment.c[name] for name in AssignmentRow._fields]
    match = and_(assignment.c.run == run, assignment.c.subject == subject)
    return [AssignmentRow._make(row) for row in connection.execute(select(*columns).where(match))]


def _drop_exports(connection: Connection, subject: int, now: datetime) -> int:
    listed = select(export_row.c.export).where(export_row.c.subject == subject)
    must_be_told = and_(export.c.state == RELEASED, export.c.expires_at.is_not(None), export.c.expires_at > now)
    numbers = connection.execute(select(export.c.id).where(export.c.id.in_(listed), ~must_be_told)).scalars().all()
    match = and_(export_row.c.subject == subject, export_row.c.export.in_(numbers))
    return int(connection.execute(delete(export_row).where(match)).rowcount)


def _count(connection: Connection, table: Table, subject: int) -> int:
    return int(connection.scalar(select(func.count()).select_from(table).where(table.c.subject == subject)) or 0)
