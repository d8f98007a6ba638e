"""Instants as integers; pure, so that whoever verifies a proof needs no database.

An instant is an aware datetime or the whole number of microseconds since 1970-01-01T00:00Z, never a float.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime.

    Raises:
        ValueError: the datetime carries no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(value: int) -> datetime:
    """The UTC datetime of that many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)
