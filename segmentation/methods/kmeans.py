"""k-means: the nearest stored centroid, in standardised features; pure, fitting stands in `kmeans_fit`.

Somebody with missing inputs is scored by the mean squared distance over those that are there, which changes no
order of a complete person's distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.definition_kinds import Transform
from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.scores import TIE, Scores
from segmentation.record import NO_SEGMENT, STRENGTH_ONE


@dataclass(frozen=True)
class KMeansMethod:
    """Feature keys, transform, means, scales and centroids (in standardised units); segment numbers are rows."""

    features: tuple[str, ...]
    transform: Transform
    means: tuple[float, ...]
    scales: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    keep_below: float

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        return {
            "features": list(self.features),
            "transform": self.transform.value,
            "means": [mean.hex() for mean in self.means],
            "scales": [scale.hex() for scale in self.scales],
            "centroids": [[value.hex() for value in centroid] for centroid in self.centroids],
            "keep_below": self.keep_below.hex(),
        }


def kmeans_from_json(value: dict[str, Any]) -> KMeansMethod:
    """The inverse of `KMeansMethod.to_json`."""
    return KMeansMethod(
        features=tuple(value["features"]),
        transform=Transform(value["transform"]),
        means=tuple(float.fromhex(mean) for mean in value["means"]),
        scales=tuple(float.fromhex(scale) for scale in value["scales"]),
        centroids=tuple(tuple(float.fromhex(part) for part in centroid) for centroid in value["centroids"]),
        keep_below=float.fromhex(value["keep_below"]),
    )


def transformed(numbers: Floats, transform: Transform) -> Floats:
    """The values before scaling."""
    return numbers if transform is Transform.NONE else np.copysign(np.sqrt(np.abs(numbers)), numbers)


def standardised(method: KMeansMethod, features: Sequence[Feature], values: Values) -> Values:
    """The method's own features in its own order, in standard units; 0 where there is no number."""
    index = {feature.key: position for position, feature in enumerate(features)}
    rows = [index[key] for key in method.features]
    usable = values.usable[rows]
    numbers = np.zeros(usable.shape)
    for row, source in enumerate(rows):
        plain = transformed(values.numbers[source], method.transform)
        numbers[row] = np.where(usable[row], (plain - method.means[row]) / method.scales[row], 0.0)
    return Values(numbers, usable, np.zeros(usable.shape, dtype=bool))


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
