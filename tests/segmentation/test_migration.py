"""Who moved between two runs, who lies in two schemes at once: counted rightly on both engines."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete, update

from audit.database import Database
from audit.errors import BadInput
from governance.tables import activity
from governance.vocabulary import Text
from segmentation import store
from segmentation.membership import live
from segmentation.migration import Migration, migration
from segmentation.overlap import SchemeOverlap, overlap
from segmentation.run import run
from tests.builders import NOON
from tests.segmentation.builders import CATALOGUE, NAME, a_task, a_world, defined, objects, ran, reactivation

SCHEME = reactivation(minimum_size=10)
LATER = NOON + timedelta(hours=1)


def moved(work: Database, before: int, after: int) -> Migration:
    """What is told of two runs."""
    with work.reading() as connection:
        runs = [store.run_of(connection, number) for number in (before, after)]
        assert runs[0] is not None
        assert runs[1] is not None
        return migration(connection, runs[0], runs[1])


def test_rows_and_columns_add_up_to_the_two_runs(work: Database) -> None:
    """Everybody of either run stands in the table once: stayed, moved, joined or left."""
    a_world(work)
    definition = defined(work, SCHEME)
    first = run(work, a_task(definition))
    with work.writing() as connection:  # three regulars lose their orders, one objects
        connection.execute(delete(activity).where(activity.c.owner.in_((1, 4, 7))))
    objects(work, 10)
    second = run(work, a_task(definition, LATER))

    found = moved(work, first.run, second.run)
    cells = np.array(found.cells)
    sizes = [segment.effective for segment in first.segments]
    assert cells[:-2].sum(axis=1).tolist() == sizes
    assert cells[:, :-2].sum(axis=0).tolist() == [segment.effective for segment in second.segments]
    assert (found.moved, found.left, found.joined) == (3, 1, 0)
    assert found.moved == second.moved
    assert sum(found.reasons.values()) == 1
    assert found.causes is not None
    assert (found.causes.customer, found.causes.model) == (3, 0)


def test_who_comes_back_has_joined(work: Database) -> None:
    """Against a run that they were not in."""
    a_world(work)
    objects(work, 5)
    definition = defined(work, SCHEME)
    first = run(work, a_task(definition))
    with work.writing() as connection:
        from consent.tables import standing

        connection.execute(update(standing).where(standing.c.subject == 5).values(objected=0))
    second = run(work, a_task(definition, LATER))
    assert (moved(work, first.run, second.run).joined, moved(work, first.run, second.run).left) == (1, 0)


def test_runs_that_are_not_neighbours_say_where_and_not_why(work: Database) -> None:
    """Why is noted from one run to the next; a guess over several would be none of ours."""
    a_world(work)
    definition = defined(work, SCHEME)
    numbers = [run(work, a_task(definition, NOON + timedelta(hours=hour))).run for hour in range(3)]
    found = moved(work, numbers[0], numbers[2])
    assert found.causes is None
    assert found.stayed == 200
    with pytest.raises(BadInput):
        moved(work, numbers[2], numbers[0])


def test_another_version_compares_by_key(work: Database) -> None:
    """A segment that is gone is a row, a new one a column."""
    a_world(work)
    first = ran(work, SCHEME)
    busy = {"key": "busy", "name": NAME, "rule": {"feature": "orders", "at_least": 3}}
    second = run(work, a_task(defined(work, SCHEME | {"segments": [SCHEME["segments"][0], busy]}, 2), LATER))
    found = moved(work, first.run, second.run)
    regular, column = found.before.keys.index("regular"), found.after.keys.index("busy")
    assert found.cells[regular][column] == first.segments[1].effective
    assert "regular" not in found.after.keys


def laid_over(work: Database) -> SchemeOverlap:
    """Regulars and the asleep against large and small firms."""
    large = {"key": "large", "name": NAME, "rule": {"feature": "employees", "at_least": 250}}
    ran(work, SCHEME)
    ran(work, reactivation(scheme="size", segments=[large]))
    with work.reading() as connection:
        one, other = live(connection, "reactivation"), live(connection, "size")
        return overlap(connection, one, other, Text("Größe", "Size"), CATALOGUE, now=NOON)


def test_overlap_counts_members_of_both_now(work: Database) -> None:
    """Whoever objected since either run is in neither (membership is live)."""
    a_world(work)
    found = laid_over(work)
    assert sum(sum(row) for row in found.cells) == 200
    objects(work, 1)
    with work.reading() as connection:
        one, other = live(connection, "reactivation"), live(connection, "size")
        later = overlap(connection, one, other, Text("Größe", "Size"), CATALOGUE, now=NOON)
    assert sum(sum(row) for row in later.cells) == 199


@pytest.mark.parametrize("seed", range(20))
def test_rounded_overlap_is_the_same_from_both_sides(seed: int) -> None:
    """Else the page of the other scheme tells what this one withholds."""
    random = np.random.default_rng(seed)
    cells = np.minimum(random.pareto(0.8, (4, 3)) * 8, 900).astype(np.int64)

    def told(here: str, there: str, table: NDArray[np.int64]) -> NDArray[np.float64]:
        rows = tuple(tuple(int(cell) for cell in row) for row in table)
        shown = SchemeOverlap(here, there, Text("", ""), (), (), rows, ()).rounded()
        return np.array(shown, dtype=float)

    assert np.array_equal(told("a", "b", cells), told("b", "a", cells.T).T, equal_nan=True)
