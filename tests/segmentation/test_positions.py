"""Rows are handed to the log by their position, whatever was erased between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audit.database import insert_rows, open_database
from segmentation.store_assignments import AssignmentRow, AssignmentRows
from segmentation.tables import METADATA, assignment

SUBJECTS = st.lists(st.integers(1, 80) | st.integers(1, 2**62), unique=True, max_size=40).map(sorted)


@given(SUBJECTS, st.sets(st.integers(0, 39)), st.integers(0, 42), st.integers(0, 42))
def test_the_rows_of_a_range_of_positions_are_found(subjects: list[int], gone: set[int], start: int, more: int) -> None:
    """Subjects lie close together or far apart, and any row may be missing (Article 17; LOG-12)."""
    work = open_database("sqlite://")
    rows = [(1, who, at, 0, b"r", b"x" * 16, at) for at, who in enumerate(subjects) if at not in gone]
    with work.writing() as connection:
        METADATA.create_all(connection)
        insert_rows(connection, assignment, AssignmentRow._fields, rows)

        found = AssignmentRows().openings(connection, 1, start, start + more)

    work.close()
    assert [row.position for row in found] == [row[2] for row in rows if start <= row[2] < start + more]
