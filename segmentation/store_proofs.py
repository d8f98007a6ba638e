"""Which entries of the log the stored assignments still hang on, and many of them as one piece for its check."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, exists, func, select

from audit.batch_tree import PackedRows
from audit.opening import RANDOM_BYTES
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
