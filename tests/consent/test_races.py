"""Objections against a release: by position in the log, nobody who objected before it is in it."""

from __future__ import annotations

import threading
from datetime import timedelta

import numpy as np
from sqlalchemy import select

from audit import log
from audit.database import Database
from audit.fact import Fact
from consent.ledger import declare
from consent.permission import lawful
from consent.rebuilding import rebuild_at_once
from consent.tables import standing
from governance.vocabulary import CHANNEL_BITS, OPERATOR, Act, Channel, LegalBasis
from tests.consent.builders import NOON, a_purpose, people, said
from tests.consent.test_ledger import projections

RACES = 100
PEOPLE = list(range(1, RACES + 1))
CARE = a_purpose(LegalBasis.LEGITIMATE_INTERESTS)


def object_one_by_one(work: Database, numbers: list[int], done: threading.Semaphore, positions: dict[int, int]) -> None:
    for number in numbers:
        with work.writing() as connection:
            recorded = declare(connection, number, [said(Act.OBJECTED)], actor=OPERATOR, now=NOON)
        assert recorded.entry is not None
        positions[number] = recorded.entry
        done.release()


def release(work: Database, moment: int) -> tuple[int, set[int]]:
    """Decide under the log's lock, record, commit, and only then let go."""
    with work.writing() as connection:
        log.lock(connection)
        let_through = lawful(connection, np.array(PEOPLE), CARE, now=NOON)
        fact = Fact("export:released", "engine", NOON + timedelta(seconds=moment), {"size": int(let_through.sum())})
        index = log.append(connection, [fact])
    return index, {number for number, ok in zip(PEOPLE, let_through, strict=True) if ok}


def test_no_objection_with_a_smaller_index_is_in_a_release(work: Database) -> None:
    """OBJ-3 and invariant 1: a hundred objections while releases go on; not one leaks, and none is lost."""
    people(work, PEOPLE)
    positions: dict[int, int] = {}
    objected = threading.Semaphore(0)
    halves = (PEOPLE[::2], PEOPLE[1::2])
    threads = [threading.Thread(target=object_one_by_one, args=(work, half, objected, positions)) for half in halves]
    for thread in threads:
        thread.start()
    releases = []
    for count in range(RACES):
        assert objected.acquire(timeout=60)
        if count % 4 == 0:  # while the other objections go on
            releases.append(release(work, len(releases)))
    for thread in threads:
        thread.join()
    releases.append(release(work, len(releases)))

    assert len(positions) == RACES
    assert len(releases) == RACES // 4 + 1
    for index, let_through in releases:
        objected_before = {number for number, position in positions.items() if position < index}
        assert let_through == set(PEOPLE) - objected_before
    assert releases[-1][1] == set()


def test_declarations_of_one_person_at_the_same_time_all_count(work: Database) -> None:
    """Article 7(3) GDPR: clerks and portal refuse a channel each at once; the projection takes in every word."""
    people(work, [1])
    rounds = 12
    start = threading.Barrier(len(Channel))

    def refuse(channel: Channel) -> None:
        for number in range(rounds):
            start.wait()
            with work.writing() as connection:
                refusal = said(Act.REFUSED, purpose=f"purpose_{number}", channel=channel)
                declare(connection, 1, [refusal], actor=OPERATOR, now=NOON)

    threads = [threading.Thread(target=refuse, args=(channel,)) for channel in Channel]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with work.writing() as connection:
        kept = projections(connection)
        every = sum(CHANNEL_BITS.values())
        assert connection.execute(select(standing.c.channels_denied)).scalars().all() == [every] * rounds
        rebuild_at_once(connection)
        assert projections(connection) == kept
        assert log.size(connection) == rounds * len(Channel)
