"""A thousand times "send" against "object", for one person each: whoever comes first in the log is right."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from audit import log
from audit.database import Database
from audit.fact import Fact
from consent.ledger import declare
from consent.permission import decide_one
from governance.vocabulary import OPERATOR, Act
from segmentation.run import run
from tests.builders import NOON
from tests.consent.builders import said
from tests.segmentation.builders import CATALOGUE, PURPOSE, a_task, a_world, defined, reactivation

RACES = 500
"""Of each kind: a thousand on each engine, half of them with a run under way."""
CARE = CATALOGUE.purposes[PURPOSE]
PATIENCE = 120


def object_to_it(work: Database, number: int) -> int:
    """The person objects; the index of the entry."""
    with work.writing() as connection:
        objection = said(Act.OBJECTED, NOON, purpose=PURPOSE)
        entry = declare(connection, number, [objection], actor=OPERATOR, now=NOON).entry
    assert entry is not None
    return entry


def send(work: Database, number: int) -> tuple[int, bool]:
    """Decide under the log's lock, record, commit, and only then let go: the index, and whether it went out."""
    with work.writing() as connection:
        log.lock(connection)
        lawful = decide_one(connection, number, CARE, now=NOON).lawful
        fact = Fact(
            "export:released" if lawful else "export:withheld", "engine", NOON, {"size": int(lawful)}, (number,)
        )
        return log.append(connection, [fact]), lawful


@contextmanager
def runs_under_way(work: Database, wanted: bool) -> Iterator[list[int]]:
    """Runs of a scheme over the same people, one after the other, until the block ends."""
    ended, published = threading.Event(), [0]
    scheme = defined(work, reactivation())

    def go_on() -> None:
        while not ended.is_set():
            published[0] += 1
            run(work, a_task(scheme, NOON + timedelta(seconds=published[0])))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(go_on) if wanted else None
        try:
            yield published
        finally:
            ended.set()
            if running is not None:
                running.result(PATIENCE)


@pytest.mark.parametrize("with_a_run", [False, True], ids=["alone", "with a run under way"])
def test_by_position_in_the_log_nobody_is_sent_anything_after_an_objection(
    work: Database, with_a_run: bool, record_property: Callable[[str, object], None]
) -> None:
    """OBJ-3, Article 21(3) GDPR, invariant 1: both begin at once, hundreds of times; none leaks and none is lost."""
    a_world(work, RACES)
    start = threading.Barrier(2)
    waits: list[float] = []

    def objector(number: int) -> int:
        start.wait(PATIENCE)
        begun = time.perf_counter()
        entry = object_to_it(work, number)
        waits.append(time.perf_counter() - begun)
        return entry

    def sender(number: int) -> tuple[int, bool]:
        start.wait(PATIENCE)
        return send(work, number)

    people = range(1, RACES + 1)
    with runs_under_way(work, with_a_run) as published, ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        objections, releases = one.map(objector, people), other.map(sender, people)
        outcomes = list(zip(objections, releases, strict=True))

    assert len(outcomes) == RACES
    for objected_at, (released_at, went_out) in outcomes:
        assert went_out is (released_at < objected_at)
    assert (published[0] > 0) is with_a_run
    record_property("longest_wait_of_an_objection_ms", round(max(waits) * 1_000))
    record_property("sent_before_the_objection", sum(went_out for _, (_, went_out) in outcomes))
