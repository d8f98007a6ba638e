"""Records that incremental runs rest on go only when nothing hangs on them any more (Article 5(1)(e) GDPR, ERA-5)."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import insert, select

from audit.batch_tree import batches
from audit.database import Database
from audit.verify import check_batch
from segmentation.retention import prune
from segmentation.run import run
from segmentation.run_task import Task
from segmentation.store_assignments import AssignmentRows
from segmentation.tables import assignment, export, export_row
from tests.builders import NOON
from tests.segmentation.builders import a_task, a_world, defined
from tests.segmentation.builders import reactivation as rules
from tests.segmentation.test_incremental import DAY, again, orders, someone, standing

LATER = NOON + 100 * DAY
"""Every run but the newest is past its time."""


@pytest.fixture
def chain(work: Database) -> tuple[Database, Task, int]:
    """Two full runs and an incremental one, in which one person alone got a record."""
    a_world(work)
    task = a_task(defined(work, rules(minimum_size=10)))
    run(work, task)
    again(work, task, 0, incremental=False)
    moving = someone(work, task)
    orders(work, moving, task.today - 1)
    assert (again(work, task, 0).size, again(work, task, 0).base) == (1, 3)
    return work, task, moving


def people_of(work: Database, number: int) -> set[int]:
    with work.reading() as connection:
        return set(connection.execute(select(assignment.c.subject).where(assignment.c.run == number)).scalars())


def pruned(work: Database, priced: tuple[int, ...] = ()) -> int:
    """How many records went; what stays verifies, row by row."""
    gone = sum(each.gone for each in prune(work, now=LATER, priced=priced))
    with work.reading() as connection:
        for batch in batches(connection):
            assert check_batch(connection, batch.id, AssignmentRows()) == ()
    return gone


def test_whoever_stands_by_an_older_record_keeps_it(chain: tuple[Database, Task, int]) -> None:
    """The live run has none of its own for them: their newest record is the one it rests on."""
    work, task, moving = chain
    before, everybody = standing(work, task, 0), people_of(work, 2)

    pruned(work)

    assert standing(work, task, 0) == before
    assert people_of(work, 2) == everybody - {moving}
    assert people_of(work, 3) == {moving}


def test_a_file_drawn_from_an_incremental_run_keeps_the_records_it_rests_on(chain: tuple[Database, Task, int]) -> None:
    """Who left the house keeps the record of why, in whichever run it stands (Article 5(2) GDPR)."""
    work, task, moving = chain
    unmoved, other = sorted(people_of(work, 2) - {moving})[:2]
    with work.writing() as connection:
        values = {"id": 1, "document": "{}", "state": "released", "requested_at": NOON, "requested_by": "operator"}
        connection.execute(insert(export).values(manifest=json.dumps({"run": 3}), expires_at=NOON, **values))
        rows = [
            {"export": 1, "subject": who, "pseudonym": bytes([at]) * 16} for at, who in enumerate((moving, unmoved))
        ]
        connection.execute(insert(export_row), rows)
    again(work, task, 1, incremental=False)

    assert pruned(work) > 0

    assert unmoved in people_of(work, 2)
    assert other not in people_of(work, 2)
    assert moving in people_of(work, 3)
    assert pruned(work) == 0


def test_a_verdict_on_an_incremental_run_keeps_all_it_was_computed_from(chain: tuple[Database, Task, int]) -> None:
    """A fairness check is proven by everybody's records (Article 22 GDPR, § 22 AGG)."""
    work, task, _ = chain
    before = people_of(work, 2) | people_of(work, 3)
    again(work, task, 1, incremental=False)

    pruned(work, priced=(3,))

    assert people_of(work, 2) | people_of(work, 3) == before
