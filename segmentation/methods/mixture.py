"""Gaussian mixture: the likeliest of stored groups, each with a middle and a shape; pure.

A person with missing inputs is scored by the marginal likelihood of those that are there: the group's middle and
covariance of just these features. The likelihood is computed by triangular elimination written out in additions,
multiplications, divisions and square roots, feature by feature, so that one person and a million give the same bits;
logarithm and exponential come last, and memberships are rounded before they are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.kmeans import own_values
from segmentation.methods.posterior import assigned, posterior, rounded
from segmentation.methods.reduction import Reduction, components_of, reduction_from_json
from segmentation.methods.scores import Scores
from segmentation.settings.shared import Transform

LOG_TWO_PI = math.log(2.0 * math.pi)
Triangle = tuple[tuple[float, ...], ...]
"""Row i of a symmetric or lower triangular matrix up to its diagonal: i + 1 numbers."""


@dataclass(frozen=True)
class MixtureMethod:
    """Feature keys, transform, means and scales to standardise by, and the groups in standard units.

    With a reduction, all but `features` and `transform` are those of its components. Segment numbers are positions.
    """

    features: tuple[str, ...]
    transform: Transform
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    """Share of each group in the fitting sample."""
    middles: tuple[tuple[float, ...], ...]
    covariances: tuple[Triangle, ...]
    reduction: Reduction | None = None

    def ordered(self, order: Sequence[int]) -> MixtureMethod:
        """The same groups in another order: number i becomes what was order[i]."""
        return replace(
            self,
            weights=tuple(self.weights[number] for number in order),
            middles=tuple(self.middles[number] for number in order),
            covariances=tuple(self.covariances[number] for number in order),
        )

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        extra = {} if self.reduction is None else {"reduction": self.reduction.to_json()}
        return extra | {
            "features": list(self.features),
            "transform": self.transform.value,
            "means": _hex(self.means),
            "scales": _hex(self.scales),
            "weights": _hex(self.weights),
            "middles": [_hex(middle) for middle in self.middles],
            "covariances": [[_hex(row) for row in covariance] for covariance in self.covariances],
        }


def _hex(numbers: Sequence[float]) -> list[str]:
    return [number.hex() for number in numbers]


def _floats(texts: Sequence[str]) -> tuple[float, ...]:
    return tuple(float.fromhex(text) for text in texts)


def mixture_from_json(value: dict[str, Any]) -> MixtureMethod:
    """The inverse of `MixtureMethod.to_json`."""
    return MixtureMethod(
        features=tuple(value["features"]),
        transform=Transform(value["transform"]),
        means=_floats(value["means"]),
        scales=_floats(value["scales"]),
        weights=_floats(value["weights"]),
        middles=tuple(_floats(middle) for middle in value["middles"]),
        covariances=tuple(tuple(_floats(row) for row in covariance) for covariance in value["covariances"]),
        reduction=reduction_from_json(value["reduction"]) if "reduction" in value else None,
    )


def standard_values(method: MixtureMethod, features: Sequence[Feature], values: Values) -> Values:
    """The method's own features or components in its own order, in standard units; what is not finite is missing."""
    index = {feature.key: row for row, feature in enumerate(features)}
    rows = [index[key] for key in method.features]
    own = own_values(features, values, rows, method.transform)
    if method.reduction is not None:
        own = components_of(method.reduction, [features[row] for row in rows], own)
    usable = own.usable & np.isfinite(own.numbers)
    numbers = np.zeros(usable.shape)
    for row, plain in enumerate(own.numbers):
        numbers[row] = (np.where(usable[row], plain, method.means[row]) - method.means[row]) / method.scales[row]
    return Values(numbers, usable, np.zeros(usable.shape, dtype=bool))


def triangle_of(covariance: Triangle, rows: Sequence[int]) -> Triangle:
    """Cholesky's lower triangle of the covariance of some features, in the order of *rows*, which ascends."""
    found: list[tuple[float, ...]] = []
    for i, row in enumerate(rows):
        line: list[float] = []
        for j in range(i):
            rest = covariance[row][rows[j]]
            for inner in range(j):
                rest -= line[inner] * found[j][inner]
            line.append(rest / found[j][j])
        rest = covariance[row][row]
        for part in line:
            rest -= part * part
        found.append((*line, math.sqrt(rest)))
    return tuple(found)


def solved(triangle: Triangle, gaps: Floats) -> Floats:
    """Forward elimination: what the lower triangle multiplies to *gaps*, (features, people)."""
    found = np.empty(gaps.shape)
    for i, line in enumerate(triangle):
        rest = gaps[i].copy()
        for j, factor in enumerate(line[:-1]):
            if factor:
                rest -= factor * found[j]
        np.divide(rest, line[-1], out=found[i])
    return found


def log_joint(method: MixtureMethod, numbers: Floats, known: Bools) -> Floats:
    """Logarithm of each group's share times its density of what is known, (groups, people); in standard units."""
    logs = np.zeros((len(method.weights), numbers.shape[1]))
    for rows, people in _patterns(known):
        part = numbers[np.array(rows, dtype=np.int64)][:, people]
        for group, (weight, middle) in enumerate(zip(method.weights, method.middles, strict=True)):
            triangle = triangle_of(method.covariances[group], rows)
            constant = math.log(weight) - 0.5 * len(rows) * LOG_TWO_PI
            for line in triangle:
                constant -= math.log(line[-1])
            far = np.zeros(len(people))
            for line in solved(triangle, part - np.array([[middle[row]] for row in rows]).reshape(-1, 1)):
                far += line * line
            logs[group, people] = constant - 0.5 * far
    return logs


def _patterns(known: Bools) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Which features are known together, and the positions of those of whom just these are."""
    if known.all():
        yield list(range(len(known))), np.arange(known.shape[1])
        return
    bits, inverse = np.unique(np.packbits(known, axis=0), axis=1, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    ends = np.searchsorted(inverse.ravel()[order], np.arange(bits.shape[1]), side="right").tolist()
    for start, stop in zip([0, *ends], ends, strict=False):
        people = order[start:stop]
        yield np.flatnonzero(known[:, people[0]]).tolist(), people


def memberships_mixture(method: MixtureMethod, features: Sequence[Feature], values: Values) -> NDArray[np.int64]:
    """How likely each person is in each group, (groups, people), in 1e-9; the shares where nothing is known."""
    standard = standard_values(method, features, values)
    return rounded(posterior(log_joint(method, standard.numbers, standard.known)))


def score_mixture(method: MixtureMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The likeliest group; strength is by how much it is likelier than the next one."""
    standard = standard_values(method, features, values)
    return assigned(posterior(log_joint(method, standard.numbers, standard.known)), standard.half_known)
