"""Recency, frequency, monetary value: three scores by stored cut points, then a table of segments; pure.

Cut points are values of the fitting sample, stored as thresholds. Equal values always get the same score: a value on
a cut point stands on its lower side. Score 0 is for those with nothing in the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.scores import Scores, certain, first_match
from segmentation.settings.rfm import RfmSettings, ScoreRanges

AXES = ("recency", "frequency", "monetary")


@dataclass(frozen=True)
class RfmMethod:
    """Feature keys and ascending cut points of the three axes, and the score ranges of each segment in order."""

    features: tuple[str, str, str]
    cuts: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    ranges: tuple[ScoreRanges, ...]
    otherwise: int | None

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; cut points as hexadecimal floats."""
        return {
            "features": list(self.features),
            "cuts": [[cut.hex() for cut in axis] for axis in self.cuts],
            "ranges": [[list(ranges.recency), list(ranges.frequency), list(ranges.monetary)] for ranges in self.ranges],
            "otherwise": self.otherwise,
        }


def rfm_from_json(value: dict[str, Any]) -> RfmMethod:
    """The inverse of `RfmMethod.to_json`."""
    first, second, third = (tuple(float.fromhex(cut) for cut in axis) for axis in value["cuts"])
    recency, frequency, monetary = value["features"]
    ranges = tuple(ScoreRanges(*((low, high) for low, high in axes)) for axes in value["ranges"])
    return RfmMethod((recency, frequency, monetary), (first, second, third), ranges, value["otherwise"])


def fit_rfm(settings: RfmSettings, ranges: Sequence[ScoreRanges], otherwise: int | None, rows: Floats) -> RfmMethod:
    """Cut points at equal shares of the sample; *rows* is (3, people), complete, in the order of the axes."""
    shares = [number / settings.cuts for number in range(1, settings.cuts)]
    cuts = [tuple(np.quantile(axis, shares, method="inverted_cdf").astype(float).tolist()) for axis in rows]
    return RfmMethod(
        (settings.recency, settings.frequency, settings.monetary),
        (cuts[0], cuts[1], cuts[2]),
        tuple(ranges),
        otherwise,
    )


def scores_of(method: RfmMethod, features: Sequence[Feature], values: Values) -> NDArray[np.int16]:
    """The three scores per person, (3, people): 1 lowest, the number of classes best, 0 nothing in the window."""
    index = {feature.key: position for position, feature in enumerate(features)}
    scores = np.zeros((3, values.numbers.shape[1]), dtype=np.int16)
    for axis, key in enumerate(method.features):
        numbers = values.numbers[index[key]]
        above = np.zeros(numbers.shape, dtype=np.int16)
        for cut in method.cuts[axis]:
            above += numbers > cut
        classes = len(method.cuts[axis]) + 1
        score = classes - above if axis == 0 else above + 1
        scores[axis] = np.where(values.usable[index[key]], score, 0)
    return scores


def score_rfm(method: RfmMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The first segment whose ranges hold all three scores; all three inputs must be known."""
    scores = scores_of(method, features, values)
    matches = np.ones((len(method.ranges), scores.shape[1]), dtype=bool)
    for number, ranges in enumerate(method.ranges):
        for axis, (low, high) in enumerate((ranges.recency, ranges.frequency, ranges.monetary)):
            matches[number] &= (scores[axis] >= low) & (scores[axis] <= high)
    index = {feature.key: position for position, feature in enumerate(features)}
    assessed = values.half_known & values.known[[index[key] for key in method.features]].all(axis=0)
    scored = certain(first_match(matches, method.otherwise), assessed)
    return Scores(scored.segment, scored.strength, scored.assessed)
