"""Figures and times read as each language writes them (UX-3)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.formats import Formats, in_groups

GERMAN = Formats("de", ZoneInfo("Europe/Berlin"))
ENGLISH = Formats("en", ZoneInfo("Europe/Berlin"))
AFTERNOON = datetime(2026, 11, 24, 13, 2, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "digits", "german", "english"),
    [
        (12480, 0, "12\u202f480", "12,480"),
        (0.416, 2, "0,42", "0.42"),
        (-1914, 0, "\u22121\u202f914", "\u22121,914"),
        (-0.001, 1, "0,0", "0.0"),
    ],
)
def test_numbers_group_and_carry_a_real_minus_sign(value: float, digits: int, german: str, english: str) -> None:
    """A zero that was rounded has no sign."""
    assert GERMAN.number(value, digits) == german
    assert ENGLISH.number(value, digits) == english


def test_shares_and_amounts_never_break_from_their_sign() -> None:
    """The narrow no-break space stands before % and € in German."""
    assert GERMAN.percent(0.139) == "13,9\u202f%"
    assert ENGLISH.percent(0.139) == "13.9%"
    assert GERMAN.money(8620) == "86,20\u202f€"
    assert ENGLISH.money(-8620) == "\u2212€86.20"
    assert ENGLISH.money(8620, "CHF") == "CHF\u00a086.20"


def test_instants_are_shown_in_the_controllers_zone() -> None:
    """13:02 UTC in November is 14:02 in Berlin."""
    assert GERMAN.moment(AFTERNOON) == "24.11.2026, 14:02"
    assert GERMAN.moment(AFTERNOON, seconds=True) == "24.11.2026, 14:02:04"
    assert GERMAN.clock(AFTERNOON) == "14:02\u00a0Uhr"
    assert ENGLISH.clock(AFTERNOON) == "14:02"


def test_dates_are_full_in_sentences_and_short_in_tables() -> None:
    """Months are words in English tables, too: 03/04 means two days."""
    day = date(2026, 3, 4)
    assert GERMAN.long_day(day) == "4.\u00a0März\u00a02026"
    assert ENGLISH.long_day(day) == "4\u00a0March\u00a02026"
    assert GERMAN.day(day) == "04.03.2026"
    assert ENGLISH.day(day) == "4\u00a0Mar\u00a02026"


@given(st.integers(-(10**12), 10**12))
def test_a_number_can_be_read_back(value: int) -> None:
    """Formatting loses nothing of a whole number."""
    assert int(GERMAN.number(value).replace("\u202f", "").replace("\u2212", "-")) == value
    assert int(ENGLISH.number(value).replace(",", "").replace("\u2212", "-")) == value


def test_a_hash_is_shortened_for_the_eye_only_when_it_is_long() -> None:
    """The mark of omission says that more follows."""
    assert in_groups("ab" * 4) == "abababab"
    assert in_groups("ab" * 32) == "abababab abababab abababab abababab …"
