"""Incremental runs: a record only when something changed, and the same answers as if everybody were recorded anew."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from audit.database import Database
from audit.verify import check_batch
from consent.ledger import declare
from governance import tables
from governance.vocabulary import OPERATOR, Act, Scope
from segmentation import membership, store, store_assignments, store_chain
from segmentation.integrity import check_assignments
from segmentation.profile import profile
from segmentation.record import Flag, unpack
from segmentation.run import run
from segmentation.run_task import Task
from segmentation.scoring import replays
from segmentation.tables import run as run_table
from tests.builders import NOON
from tests.segmentation.builders import a_task, a_world, defined, withholds
from tests.segmentation.builders import reactivation as rules
from tests.small_world import said

DAY = timedelta(days=1)
"""Between two runs."""


@pytest.fixture
def world(work: Database) -> tuple[Database, Task]:
    """A world with a rules scheme that ran once, on both engines."""
    a_world(work)
    definition = defined(work, rules(minimum_size=10))
    task = a_task(definition)
    run(work, task)
    return work, task


def again(work: Database, task: Task, days: int, **changes: Any) -> Any:
    """Another run of the task some days later."""
    from dataclasses import replace

    return run(work, replace(task, now=NOON + days * DAY, **({"incremental": True} | changes)))


def someone(work: Database, task: Task, flag: Flag | None = None) -> int:
    """A member of the live run."""
    with work.reading() as connection:
        live = membership.live(connection, task.definition.scheme)
        for batch in membership.members(connection, live, task.purpose, now=task.now):
            return int(batch.subjects[0])
    raise AssertionError("nobody is in a segment")


SEQUENCE = iter(range(10**9, 2 * 10**9))


def orders(work: Database, subject: int, day: int, amount: int = 50_000) -> None:
    """One more order."""
    number = next(SEQUENCE)
    row = {
        "owner": subject, "day": day, "seq": number, "kind": "order", "amount": amount, "quantity": 1,
        "occasion": number, "currency": "EUR", "category": None, "batch": 1,
    }  # fmt: skip
    with work.writing() as connection:
        connection.execute(insert(tables.activity), [row])


def standing(work: Database, task: Task, days: int) -> tuple[Any, ...]:
    """Everything that must not depend on how a run was recorded: who is where, and what is told of segments."""
    now = NOON + days * DAY
    with work.reading() as connection:
        live = membership.live(connection, task.definition.scheme)
        who = {
            subject: live.model.segments[number].key
            for batch in membership.members(connection, live, task.purpose, now=now)
            for subject, number in zip(batch.subjects.tolist(), batch.segments.tolist(), strict=True)
        }
        told = profile(connection, live, task.purpose, now=now, minimum=10).to_json()
    return who, json.dumps(told, sort_keys=True, default=str)


def test_where_nothing_changed_nobody_gets_a_new_record(world: tuple[Database, Task]) -> None:
    """Each record is a decision about somebody: none was taken (Article 5(1)(c) GDPR; decision 0013)."""
    work, task = world
    before = standing(work, task, 0)
    report = again(work, task, 0)
    assert (report.size, report.base) == (0, 1)
    assert report.permitted > 0
    assert standing(work, task, 0) == before


def test_whoever_ordered_gets_a_record_and_nobody_else(world: tuple[Database, Task]) -> None:
    """The newest record of everybody else stands, with its own proof."""
    work, task = world
    subject = someone(work, task)
    orders(work, subject, task.today - 1)
    report = again(work, task, 0)
    assert report.size == 1
    with work.reading() as connection:
        row = store_assignments.assignment_of(connection, report.run, subject)
        other = next(
            n for block in store_assignments.blocks_of(connection, report.run) for n in block.subjects if n != subject
        )
        elder = store_assignments.assignment_of(connection, report.run, int(other))
    assert row is not None
    assert elder is not None
    assert (row.run, elder.run) == (report.run, 1)


def test_whoever_may_not_be_there_leaves_with_a_record_and_comes_back_with_another(
    world: tuple[Database, Task],
) -> None:
    """Leaving a scheme is a record too, once (design 6)."""
    work, task = world
    subject = someone(work, task)
    objected = said(None, Act.OBJECTED, at=NOON, scope=Scope.PROFILING)
    with work.writing() as connection:
        declare(connection, subject, [objected], actor=OPERATOR, now=NOON)
    left = again(work, task, 1)
    assert left.left == 1
    assert again(work, task, 1).size == 0
    with work.reading() as connection:
        assert store_assignments.assignment_of(connection, 3, subject) is None
    lifted = said(None, Act.OBJECTION_LIFTED, at=NOON + DAY, scope=Scope.PROFILING)
    with work.writing() as connection:
        declare(connection, subject, [lifted], actor=OPERATOR, now=NOON + DAY)
    assert again(work, task, 1).size >= 1
    assert subject in standing(work, task, 1)[0]


def test_withheld_data_leave_no_older_record_in_force(world: tuple[Database, Task]) -> None:
    """Who withholds is scored without the field, and the record with it counts no more (CON-13)."""
    work, task = world
    subject = someone(work, task)
    withholds(work, subject, "purchase_history")
    again(work, task, 1)
    with work.reading() as connection:
        row = store_assignments.assignment_of(connection, 2, subject)
        model = membership.live(connection, task.definition.scheme).model
    assert row is not None
    assert row.run == 2
    assert not any(unpack(row.record, model.layout).presence[:3])  # the orders; the fourth is another field


def test_a_chain_ends_and_a_full_run_follows(world: tuple[Database, Task]) -> None:
    """Reading a chain must stay cheap."""
    work, task = world
    bases = [again(work, task, 0).base for _ in range(store_chain.LONGEST + 1)]
    assert bases == [*range(1, store_chain.LONGEST), None, store_chain.LONGEST + 1]


def test_many_changes_lead_to_a_full_run(world: tuple[Database, Task]) -> None:
    """Once a fifth of the records stand in incremental runs, everybody is recorded again."""
    work, task = world
    with work.reading() as connection:
        everybody = [int(n) for block in store_assignments.blocks_of(connection, 1) for n in block.subjects]
    for subject in everybody[: len(everybody) // 3]:
        orders(work, subject, task.today - 2)
    assert again(work, task, 0).base == 1
    assert again(work, task, 0).base is None


def test_a_refit_or_a_new_version_is_recorded_in_full(world: tuple[Database, Task]) -> None:
    """Another model is another decision about everybody."""
    work, task = world
    changed = defined(work, rules(minimum_size=11), 2)
    assert again(work, task, 0, definition=changed).base is None


def test_every_row_of_a_chain_has_its_leaf_and_every_leaf_its_row(world: tuple[Database, Task]) -> None:
    """Decisions and leaves are in bijection, run by run (invariant 4)."""
    work, task = world
    orders(work, someone(work, task), task.today - 1)
    again(work, task, 0)
    again(work, task, 40)
    with work.reading() as connection:
        assert list(check_assignments(connection)) == []
        for number in (1, 2, 3):
            assert list(check_batch(connection, number, store_assignments.AssignmentRows())) == []
        run_row = store.run_of(connection, 2)
    assert run_row is not None
    assert run_row.base == 1
    with work.writing() as connection:
        connection.execute(update(run_table).where(run_table.c.id == 2).values(base=None))
    with work.reading() as connection:
        assert any("base" in finding.what for finding in check_assignments(connection))


def something(work: Database, rng: random.Random, subject: int, task: Task, step: int) -> None:
    """An order, an objection or its end."""
    at = NOON + step * DAY - timedelta(hours=rng.randrange(1, 20))
    act = rng.choice((Act.OBJECTED, Act.OBJECTION_LIFTED, None))
    if act is None:
        orders(work, subject, task.today + step - rng.randrange(1, 400), rng.randrange(1, 90_000))
        return
    with work.writing() as connection:
        declare(connection, subject, [said(None, act, at=at, scope=Scope.PROFILING)], actor=OPERATOR, now=at)


@pytest.mark.parametrize("seed", range(6))
def test_any_story_gives_the_same_whether_recorded_in_full_or_by_change(sqlite_work: Database, seed: int) -> None:
    """Runs, orders, objections and returns in any order: membership and profiles are those of full runs."""
    rng = random.Random(seed)
    a_world(sqlite_work)
    task = a_task(defined(sqlite_work, rules(minimum_size=10)))
    run(sqlite_work, task)
    with sqlite_work.reading() as connection:
        everybody = [int(n) for block in store_assignments.blocks_of(connection, 1) for n in block.subjects]
    for step in range(1, 8):
        for _ in range(rng.randrange(4)):
            subject, at = rng.choice(everybody), NOON + step * DAY - timedelta(hours=rng.randrange(1, 20))
            act = rng.choice((Act.OBJECTED, Act.OBJECTION_LIFTED, None))
            if act is None:
                orders(
                    sqlite_work,
                    subject,
                    task.today + step - rng.randrange(1, 400) - 1_000 * _,
                    rng.randrange(1, 90_000),
                )
            else:
                with sqlite_work.writing() as connection:
                    declare(
                        connection, subject, [said(None, act, at=at, scope=Scope.PROFILING)], actor=OPERATOR, now=at
                    )
        again(sqlite_work, task, step, incremental=rng.random() < 0.8)
        by_change = standing(sqlite_work, task, step)
        with sqlite_work.reading() as connection:
            live = membership.live(connection, task.definition.scheme)
            rows = [row for block in store_assignments.rows_of(connection, live.run.id) for row in block]
        assert all(replays(live.model, unpack(row.record, live.model.layout)) for row in rows)
        again(sqlite_work, task, step, incremental=False)
        assert standing(sqlite_work, task, step) == by_change
