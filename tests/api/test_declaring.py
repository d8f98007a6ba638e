"""The one way in: a declaration, the block list and the work that follows commit together or not at all (design 6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert

from api.wiring import House
from api.workflows import declaring, unsubscribing
from audit import log
from audit.errors import NotFound
from consent import ledger
from consent.errors import MayNotRaise
from consent.replay import position_of
from governance.identity import Identity
from governance.tables import subject as subjects
from governance.vocabulary import (
    CHANNEL_BITS,
    OPERATOR,
    THE_SUBJECT,
    Act,
    Actor,
    Channel,
    Declaration,
    Role,
    Scope,
    Source,
    Unit,
)
from tests.small_world import NOON, _subject, a_small_world, identity_of, said

OFFERS = "personalised_offers"
LATER = NOON + timedelta(hours=1)
DESK = Actor(Role.DESK, "d1")
SHARERS = (5, 6, 7)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Four people who consented, and three more with the address of the first, on both engines."""
    made = a_small_world(tmp_path, database_url, people=4, gold=1)
    details = dict(identity_of(1).details)
    made.vault.store([(n.to_bytes(16, "big"), Identity(Unit.CONTACT, f"K{n:04d}", details)) for n in SHARERS])
    with made.work.writing() as connection:
        connection.execute(insert(subjects), [_subject(n) for n in SHARERS])
    yield made
    made.close()


def entries(house: House) -> int:
    with house.work.reading() as connection:
        return log.size(connection)


def outbox_of(house: House) -> list[tuple[str, dict[str, int]]]:
    with house.work.reading() as connection:
        rows = connection.exec_driver_sql("SELECT kind, reference FROM outbox ORDER BY id").all()
    return [(kind, json.loads(reference)) for kind, reference in rows]


def blocked(house: House, purpose: str = OFFERS) -> bool:
    with house.work.reading() as connection:
        return house.blocklist.blocked(connection, "email", [identity_of(1).details["email"]], purpose=purpose)[0]


def closed(house: House, number: int) -> bool:
    with house.work.reading() as connection:
        standing = position_of(ledger.history(connection, number)).standings.get(OFFERS)
    return standing is not None and bool(standing.channels_denied & CHANNEL_BITS[Channel.EMAIL])


def test_a_denial_and_its_blocked_address_commit_together(house: House) -> None:
    """At commit it acts everywhere (OBJ-6)."""
    person = declaring.find(house, "K0001")
    no = said(OFFERS, Act.WITHDRAWN, at=NOON, channel=Channel.EMAIL)
    done = declaring.declare(house, person, [no], actor=THE_SUBJECT, now=NOON)

    assert done.entry is not None
    assert blocked(house)


def test_what_is_refused_leaves_no_trace(house: House) -> None:
    """A controller's system that brings a yes after the person's no changes nothing, and nobody is told (OBJ-10)."""
    person = declaring.find(house, "K0001")
    declaring.declare(house, person, [said(OFFERS, Act.WITHDRAWN, at=NOON)], actor=THE_SUBJECT, now=NOON)
    before = (entries(house), outbox_of(house))
    yes = said(OFFERS, Act.GIVEN, at=LATER, source=Source.CONTROLLER_API, channel=Channel.EMAIL)
    with pytest.raises(MayNotRaise):
        declaring.declare(house, person, [yes], actor=DESK, now=LATER)

    assert (entries(house), outbox_of(house)) == before
    assert blocked(house)


def test_the_persons_own_later_yes_opens_the_address_again(house: House) -> None:
    """Nobody but they themselves takes it off the list (invariant 2)."""
    person = declaring.find(house, "K0002")
    address = identity_of(2).details["email"]
    declaring.declare(house, person, [said(OFFERS, Act.WITHDRAWN, at=NOON)], actor=THE_SUBJECT, now=NOON)
    yes = said(OFFERS, at=LATER, channel=Channel.EMAIL)
    declaring.declare(house, person, [yes], actor=THE_SUBJECT, now=LATER)

    with house.work.reading() as connection:
        assert house.blocklist.blocked(connection, "email", [address], purpose=OFFERS) == [False]


@pytest.mark.parametrize(
    ("source", "act", "told"),
    [
        (Source.DESK_FOR_SUBJECT, Act.GIVEN, True),
        (Source.CONTROLLER_API, Act.GIVEN, True),
        (Source.SUBJECT, Act.GIVEN, False),
        (Source.DESK_FOR_SUBJECT, Act.WITHDRAWN, False),
        (Source.SUBJECT, Act.WITHDRAWN, False),
    ],
)
def test_a_mail_tells_the_person_when_others_said_yes_for_them(
    house: House, source: Source, act: Act, told: bool
) -> None:
    """Whoever said no is left alone, and whoever acted themselves knows (Article 5(1)(a) GDPR)."""
    person = declaring.find(house, "K0003")
    spoken = said("newsletter", act, at=NOON, source=source)
    done = declaring.declare(house, person, [spoken], actor=DESK, now=NOON)

    mails = [reference for kind, reference in outbox_of(house) if kind == "changed"]
    assert mails == ([{"subject": 3, "entry": done.entry}] if told else [])


def test_a_repetition_is_told_to_nobody(house: House) -> None:
    """The same content twice changes nothing."""
    person = declaring.find(house, "K0003")
    spoken = said("newsletter", at=NOON, source=Source.DESK_FOR_SUBJECT)
    declaring.declare(house, person, [spoken], actor=DESK, now=NOON)
    before = (entries(house), outbox_of(house))
    again = declaring.declare(house, person, [spoken], actor=DESK, now=LATER)

    assert again.entry is None
    assert (entries(house), outbox_of(house)) == before


def test_evidence_is_sealed_and_opens_for_its_person_alone(house: House) -> None:
    """The ledger holds sealed bytes; the vault opens them (Article 7(1) GDPR)."""
    person = declaring.find(house, "K0001")
    spoken = said("newsletter", at=NOON, has_evidence=True)
    declaring.declare(house, person, [spoken], actor=DESK, now=NOON, evidence=[b"letter 7"])

    with house.work.reading() as connection:
        rows = connection.exec_driver_sql("SELECT evidence FROM declaration WHERE evidence IS NOT NULL").all()
    sealed = bytes(rows[0][0])
    assert b"letter" not in sealed
    assert house.vault.open_evidence([(person.pseudonym, sealed)]) == [b"letter 7"]


def test_nobody_is_found_under_a_wrong_reference(house: House) -> None:
    """Nor under the right one of the other kind."""
    for reference, unit in (("K9999", Unit.CONTACT), ("K0001", Unit.ACCOUNT)):
        with pytest.raises(NotFound):
            declaring.find(house, reference, unit)


def test_the_same_link_clicked_eight_times_at_once_is_one_declaration(house: House) -> None:
    """Asked under the subject's lock, on both engines; nobody waits for ever for anybody."""
    token = unsubscribing.unsubscribe_token(house, (1).to_bytes(16, "big"), OFFERS, Channel.EMAIL)
    before, barrier = entries(house), Barrier(8)

    def click(_: int) -> bool:
        barrier.wait()
        return unsubscribing.unsubscribe(house, token, now=LATER).known

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(click, range(8)))

    assert entries(house) == before + 1 + len(SHARERS), "one for the person, one for each who shares the address"


def test_all_who_share_an_address_click_at_once(house: House) -> None:
    """Each link stops everybody; two transactions never hold what the other wants (OBJ-11)."""
    people = (1, *SHARERS)
    tokens = [unsubscribing.unsubscribe_token(house, n.to_bytes(16, "big"), OFFERS, Channel.EMAIL) for n in people]
    before, barrier = entries(house), Barrier(len(tokens))

    def click(token: str) -> bool:
        barrier.wait()
        return unsubscribing.unsubscribe(house, token, now=LATER, everything=True).known

    with ThreadPoolExecutor(len(tokens)) as pool:
        assert all(pool.map(click, tokens))

    assert all(closed(house, number) for number in people)
    assert not closed(house, 2)
    assert blocked(house)
    with house.work.reading() as connection:
        objected = [position_of(ledger.history(connection, n)).objections.marketing_at for n in people]
        repeated = [d for n in people for d in ledger.history(connection, n)]
    assert all(objected)
    aims = [(d.purpose, d.channel, d.scope) for d in repeated if d.act in {Act.WITHDRAWN, Act.OBJECTED}]
    assert len(aims) == entries(house) - before


def test_the_address_a_person_moved_to_is_blocked_by_the_same_link(house: House) -> None:
    """What was said holds for the person, not for the mailbox they had (OBJ-11)."""
    token = unsubscribing.unsubscribe_token(house, (2).to_bytes(16, "big"), OFFERS, Channel.EMAIL)
    unsubscribing.unsubscribe(house, token, now=NOON)
    before = entries(house)
    details = dict(identity_of(2).details) | {"email": "moved@example.org"}
    house.vault.update([((2).to_bytes(16, "big"), Identity(Unit.CONTACT, "K0002", details))])
    unsubscribing.unsubscribe(house, token, now=LATER)

    with house.work.reading() as connection:
        assert house.blocklist.blocked(connection, "email", ["moved@example.org"], purpose=OFFERS) == [True]
    assert entries(house) == before


def test_a_declaration_about_nobody_is_not_found(house: House) -> None:
    """Erased in between: the answer is no, and nothing is recorded."""
    before = entries(house)
    nobody = declaring.Subject(99, b"\1" * 16)
    spoken = Declaration(Act.OBJECTED, Scope.MARKETING, None, None, None, NOON, NOON, Source.SUBJECT)
    with pytest.raises(NotFound):
        declaring.declare(house, nobody, [spoken], actor=OPERATOR, now=NOON)

    assert declaring.declare_unless(house, nobody, [spoken], lambda _: False, actor=OPERATOR, now=NOON) is None
    assert entries(house) == before
