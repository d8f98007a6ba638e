"""A preview keeps what it promises: the run after it gives the same counts, and before it nothing was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from audit import log
from audit.database import Database
from governance.vocabulary import Reason
from segmentation import tables
from segmentation.definitions import parse_definition
from segmentation.errors import NothingToFit
from segmentation.preview import Outlook, count_rules, look_ahead
from segmentation.run import run
from tests.segmentation.builders import (
    CATALOGUE,
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

STORED = (tables.definition, tables.model, tables.run, tables.assignment)


def looked(work: Database, document: dict[str, Any]) -> Outlook:
    """A look at a definition that nobody stored."""
    definition = parse_definition(json.dumps(document), CATALOGUE)
    with work.reading() as connection:
        return look_ahead(connection, a_task(definition))


def stored(work: Database) -> list[int]:
    """How much is held, the log included."""
    with work.reading() as connection:
        rows = [connection.scalar(select(func.count()).select_from(table)) or 0 for table in STORED]
        return [*rows, log.size(connection)]


@pytest.mark.parametrize("scheme", [reactivation(), rfm(), clusters()])
def test_the_run_after_a_preview_gives_the_same_counts(work: Database, scheme: dict[str, Any]) -> None:
    """Whoever decides by the preview decides by what will happen (GOV-2)."""
    a_world(work)
    objects(work, 5)
    withholds(work, 7, "purchase_history")
    seen = looked(work, scheme)

    report = ran(work, scheme)

    assert (seen.total, seen.permitted) == (report.total, report.permitted)
    assert {reason.value: count for reason, count in seen.left_out.items()} == report.left_out
    assert seen.left_out[Reason.OBJECTED] == 1
    assert seen.withheld == report.withheld
    assert [(each.people, each.suppressed) for each in seen.segments] == [
        (each.effective, each.suppressed) for each in report.segments
    ]
    assert (seen.not_assessed, seen.unmatched, seen.suppressed) == (
        report.not_assessed, report.unmatched, report.suppressed,
    )  # fmt: skip


def test_a_preview_stores_nothing(sqlite_work: Database) -> None:
    """No definition, no model, no run, no row, no fact."""
    a_world(sqlite_work)
    before = stored(sqlite_work)
    looked(sqlite_work, clusters())
    assert stored(sqlite_work) == before


def test_moves_are_told_against_the_live_run_and_add_up(sqlite_work: Database) -> None:
    """Each permitted person is in one cell; a segment that is gone keeps its row."""
    a_world(sqlite_work)
    ran(sqlite_work, reactivation())
    objects(sqlite_work, 4)
    other = reactivation()
    other["segments"] = [dict(other["segments"][1], key="often", rule={"feature": "orders", "at_least": 1})]
    moves = looked(sqlite_work, other).moves

    assert moves is not None
    assert [key for key, _ in moves.rows] == ["asleep", "regular", "others"]
    assert [key for key, _ in moves.columns] == ["often", "others"]
    assert sum(map(sum, moves.people)) == 199
    assert moves.left == 1
    regular = moves.people[1]
    assert regular[0] == sum(regular) > 0


def test_a_rule_that_is_never_reached_fits_people_and_gets_none(sqlite_work: Database) -> None:
    """Precedence hides it, and the numbers say so."""
    a_world(sqlite_work)
    scheme = reactivation()
    hidden = dict(scheme["segments"][0], key="hidden", rule={"last_order_before": "P200D"})
    scheme["segments"] = [*scheme["segments"], hidden]
    segment = looked(sqlite_work, scheme).segments[2]
    assert (segment.fits or 0) > 0
    assert segment.people == 0


def test_counting_while_writing_tells_each_rule_by_itself(sqlite_work: Database) -> None:
    """Every rule is judged alone, as the live counts of the form need it."""
    a_world(sqlite_work)
    withholds(sqlite_work, 7, "purchase_history")
    definition = parse_definition(json.dumps(reactivation()), CATALOGUE)
    with sqlite_work.reading() as connection:
        counted = count_rules(connection, a_task(definition))
        seen = look_ahead(connection, a_task(definition))
    assert counted.fits == {each.key: each.fits for each in seen.segments if each.fits is not None}
    assert counted.withheld["purchase_history"] == 1
    assert counted.unknown["orders"] == 1


def test_a_preview_of_too_few_people_says_so(sqlite_work: Database) -> None:
    """Nothing is invented where there is nothing to fit."""
    a_world(sqlite_work, people=2)
    with pytest.raises(NothingToFit):
        looked(sqlite_work, clusters())


def test_the_stored_model_is_used_where_the_definition_ran_already(sqlite_work: Database) -> None:
    """The same model gives the same groups; another definition gets one fitted for the look."""
    a_world(sqlite_work)
    run(sqlite_work, a_task(defined(sqlite_work, clusters())))
    assert not looked(sqlite_work, clusters()).fitted
    assert looked(sqlite_work, clusters(minimum_size=12)).fitted
