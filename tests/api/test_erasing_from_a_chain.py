"""Whoever stands in a run that incremental ones rest on is erased from it, and nothing else moves (Article 17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from api.wiring import House
from api.workflows import explanations, retention, segments
from api.workflows.erasing import erase, remains
from api.workflows.log import prove_assignment, verify_file, verify_home
from audit.errors import LauterError
from governance.vocabulary import ENGINE, OPERATOR
from segmentation.tables import assignment
from tests.small_world import DAY, NOON, RULES, a_small_world, run_scheme

PERSON = 3
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A full run, and two incremental ones that had nothing to record, on both engines."""
    made = a_small_world(tmp_path / "home", database_url, people=40, gold=20)
    run_scheme(made, RULES)
    for minute in (1, 2):
        report = segments.run(made, "value", actor=OPERATOR, now=NOON + timedelta(minutes=minute))
        assert (report.size, report.base) == (0, minute)
    yield made
    made.close()


def in_runs(house: House, subject: int) -> list[int]:
    with house.work.reading() as connection:
        return list(connection.execute(select(assignment.c.run).where(assignment.c.subject == subject)).scalars())


def size_of(house: House) -> int:
    """How many stand in the first segment now."""
    return segments.show(house, "value", now=SOON).now["gold"]


def test_the_person_is_gone_from_the_base_and_from_what_rests_on_it(house: House) -> None:
    """No explanation, no proof, no count; everybody else's proof verifies, and the log is whole."""
    before = size_of(house)
    proof = prove_assignment(house, "value", "K0004", actor=OPERATOR, now=SOON).data

    erase(house, f"K{PERSON:04d}", actor=OPERATOR, now=SOON)

    assert in_runs(house, PERSON) == []
    assert remains(house, PERSON).keys() & {"assignment", "profile", "activity"} == set()
    assert size_of(house) == before - 1
    for ask in (explanations.explain_reference, prove_assignment):
        with pytest.raises(LauterError):
            ask(house, "value", f"K{PERSON:04d}", actor=OPERATOR, now=SOON)
    for data in (proof, prove_assignment(house, "value", "K0004", actor=OPERATOR, now=SOON).data):
        assert verify_file(data, house.signer.vkey).ok
    assert verify_home(house, deep=True).findings == ()


def test_the_next_runs_go_on_without_the_person(house: House) -> None:
    """Incremental or full, nobody is missed and nobody comes back."""
    erase(house, f"K{PERSON:04d}", actor=OPERATOR, now=SOON)

    following = segments.run(house, "value", actor=OPERATOR, now=SOON + timedelta(minutes=1))
    whole = segments.run(house, "value", actor=OPERATOR, now=SOON + timedelta(minutes=2), incremental=False)

    assert (following.permitted, whole.permitted, whole.size) == (39, 39, 39)
    assert in_runs(house, PERSON) == []
    assert verify_home(house, deep=True).findings == ()


def test_retention_after_an_erasure_keeps_what_the_live_run_rests_on(house: House) -> None:
    """Letting go and erasing touch the same rows; what is left verifies."""
    erase(house, f"K{PERSON:04d}", actor=OPERATOR, now=SOON)
    before = size_of(house)

    retention.apply(house, actor=ENGINE, now=NOON + 60 * DAY)

    assert size_of(house) == before
    assert in_runs(house, 4) == [1]
    assert verify_home(house, deep=True).findings == ()
