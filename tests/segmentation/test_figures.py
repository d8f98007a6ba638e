"""Key figures of segments: what the purpose may see when a run is published, nothing of a handful of people."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import select, update

from audit.database import Database
from governance.catalogue import parse_catalogue
from governance.tables import profile
from segmentation import store_figures
from segmentation.record import Flag
from segmentation.run import run
from segmentation.store_figures import FigureRow
from tests.builders import NOON, default_catalogue
from tests.segmentation.builders import a_task, a_world, defined, objects, ran, reactivation, withholds

MARGIN = """
[[field]]
key = "contribution_margin"
label = { de = "Deckungsbeitrag", en = "Contribution margin" }
type = "money"
unit = "EUR"
category = "user.behavior.purchase_history"
purposes = ["service_segmentation"]
"""
SCHEME = reactivation(minimum_size=10)


def figures(work: Database, number: int) -> dict[str, FigureRow]:
    """The figures of a run by segment."""
    with work.reading() as connection:
        return {segment: row for (_, segment), row in store_figures.of_runs(connection, [number]).items()}


def test_each_publication_notes_people_revenue_and_who_ordered_within_twelve_months(work: Database) -> None:
    """A segment is judged by what it brings, counted as the store holds it (KPIs of issue 4)."""
    a_world(work)
    report = ran(work, SCHEME)

    told = figures(work, report.run)
    sizes = {segment.key: segment.effective for segment in report.segments}
    assert {key: row.people for key, row in told.items()} == {key: n for key, n in sizes.items() if n}
    regular = told["regular"]
    assert regular.active == regular.people
    assert (regular.revenue or 0) > 0
    assert regular.currency == "EUR"
    assert regular.margin is None  # no field of the catalogue carries it
    assert regular.stayed is None  # there was no run before
    assert told["others"].active == 0
    assert told["others"].revenue is None


def test_whoever_withholds_their_orders_is_in_no_sum(work: Database) -> None:
    """A withheld cell is not counted, whoever it belongs to (PRI-2)."""
    a_world(work)
    everybody = figures(work, ran(work, SCHEME).run)["regular"]

    for subject in (4, 7, 10):
        withholds(work, subject, "purchase_history", NOON)
    report = run(work, a_task(defined(work, reactivation(minimum_size=10, scheme="again"))))

    told = figures(work, report.run)
    assert told["regular"].active == (everybody.active or 0) - 3
    assert (told["regular"].revenue or 0) < (everybody.revenue or 0)


def test_whoever_objected_while_the_run_was_under_way_is_in_no_figure(work: Database) -> None:
    """Their objection has the smaller index in the log (Article 21 GDPR, OBJ-3)."""
    a_world(work)
    definition = defined(work, SCHEME)
    once: list[int] = []

    def object_now(_done: int, _of: int | None) -> None:
        if not once:
            once.append(1)
            objects(work, 1)

    report = run(work, a_task(definition, progress=object_now))
    told = figures(work, report.run)
    segment = next(each for each in report.segments if each.key == "regular")
    assert told["regular"].people == segment.effective
    assert told["regular"].active == segment.effective


def test_an_amount_to_which_few_contributed_is_not_told(work: Database) -> None:
    """A sum over five people is about five people (recital 26 GDPR, invariant 6)."""
    a_world(work, people=120)
    for subject in range(1, 115):
        withholds(work, subject, "purchase_history")
    everybody = {"key": "big", "name": {"de": "Alle", "en": "All"}, "rule": {"feature": "employees", "at_least": 1}}
    features = [{"key": "employees", "field": "employees"}]
    report = ran(work, reactivation(features=features, segments=[everybody]))

    told = figures(work, report.run)["big"]
    assert told.people == 120
    assert 0 < (told.active or 0) <= 6
    assert told.revenue is None


def test_a_segment_below_the_minimum_has_no_figures(work: Database) -> None:
    """Nothing of it is told, so nothing of it is kept (XPT-3)."""
    a_world(work, people=30)
    report = ran(work, reactivation(minimum_size=20))
    assert figures(work, report.run) == {}


def test_a_segment_that_became_too_small_while_the_run_was_under_way_has_no_figures(work: Database) -> None:
    """It was large enough when everybody was counted, and is not when it is published (XPT-3)."""
    a_world(work)
    size = figures(work, ran(work, SCHEME).run)["regular"].people
    once: list[int] = []

    def object_now(_done: int, _of: int | None) -> None:
        if not once:
            once.append(1)
            objects(work, 1)

    report = run(work, a_task(defined(work, reactivation(minimum_size=size, scheme="edge")), progress=object_now))
    assert next(each for each in report.segments if each.key == "regular").effective == size - 1
    assert "regular" not in figures(work, report.run)


def test_contribution_margin_comes_from_the_catalogue_field_where_the_purpose_may_see_it(work: Database) -> None:
    """Orders carry no margin; a field of the catalogue may."""
    a_world(work)
    with work.writing() as connection:
        for subject, text in connection.execute(select(profile.c.subject, profile.c.attributes)).all():
            values = json.loads(text) | {"contribution_margin": 1_000}
            connection.execute(
                update(profile).where(profile.c.subject == subject).values(attributes=json.dumps(values))
            )
    catalogue = parse_catalogue(default_catalogue() + MARGIN)
    withholds(work, 4, "contribution_margin")
    definition = defined(work, SCHEME, catalogue=catalogue)
    told = figures(work, run(work, a_task(definition, catalogue=catalogue)).run)["regular"]
    assert told.margin == (told.people - 1) * 1_000


def test_who_stayed_is_told_against_the_run_before(work: Database) -> None:
    """Retention is what both runs say of the same people."""
    a_world(work)
    definition = defined(work, SCHEME)
    first = run(work, a_task(definition))
    objects(work, 1)
    later = run(work, a_task(definition, NOON + timedelta(hours=1)))

    before, after = figures(work, first.run)["regular"], figures(work, later.run)["regular"]
    assert after.stayed == before.people - 1 == after.people
    with work.reading() as connection:
        steps = store_figures.steps_of(connection, later.run)
    assert steps.flags[Flag.LEFT] == 1
    assert sum(steps.reasons.values()) == 1
