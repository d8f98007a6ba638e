"""What a check of prices says, as values; pure, so that gates, pages and tests need no statistics to read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

UNKNOWN = "unknown"
"""Group of the people whose value is missing: counted and shown, never part of a verdict."""
OTHER_GROUPS = "other groups"
"""Where groups below the minimum size are pooled."""


class Verdict(StrEnum):
    """What a check found; only the first one lets a price become active."""

    WITHIN_LIMITS = "within_limits"
    DISPARITY = "disparity"
    NOT_ENOUGH_DATA = "not_enough_data"
    NOT_ASSESSABLE = "not_assessable"


SEVERITY = (Verdict.WITHIN_LIMITS, Verdict.NOT_ENOUGH_DATA, Verdict.NOT_ASSESSABLE, Verdict.DISPARITY)


@dataclass(frozen=True)
class Limits:
    """What counts as too much, declared before the check and stored with it.

    Each group is compared with everybody else whose value is known.
    """

    price_ratio: float
    """Largest ratio of mean prices, above 1; its inverse is the lower bound."""
    price_difference: int | None = None
    """Largest difference of mean prices, in minor units of the currency."""
    discount_difference: float | None = None
    """Largest difference between shares of people with any discount, 0 to 1."""
    minimum_group: int = 100
    """Groups below this size get no estimate of their own."""


@dataclass(frozen=True)
class Comparison:
    """One measure of one group against everybody else with a known value."""

    measure: str
    estimate: float
    low: float
    high: float
    limit: float
    beyond: bool
    """The estimate lies beyond the limit."""
    clear: bool
    """The range excludes equality."""


@dataclass(frozen=True)
class Group:
    """One group of an attribute; *size* is None below the minimum cell."""

    value: str
    size: int | None
    mean_price: float | None
    discount_rate: float | None
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class AttributeReport:
    """What one protected attribute shows."""

    attribute: str
    verdict: Verdict
    groups: tuple[Group, ...]
    pooled: int
    """How many groups were pooled into "other groups"."""
    coverage: float
    """Share of the priced people whose value is known, rounded to whole per cent."""
    exact: bool
    """False: sizes are rounded down to tens, because an exact sum would betray a group below the minimum cell."""


@dataclass(frozen=True)
class DisparityReport:
    """A whole check; everything needed to run it again lies in it."""

    verdict: Verdict
    attributes: tuple[AttributeReport, ...]
    limits: Limits
    prices: tuple[int, ...]
    full_price: int
    minimum_cell: int
    seed: int
    draws: int
    alpha: float

    def to_json(self) -> dict[str, Any]:
        """The report as plain values, for storing and for the faces."""
        return asdict(self)
