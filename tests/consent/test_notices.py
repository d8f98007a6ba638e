"""What people were told: kept byte for byte, and asked anew only when there is a reason and no no."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from audit.database import Database
from consent import notices, tables
from governance.purposes import NoticeText, Purpose
from governance.vocabulary import Act, Channel, LegalBasis, Scope, Source, Text
from tests.consent.builders import DAY, NOON, a_purpose, objected_to, people, said
from tests.consent.test_ledger import record

FIRST = NOON - timedelta(days=300)


@dataclass
class Timeline:
    """A house whose notice changes over time."""

    work: Database

    def shows(self, purpose: Purpose, since: datetime) -> None:
        with self.work.writing() as connection:
            notices.register(connection, SimpleNamespace(purposes={purpose.key: purpose}), now=since)  # type: ignore[arg-type]

    def asks(self, purpose: Purpose, now: datetime = NOON) -> bool:
        with self.work.reading() as connection:
            return notices.asks_again(connection, 1, purpose, now=now)


def version(number: int, **more: Any) -> Purpose:
    told = Text(f"Fassung {number}", f"Version {number}")
    return a_purpose(notice=NoticeText(str(number), told, **more), marketing=True)


def consented(purpose: Purpose, at: datetime = FIRST + DAY, **more: Any) -> Any:
    return said(Act.GIVEN, at, notice=notices.hashes_of(purpose)[0], **more)


@pytest.fixture
def house(work: Database) -> Timeline:
    people(work, [1])
    made = Timeline(work)
    made.shows(version(1), FIRST)
    return made


def test_a_text_is_kept_once_and_says_what_it_was(house: Timeline) -> None:
    """Article 7(1) GDPR, CON-1: both languages of one version, with what hashed them."""
    house.shows(version(1), NOON)
    house.shows(version(2, material=True, changed=Text("Neu", "New")), NOON)

    with house.work.reading() as connection:
        kept = notices.notices(connection)
        assert [(each.version, each.language, each.material, each.since) for each in kept] == [
            ("2", "de", True, NOON),
            ("2", "en", True, NOON),
            ("1", "de", False, FIRST),
            ("1", "en", False, FIRST),
        ]
        for each in kept:
            assert notices.notice_hash(each.text) == each.digest
            assert notices.notice_of(connection, each.digest) == each
            assert notices.text_of(connection, each.digest) == each.text
        assert notices.notice_of(connection, bytes(32)) is None
        assert connection.execute(select(func.count()).select_from(tables.notice)).scalar_one() == 4


def test_a_material_change_asks_again_who_consented_before_it_and_ends_no_consent(house: Timeline) -> None:
    """Articles 7 and 13 GDPR: the earlier consent covers what it was told; another word changes nothing."""
    record(house.work, 1, consented(version(1)))
    assert not house.asks(version(1))

    slight, material = version(2), version(3, material=True, changed=Text("Neu", "New"))
    house.shows(slight, NOON - 9 * DAY)
    assert not house.asks(slight)
    assert house.asks(material)  # in force, though nobody has declared anything since
    house.shows(material, NOON - 5 * DAY)
    assert house.asks(material)
    later = version(4)
    house.shows(later, NOON - 4 * DAY)
    assert house.asks(later)  # the change of substance in between counts

    record(house.work, 1, consented(later, NOON - DAY))
    assert not house.asks(later)
    assert not house.asks(version(5))


def test_the_notice_that_was_agreed_to_decides_not_the_day_we_heard_of_it(house: Timeline) -> None:
    """CON-1: a consent to the old text that arrives late is a consent to the old text."""
    material = version(2, material=True, changed=Text("Neu", "New"))
    house.shows(material, NOON - 9 * DAY)
    late = consented(version(1), NOON - DAY, source=Source.IMPORT, has_evidence=True)
    record(house.work, 1, late)

    assert house.asks(material)
    assert not house.asks(version(1))  # the old text came back


@pytest.mark.parametrize("no", [Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED])
@pytest.mark.parametrize("channel", [None, Channel.EMAIL])
def test_nobody_who_said_no_is_asked_again_for_six_months(
    sqlite_work: Database, no: Act, channel: Channel | None
) -> None:
    """CON-14: by the calendar, whatever changes meanwhile; after it one may ask."""
    people(sqlite_work, [1])
    house = Timeline(sqlite_work)
    denied = datetime(2025, 8, 31, 10, 0, tzinfo=UTC)
    until = datetime(2026, 2, 28, 11, 0, tzinfo=UTC)  # noon of 31 August in summer time; February has 28 days
    record(sqlite_work, 1, consented(version(1), denied - DAY, channel=channel), said(no, denied, channel=channel))
    material = version(2, material=True, changed=Text("Neu", "New"))

    assert not house.asks(material, until - timedelta(seconds=1))
    assert house.asks(material, until)
    assert not house.asks(replace(material, ask_again_after="P12M"), until)


def test_nobody_is_asked_again_who_was_never_asked_or_objects(house: Timeline) -> None:
    """CON-14, Article 21(3) GDPR: a first question is no repetition, and who objected to marketing is left alone."""
    material = version(2, material=True, changed=Text("Neu", "New"))
    assert not house.asks(material)
    record(house.work, 1, said(Act.REQUESTED, NOON - 200 * DAY))
    assert not house.asks(material)
    record(house.work, 1, consented(version(1)))
    assert house.asks(material)
    assert not house.asks(replace(material, basis=LegalBasis.CONTRACT))
    record(house.work, 1, objected_to(Scope.MARKETING, NOON - 190 * DAY))
    assert not house.asks(material, NOON + 400 * DAY)
    assert house.asks(replace(material, marketing=False))


def test_a_consent_that_ended_or_was_never_shown_may_be_asked_for(house: Timeline) -> None:
    """CON-7, CON-12."""
    record(house.work, 1, consented(version(1), valid_until=NOON))
    assert not house.asks(version(1), NOON - DAY)
    assert house.asks(version(1), NOON)


def test_an_imported_yes_without_evidence_may_be_asked_for(house: Timeline) -> None:
    """CON-12: unknown is no consent, and no refusal either."""
    record(house.work, 1, said(Act.UNKNOWN, FIRST + DAY, source=Source.IMPORT))
    assert house.asks(version(1))
