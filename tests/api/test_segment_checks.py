"""Checking a sample of a scheme: records replay, told changes flip, the share without one is told (EXP-1, EXP-4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.wiring import House
from api.workflows import segment_checks
from audit import log
from audit.errors import BadInput
from governance.vocabulary import Actor, Role
from segmentation import membership
from segmentation.tables import assignment
from tests.api.test_explanations import KMEANS
from tests.small_world import NOON, RULES, a_small_world, run_scheme

OFFICER = Actor(Role.DPO, "o1")


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A small world on both engines, with rules and clusters."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    run_scheme(made, KMEANS)
    yield made
    made.close()


@pytest.mark.parametrize("scheme", ["value", "clusters"])
def test_every_record_replays_and_every_change_told_flips(house: House, scheme: str) -> None:
    """Invariant 8; EXP-1, EXP-4: the same again, and nothing told that would not have helped."""
    found = segment_checks.check(house, scheme, actor=OFFICER, now=NOON)

    assert found.sound
    assert found.replayed == found.sampled == found.records > 0
    assert 0 < found.flipped == found.found <= found.asked
    assert found.to_json()["share_without_change"] == (found.asked - found.found) / found.asked


def test_the_same_seed_reads_the_same_people_and_the_log_names_them(house: House) -> None:
    """EXP-5; Article 5(2) GDPR: a check can be repeated, and reading records is a fact about those people."""
    first, again, other = (
        segment_checks.check(house, "value", sample=9, seed=seed, actor=OFFICER, now=NOON) for seed in (1, 1, 2)
    )

    with house.work.reading() as connection:
        read = [
            {person for person in range(1, 61) for one in log.entries(connection, subject=person) if one.index == entry}
            for entry in (first.entry, again.entry, other.entry)
        ]
    assert first.sampled == len(read[0]) == 9
    assert read[0] == read[1] != read[2]


def test_a_record_that_was_altered_is_noticed(house: House) -> None:
    """LOG-3: a check of something that does not replay does not pass."""
    with house.work.writing() as connection:
        run = membership.live(connection, "clusters").run.id
        query = select(assignment.c.subject, assignment.c.record).where(assignment.c.run == run)
        rows = connection.execute(query).all()
        given = next(row for row in rows if row.record[-8:] != rows[0].record[-8:])
        match = (assignment.c.run == run, assignment.c.subject == rows[0].subject)
        swapped = rows[0].record[: len(rows[0].record) // 2] + given.record[len(rows[0].record) // 2 :]
        connection.execute(update(assignment).where(*match).values(record=swapped))

    found = segment_checks.check(house, "clusters", actor=OFFICER, now=NOON)

    assert found.replayed == found.sampled - 1
    assert not found.sound


@pytest.mark.parametrize("sample", [0, 10_001])
def test_a_sample_that_is_no_sample_is_refused(house: House, sample: int) -> None:
    """Article 5(1)(c) GDPR: no more is read than a check needs."""
    with pytest.raises(BadInput, match="sample"):
        segment_checks.check(house, "value", sample=sample, actor=OFFICER, now=NOON)
