"""A run: permitted people only, invisible until published, replayable, and overtaken by whoever objects meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from audit import log, verify
from audit.database import Database, open_database
from governance.tables import activity, profile, subject
from governance.vocabulary import Reason
from segmentation import run_stage, store, store_assignments
from segmentation.membership import live, member, membership, sizes
from segmentation.models import parse_model
from segmentation.record import Flag, Record, unpack
from segmentation.run import run, sweep
from segmentation.scoring import replays
from tests.builders import NOON
from tests.conftest import WORK_TABLES
from tests.segmentation.builders import (
    CATALOGUE,
    PURPOSE,
    a_task,
    a_world,
    clusters,
    defined,
    objects,
    ran,
    reactivation,
    rfm,
    withholds,
)

SCHEMES = (reactivation, rfm, clusters)


def records(work: Database, number: int) -> list[Record]:
    """Every record of a run, opened."""
    with work.reading() as connection:
        row = store.run_of(connection, number)
        assert row is not None
        assert row.model is not None
        stored = store.model_of(connection, row.model)
        assert stored is not None
        layout = parse_model(stored.document).layout
        blocks = store_assignments.rows_of(connection, number)
        return [unpack(each.record, layout) for block in blocks for each in block]


def rows(work: Database, number: int) -> list[Any]:
    """Every assignment as stored."""
    with work.reading() as connection:
        return [row for block in store_assignments.rows_of(connection, number) for row in block]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_permitted_and_left_out_are_everybody_and_every_record_replays(work: Database, scheme: Any) -> None:
    """Counts add up; facts and stored model give the stored result again (Article 15(1)(h), EXP-1)."""
    a_world(work)
    objects(work, 5)
    withholds(work, 7, "purchase_history")

    report = ran(work, scheme())

    assert report.permitted == 199
    assert report.permitted + sum(report.left_out.values()) == report.total == 200
    assert report.left_out == {Reason.OBJECTED.value: 1}
    everybody = records(work, report.run)
    assert len(everybody) == report.size == 199
    assert 5 not in {record.subject for record in everybody}
    with work.reading() as connection:
        model = live(connection, report.scheme).model
    assert all(replays(model, record) for record in everybody)
    in_segment = sum(record.effective >= 0 for record in everybody)
    assert in_segment == sum(segment.effective for segment in report.segments)
    assert in_segment + report.not_assessed + report.unmatched + report.suppressed == report.permitted


def test_whoever_withholds_their_orders_has_unknown_measures_not_zeros(work: Database) -> None:
    """A withheld cell is missing; with fewer than half the inputs known a person is not assessed."""
    a_world(work)
    withholds(work, 4, "purchase_history")

    report = ran(work, reactivation())

    record = next(each for each in records(work, report.run) if each.subject == 4)
    assert record.presence == (False, False, False, True)
    assert record.facts[:3] == (0.0, 0.0, 0.0)
    assert record.flags == Flag.NOT_ASSESSED
    assert record.effective == -1
    assert report.withheld == {"purchase_history": 1, "employees": 0}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_change_of_a_withheld_value_changes_not_one_stored_byte(tmp_path: Path, scheme: Any) -> None:
    """What somebody withholds has no influence at all (Articles 7 and 21 GDPR)."""
    little = _stored_bytes(tmp_path / "little.db", scheme(), employees=1, amount=5)
    much = _stored_bytes(tmp_path / "much.db", scheme(), employees=77_777, amount=999_999_999)

    assert little == much


def _stored_bytes(path: Path, scheme: Any, *, employees: int, amount: int) -> list[Any]:
    """Every stored byte of a run after two people withheld values that are these."""
    database = open_database(f"sqlite:///{path}")
    with database.writing() as connection:
        for metadata in WORK_TABLES:
            metadata.create_all(connection)
    a_world(database)
    with database.writing() as connection:
        connection.execute(update(activity).where(activity.c.owner == 4).values(amount=amount))
        values = json.dumps({"employees": employees, "satisfaction": 3})
        connection.execute(update(profile).where(profile.c.subject == 8).values(attributes=values))
    withholds(database, 4, "purchase_history")
    withholds(database, 8, "employees")
    report = ran(database, scheme)
    stored = [tuple(row) for row in rows(database, report.run)]
    with database.reading() as connection:
        row = store.run_of(connection, report.run)
    database.close()
    assert row is not None
    return [*stored, row.model, row.population]


def test_the_same_world_gives_the_same_bytes(sqlite_work: Database) -> None:
    """With the same randomness two runs of one model store the same records but for run number and last segment."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, clusters())

    first, second = (run(sqlite_work, a_task(definition)) for _ in range(2))

    assert first.model == second.model
    assert not second.refitted
    for old, new in zip(rows(sqlite_work, first.run), rows(sqlite_work, second.run), strict=True):
        assert (old.subject, old.position, old.effective, old.random) == (
            new.subject,
            new.position,
            new.effective,
            new.random,
        )


def test_an_objection_while_a_run_is_under_way_keeps_the_person_out(
    work: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It commits before the run's fact, so it is honoured: no row, only its hash, and no membership (Article 21(3))."""
    a_world(work)
    definition = defined(work, reactivation())
    stage = run_stage.stage

    def interrupted(*args: Any) -> Any:
        done = stage(*args)
        objects(work, 3)
        withholds(work, 6, "purchase_history")
        return done

    monkeypatch.setattr("segmentation.run.stage", interrupted)
    report = run(work, a_task(definition))

    assert report.left_out == {Reason.OBJECTED.value: 1}
    assert report.permitted + sum(report.left_out.values()) == report.total
    assert report.overtaken == 1
    assert {3, 6}.isdisjoint(row.subject for row in rows(work, report.run))
    assert report.size == len(rows(work, report.run)) + 2
    with work.reading() as connection:
        findings = verify.check_batch(connection, report.run, store_assignments.AssignmentRows())
    assert not list(findings)


def test_an_objection_acts_on_membership_the_instant_it_commits(work: Database) -> None:
    """Membership is the live run under what is permitted now; nothing has to run first."""
    a_world(work)
    ran(work, reactivation())
    purpose = CATALOGUE.purpose(PURPOSE)
    with work.reading() as connection:
        before = {
            number
            for part in membership(connection, "reactivation", purpose, now=NOON)
            for number in part.subjects.tolist()
        }

    objects(work, 3)

    with work.reading() as connection:
        after = {
            number
            for part in membership(connection, "reactivation", purpose, now=NOON)
            for number in part.subjects.tolist()
        }
        one = member(connection, live(connection, "reactivation"), purpose, 3, now=NOON)
        assert sum(sizes(connection, live(connection, "reactivation"), purpose, now=NOON).values()) == len(after)
    assert before - after == {3}
    assert one.segment is None
    assert one.decision.reason is Reason.OBJECTED


def test_leaving_a_scheme_is_a_record_with_its_reason(work: Database) -> None:
    """Whoever was in the last run and is not permitted now gets a last record, once."""
    a_world(work)
    definition = defined(work, reactivation())
    run(work, a_task(definition))
    objects(work, 3)

    second = run(work, a_task(definition, NOON + timedelta(days=1)))
    third = run(work, a_task(definition, NOON + timedelta(days=2)))

    record = next(each for each in records(work, second.run) if each.subject == 3)
    assert record.flags == Flag.LEFT
    assert record.reason is Reason.OBJECTED
    assert record.previous == 0
    assert second.left == 1
    assert third.left == 0
    assert third.size == 199


def test_a_segment_below_the_minimum_is_dissolved_and_said_so(work: Database) -> None:
    """Small cells are not published (XPT-3); the record says what would have been."""
    a_world(work)
    tiny = {"key": "tiny", "name": {"de": "Wenige", "en": "Few"}, "rule": {"feature": "employees", "above": 485}}
    scheme = reactivation()
    scheme["segments"].insert(0, tiny)

    report = ran(work, scheme)

    few = [record for record in records(work, report.run) if record.scored == 0]
    assert 0 < len(few) < 10
    assert all(record.effective == -1 and record.flags & Flag.SUPPRESSED for record in few)
    assert report.suppressed == len(few)
    assert report.segments[0].suppressed


def test_a_run_is_one_fact_whose_root_proves_every_row(work: Database) -> None:
    """Decisions and leaves are in bijection over both levels (invariant 4)."""
    a_world(work)
    report = ran(work, rfm())

    with work.reading() as connection:
        entry = log.entries(connection, kind="run:published")[0]
        row = store.run_of(connection, report.run)
        assert row is not None
        assert row.fact == entry.index
        assert entry.body["root"].hex() == report.root
        assert entry.body["size"] == report.size == store_assignments.size_of(connection, report.run)
        assert not list(verify.check_batch(connection, report.run, store_assignments.AssignmentRows()))
        openings = store_assignments.AssignmentRows().openings(connection, report.run, 50, 60)
    assert [opening.position for opening in openings] == list(range(50, 60))


def test_a_refit_keeps_segment_numbers_by_overlap(work: Database) -> None:
    """Nobody changes segment because a random start numbered clusters otherwise (EXP-5)."""
    a_world(work)
    definition = defined(work, clusters())
    run(work, a_task(definition))

    again = run(work, a_task(definition, NOON + timedelta(days=1), refit=True))

    assert again.refitted
    assert again.moved == 0
    assert again.agreement == "1.000000"
    assert again.fit["overlap"] == "1.000000"


def test_a_run_that_another_one_overtook_stays_invisible(work: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swept while under way, it refuses to publish and leaves nothing (LOG-4)."""
    a_world(work)
    definition = defined(work, reactivation())
    stage = run_stage.stage

    def swept(*args: Any) -> Any:
        done = stage(*args)
        with work.writing() as connection:
            assert sweep(connection) == 1
        return done

    monkeypatch.setattr("segmentation.run.stage", swept)
    from segmentation.errors import RunOverlapped

    with pytest.raises(RunOverlapped):
        run(work, a_task(definition))
    with work.reading() as connection:
        assert store.live_run(connection, "reactivation") is None
        assert store_assignments.size_of(connection, 1) == 0
        assert log.size(connection) == 0


KILLED = """
import os, signal, sys
from datetime import datetime
from audit.database import open_database
from segmentation import run as module, run_stage
from tests.segmentation.builders import a_task, defined, reactivation
work = open_database(sys.argv[1])
stage = run_stage.stage
def dies(*args):
    stage(*args)
    os.kill(os.getpid(), signal.SIGKILL)
module.stage = dies
module.run(work, a_task(defined(work, reactivation())))
"""


def test_a_killed_run_leaves_nothing_visible_and_the_next_one_works(work: Database, database_url: str) -> None:
    """Kill -9 after staging: swept at the next start, nothing half-written (LOG-4)."""
    a_world(work)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, database_url], env=os.environ | {"PYTHONPATH": "."}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with work.reading() as connection:
        assert store.live_run(connection, "reactivation") is None
        assert store_assignments.size_of(connection, 1) == 200
        row = store.latest_definition(connection, "reactivation")
        assert row is not None
    from segmentation.definitions import parse_definition

    report = run(work, a_task(parse_definition(row.document, CATALOGUE)))

    assert report.run == 2
    assert report.permitted == 200
    with work.reading() as connection:
        assert store_assignments.size_of(connection, 1) == 0
        assert store.staged_runs(connection) == []


def test_an_erased_person_of_the_last_run_leaves_as_erased(work: Database) -> None:
    """Erasure counts from its commit, whatever is still stored (Article 17)."""
    a_world(work)
    definition = defined(work, reactivation())
    run(work, a_task(definition))
    with work.writing() as connection:
        connection.execute(update(subject).where(subject.c.id == 9).values(erased_at=NOON))

    report = run(work, a_task(definition))

    record = next(each for each in records(work, report.run) if each.subject == 9)
    assert record.reason is Reason.ERASED


def test_orders_before_the_window_change_nothing(sqlite_work: Database) -> None:
    """No unlimited history (PRI-5): moving an old order further back leaves every fact alone."""
    a_world(sqlite_work)
    definition = defined(sqlite_work, reactivation())
    with sqlite_work.writing() as connection:
        row = {
            "owner": 2, "day": 15_000, "seq": 1, "kind": "order", "amount": 10**9, "quantity": 1, "occasion": 1,
            "currency": "EUR", "category": None, "batch": 1,
        }  # fmt: skip
        connection.execute(activity.insert(), row)
    report = run(sqlite_work, a_task(definition))

    record = next(each for each in records(sqlite_work, report.run) if each.subject == 2)
    assert np.isnan(record.facts[0])
    assert record.facts[1:3] == (0.0, 0.0)
