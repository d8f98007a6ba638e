"""Components from features by stored loadings: PCA, MCA and FAMD projected by our own arithmetic; pure.

Each component is a sum over the features in declared order: a number times its loading, or the coordinate of a
category. Nothing is multiplied as a matrix, so that one person and a million give the same bits. What is missing is
left out: of numbers by the loadings that are present (as in NIPALS), of categories as passive ones (Greenacre 2006);
a category that the fit did not know counts as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity


@dataclass(frozen=True)
class NumberPart:
    """A number's standard form and its loading on each component."""

    mean: float
    scale: float
    loadings: tuple[float, ...]


@dataclass(frozen=True)
class LevelPart:
    """Coordinates of each level on each component; None for a level that the fit did not see."""

    coordinates: tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True)
class Reduction:
    """How components are computed. `weights` is what each feature counts when others are missing, per component."""

    kind: str
    components: int
    parts: tuple[NumberPart | LevelPart, ...]
    weights: tuple[tuple[float, ...], ...]
    """(features, components); they sum to 1 over the features."""
    inertias: tuple[float, ...]
    """Share of the variation that each component carries."""

    def to_json(self) -> dict[str, Any]:
        """As the model stores it; floats as hexadecimal text."""
        return {
            "kind": self.kind,
            "components": self.components,
            "parts": [_part_to_json(part) for part in self.parts],
            "weights": [[weight.hex() for weight in row] for row in self.weights],
            "inertias": [inertia.hex() for inertia in self.inertias],
        }


def reduction_from_json(value: dict[str, Any]) -> Reduction:
    """The inverse of `Reduction.to_json`."""
    return Reduction(
        value["kind"],
        value["components"],
        tuple(_part_from_json(part) for part in value["parts"]),
        tuple(tuple(float.fromhex(weight) for weight in row) for row in value["weights"]),
        tuple(float.fromhex(inertia) for inertia in value["inertias"]),
    )


def _part_to_json(part: NumberPart | LevelPart) -> dict[str, Any]:
    if isinstance(part, NumberPart):
        loadings = [loading.hex() for loading in part.loadings]
        return {"mean": part.mean.hex(), "scale": part.scale.hex(), "loadings": loadings}
    return {"levels": [None if row is None else [value.hex() for value in row] for row in part.coordinates]}


def _part_from_json(value: dict[str, Any]) -> NumberPart | LevelPart:
    if "levels" in value:
        rows = (None if row is None else tuple(float.fromhex(each) for each in row) for row in value["levels"])
        return LevelPart(tuple(rows))
    loadings = tuple(float.fromhex(loading) for loading in value["loadings"])
    return NumberPart(float.fromhex(value["mean"]), float.fromhex(value["scale"]), loadings)


def known_to(reduction: Reduction, features: Sequence[Feature], values: Values) -> Bools:
    """Where there is a value that the components know, (features, people)."""
    known = values.usable.copy()
    for row, (part, feature) in enumerate(zip(reduction.parts, features, strict=True)):
        if isinstance(part, LevelPart) and feature.quantity is Quantity.LEVEL:
            seen = np.array([row is not None for row in part.coordinates] + [False])
            known[row] &= seen[np.minimum(values.numbers[row].astype(np.int64), len(part.coordinates))]
    return known


def contributions(reduction: Reduction, values: Values, known: Bools, component: int) -> Floats:
    """What each feature adds to a component where nothing is missing, (features, people); 0 where it is."""
    added = np.zeros(known.shape)
    for row, part in enumerate(reduction.parts):
        if isinstance(part, NumberPart):
            plain = (values.numbers[row] - part.mean) / part.scale * part.loadings[component]
        else:
            table = np.array([0.0 if each is None else each[component] for each in part.coordinates] + [0.0])
            plain = table[np.minimum(values.numbers[row].astype(np.int64), len(part.coordinates))]
        added[row] = np.where(known[row], plain, 0.0)
    return added


def components_of(reduction: Reduction, features: Sequence[Feature], values: Values) -> Values:
    """The components as if they were features, (components, people).

    Args:
        features: those of the reduction, in its order, as *values* holds them.
    """
    known = known_to(reduction, features, values)
    people = known.shape[1]
    numbers = np.zeros((reduction.components, people))
    for component in range(reduction.components):
        total, weight = np.zeros(people), np.zeros(people)
        for row, added in enumerate(contributions(reduction, values, known, component)):
            np.add(total, added, out=total)
            np.add(weight, np.where(known[row], reduction.weights[row][component], 0.0), out=weight)
        numbers[component] = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), 0.0)
    enough = 2 * known.sum(axis=0) >= len(known)
    present = np.broadcast_to(enough, numbers.shape)
    return Values(np.where(present, numbers, 0.0), present.copy(), np.zeros(numbers.shape, dtype=bool))
