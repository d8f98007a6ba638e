"""Durations and legal deadlines; pure.

ISO 8601 durations are calendar durations: P1M after 31 January is the last day of February. Deadlines in months follow
Article 3 of Regulation (EEC, Euratom) No 1182/71: one that ends on a Saturday, Sunday or holiday ends on the next
working day. Whoever works to the earlier, raw day is never late.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import overload
from zoneinfo import ZoneInfo

from audit.errors import BadInput

GERMAN_TIME = "Europe/Berlin"

_MOST_MONTHS = 2_400
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W|(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<days>\d{1,5})D)?"
    r"(?P<time>T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?)",
    re.ASCII,
)


class DurationInvalid(BadInput):
    """The text is no duration that we accept."""


@dataclass(frozen=True)
class Duration:
    """Months and days of the calendar and seconds of the clock; P24M and P2Y are equal, P1D and PT24H are not."""

    months: int = 0
    days: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class Deadline:
    """The day a deadline ends by counting, and the last day the law allows."""

    raw: date
    legal: date


def parse_duration(text: str) -> Duration:
    """Read an ISO 8601 duration.

    Policy: whole numbers only, no sign, weeks stand alone, at least one part.

    Raises:
        DurationInvalid: anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text == "P" or match["time"] == "T":
        raise DurationInvalid("not a duration: expected something like P24M, P30D, P2W or PT12H, in whole numbers")
    part = {name: int(digits or 0) for name, digits in match.groupdict().items() if name != "time"}
    if part["years"] * 12 + part["months"] > _MOST_MONTHS:
        raise DurationInvalid("longer than 200 years; nothing is kept or looked at for so long")
    return Duration(
        months=part["years"] * 12 + part["months"],
        days=part["weeks"] * 7 + part["days"],
        seconds=part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"],
    )


@overload
def add_duration(moment: datetime, duration: str | Duration, zone: str = ...) -> datetime: ...
@overload
def add_duration(moment: date, duration: str | Duration, zone: str = ...) -> date: ...
def add_duration(moment: date, duration: str | Duration, zone: str = GERMAN_TIME) -> date:
    """The day or instant that much later; years, months and days are counted on the calendar of *zone*.

    An instant comes back in *zone*. A wall-clock time that the change to summer time skips moves on by the gap.

    Raises:
        DurationInvalid: not a duration, or hours added to a day.
        ValueError: an instant without a time zone.
    """
    length = parse_duration(duration) if isinstance(duration, str) else duration
    if not isinstance(moment, datetime):
        if length.seconds:
            raise DurationInvalid("hours, minutes and seconds cannot be added to a day; use days or months")
        return _add_months(moment, length.months) + timedelta(days=length.days)
    return _shift(moment, length, 1, zone)


@overload
def subtract_duration(moment: datetime, duration: str | Duration, zone: str = ...) -> datetime: ...
@overload
def subtract_duration(moment: date, duration: str | Duration, zone: str = ...) -> date: ...
def subtract_duration(moment: date, duration: str | Duration, zone: str = GERMAN_TIME) -> date:
    """The day or instant that much earlier: where a window or a retention begins; as `add_duration` otherwise."""
    length = parse_duration(duration) if isinstance(duration, str) else duration
    if not isinstance(moment, datetime):
        if length.seconds:
            raise DurationInvalid("hours, minutes and seconds cannot be taken from a day; use days or months")
        return _add_months(moment, -length.months) - timedelta(days=length.days)
    return _shift(moment, length, -1, zone)


def legal_deadline(
    received: date, duration: str | Duration = "P1M", *, holidays: Collection[date] | None = None
) -> Deadline:
    """When a deadline of days or months ends that began by something received on that day (Article 12(3) GDPR).

    Args:
        received: the day of receipt, by whatever channel; it is not counted.
        duration: how long, without hours.
        holidays: public holidays of the Land; None: those of the whole of Germany.
    """
    raw = add_duration(received, duration)
    legal = raw
    while legal.weekday() >= calendar.SATURDAY or legal in (
        german_holidays(legal.year) if holidays is None else holidays
    ):
        legal += timedelta(days=1)
    return Deadline(raw, legal)


def german_holidays(year: int) -> frozenset[date]:
    """The nine public holidays of all Länder; the days of single Länder are the operator's data."""
    easter = easter_sunday(year)
    movable = {easter + timedelta(days=days) for days in (-2, 1, 39, 50)}
    return frozenset(movable | {date(year, *day) for day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))})


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden, (century, of_century) = year % 19, divmod(year, 100)
    leap_centuries, rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    leaps, years = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * leaps - epact - years) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


def _shift(moment: datetime, length: Duration, sign: int, zone: str) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    local_zone = ZoneInfo(zone)
    local = moment.astimezone(local_zone)
    if length.months or length.days:
        wall = local.replace(tzinfo=None)
        wall = datetime.combine(_add_months(wall.date(), sign * length.months), wall.time())
        local = (wall + timedelta(days=sign * length.days)).replace(tzinfo=local_zone, fold=local.fold)
    shifted = local.astimezone(UTC) + timedelta(seconds=sign * length.seconds)
    return shifted.astimezone(local_zone)
