"""Withheld cells: three of ten people keep a field back; every kind still runs, and their values leave no trace.

Withholding is never a feature, and a withheld cell is never predicted (Articles 7(3) and 25(1) GDPR; decision 0009).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.database import Database, open_database
from segmentation.definitions import parse_definition
from segmentation.run import run
from segmentation.store import latest_model
from segmentation.store_assignments import rows_of
from tests.conftest import WORK_TABLES
from tests.segmentation.builders import CATALOGUE, a_task, a_world, defined, withholds
from tests.segmentation.test_kinds_end_to_end import KINDS

PEOPLE = 200
WITHHOLDING = tuple(range(3, PEOPLE + 1, 10)) + tuple(range(5, PEOPLE + 1, 10)) + tuple(range(8, PEOPLE + 1, 10))


def database(path: Path) -> Database:
    """A work database with all tables."""
    made = open_database(f"sqlite:///{path}")
    with made.writing() as connection:
        for metadata in WORK_TABLES:
            metadata.create_all(connection)
    return made


def outcome(
    work: Database, document: dict[str, Any], field: str, *, other_values: bool
) -> tuple[Any, bytes, list[bytes]]:
    """Report, model and records of a run where some withhold a field, whatever stands in it."""
    a_world(work, PEOPLE)
    if other_values:
        changed(work, field)
    for subject in WITHHOLDING:
        withholds(work, subject, field)
    report = run(work, a_task(defined(work, document)))
    with work.reading() as connection:
        model = latest_model(connection, bytes.fromhex(report.definition))
        assert model is not None
        records = [row.record for block in rows_of(connection, report.run) for row in block]
    return report, model.document.encode(), records


def changed(work: Database, field: str) -> None:
    """Other values at the source, of exactly those who withhold."""
    marks = ",".join(str(subject) for subject in WITHHOLDING)
    with work.writing() as connection:
        if field == "purchase_history":
            connection.exec_driver_sql(f"UPDATE activity SET amount = amount * 7 + 1 WHERE owner IN ({marks})")
            connection.exec_driver_sql(f"DELETE FROM activity WHERE owner IN ({marks}) AND seq % 3 = 0")
            return
        path = f"$.{field}"
        value = "'FR'" if field == "country" else f"json_extract(attributes, '{path}') * 3 + 1"
        connection.exec_driver_sql(
            f"UPDATE profile SET attributes = json_set(attributes, '{path}', {value}) WHERE subject IN ({marks})"
        )


def told(report: Any) -> str:
    """A report without what a clock measured."""
    return json.dumps({**report.to_json(), "seconds": None, "root": None}, sort_keys=True, default=str)


@pytest.mark.parametrize("kind", KINDS)
def test_other_values_behind_withheld_cells_change_not_one_stored_byte(tmp_path: Path, kind: str) -> None:
    """Model, records and report are the same bytes, and the report says how many withheld."""
    field = parse_definition(json.dumps(KINDS[kind]), CATALOGUE).fields[0]
    results = []
    for name, other in (("one", False), ("two", True)):
        work = database(tmp_path / f"{name}.db")
        results.append(outcome(work, KINDS[kind], field, other_values=other))
        work.close()
    (report, model, records), (report2, model2, records2) = results
    assert report.withheld[field] == len(WITHHOLDING) == 0.3 * PEOPLE
    assert model == model2
    assert records == records2
    assert told(report) == told(report2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_runs_though_three_of_ten_withhold_and_says_what_it_cost(tmp_path: Path, kind: str) -> None:
    """Who withholds too much is not assessed; everybody else is, and the count adds up."""
    field = parse_definition(json.dumps(KINDS[kind]), CATALOGUE).fields[0]
    work = database(tmp_path / "work.db")
    report, _, records = outcome(work, KINDS[kind], field, other_values=False)
    work.close()
    placed = sum(segment.effective for segment in report.segments)
    assert report.permitted == len(records) == PEOPLE
    assert placed + report.not_assessed + report.unmatched + report.suppressed == PEOPLE
    assert placed > 0
