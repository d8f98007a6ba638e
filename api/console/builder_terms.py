"""The words of the form and what they stand for in a definition: comparisons by type, periods, numbers; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from api.i18n import N_
from governance.fields import Field, FieldType
from governance.vocabulary import Language
from segmentation.inputs import MEASURE_QUANTITY, Measure, Quantity

OF_TYPE: dict[FieldType, Quantity] = {
    FieldType.INTEGER: Quantity.NUMBER,
    FieldType.DECIMAL: Quantity.NUMBER,
    FieldType.MONEY: Quantity.MONEY,
    FieldType.DATE: Quantity.DAYS,
    FieldType.BOOLEAN: Quantity.FLAG,
    FieldType.CATEGORY: Quantity.LEVEL,
    FieldType.TEXT: Quantity.LEVEL,
}
MEASURES: dict[Measure, str] = {
    Measure.DAYS_SINCE_LAST: N_("Last order"),
    Measure.COUNT: N_("Number of orders"),
    Measure.SUM: N_("Revenue"),
    Measure.MEAN_ORDER_VALUE: N_("Mean order value"),
    Measure.TENURE: N_("First order in the window"),
    Measure.RETURN_RATE: N_("Share returned"),
    Measure.CATEGORY_SHARE: N_("Share of a product group"),
    Measure.CATEGORY_COUNT: N_("Orders of a product group"),
}
BY_CATEGORY = frozenset({Measure.CATEGORY_SHARE, Measure.CATEGORY_COUNT})
WINDOWS: dict[str, str] = {
    "P1M": N_("last month"),
    "P3M": N_("last 3 months"),
    "P6M": N_("last 6 months"),
    "P12M": N_("last 12 months"),
    "P24M": N_("last 24 months"),
}
UNITS: dict[str, str] = {"D": N_("days"), "W": N_("weeks"), "M": N_("months"), "Y": N_("years")}
JOINS: dict[str, str] = {"all": N_("all of these"), "any": N_("at least one of these")}

_NUMBERS: dict[str, str] = {
    "at_least": N_("at least"),
    "at_most": N_("at most"),
    "above": N_("more than"),
    "below": N_("less than"),
    "between": N_("between"),
    "equals": N_("exactly"),
}
_DAYS: dict[str, str] = {"before": N_("is at least this long ago"), "within": N_("is less than this long ago")}
_DATES: dict[str, str] = {"from_day": N_("is on this date or later"), "before_day": N_("is before this date")}
_AHEAD: dict[str, str] = {"coming": N_("comes within this time")}
_LENGTHS: dict[str, str] = {
    "at_least": N_("at least so many days"),
    "at_most": N_("at most so many days"),
    "between": N_("between so many days"),
}
_NEVER: dict[str, str] = {"missing": N_("there is none"), "present": N_("there is one")}
_LEVELS: dict[str, str] = {
    "in": N_("is one of"),
    "not_in": N_("is none of"),
    "alike": N_("is one of, in capitals or not"),
    "not_alike": N_("is none of, in capitals or not"),
}
_FLAGS: dict[str, str] = {"yes": N_("yes"), "no": N_("no")}


def operations(quantity: Quantity | None, *, activity: bool) -> dict[str, str]:
    """The comparisons that fit what is looked at, with their words."""
    if quantity is None:
        return {}
    if quantity is Quantity.LEVEL:
        return _LEVELS
    if quantity is Quantity.FLAG:
        return _FLAGS
    if quantity is Quantity.DAYS:
        return _DAYS | (_NEVER if activity else _AHEAD) | _DATES | _LENGTHS
    return _NUMBERS


def quantity_of(what: str, fields: Mapping[str, Field]) -> Quantity | None:
    """What kind of value `field.KEY` or `act.MEASURE` has; None where it names nothing that can be an input."""
    kind, _, key = what.partition(".")
    if kind == "act":
        return MEASURE_QUANTITY[Measure(key)] if key in set(Measure) else None
    field = fields.get(key) if kind == "field" else None
    return OF_TYPE.get(field.type) if field else None


def read_number(text: str, language: Language) -> Decimal | None:
    """A number as people write it in their language; None when it is none."""
    point, group = (",", ".") if language == "de" else (".", ",")
    bare = re.sub(r"[\s\u00a0\u202f€%]", "", text).replace("\u2212", "-")
    if re.fullmatch(rf"-?\d{{1,3}}({re.escape(group)}\d{{3}})+({re.escape(point)}\d+)?", bare):
        bare = bare.replace(group, "")
    bare = bare.replace(",", ".")
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", bare):
        return None
    try:
        return Decimal(bare)
    except InvalidOperation:
        return None


def show_number(value: Decimal | float, language: Language) -> str:
    """The number as the form holds it; `read_number` reads it back."""
    number = Decimal(str(value))
    text = f"{number.normalize():f}"
    return text.replace(".", ",") if language == "de" else text


def scaled(number: Decimal, quantity: Quantity) -> int | float:
    """As a definition holds it: money in minor units, shares from 0 to 1."""
    value = number * 100 if quantity is Quantity.MONEY else number / 100 if quantity is Quantity.RATIO else number
    return int(value) if value == value.to_integral_value() else float(value)


def unscaled(value: float, quantity: Quantity) -> Decimal:
    """The inverse of `scaled`."""
    number = Decimal(str(value))
    return number / 100 if quantity is Quantity.MONEY else number * 100 if quantity is Quantity.RATIO else number


def period_of(value: str, unit: str) -> str | None:
    """The duration of so many days, weeks, months or years; None when it is none."""
    return f"P{int(value)}{unit}" if re.fullmatch(r"\d{1,4}", value) and int(value) and unit in UNITS else None


def period_parts(text: str) -> tuple[str, str] | None:
    """Number and unit of a duration that has one unit only."""
    match = re.fullmatch(r"P(\d{1,6})([DWMY])", text)
    return (str(int(match[1])), match[2]) if match else None


def slug(text: str, taken: frozenset[str] | set[str] = frozenset()) -> str:
    """A key made of a name: small letters, digits and underscores, a letter first, none that is taken."""
    plain = text.casefold()
    for old, new in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        plain = plain.replace(old, new)
    bare = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:48].rstrip("_")
    key = bare if re.match(r"[a-z]", bare) else f"s_{bare}".rstrip("_")
    number = 2
    while key in taken:
        key, number = f"{re.sub(r'_[0-9]+$', '', key)}_{number}", number + 1
    return key
