"""Numbers, amounts, days and facts in German and English, as people write them; pure.

German: 12 480 · 5 % · 86,20 € with narrow no-break spaces, 24. November 2026. English: 12,480 · 5% · €86.20,
24 November 2026.
"""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from governance.vocabulary import Text
from segmentation.facts import level_name
from segmentation.inputs import Feature, Quantity
from segmentation.periods import EPOCH_DAY, Period, parse_period

NARROW = "\u202f"
FIXED = "\u00a0"
MINUS = "\u2212"
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
MONTHS_DE = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
MONTHS_EN = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
UNKNOWN = Text("nicht bekannt oder nicht freigegeben", "not known, or not released")
NOTHING = Text("keine im Zeitraum", "none in the period")


def number(value: float, places: int = 0) -> Text:
    """A number with that many decimals at most; trailing zeros go."""
    quantum = Decimal(1).scaleb(-places)
    rounded = Decimal(repr(float(value))).quantize(quantum, rounding=ROUND_HALF_EVEN)
    text = f"{abs(rounded):,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    sign = MINUS if rounded < 0 else ""
    german = text.replace(",", NARROW).replace(".", ",")
    return Text(sign + german, sign + text)


def money(minor: float, currency: str | None) -> Text:
    """An amount from minor units, always with two decimals."""
    amount = (Decimal(repr(float(minor))) / 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    text = f"{abs(amount):,.2f}"
    sign = MINUS if amount < 0 else ""
    symbol = SIGNS.get(currency or "", currency or "")
    german = f"{sign}{text.replace(',', NARROW).replace('.', ',')}{NARROW}{symbol}"
    english = f"{sign}{symbol}{text}" if currency in SIGNS else f"{sign}{symbol}{FIXED}{text}"
    return Text(german.rstrip(NARROW), english)


def percent(share: float, places: int = 0) -> Text:
    """A share as per cent."""
    shown = number(share * 100, places)
    return Text(f"{shown.de}{NARROW}%", f"{shown.en}%")


def day(value: int) -> Text:
    """A day number as a date."""
    date = EPOCH_DAY + timedelta(days=value)
    return Text(
        f"{date.day}.{FIXED}{MONTHS_DE[date.month - 1]} {date.year}",
        f"{date.day}{FIXED}{MONTHS_EN[date.month - 1]} {date.year}",
    )


def counted(value: float, one: Text, many: Text) -> Text:
    """A number with its noun in singular or plural."""
    noun = one if value == 1 else many
    shown = number(value)
    return Text(f"{shown.de}{FIXED}{noun.de}", f"{shown.en}{FIXED}{noun.en}")


def days(value: float) -> Text:
    """A number of days."""
    return counted(value, Text("Tag", "day"), Text("Tage", "days"))


def orders(value: float) -> Text:
    """A number of orders."""
    return counted(value, Text("Bestellung", "order"), Text("Bestellungen", "orders"))


def period(duration: str) -> Text:
    """An ISO 8601 duration of days or months in words."""
    found = parse_period(duration) or Period(0, 0)
    months = counted(found.months, Text("Monat", "month"), Text("Monate", "months"))
    if not found.days:
        return months
    if not found.months:
        return days(found.days)
    both = days(found.days)
    return Text(f"{months.de} und {both.de}", f"{months.en} and {both.en}")


def amount_of(feature: Feature, value: float) -> Text:
    """A value of a feature with its unit, such as a threshold or what somebody has."""
    if math.isnan(value):
        return NOTHING
    if feature.quantity is Quantity.MONEY:
        return money(value, feature.currency)
    if feature.quantity is Quantity.DAYS:
        return days(round(value))
    if feature.quantity is Quantity.RATIO:
        return percent(value, 1)
    if feature.quantity is Quantity.COUNT:
        return orders(value) if float(value).is_integer() else number(value, 1)
    if feature.quantity is Quantity.FLAG:
        return Text("ja", "yes") if value else Text("nein", "no")
    if feature.quantity is Quantity.LEVEL:
        word = level_name(feature, value)
        return Text(word, word) if word is not None else Text("andere Angabe", "another answer")
    return number(value, 2)
