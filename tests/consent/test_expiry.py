"""When a consent ends: by the calendar where the controller is, through the ledger and out again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audit.database import Database
from consent import ledger
from consent.ledger import declare
from consent.permission import decide_one
from governance.deadlines import add_duration
from governance.vocabulary import OPERATOR, Act, Channel, Reason
from tests.consent.builders import a_purpose, people, said

INSTANT = timedelta(microseconds=1)
VECTORS = [
    ("2026-01-31T09:00+01:00", "P1M", "2026-02-28T09:00+01:00"),
    ("2028-02-29T09:00+01:00", "P1Y", "2029-02-28T09:00+01:00"),
    ("2026-02-28T12:00+01:00", "P1M", "2026-03-28T12:00+01:00"),
    ("2026-03-28T12:00+01:00", "P1D", "2026-03-29T12:00+02:00"),
    ("2026-03-28T12:00+01:00", "PT24H", "2026-03-29T13:00+02:00"),
    ("2026-03-28T02:30+01:00", "P1D", "2026-03-29T03:30+02:00"),
    ("2026-10-24T12:00+02:00", "P1D", "2026-10-25T12:00+01:00"),
    ("2026-10-24T12:00+02:00", "PT24H", "2026-10-25T11:00+01:00"),
    ("2026-10-24T02:30+02:00", "P1D", "2026-10-25T02:30+02:00"),
    ("2026-07-15T23:30+02:00", "P6M", "2027-01-15T23:30+01:00"),
    ("2026-12-31T23:30+00:00", "P24M", "2029-01-01T00:30+01:00"),
]
"""Said at, validity, end: the change to summer time, back again, the ends of months, and midnight elsewhere."""


@pytest.mark.parametrize(("said_at", "validity", "end"), VECTORS)
def test_a_consent_ends_at_its_hour_in_germany(work: Database, said_at: str, validity: str, end: str) -> None:
    """CON-7, T40: the last instant before permits, the end itself does not, whatever the clocks did in between."""
    begun, ended = (datetime.fromisoformat(text).astimezone(UTC) for text in (said_at, end))
    people(work, [1])
    newsletter = a_purpose(consent_validity=validity)
    consent = said(Act.GIVEN, begun, valid_until=add_duration(begun, validity).astimezone(UTC))
    with work.writing() as connection:
        declare(connection, 1, [consent], actor=OPERATOR, now=begun)

    with work.reading() as connection:
        assert decide_one(connection, 1, newsletter, now=ended - INSTANT).reason is Reason.CONSENT_GIVEN
        assert decide_one(connection, 1, newsletter, now=ended).reason is Reason.CONSENT_EXPIRED
        past = ledger.state_at(connection, 1, newsletter.key, ended - INSTANT)
        assert past.effective_state(ended - INSTANT) == "given"
        assert past.effective_state(ended) == "expired"
        assert past.valid_until == ended


def test_a_renewed_consent_runs_from_the_renewal(work: Database) -> None:
    """CON-7: two months from the second word, not four from the first; another channel ends on its own day first."""
    people(work, [1])
    first, second = (datetime(2026, month, 31, 10, tzinfo=UTC) for month in (1, 3))
    renewed = [
        said(Act.RENEWED, second, valid_until=add_duration(second, "P2M").astimezone(UTC)),
        said(Act.GIVEN, second, channel=Channel.EMAIL, valid_until=add_duration(second, "P1M").astimezone(UTC)),
    ]
    with work.writing() as connection:
        given = said(Act.GIVEN, first, valid_until=add_duration(first, "P2M").astimezone(UTC))
        declare(connection, 1, [given], actor=OPERATOR, now=first)
    with work.writing() as connection:
        declare(connection, 1, renewed, actor=OPERATOR, now=second)

    with work.reading() as connection:
        standing = ledger.state_at(connection, 1, "newsletter", second)
    assert standing.valid_until == datetime(2026, 4, 30, 10, tzinfo=UTC)
