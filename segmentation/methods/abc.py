"""ABC: which class of a total somebody belongs to, along one to three amounts; pure.

Class A are those who together carry the first share of the total (80 % by default, Pareto), B the next, C the rest.
Cut points are values of the fitting sample: whoever has at least a cut point's value is in its class, so equal values
always get the same class. Nothing in the window, zero and negative amounts are in the last class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Values
from segmentation.inputs import Feature
from segmentation.methods.scores import Scores, certain


@dataclass(frozen=True)
class AbcMethod:
    """Feature keys and, for each, the lowest value of every class but the last, descending."""

    features: tuple[str, ...]
    cuts: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...]
    """Cumulated shares at which the classes end, to say what a class means."""

    @property
    def classes(self) -> int:
        """How many classes along one feature."""
        return len(self.shares) + 1

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        return {
            "features": list(self.features),
            "cuts": [[cut.hex() for cut in axis] for axis in self.cuts],
            "shares": [share.hex() for share in self.shares],
        }


def abc_from_json(value: dict[str, Any]) -> AbcMethod:
    """The inverse of `AbcMethod.to_json`."""
    return AbcMethod(
        tuple(value["features"]),
        tuple(tuple(float.fromhex(cut) for cut in axis) for axis in value["cuts"]),
        tuple(float.fromhex(share) for share in value["shares"]),
    )


def classes_of(method: AbcMethod, features: Sequence[Feature], values: Values) -> NDArray[np.int16]:
    """The class along each feature, (features, people): 0 is A."""
    index = {feature.key: position for position, feature in enumerate(features)}
    found = np.zeros((len(method.features), values.numbers.shape[1]), dtype=np.int16)
    for axis, key in enumerate(method.features):
        numbers = values.numbers[index[key]]
        for cut in method.cuts[axis]:
            found[axis] += ~(numbers >= cut)
        last = ~values.usable[index[key]] | (numbers <= 0)
        found[axis][last] = method.classes - 1
    return found


def score_abc(method: AbcMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The combination of classes; every amount must be known, none at all is known, too."""
    index = {feature.key: position for position, feature in enumerate(features)}
    segment = np.zeros(values.numbers.shape[1], dtype=np.int16)
    for axis in classes_of(method, features, values):
        segment = (segment * method.classes + axis).astype(np.int16)
    assessed = values.half_known & values.known[[index[key] for key in method.features]].all(axis=0)
    return certain(segment, assessed)
