"""Which entries of the log the stored assignments still hang on, and the assignments by position for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, exists, func, select

from audit.batch_tree import PackedRows
from audit.opening import RANDOM_BYTES, Opening
from segmentation.tables import assignment, run


def oldest_fact_in_use(connection: Connection) -> int | None:
    """The lowest entry that published a run of which assignments are still kept: their proofs need it."""
    kept = exists().where(assignment.c.run == run.c.id)
    found: int | None = connection.execute(select(func.min(run.c.fact)).where(run.c.fact.is_not(None), kept)).scalar()
    return found


_PACKED = """
    SELECT count(*), {locators}, {positions}, {data} FROM assignment
    WHERE run = {run:d} AND subject >= {first:d} AND subject < {past:d}
      AND length(random) = {random:d} AND length(record) = {record:d} {types}
"""  # numbers only; one range of the key, for rows that pass through a limit first take twice as long
_FORMS = {
    "sqlite": {
        "locators": "group_concat(locator)",
        "positions": "group_concat(position)",
        "data": "CAST(group_concat(random || record, '') AS BLOB)",
        "types": "AND typeof(random) = 'blob' AND typeof(record) = 'blob'",
    },
    "postgresql": {
        "locators": "string_agg(locator::text, ',' ORDER BY position)",
        "positions": "string_agg(position::text, ',' ORDER BY position)",
        "data": "string_agg(random || record, ''::bytea ORDER BY position)",
        "types": "",
    },
}


def packed_rows(connection: Connection, run: int, subjects: range, start: int, stop: int) -> PackedRows | None:
    """The assignments at positions [start, stop), which lie among these subjects, in one value of the database.

    None unless each position is there once, in order, and all records have one width: what was moved across the
    border of two rows must not pass for the same bytes.
    """
    match = (assignment.c.run == run, assignment.c.subject == subjects.start)
    record = connection.execute(select(func.length(assignment.c.record)).where(*match)).scalar_one() or 0
    sizes = {"run": run, "first": subjects.start, "past": subjects.stop, "random": RANDOM_BYTES, "record": record}
    statement = _PACKED.format(**sizes, **_FORMS[connection.dialect.name])
    count, locators, positions, data = connection.exec_driver_sql(statement).one()
    if not count or count != stop - start or len(data) != count * (RANDOM_BYTES + record):
        return None
    if not np.array_equal(np.fromstring(positions, dtype=np.int64, sep=","), np.arange(start, stop)):
        return None
    return PackedRows(bytes(data), RANDOM_BYTES + record, np.fromstring(locators, dtype=np.int64, sep=","))


class AssignmentRows:
    """Hands out the rows of a run by position, for proofs and checks of the log.

    Positions ascend with subjects, so that no index is kept for them: the first is found by bisection.
    """

    def openings(self, connection: Connection, batch: int, start: int, stop: int) -> list[Opening]:
        """The rows at positions [start, stop) in ascending order; erased ones are left out."""
        first = self._subject_at(connection, batch, start)
        if first is None:
            return []
        # Plain driver rows of just these columns: a deep check opens every row of every run.
        statement = (
            "SELECT position, random, record, locator FROM assignment "  # noqa: S608  # numbers only
            f"WHERE run = {batch:d} AND subject >= {first:d} ORDER BY subject LIMIT {stop - start:d}"
        )
        rows = connection.exec_driver_sql(statement).cursor.fetchall()
        if rows and start <= rows[0][0] and rows[-1][0] < stop:
            return list(map(Opening._make, rows))
        return [Opening._make(row) for row in rows if start <= row[0] < stop]

    def packed(self, connection: Connection, batch: int, start: int, stop: int) -> PackedRows | None:
        """Many rows as one piece, if none was erased or altered in its form."""
        first = self._subject_at(connection, batch, start)
        if first is None:
            return None
        past = self._subject_at(connection, batch, stop)
        subjects = range(first, 2**63 - 1 if past is None else past)
        return packed_rows(connection, batch, subjects, start, stop)

    def _subject_at(self, connection: Connection, run: int, position: int) -> int | None:
        """The lowest subject whose position is not below the one wanted."""
        # Asked for together, SQLite reads the whole run for both ends; one by one it looks at the ends.
        end = (
            "SELECT subject, position FROM assignment "  # noqa: S608  # numbers only
            f"WHERE run = {run:d} ORDER BY subject %s LIMIT 1"
        )
        lower, upper = (connection.exec_driver_sql(end % which).one_or_none() for which in ("ASC", "DESC"))
        if lower is None or upper is None or upper.position < position:
            return None
        if lower.position >= position:
            return int(lower.subject)
        return self._between(connection, run, position, lower, upper)

    def _between(self, connection: Connection, run: int, position: int, lower: Row[Any], upper: Row[Any]) -> int:
        """The same between two rows; where subjects are dense, a few guesses find what bisection seeks."""
        step = (
            "SELECT subject, position FROM assignment "  # noqa: S608  # numbers only
            f"WHERE run = {run:d} AND subject >= %d ORDER BY subject LIMIT 1"
        )
        low, first = int(lower.subject), int(lower.position)
        answer, last = int(upper.subject), int(upper.position)
        bound, guess = answer, True
        while bound - low > 1:
            before = bound - low
            share = (position - first) / max(last - first, 1) if guess else 0.5
            middle = low + min(max(int(before * share), 1), before - 1)
            subject, place = connection.exec_driver_sql(step % middle).one()
            if place < position:
                low, first = subject, place
            else:
                answer, bound, last = subject, middle, place
            guess = not guess or 2 * (bound - low) < before
        return answer
