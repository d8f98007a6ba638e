"""The nearest stored centroid, in standardised features or in components: k-means and Ward; pure.

Somebody with missing inputs is scored by the mean squared distance over those that are there, which changes no
order of a complete person's distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.reduction import Reduction, components_of, reduction_from_json
from segmentation.methods.scores import TIE, Scores
from segmentation.record import NO_SEGMENT, STRENGTH_ONE
from segmentation.settings.shared import Transform


@dataclass(frozen=True)
class KMeansMethod:
    """Feature keys, transform, means, scales and centroids (in standardised units); segment numbers are rows.

    With a reduction, means, scales and centroids are those of its components. `heights` are the last merges of a
    hierarchy, from the last one down, as distances; empty for k-means.
    """

    features: tuple[str, ...]
    transform: Transform
    means: tuple[float, ...]
    scales: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    reduction: Reduction | None = None
    heights: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        extra: dict[str, Any] = {} if self.reduction is None else {"reduction": self.reduction.to_json()}
        if self.heights:
            extra["heights"] = [height.hex() for height in self.heights]
        return extra | {
            "features": list(self.features),
            "transform": self.transform.value,
            "means": [mean.hex() for mean in self.means],
            "scales": [scale.hex() for scale in self.scales],
            "centroids": [[value.hex() for value in centroid] for centroid in self.centroids],
        }


def kmeans_from_json(value: dict[str, Any]) -> KMeansMethod:
    """The inverse of `KMeansMethod.to_json`."""
    return KMeansMethod(
        features=tuple(value["features"]),
        transform=Transform(value["transform"]),
        means=tuple(float.fromhex(mean) for mean in value["means"]),
        scales=tuple(float.fromhex(scale) for scale in value["scales"]),
        centroids=tuple(tuple(float.fromhex(part) for part in centroid) for centroid in value["centroids"]),
        reduction=reduction_from_json(value["reduction"]) if "reduction" in value else None,
        heights=tuple(float.fromhex(height) for height in value.get("heights", ())),
    )


def transformed(numbers: Floats, transform: Transform) -> Floats:
    """The values before scaling."""
    return numbers if transform is Transform.NONE else np.copysign(np.sqrt(np.abs(numbers)), numbers)


def standardised(method: KMeansMethod, features: Sequence[Feature], values: Values) -> Values:
    """The method's own features or components in its own order, in standard units; 0 where there is no number."""
    own = plain_values(method, features, values)
    usable = own.usable
    numbers = np.zeros(usable.shape)
    for row, plain in enumerate(own.numbers):
        numbers[row] = np.where(usable[row], (plain - method.means[row]) / method.scales[row], 0.0)
    return Values(numbers, usable, np.zeros(usable.shape, dtype=bool))


def plain_values(method: KMeansMethod, features: Sequence[Feature], values: Values) -> Values:
    """The method's own features after their transform, or its components, before scaling."""
    index = {feature.key: position for position, feature in enumerate(features)}
    rows = [index[key] for key in method.features]
    own = own_values(features, values, rows, method.transform)
    if method.reduction is None:
        return own
    return components_of(method.reduction, [features[row] for row in rows], own)


def own_values(features: Sequence[Feature], values: Values, rows: Sequence[int], transform: Transform) -> Values:
    """Some features in another order, numbers transformed, categories as they are."""
    numbers = np.zeros((len(rows), values.numbers.shape[1]))
    for row, source in enumerate(rows):
        plain = values.numbers[source]
        numbers[row] = plain if features[source].quantity is Quantity.LEVEL else transformed(plain, transform)
    return Values(numbers, values.known[rows], values.none[rows])


def squared_distances(method: KMeansMethod, numbers: Floats, known: Bools) -> Floats:
    """Mean squared distance per present feature to each centroid, (segments, people), added in feature order."""
    people = numbers.shape[1]
    gaps = [None if row.all() else ~row for row in known]
    present = np.maximum(known.sum(axis=0), 1).astype(np.float64)
    distances = np.zeros((len(method.centroids), people))
    step = np.empty(people)
    for number, centroid in enumerate(method.centroids):
        total = distances[number]
        for row, middle in enumerate(centroid):
            np.subtract(numbers[row], middle, out=step)
            np.multiply(step, step, out=step)
            gap = gaps[row]
            if gap is not None:
                step[gap] = 0.0
            np.add(total, step, out=total)
        np.divide(total, present, out=total)
    return distances


def score_kmeans(method: KMeansMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The nearest centroid; strength is by which share the next one is farther away."""
    standard = standardised(method, features, values)
    distances = np.sqrt(squared_distances(method, standard.numbers, standard.known))
    nearest = distances.min(axis=0)
    chosen = (nearest >= distances * (1.0 - TIE)).argmax(axis=0)
    people = np.arange(distances.shape[1])
    own = distances[chosen, people]
    distances[chosen, people] = np.inf
    second = distances.min(axis=0)
    margin = np.where(second > 0, (second - own) / np.where(second > 0, second, 1.0), 0.0)
    assessed = standard.half_known
    strength = np.where(assessed, np.rint(np.maximum(margin, 0.0) * STRENGTH_ONE), 0).astype(np.int64)
    return Scores(np.where(assessed, chosen, NO_SEGMENT).astype(np.int16), strength, assessed)
