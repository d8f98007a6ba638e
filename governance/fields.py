"""What is held about people: a closed catalogue of fields; what no field names is dropped at the door. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from governance.vocabulary import Text

SPECIAL_CATEGORIES = (
    "user.biometric",
    "user.authorization.biometric",
    "user.demographic.political_opinion",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.health_and_medical",
)
"""Fideslang keys of Article 9(1) GDPR; a key includes everything below it."""

NEVER_IN_PRICES = (
    "user.childrens",
    "user.contact",
    "user.financial",
    "user.location",
    "user.name",
    "user.payment",
    "user.social",
    *SPECIAL_CATEGORIES,
)
"""Fideslang keys no price may rest on: names, addresses, social networks, payments, minors, Article 9 (S6, PRC-4)."""


class FieldType(StrEnum):
    """How a field's values look."""

    TEXT = "text"
    CATEGORY = "category"
    INTEGER = "integer"
    MONEY = "money"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"
    ACTIVITIES = "activities"
    ACTIVITY_CATEGORY = "activity_category"


class Family(StrEnum):
    """Families of criteria by which customers are segmented."""

    GEOGRAPHIC = "geographic"
    FIRMOGRAPHIC = "firmographic"
    TECHNOGRAPHIC = "technographic"
    BEHAVIOURAL = "behavioural"
    VALUE = "value"
    NEEDS = "needs"
    PSYCHOGRAPHIC = "psychographic"
    """Motives and attitudes: only with explicit consent."""
    JOURNEY = "journey"
    BUYING_CENTRE = "buying_centre"


ACTIVITY_TYPES = frozenset({FieldType.ACTIVITIES, FieldType.ACTIVITY_CATEGORY})
"""Fields that stand for rows of activity, not for one value of a profile."""


@dataclass(frozen=True)
class Field:
    """One field of the catalogue."""

    key: str
    label: Text
    type: FieldType
    unit: str | None
    """ISO 4217 currency of money, else a word such as `employees`; None where there is none."""
    category: str
    """Fideslang key of the data category."""
    special: bool
    """Special category of personal data (Article 9(1) GDPR)."""
    quasi_identifier: bool
    """Tells people apart together with others: outputs generalise it or count it for k."""
    mutable: bool
    """The person's own doing can change it: more orders, another contract."""
    suggestable: bool
    """An explanation may advise changing it; never what is immutable or protected."""
    staleness: str | None
    """A value older than this ISO 8601 duration counts as missing (PRI-4); None: it does not age."""
    window: str | None
    """Activities older than this ISO 8601 duration are never looked at (PRI-5); only, and always, for activities."""
    purposes: frozenset[str]
    """Purposes it may be used for."""
    levels: tuple[str, ...]
    """Allowed values of a category, in order; empty: any."""
    family: Family | None = None
    """Heading under which people find it; None: other."""


def falls_under(category: str, keys: tuple[str, ...]) -> bool:
    """Whether a Fideslang category is one of the keys or lies below one."""
    return any(category == key or category.startswith(f"{key}.") for key in keys)
