"""From recorded facts to feature values, element by element in fixed order; pure numpy.

The same operations run on a million people and on one, on any processor, to the same bits: only additions,
subtractions, multiplications, divisions, square roots and comparisons, never a matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.inputs import Feature, Measure, Part, Quantity

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DAY_PARTS = (Part.DAY, Part.LAST_DAY, Part.FIRST_DAY)


@dataclass(frozen=True)
class Facts:
    """Facts of people, slot by slot: both arrays are (slots, people). A present NaN means: known to be none."""

    values: Floats
    present: Bools

    @property
    def people(self) -> int:
        """How many people."""
        return int(self.values.shape[1])

    def take(self, start: int, stop: int) -> Facts:
        """Those at these positions."""
        return Facts(self.values[:, start:stop], self.present[:, start:stop])


@dataclass(frozen=True)
class Values:
    """Feature values of people, feature by feature: all arrays are (features, people).

    `known` is False where something was withheld, stale or never told. `none` is True where it is known that there
    was nothing to measure, such as no order in the window. `numbers` is 0 where not known or none.
    """

    numbers: Floats
    known: Bools
    none: Bools

    @property
    def usable(self) -> Bools:
        """Where there is a number."""
        return self.known & ~self.none

    @property
    def half_known(self) -> Bools:
        """People of whom at least half the features are known."""
        enough: Bools = 2 * self.known.sum(axis=0) >= len(self.known)
        return enough


def facts_of_one(values: Sequence[float], present: Sequence[bool]) -> Facts:
    """The facts of a single person, as a record holds them."""
    return Facts(
        np.array(values, dtype=np.float64).reshape(len(values), 1), np.array(present, dtype=bool).reshape(-1, 1)
    )


def values_of(features: Sequence[Feature], facts: Facts, *, today: int) -> Values:
    """Feature values on the day *today* (number since 1970-01-01)."""
    numbers = np.zeros((len(features), facts.people))
    known = np.zeros(numbers.shape, dtype=bool)
    none = np.zeros(numbers.shape, dtype=bool)
    slot = 0
    for index, feature in enumerate(features):
        width = len(feature.parts)
        parts, present = facts.values[slot : slot + width], facts.present[slot : slot + width]
        slot += width
        known[index] = present.all(axis=0)
        value, empty = _value(feature, parts, today)
        none[index] = empty & known[index]
        numbers[index] = np.where(known[index] & ~none[index], value, 0.0)
    return Values(numbers, known, none)


def _value(feature: Feature, parts: Floats, today: int) -> tuple[Floats, Bools]:
    if feature.parts[0] in DAY_PARTS:
        return today - parts[0], np.isnan(parts[0])
    if len(parts) == 1:
        return parts[0], np.isnan(parts[0])
    return _ratio(parts[0], parts[1])


def _ratio(above: Floats, below: Floats) -> tuple[Floats, Bools]:
    """A mean or share; nothing to measure where the denominator is not positive."""
    empty = ~(below > 0)
    return above / np.where(empty, 1.0, below), empty


def level_name(feature: Feature, value: float) -> str | None:
    """The word behind a category's number; None for any other value."""
    position = int(value)
    return feature.levels[position] if feature.quantity is Quantity.LEVEL and position < len(feature.levels) else None


def is_activity(feature: Feature) -> bool:
    """Whether the feature is measured of activities."""
    return isinstance(feature.measure, Measure)
