"""Durations of ISO 8601 and the deadlines of Article 12(3) GDPR with Regulation 1182/71."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.deadlines import (
    Duration,
    DurationInvalid,
    add_duration,
    easter_sunday,
    legal_deadline,
    parse_duration,
    subtract_duration,
)


@pytest.mark.parametrize(
    ("received", "duration", "raw", "legal"),
    [
        ("2026-03-05", "P1M", "2026-04-05", "2026-04-07"),
        ("2026-08-31", "P1M", "2026-09-30", "2026-09-30"),
        ("2026-01-31", "P1M", "2026-02-28", "2026-03-02"),
        ("2026-04-01", "P1M", "2026-05-01", "2026-05-04"),
        ("2026-11-25", "P1M", "2026-12-25", "2026-12-28"),
        ("2026-12-31", "P1M", "2027-01-31", "2027-02-01"),
        ("2028-01-31", "P1M", "2028-02-29", "2028-02-29"),
        ("2026-01-31", "P3M", "2026-04-30", "2026-04-30"),
    ],
)
def test_a_deadline_ends_on_the_next_working_day(received: str, duration: str, raw: str, legal: str) -> None:
    """Article 3(4) of Regulation 1182/71, with the holidays of the whole of Germany."""
    deadline = legal_deadline(date.fromisoformat(received), duration)

    assert (deadline.raw.isoformat(), deadline.legal.isoformat()) == (raw, legal)


def test_christmas_eve_is_a_working_day() -> None:
    """24 December is no public holiday."""
    assert legal_deadline(date(2026, 11, 24)).legal == date(2026, 12, 24)


def test_the_holidays_of_a_land_are_data() -> None:
    """All Saints in Bavaria moves a deadline that Berlin keeps."""
    received = date(2027, 10, 1)

    assert legal_deadline(received).legal == date(2027, 11, 1)
    assert legal_deadline(received, holidays=[date(2027, 11, 1)]).legal == date(2027, 11, 2)


def test_phone_consent_is_proven_for_five_years_after_its_last_use() -> None:
    """§ 7a(2) UWG."""
    assert add_duration(date(2027, 2, 1), "P5Y") == date(2032, 2, 1)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [("2026-01-31", "P1M", "2026-02-28"), ("2028-02-29", "P1Y", "2029-02-28"), ("2026-12-30", "P2W", "2027-01-13")],
)
def test_months_end_with_the_month(start: str, duration: str, end: str) -> None:
    """ISO 8601 on the calendar."""
    assert add_duration(date.fromisoformat(start), duration).isoformat() == end


def test_a_day_is_not_always_24_hours() -> None:
    """The clocks go forward in the night to 29 March 2026."""
    noon = datetime(2026, 3, 28, 12, tzinfo=timezone(timedelta(hours=1)))

    assert add_duration(noon, "PT24H").isoformat() == "2026-03-29T13:00:00+02:00"
    assert add_duration(noon, "P1D").isoformat() == "2026-03-29T12:00:00+02:00"


def test_a_time_that_summer_time_skips_moves_on() -> None:
    """02:30 does not exist on 29 March 2026."""
    half_past_two = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)

    assert add_duration(half_past_two, "P1D").isoformat() == "2026-03-29T03:30:00+02:00"


def test_two_years_are_24_months() -> None:
    """Equal durations are equal values; a day and 24 hours are not."""
    assert parse_duration("P24M") == parse_duration("P2Y") == Duration(months=24)
    assert parse_duration("P1D") != parse_duration("PT24H")


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P-1M", "-P1M", "P1.5M", "P1W2D", "P1M\n", "p1m", "P1H", "PT1D", "P٣M", "P1Y2Y", "P9999Y"]
)
def test_what_policy_does_not_accept_is_refused(text: str) -> None:
    """No signs, fractions, mixed weeks or empty durations."""
    with pytest.raises(DurationInvalid):
        parse_duration(text)


def test_hours_cannot_be_added_to_a_day() -> None:
    """A day has no hour to start from."""
    with pytest.raises(DurationInvalid, match="day"):
        add_duration(date(2026, 1, 1), "PT1H")


def test_an_instant_needs_a_zone() -> None:
    """A wall clock without a place is no instant."""
    with pytest.raises(ValueError, match="zone"):
        add_duration(datetime(2026, 1, 1), "P1D")


@given(st.dates(date(1900, 1, 1), date(2400, 1, 1)), st.integers(0, 600))
def test_adding_months_never_skips_a_month(start: date, months: int) -> None:
    """The end lies in the month counted, on the same day or the month's last."""
    end = add_duration(start, Duration(months=months))

    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.integers(0, 10**8))
def test_hours_are_taken_back_exactly(moment: datetime, seconds: int) -> None:
    """Clock time has no calendar."""
    length = Duration(seconds=seconds)

    assert subtract_duration(add_duration(moment, length), length) == moment


def test_easter_falls_where_the_almanacs_have_it() -> None:
    """Known dates, the earliest and latest possible among them."""
    known = [date(1818, 3, 22), date(1943, 4, 25), date(2024, 3, 31), date(2026, 4, 5), date(2038, 4, 25)]

    assert [easter_sunday(day.year) for day in known] == known
