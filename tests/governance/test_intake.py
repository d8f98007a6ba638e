"""Cells are converted exactly, or named; a legal form in doubt is a person."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import cells
from governance.legal_forms import is_natural
from governance.seen import Seen, keys_of


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("-3,5", ",", "-3.5"),
        ("5,00-", ",", "-5"),
        ("€ 1.000", ",", "1000"),
        ("1'000.50 CHF", ".", "1000.5"),
        ("12", ",", "12"),
        ("1.5", ",", None),
        ("1,5", ".", None),
        ("12.34.567", ",", None),
        ("abc", ",", None),
        ("1234567890123", ".", None),
    ],
)
def test_numbers_are_read_by_their_decimal_mark_alone(text: str, decimal: str, value: str | None) -> None:
    """A point is never silently taken for a comma: 1.5 must not become 15."""
    values, valid, bad = cells.millionths(pa.array([text]), decimal)

    assert (valid[0], bad[0]) == (value is not None, value is None)
    assert value is None or values[0] == Decimal(value) * 1_000_000


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_money_is_rounded_as_on_an_invoice(amount: Decimal) -> None:
    """Half a cent goes away from zero, never through a binary fraction."""
    values, _, _ = cells.millionths(pa.array([f"{amount:f}"]), ".")

    assert cells.divided(values, 10_000)[0] == int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


@settings(deadline=None)
@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31)))
def test_every_date_is_read_back_in_every_format(day: date) -> None:
    """Day numbers since 1970."""
    wanted = (day - date(1970, 1, 1)).days
    for name, text in {
        "german": f"{day.day}.{day.month:02d}.{day.year} 14:30",
        "iso": f"{day.isoformat()}T10:00:00Z",
        "day_first": f"{day.day}/{day.month}/{day.year}",
        "month_first": f"{day.month}/{day.day}/{day.year}",
        "compact": f"{day:%Y%m%d}" if day.year > 999 else "",
    }.items():
        values, valid, _ = cells.days(pa.array([text]), name)
        assert (valid[0], values[0]) == (True, wanted)


@pytest.mark.parametrize("text", ["31.02.2025", "29.02.2023", "00.01.2025", "1.13.2025", "gestern", "2025-01-01"])
def test_a_day_that_does_not_exist_is_a_mistake(text: str) -> None:
    """It never slides into the next month."""
    _, valid, bad = cells.days(pa.array([text]), "german")

    assert (valid[0], bad[0]) == (False, True)


def test_formats_are_found_out_and_doubt_is_told() -> None:
    """A date that can be read in two ways is reported, and the mapping can settle it."""
    dates = cells.DateEvidence()
    dates.look(pa.array(["01/02/2024", "03/04/2024"]))
    assert dates.decide() == ("day_first", True)
    dates.look(pa.array(["01/31/2024"]))
    assert dates.decide() == ("month_first", False)

    numbers = cells.NumberEvidence()
    numbers.look(pa.array(["1.234", "5"]))
    assert numbers.decide(german=True) == (",", True)
    numbers.look(pa.array(["0.5", "2.25"]))
    assert numbers.decide(german=True) == (".", False)


def test_yes_and_no_in_both_languages() -> None:
    """Anything else is a mistake, not a no."""
    values, bad = cells.truth(pa.array(["Ja", "NEIN", "yes", "0", "vielleicht", None, " "]))

    assert values.to_pylist() == [True, False, True, False, None, None, None]
    assert bad.tolist() == [False, False, False, False, True, False, False]


@pytest.mark.parametrize(
    "form",
    [
        "GmbH",
        "gGmbH",
        "AG",
        "UG (haftungsbeschränkt)",
        "KG",
        "OHG",
        "GmbH & Co. KG",
        "GmbH und Co KG",
        "SE",
        "eG",
        "e.V.",
        "KGaA",
        "Ltd.",
        "S.A.",
        "B.V.",
        "Sp. z o.o.",
    ],
)
def test_a_legal_person_is_no_natural_one(form: str) -> None:
    """Its data are not personal data (recital 14 GDPR)."""
    assert not is_natural(form)


@pytest.mark.parametrize(
    "form",
    [
        "e.K.",
        "e. Kfr.",
        "Einzelunternehmen",
        "GbR",
        "eGbR",
        "Freiberufler",
        "",
        None,
        "?",
        "Meier",
        "GmbH i. Gr. Meier",
    ],
)
def test_doubt_makes_a_natural_person(form: str | None) -> None:
    """Sole traders, partnerships of people and everything unknown (Article 4(1) GDPR)."""
    assert is_natural(form)


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=20), max_size=12))
def test_repeats_are_counted_over_all_batches(batches: list[list[str]]) -> None:
    """As a plain counter would."""
    seen, counter = Seen(), {}
    for batch in batches:
        expected = []
        for word in batch:
            expected.append(counter.get(word, 0))
            counter[word] = counter.get(word, 0) + 1
        assert seen.count(keys_of(batch)).tolist() == expected


def test_dates_of_the_first_and_last_day_of_months_hold() -> None:
    """Leap years included."""
    days = [date(2024, 2, 29) + timedelta(days=n) for n in range(-1, 2)]
    numbers = np.array([(day - date(1970, 1, 1)).days for day in days])

    assert cells.iso_dates(numbers, np.ones(3, dtype=bool)).to_pylist() == [day.isoformat() for day in days]
