"""Rows checked by the thousand are checked as strictly as one by one: what was moved between two of them is named."""

from __future__ import annotations

import os

import numpy as np
import pytest

from audit import log
from audit.batch_tree import BatchBuilder, store_batch
from audit.database import Database
from audit.verify import check_batch
from segmentation import store_assignments as stored

WIDTH, SIZE = 24, 1_000


@pytest.fixture
def filled(work: Database) -> Database:
    """A bulk act of a thousand rows."""
    builder, randoms, records = BatchBuilder(b"\x01" * 33), os.urandom(16 * SIZE), os.urandom(WIDTH * SIZE)
    locators = builder.add(randoms, records, WIDTH)
    subjects, effective = np.arange(5, 5 + SIZE, dtype=np.int64), np.zeros(SIZE, dtype=np.int64)
    with work.writing() as connection:
        log.initialise(connection)
        stored.stage(connection, stored.PackedRows(1, 0, WIDTH, subjects, effective, records, randoms, locators))
        store_batch(connection, 1, stored.KIND, builder.finish())
    return work


def findings(database: Database) -> list[str]:
    """What the check of the bulk act finds."""
    with database.reading() as connection:
        return [str(finding) for finding in check_batch(connection, 1, stored.AssignmentRows())]


def test_untouched_rows_are_read_as_one_piece(filled: Database) -> None:
    """On both databases, and nothing is found."""
    rows = stored.AssignmentRows()
    with filled.reading() as connection:
        packed = rows.packed(connection, 1, 0, SIZE)
        opened = rows.openings(connection, 1, 0, SIZE)
    assert packed is not None
    assert packed.data == b"".join(bytes(row.random) + bytes(row.record) for row in opened)
    assert packed.locators.tolist() == [row.locator for row in opened]
    assert findings(filled) == []


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        ("UPDATE assignment SET record = random WHERE position = 300", "position 300"),
        ("UPDATE assignment SET locator = locator + 1 WHERE position = 300", "position 300"),
        ("DELETE FROM assignment WHERE position = 300", "position 300"),
        ("DELETE FROM assignment WHERE position = 999", "position 999"),
        ("UPDATE assignment SET position = 301 WHERE position = 300", "position 300"),
        (
            "UPDATE assignment SET record = {cut} WHERE position = 300",
            "position 300",
        ),
    ],
)
def test_whatever_is_altered_is_named_by_its_position(filled: Database, attack: str, named: str) -> None:
    """Altered, gone, moved or shortened (LOG-11)."""
    cut = "substr(record, 1, 23)" if filled.is_sqlite else "substring(record from 1 for 23)"
    with filled.writing() as connection:
        connection.exec_driver_sql(attack.format(cut=cut))

    assert any(named in finding for finding in findings(filled))


def test_a_byte_moved_across_the_border_of_two_rows_is_found(filled: Database) -> None:
    """Laid end to end they read the same; each by itself does not."""
    join = "CAST({0} AS BLOB)" if filled.is_sqlite else "{0}"
    part = "substr({0}, {1}, {2})" if filled.is_sqlite else "substring({0} from {1} for {2})"
    with filled.writing() as connection:
        last = connection.exec_driver_sql("SELECT record FROM assignment WHERE position = 300").scalar_one()[-1:]
        moved = f"x'{last.hex()}'" if filled.is_sqlite else f"'\\x{last.hex()}'::bytea"
        head, tail = part.format("record", 1, 23), join.format(f"{moved} || random")
        connection.exec_driver_sql(f"UPDATE assignment SET record = {head} WHERE position = 300")
        connection.exec_driver_sql(f"UPDATE assignment SET random = {tail} WHERE position = 301")
    found = findings(filled)

    assert any("position 300" in finding for finding in found)
    assert any("position 301" in finding for finding in found)
