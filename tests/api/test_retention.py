"""Records go when nothing hangs on them any more, and what stays keeps its proof (Article 5(1)(e), design 6, ERA-5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from api.wiring import House
from api.workflows import retention
from api.workflows.log import verify_home
from audit import log
from governance.tables import activity
from governance.vocabulary import ENGINE
from segmentation.tables import assignment, definition, export, export_row, run
from tests.builders import NOON
from tests.small_world import DAY, RULES, a_small_world, run_scheme

LATER = NOON + 60 * DAY
MOVED = 3


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Three old runs and a new one; between the second and the third somebody's orders went."""
    made = a_small_world(tmp_path / "home", database_url, people=40, gold=20)
    for number in range(2):
        run_scheme(made, RULES, now=NOON + timedelta(minutes=number))
    with made.work.writing() as connection:
        connection.execute(delete(activity).where(activity.c.owner == MOVED, activity.c.seq > 0))
    for number in range(2, 4):
        run_scheme(made, RULES, now=NOON + timedelta(minutes=number))
    yield made
    made.close()


def held(house: House) -> dict[int, set[int]]:
    """Who has a record in which run."""
    with house.work.reading() as connection:
        found: dict[int, set[int]] = {}
        for row in connection.execute(select(assignment.c.run, assignment.c.subject)):
            found.setdefault(row.run, set()).add(row.subject)
    return found


def applied(house: House, **more: Any) -> retention.Applied:
    return retention.apply(house, actor=ENGINE, now=LATER, **more)


def test_first_change_and_newest_stay_and_the_rest_goes(house: House) -> None:
    """Each person keeps the record that put them there, each change, and the newest."""
    one, two, three, four = sorted(held(house))

    done = applied(house)

    after = held(house)
    assert len(after[one]) == len(after[four]) == 40
    assert two not in after
    assert after[three] == {MOVED}
    assert done.records == {"value": 79}
    with house.work.reading() as connection:
        assert log.entries(connection, kind="retention:applied")[0].body["records"] == 79


def test_what_stays_keeps_its_proof_and_what_goes_leaves_a_hash(house: House) -> None:
    """Every run's tree still verifies, row by row (invariant 4)."""
    applied(house)

    result = verify_home(house, deep=True)
    assert result.ok, result.findings


def test_a_dry_run_counts_and_changes_nothing_and_a_second_run_finds_nothing(house: House) -> None:
    """What will go is told before it goes; the job is idempotent (ERA-5)."""
    before = held(house)
    assert applied(house, dry_run=True).records == {"value": 79}
    assert held(house) == before

    assert applied(house).total == 79
    assert applied(house).total == 0


def test_nothing_goes_before_its_time(house: House) -> None:
    """Thirty-five days, not a day less."""
    early = retention.apply(house, actor=ENGINE, now=NOON + 35 * DAY, dry_run=True)
    late = retention.apply(house, actor=ENGINE, now=NOON + 35 * DAY + timedelta(minutes=2), dry_run=True)

    assert early.total == 0
    assert late.records == {"value": 79}


def test_what_an_export_hangs_on_stays(house: House) -> None:
    """Who left the house keeps the record of why (Article 5(2))."""
    two = sorted(held(house))[1]
    with house.work.writing() as connection:
        values = {"id": 1, "document": "{}", "state": "released", "requested_at": NOON, "requested_by": "operator"}
        connection.execute(insert(export).values(manifest=f'{{"run": {two}}}', expires_at=NOON, **values))
        connection.execute(insert(export_row).values(export=1, subject=5, pseudonym=b"x" * 16))

    applied(house)

    assert held(house)[two] == {5}


def test_a_scheme_that_prices_hang_on_loses_nothing(house: House) -> None:
    """A decision about a price is proven by its record for as long as the price may be contested (Article 22)."""
    with house.work.writing() as connection:
        document = json.loads(str(connection.scalar(select(definition.c.document)))) | {"effect_class": "price"}
        connection.execute(update(definition).values(document=json.dumps(document)))

    assert applied(house, dry_run=True).total == 0


def test_where_somebody_stood_then_can_still_be_told(house: House) -> None:
    """The newest record at or before a run is the one that was let go, repeated."""
    with house.work.reading() as connection:
        runs = list(connection.execute(select(run.c.id).order_by(run.c.id)).scalars())
        stood = {
            (row.run, row.subject): row.effective
            for row in connection.execute(select(assignment.c.run, assignment.c.subject, assignment.c.effective))
        }
    applied(house)
    kept = held(house)

    for (number, person), effective in stood.items():
        last = max(one for one in runs if one <= number and person in kept.get(one, set()))
        assert stood[last, person] == effective
