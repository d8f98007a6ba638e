"""A check on every processor finds what a check in turn finds, and in the same order (LOG-11)."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sqlalchemy import update

from audit import check, check_rows, parts, tables
from audit.batch_tree import BatchBuilder, store_batch
from audit.database import Database
from audit.fact import Fact
from audit.verify import check_batch, check_log
from segmentation import store_assignments
from segmentation import tables as segment_tables
from tests.audit.builders import HEADER, NOON, SIGNER, CheckedLog, a_fact

ROWS = 700
WIDTH = 20


@pytest.fixture
def long_log(work: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A log and a bulk act that are cut into several parts each."""
    monkeypatch.setattr(check, "TASK", 8)
    monkeypatch.setattr(check, "PART", 4)
    monkeypatch.setattr(check_rows, "PART", 256)
    monkeypatch.setattr(parts, "WORTHWHILE", 0)
    monkeypatch.setattr(parts, "processors", lambda: 2)
    checked = CheckedLog(work)
    checked.append(*(a_fact(number) for number in range(30)))
    builder = BatchBuilder(HEADER)
    randoms, records = os.urandom(16 * ROWS), os.urandom(WIDTH * ROWS)
    locators = builder.add(randoms, records, WIDTH)
    numbers = np.arange(ROWS, dtype=np.int64)
    with work.writing() as connection:
        segment_tables.METADATA.create_all(connection)
        packed = store_assignments.PackedRows(1, 0, WIDTH, numbers, numbers * 0, records, randoms, locators)
        store_assignments.stage(connection, packed)
        built = builder.finish()
        store_batch(connection, 1, store_assignments.KIND, built)
    checked.append(Fact("run:published", "engine", NOON, built.facts(1)))
    checked.sign()
    return work


def found(work: Database, *, at_once: bool) -> list[str]:
    """Every finding about the log and the bulk act."""
    rows = store_assignments.AssignmentRows()
    with work.reading() as connection, parts.parts_of(work, connection, 1 if at_once else -1) as how:
        assert isinstance(how, parts.InTurn) != at_once
        report = check_log(connection, verifier=SIGNER.verifier, parts=how)
        return [str(finding) for finding in (*report.findings, *check_batch(connection, 1, rows, how))]


def test_an_untouched_log_has_nothing_to_tell_at_once(long_log: Database) -> None:
    """What fits in turn fits on every processor."""
    assert found(long_log, at_once=True) == found(long_log, at_once=False) == []


def test_what_was_altered_is_named_alike_at_once_and_in_turn(long_log: Database) -> None:
    """An entry, a node and a row, each in a part of its own."""
    rows, node = segment_tables.assignment, tables.log_node
    changes = [
        update(tables.log_leaf).where(tables.log_leaf.c.idx == 20).values(leaf_hash=b"\x01" * 32),
        update(node).where(node.c.level == 2, node.c.idx == 1).values(hash=b"\x02" * 32),
        update(rows).where(rows.c.subject == 600).values(record=b"\x03" * WIDTH),
    ]
    with long_log.writing() as connection:
        for change in changes:
            connection.execute(change)

    in_turn = found(long_log, at_once=False)

    assert found(long_log, at_once=True) == in_turn
    assert [finding.split(":")[0] for finding in in_turn] == [
        "log_leaf 20",
        "log_node level 1, idx 10",
        "log_node level 2, idx 1",
        "log_node level 3, idx 0",
        "batch 1, position 600",
    ]
