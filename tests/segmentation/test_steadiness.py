"""Nobody flaps: a narrow move waits for a second run, few move at once, and a new model is told from a new fact.

Fairness towards the person (Article 5(1)(a) GDPR) and the peace of those who work with the segments ask for it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.database import Database
from governance import tables
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.models import parse_model
from segmentation.record import Flag, Record, unpack
from segmentation.run import run
from segmentation.scoring import replays
from segmentation.steadiness import Movers, queue
from segmentation.store import model_of
from segmentation.store_assignments import rows_of
from tests.builders import NOON
from tests.segmentation.builders import CATALOGUE, a_task, a_world, clusters, defined, reactivation

DAY = timedelta(days=1)


def records_of(work: Database, report: Any) -> dict[int, Record]:
    """Every record of a run, each of which replays."""
    with work.reading() as connection:
        row = model_of(connection, bytes.fromhex(report.model))
        assert row is not None
        model = parse_model(row.document, row.digest)
        found = [unpack(each.record, model.layout) for block in rows_of(connection, report.run) for each in block]
    assert all(replays(model, record) for record in found)
    return {record.subject: record for record in found}


def grown(work: Database, people: range, factor: float) -> None:
    """These people's profiles change."""
    with work.writing() as connection:
        for number in people:
            row = connection.execute(tables.profile.select().where(tables.profile.c.subject == number)).one()
            values = json.loads(row.attributes)
            values["employees"] = int(values["employees"] * factor) + 1
            update = tables.profile.update().where(tables.profile.c.subject == number)
            connection.execute(update.values(attributes=json.dumps(values)))


@pytest.mark.parametrize("incremental", [False, True])
def test_a_narrow_move_waits_and_the_second_run_in_a_row_makes_it(work: Database, incremental: bool) -> None:
    """Held once, with the segment it would have been in the record; the same result again moves."""
    a_world(work)
    definition = defined(work, clusters(stability={"margin": 0.9}, minimum_size=10))
    first = run(work, a_task(definition))
    grown(work, range(1, 201), 2.0)
    second = run(work, a_task(definition, NOON + DAY, incremental=incremental))
    third = run(work, a_task(definition, NOON + 2 * DAY, incremental=incremental))

    held = {number: r for number, r in records_of(work, second).items() if r.flags & Flag.HELD}
    then = records_of(work, third)
    assert first.held == 0
    assert second.held == len(held) > 0
    for number, record in held.items():
        assert record.effective == record.previous != record.scored
        assert then[number].effective == record.scored
        assert then[number].flags & Flag.SECOND_TIME
    assert third.second_time == len(held)


@pytest.mark.parametrize("incremental", [False, True])
def test_no_more_than_the_budget_move_and_whoever_waited_goes_first(work: Database, incremental: bool) -> None:
    """At most 5 % of the people in a segment move in one run; the rest are queued and say so."""
    a_world(work)
    definition = defined(work, reactivation(stability={"budget": 0.05}, minimum_size=10))
    run(work, a_task(definition))
    later = NOON + timedelta(days=220)  # everybody's last order is long ago now
    second = run(work, a_task(definition, later))
    third = run(work, a_task(definition, later + DAY))

    waited = {number for number, r in records_of(work, second).items() if r.flags & Flag.QUEUED}
    moved = [r for r in records_of(work, third).values() if r.effective != r.previous]
    assert second.moved <= 0.05 * 200
    assert second.queued == len(waited) > 0
    assert 0 < len(moved) <= 0.05 * 200
    assert {record.subject for record in moved} <= waited


def test_a_move_by_a_new_model_is_told_from_one_by_a_new_fact(work: Database) -> None:
    """Whom the old model would still put where they were, moved because the model was fitted anew."""
    a_world(work)
    definition = defined(work, clusters(minimum_size=10))
    run(work, a_task(definition))
    changed = range(1, 41)
    grown(work, changed, 40.0)
    second = run(work, a_task(definition, NOON + DAY, refit=True))

    records = records_of(work, second)
    by_model = {number for number, record in records.items() if record.flags & Flag.MODEL_CHANGED}
    assert second.model_changed == len(by_model) > 0
    assert not by_model & {n for n in changed if records[n].effective == records[n].previous}
    assert sum(sum(row) for row in second.migration) == second.permitted


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.booleans()), max_size=60),
    st.integers(0, 100),
    st.floats(0, 1),
)
def test_the_queue_holds_exactly_those_beyond_the_budget(
    movers: list[tuple[int, bool]], people: int, budget: float
) -> None:
    """Waited first, then the clearest, then the lower number: in one batch or in many the same."""
    strength = np.array([each[0] for each in movers], dtype=np.int64)
    waited = np.array([each[1] for each in movers], dtype=bool)
    subjects = np.arange(len(movers), dtype=np.int64)
    whole = queue([Movers(subjects, strength, waited)], people, budget)
    pieces = [Movers(subjects[i : i + 7], strength[i : i + 7], waited[i : i + 7]) for i in range(0, len(movers), 7)]

    order = sorted(subjects.tolist(), key=lambda n: (not waited[n], -strength[n], n))

    assert queue(pieces, people, budget).tolist() == whole.tolist()
    assert set(whole.tolist()) == set(order[int(budget * people) :])


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"margin": 1.5}, "$.stability.margin"),
        ({"budget": 0}, "$.stability.budget"),
        ({"second_run": "no"}, "$.stability.second_run"),
        ({"hysteresis": 1}, "$.stability"),
    ],
)
def test_a_guard_that_makes_no_sense_names_its_path(part: dict[str, Any], path: str) -> None:
    """Bad input gets a clear error."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(reactivation(stability=part)), CATALOGUE)

    assert refusal.value.mistakes[0].path == path
