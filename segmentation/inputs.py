"""What a scheme looks at: features, their measures and the facts that a record keeps of them; pure.

A feature is a permitted catalogue field as it stands, or one measure of the orders within a window. A record keeps
*facts* (the day of the last order, amounts), never ages: an age changes every day, a fact only when something happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.vocabulary import Text


class Measure(StrEnum):
    """What is measured of somebody's activities within the window."""

    DAYS_SINCE_LAST = "days_since_last"
    COUNT = "count"
    SUM = "sum"
    MEAN_ORDER_VALUE = "mean_order_value"
    TENURE = "tenure"
    RETURN_RATE = "return_rate"
    CATEGORY_SHARE = "category_share"
    CATEGORY_COUNT = "category_count"


class Quantity(StrEnum):
    """What a feature's number means."""

    NUMBER = "number"
    MONEY = "money"
    """Minor units of the currency."""
    DAYS = "days"
    """Whole days between a fact's day and the run's day."""
    COUNT = "count"
    """Distinct occasions, such as orders."""
    RATIO = "ratio"
    FLAG = "flag"
    """0 or 1."""
    LEVEL = "level"
    """Position in `Feature.levels`; its length for any other value."""


class Part(StrEnum):
    """One recorded fact; days are numbers since 1970-01-01, amounts minor units."""

    VALUE = "value"
    DAY = "day"
    LAST_DAY = "last_day"
    FIRST_DAY = "first_day"
    OCCASIONS = "occasions"
    AMOUNT = "amount"
    RETURNED = "returned"
    CATEGORY_AMOUNT = "category_amount"
    CATEGORY_OCCASIONS = "category_occasions"


PARTS: dict[Measure, tuple[Part, ...]] = {
    Measure.DAYS_SINCE_LAST: (Part.LAST_DAY,),
    Measure.COUNT: (Part.OCCASIONS,),
    Measure.SUM: (Part.AMOUNT,),
    Measure.MEAN_ORDER_VALUE: (Part.AMOUNT, Part.OCCASIONS),
    Measure.TENURE: (Part.FIRST_DAY,),
    Measure.RETURN_RATE: (Part.RETURNED, Part.AMOUNT),
    Measure.CATEGORY_SHARE: (Part.CATEGORY_AMOUNT, Part.AMOUNT),
    Measure.CATEGORY_COUNT: (Part.CATEGORY_OCCASIONS,),
}

MEASURE_QUANTITY: dict[Measure, Quantity] = {
    Measure.DAYS_SINCE_LAST: Quantity.DAYS,
    Measure.COUNT: Quantity.COUNT,
    Measure.SUM: Quantity.MONEY,
    Measure.MEAN_ORDER_VALUE: Quantity.MONEY,
    Measure.TENURE: Quantity.DAYS,
    Measure.RETURN_RATE: Quantity.RATIO,
    Measure.CATEGORY_SHARE: Quantity.RATIO,
    Measure.CATEGORY_COUNT: Quantity.COUNT,
}

NUMERIC: frozenset[Quantity] = frozenset(Quantity) - {Quantity.LEVEL}


@dataclass(frozen=True)
class Feature:
    """One input of a scheme. `measure` is None for a profile field taken as it stands."""

    key: str
    label: Text
    field: str
    quantity: Quantity
    measure: Measure | None = None
    window: str | None = None
    """ISO 8601 duration of an activity feature; never longer than the catalogue's window of the field."""
    kinds: tuple[str, ...] = ()
    """Kinds of activity that count, such as order."""
    category: str | None = None
    category_field: str | None = None
    currency: str | None = None
    """Of money: only amounts in this currency are added up."""
    levels: tuple[str, ...] = ()
    ignore_case: bool = False
    """Of words: upper and lower case do not tell two values apart."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The facts that this feature is computed from, in recorded order."""
        if self.measure is not None:
            return PARTS[self.measure]
        return (Part.DAY,) if self.quantity is Quantity.DAYS else (Part.VALUE,)

    def to_json(self) -> dict[str, Any]:
        """The feature with everything resolved, as models store it."""
        # Said only where it is so: models without it keep their digest.
        cased: dict[str, Any] = {"ignore_case": True} if self.ignore_case else {}
        return cased | {
            "key": self.key,
            "label": {"de": self.label.de, "en": self.label.en},
            "field": self.field,
            "quantity": self.quantity.value,
            "measure": self.measure.value if self.measure else None,
            "window": self.window,
            "kinds": list(self.kinds),
            "category": self.category,
            "category_field": self.category_field,
            "currency": self.currency,
            "levels": list(self.levels),
        }


def feature_from_json(value: dict[str, Any]) -> Feature:
    """The inverse of `Feature.to_json`."""
    return Feature(
        key=value["key"],
        label=Text(value["label"]["de"], value["label"]["en"]),
        field=value["field"],
        quantity=Quantity(value["quantity"]),
        measure=Measure(value["measure"]) if value["measure"] else None,
        window=value["window"],
        kinds=tuple(value["kinds"]),
        category=value["category"],
        category_field=value["category_field"],
        currency=value["currency"],
        levels=tuple(value["levels"]),
        ignore_case=value.get("ignore_case", False),
    )


def folded(word: str) -> str:
    """A word so that upper and lower case do not tell it from another."""
    return word.casefold()


@dataclass(frozen=True)
class Slot:
    """One number of a packed record: which fact of which feature."""

    feature: str
    part: Part


def slots_of(features: tuple[Feature, ...]) -> tuple[Slot, ...]:
    """The recorded facts of these features, in recorded order."""
    return tuple(Slot(feature.key, part) for feature in features for part in feature.parts)
