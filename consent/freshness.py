"""How far back data may reach: a value's staleness and an activity's window, as a day number; pure (PRI-4, PRI-5)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from consent.decision import LAW_ZONE
from governance.deadlines import add_duration

EPOCH_DAY = date(1970, 1, 1)
LONGEST_YEARS = 130
"""No duration that a catalogue may state reaches further back than this."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH_DAY).days


def today_number(now: datetime) -> int:
    """The calendar day of *now* in the law's zone, as a day number."""
    return day_number(now.astimezone(LAW_ZONE).date())


def oldest_day(duration: str, now: datetime) -> int:
    """The first day whose *duration* has not run out at *now*; anything stated before it is too old.

    Found by halving, because calendar months are not invertible: 31 January plus a month is 28 February.
    """
    today = EPOCH_DAY + timedelta(days=today_number(now))
    low, high = day_number(today.replace(day=1, year=today.year - LONGEST_YEARS)), day_number(today)
    while low < high:
        middle = (low + high) // 2
        if _end(middle, duration) >= today:
            high = middle
        else:
            low = middle + 1
    return low


def _end(day: int, duration: str) -> date:
    end = add_duration(EPOCH_DAY + timedelta(days=day), duration)
    return end.date() if isinstance(end, datetime) else end
