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
    SELECT count(*), min(length(record)), max(length(record)), min(length(random)), max(length(random)),
           {locators}, {positions}, {data}
    FROM (SELECT position, random, record, locator FROM assignment
          WHERE run = {run:d} AND subject >= {first:d} ORDER BY subject LIMIT {limit:d}) AS part
"""  # numbers only
_FORMS = {
    "sqlite": {
        "locators": "group_concat(locator)",
        "positions": "group_concat(position)",
        # A value of another type gives another number of bytes or none, and is then looked at by itself.
        "data": "CASE WHEN min(typeof(random) = 'blob' AND typeof(record) = 'blob') "
        "THEN CAST(group_concat(random || record, '') AS BLOB) END",
    },
    "postgresql": {
        "locators": "string_agg(locator::text, ',' ORDER BY position)",
        "positions": "string_agg(position::text, ',' ORDER BY position)",
        "data": "string_agg(random || record, ''::bytea ORDER BY position)",
    },
}


def packed_rows(connection: Connection, run: int, first: int, start: int, stop: int) -> PackedRows | None:
    """The assignments at positions [start, stop) from subject *first* on, in one value of the database.

    None unless each position is there once, in order, and all records have one width: what was moved across the
    border of two rows must not pass for the same bytes.
    """
    statement = _PACKED.format(run=run, first=first, limit=stop - start, **_FORMS[connection.dialect.name])
    count, narrow, wide, shortest, longest, locators, positions, data = connection.exec_driver_sql(statement).one()
    if count != stop - start or narrow != wide or (shortest, longest) != (RANDOM_BYTES, RANDOM_BYTES) or data is None:
        return None
    width = RANDOM_BYTES + wide
    found = np.array(positions.split(","), dtype=np.int64)
    if len(data) != count * width or not np.array_equal(found, np.arange(start, stop)):
        return None
    return PackedRows(bytes(data), width, np.array(locators.split(","), dtype=np.int64))
