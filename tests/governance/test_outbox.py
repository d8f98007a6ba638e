"""Work after a commit: done once when all goes well, at least once when something dies, and never lost unseen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import governance.tables
from audit.database import Database, open_database
from governance import outbox
from governance.outbox import LEASE, MOST_ATTEMPTS, GivenUp, Item, Waiting

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def filled(work: Database, count: int, *, after: timedelta = timedelta()) -> None:
    with work.writing() as connection:
        for number in range(count):
            outbox.put(connection, "mail", {"number": number, "language": "de", "subject": None}, now=NOON, after=after)


def take(work: Database, now: datetime = NOON, limit: int = 1) -> list[Item]:
    with work.writing() as connection:
        return outbox.take(connection, now=now, limit=limit)


def fail(work: Database, item: Item, now: datetime, problem: str = "cannot_connect") -> None:
    with work.writing() as connection:
        outbox.failed(connection, item, problem, now=now)


def finish(work: Database, item: Item) -> None:
    with work.writing() as connection:
        outbox.done(connection, item.id)


def waiting(work: Database, now: datetime = NOON) -> Waiting:
    with work.reading() as connection:
        return outbox.waiting(connection, now=now)


def test_work_of_a_transaction_that_failed_is_never_done(work: Database) -> None:
    """What is to follow an act belongs to the act: no consent, no mail about it (LOG-4)."""

    def interrupted() -> None:
        with work.writing() as connection:
            outbox.put(connection, "mail", {}, now=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()

    assert waiting(work) == Waiting(0, 0, 0)


def test_the_oldest_work_comes_first_and_nothing_before_its_time(work: Database) -> None:
    """Somebody who waits for a link waits no longer than those before them."""
    filled(work, 2, after=timedelta(minutes=5))
    filled(work, 1)

    assert [item.reference["number"] for item in take(work, limit=9)] == [0]
    assert take(work) == []
    assert [item.reference["number"] for item in take(work, NOON + timedelta(minutes=5), 9)] == [0, 0, 1]


def test_what_is_leased_is_nobody_elses_and_what_is_done_is_gone(work: Database) -> None:
    """One worker per piece."""
    filled(work, 1)
    (item,) = take(work)

    assert take(work) == []
    assert waiting(work) == Waiting(1, 0, 0)
    finish(work, item)
    assert take(work, NOON + LEASE) == []
    assert waiting(work) == Waiting(0, 0, 0)


def test_two_workers_at_once_do_nothing_twice_and_leave_nothing(work: Database) -> None:
    """Real threads on a real database: `lauter serve` and `lauter worker` side by side."""
    filled(work, 40)
    done: list[int] = []
    ready = threading.Barrier(2)

    def worker() -> None:
        ready.wait()
        while items := take(work):
            for item in items:
                done.append(int(item.reference["number"] or 0))
                finish(work, item)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == list(range(40))
    assert waiting(work) == Waiting(0, 0, 0)


def test_a_worker_does_not_wait_for_another_ones_transaction(postgres_url: str) -> None:
    """On PostgreSQL a locked row is passed over; SQLite lets one writer in at a time, for as short as it takes."""
    work = open_database(postgres_url)
    with work.writing() as connection:
        governance.tables.METADATA.create_all(connection)
    filled(work, 2)
    with work.writing() as first, work.writing() as second:
        one, two = outbox.take(first, now=NOON), outbox.take(second, now=NOON)
    work.close()

    assert [one[0].reference["number"], two[0].reference["number"]] == [0, 1]


def test_work_whose_worker_died_is_done_again_after_the_lease(work: Database) -> None:
    """A crash between the work and its done mark repeats it: steps are idempotent (design 5)."""
    filled(work, 1)
    (lost,) = take(work)

    assert take(work, NOON + LEASE - timedelta(microseconds=1)) == []
    (again,) = take(work, NOON + LEASE)
    assert (again.id, lost.attempts, again.attempts) == (lost.id, 1, 2)


def test_whoever_lost_the_lease_neither_postpones_nor_frees_what_another_one_does(work: Database) -> None:
    """A worker that was only slow finds its lease gone."""
    filled(work, 1)
    (slow,) = take(work)
    take(work, NOON + LEASE)
    fail(work, slow, NOON + LEASE)

    assert take(work, NOON + LEASE + outbox.FIRST_PAUSE) == []


def test_failing_work_is_tried_again_over_almost_three_days_and_then_stays_visible(work: Database) -> None:
    """Pauses of 1, 2, 4 … minutes; given up with the token of what was wrong, for the operator."""
    filled(work, 1)
    now, pauses = NOON, []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        (item,) = take(work, now)
        assert (item.attempts, item.is_last) == (attempt, attempt == MOST_ATTEMPTS)
        fail(work, item, now)
        pause = timedelta(minutes=2 ** (attempt - 1))
        assert take(work, now + pause - timedelta(microseconds=1)) == []
        now += pause
        pauses.append(pause)

    assert timedelta(days=2, hours=20) < sum(pauses[:-1], timedelta()) < timedelta(days=3)
    assert take(work, now) == []
    assert waiting(work, now) == Waiting(0, 0, 1)
    with work.reading() as connection:
        assert outbox.given_up(connection) == [GivenUp("mail", "cannot_connect", 1)]


def test_the_operator_gives_what_was_given_up_another_round(work: Database) -> None:
    """From the first attempt on."""
    filled(work, 1)
    now = NOON
    while waiting(work, now).failed == 0:
        now += timedelta(days=1)
        for item in take(work, now):
            fail(work, item, now)
    with work.writing() as connection:
        assert outbox.retry(connection, now=now) == 1

    assert [item.attempts for item in take(work, now)] == [1]


def test_work_that_kills_its_worker_every_time_is_given_up_too(work: Database) -> None:
    """An attempt counts when it begins: nothing is tried for ever."""
    filled(work, 1)
    now = NOON
    for _ in range(MOST_ATTEMPTS):
        assert len(take(work, now)) == 1
        now += LEASE

    assert take(work, now) == []
    with work.reading() as connection:
        assert outbox.given_up(connection) == [GivenUp("mail", "crashed", 1)]


def test_waiting_for_what_is_down_does_not_count_as_an_attempt(work: Database) -> None:
    """What was not tried is not given up."""
    filled(work, 1)
    now = NOON
    for _ in range(MOST_ATTEMPTS + 3):
        (item,) = take(work, now)
        with work.writing() as connection:
            outbox.later(connection, item, now=now)
        now += outbox.FIRST_PAUSE

    assert [item.attempts for item in take(work, now)] == [1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["take", "done", "failed", "later", "crash", "time"]), max_size=30))
def test_no_piece_is_ever_lost_or_held_twice(sqlite_work: Database, steps: list[str]) -> None:
    """Whatever happens in whatever order: every piece waits, is held by one, is done, or is given up."""
    with sqlite_work.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
    filled(sqlite_work, 3)
    now, held, finished = NOON, dict[int, Item](), 0
    for step in steps:
        if step == "time":
            now += LEASE
            held.clear()
        elif step == "take":
            for item in take(sqlite_work, now):
                assert item.id not in held
                held[item.id] = item
        elif held:
            _, item = held.popitem()
            if step == "done":
                finish(sqlite_work, item)
                finished += 1
            elif step == "failed":
                fail(sqlite_work, item, now)
            elif step == "later":
                with sqlite_work.writing() as connection:
                    outbox.later(connection, item, now=now)
        left = waiting(sqlite_work, now)
        assert left.due + left.later + left.failed + finished == 3
