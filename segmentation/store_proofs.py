"""Which entries of the log the stored assignments still hang on."""

from __future__ import annotations

from sqlalchemy import Connection, exists, func, select

from segmentation.tables import assignment, run


def oldest_fact_in_use(connection: Connection) -> int | None:
    """The lowest entry that published a run of which assignments are still kept: their proofs need it."""
    kept = exists().where(assignment.c.run == run.c.id)
    found: int | None = connection.execute(select(func.min(run.c.fact)).where(run.c.fact.is_not(None), kept)).scalar()
    return found
