"""Periods of time in definitions: ISO 8601 durations of whole days, weeks, months or years; pure.

Days are numbered from 1970-01-01. A period reaches back from a day by the calendar: P1M before 31 March is the last
day of February.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH_DAY = date(1970, 1, 1)
_FORM = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?")


@dataclass(frozen=True)
class Period:
    """Months, then days."""

    months: int
    days: int

    @property
    def about_days(self) -> float:
        """Its length on the average of the calendar, to compare two periods."""
        return self.months * 30.436875 + self.days


def parse_period(text: str) -> Period | None:
    """The period that an ISO 8601 duration such as P24M, P90D or P1Y6M says; None when it says none."""
    match = _FORM.fullmatch(text)
    if match is None or text == "P":
        return None
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    period = Period(years * 12 + months, weeks * 7 + days)
    return period if period.months or period.days else None


def days_before(today: int, period: Period) -> int:
    """The day number that lies one period before *today*."""
    start = EPOCH_DAY + timedelta(days=today)
    index = start.year * 12 + start.month - 1 - period.months
    year, month = index // 12, index % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return (date(year, month, min(start.day, last)) - EPOCH_DAY).days - period.days


def days_after(today: int, period: Period) -> int:
    """The day number that lies one period after *today*."""
    return days_before(today, Period(-period.months, -period.days))


def day_of(now: datetime, zone: str) -> int:
    """The day number of an instant as the calendar in *zone* shows it."""
    return (now.astimezone(ZoneInfo(zone)).date() - EPOCH_DAY).days


def day_number(text: str) -> int | None:
    """The day number of an ISO date such as 2026-11-22; None when it is none."""
    try:
        return (date.fromisoformat(text) - EPOCH_DAY).days
    except ValueError:
        return None


def iso_day(number: int) -> str:
    """The ISO date of a day number."""
    return (EPOCH_DAY + timedelta(days=number)).isoformat()


def midnight(number: int) -> datetime:
    """The first instant of a day in UTC."""
    return datetime.combine(EPOCH_DAY + timedelta(days=number), datetime.min.time(), tzinfo=UTC)
