"""A calibrated logistic regression: how likely something happens within the horizon, cut into groups; pure.

What a feature contributes is a product of a stored weight and the distance from the average person, added feature by
feature in fixed order; a missing cell contributes nothing. Platt's two numbers turn the sum into log-odds that hold out
of time. The exponential may differ in its last bit between processors, so the probability is rounded to 1e-9 before it
is compared with a cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Text
from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.kmeans import transformed
from segmentation.methods.scores import Scores
from segmentation.record import NO_SEGMENT, STRENGTH_ONE
from segmentation.settings.forecast import Outcome
from segmentation.settings.shared import Transform

SEGMENT_NOW, STRENGTH_NOW = ":segment", ":strength"
"""Keys of where the other scheme puts somebody now and how clearly; no key of a definition has a colon."""


@dataclass(frozen=True)
class Term:
    """What one feature adds to the log-odds before calibration."""

    feature: str
    mean: float
    """Of the people it was learned from, after the transform."""
    scale: float
    weight: float
    """Per scale; 0 for a category."""
    usual: float
    """The mean before the transform, to tell people; 0 for a category."""
    points: tuple[float, ...] = ()
    """Of a category: what each level adds, against the average person."""


@dataclass(frozen=True)
class ForecastMethod:
    """Terms in fixed order, the log-odds of the average person, Platt's calibration, and the cuts."""

    of: Outcome
    horizon: int
    """Days."""
    active: str | None
    """Whoever has nothing to measure of this feature has left already and is not forecast."""
    told: Text | None
    """Of moving: the label of the scheme."""
    transform: Transform
    terms: tuple[Term, ...]
    bias: float
    slope: float
    offset: float
    cuts: tuple[int, ...]
    """Probabilities in 1e-9, ascending."""
    otherwise: int | None
    other: str | None = None
    """Of moving: the document of the model whose segments count."""

    @property
    def features(self) -> tuple[str, ...]:
        """The keys of the terms."""
        return tuple(term.feature for term in self.terms)

    @property
    def average(self) -> float:
        """Calibrated log-odds of somebody with average values."""
        return self.slope * self.bias + self.offset

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        return {
            "of": self.of.value,
            "horizon": self.horizon,
            "active": self.active,
            "told": None if self.told is None else {"de": self.told.de, "en": self.told.en},
            "transform": self.transform.value,
            "terms": [_term_to_json(term) for term in self.terms],
            "bias": self.bias.hex(),
            "slope": self.slope.hex(),
            "offset": self.offset.hex(),
            "cuts": list(self.cuts),
            "otherwise": self.otherwise,
            "other": self.other,
        }


def _term_to_json(term: Term) -> dict[str, Any]:
    numbers = {name: getattr(term, name).hex() for name in ("mean", "scale", "weight", "usual")}
    return {"feature": term.feature, **numbers, "points": [point.hex() for point in term.points]}


def forecast_from_json(value: dict[str, Any]) -> ForecastMethod:
    """The inverse of `ForecastMethod.to_json`."""
    told = value["told"]
    return ForecastMethod(
        of=Outcome(value["of"]),
        horizon=int(value["horizon"]),
        active=value["active"],
        told=None if told is None else Text(told["de"], told["en"]),
        transform=Transform(value["transform"]),
        terms=tuple(_term_from_json(term) for term in value["terms"]),
        bias=float.fromhex(value["bias"]),
        slope=float.fromhex(value["slope"]),
        offset=float.fromhex(value["offset"]),
        cuts=tuple(int(cut) for cut in value["cuts"]),
        otherwise=value["otherwise"],
        other=value["other"],
    )


def _term_from_json(value: dict[str, Any]) -> Term:
    mean, scale, weight, usual = (float.fromhex(value[name]) for name in ("mean", "scale", "weight", "usual"))
    return Term(value["feature"], mean, scale, weight, usual, tuple(float.fromhex(p) for p in value["points"]))


def usable_of(feature: Feature, numbers: Floats, there: Bools) -> Bools:
    """Where a feature has a value that the model can know; another category than the listed ones is missing."""
    if feature.quantity is Quantity.LEVEL:
        there = there & (numbers < len(feature.levels))
    usable: Bools = there & np.isfinite(numbers)
    return usable


def parts_of(method: ForecastMethod, features: Sequence[Feature], values: Values) -> Floats:
    """What each term adds to the calibrated log-odds of the average person, (terms, people)."""
    index = {feature.key: row for row, feature in enumerate(features)}
    parts = np.zeros((len(method.terms), values.numbers.shape[1]))
    for row, term in enumerate(method.terms):
        place = index[term.feature]
        usable = usable_of(features[place], values.numbers[place], values.usable[place])
        own = np.where(usable, values.numbers[place], 0.0)
        if term.points:
            raw = np.array(term.points)[own.astype(np.int64)]
        else:
            raw = (transformed(own, method.transform) - term.mean) / term.scale * term.weight
        parts[row] = np.where(usable, raw, 0.0) * method.slope
    return parts


def log_odds(method: ForecastMethod, features: Sequence[Feature], values: Values) -> Floats:
    """Calibrated log-odds, added term by term."""
    total = np.full(values.numbers.shape[1], method.average)
    for part in parts_of(method, features, values):
        np.add(total, part, out=total)
    return total


def probability(logs: Floats) -> NDArray[np.int64]:
    """The probability behind log-odds, in 1e-9."""
    with np.errstate(over="ignore"):
        return np.rint(STRENGTH_ONE / (1.0 + np.exp(-logs))).astype(np.int64)


def forecastable(method: ForecastMethod, features: Sequence[Feature], values: Values) -> tuple[Bools, Bools]:
    """Who is assessed, and of those who is forecast: enough is known, and whoever could leave is still there."""
    index = {feature.key: row for row, feature in enumerate(features)}
    rows = [index[key] for key in method.features]
    assessed: Bools = 2 * values.known[rows].sum(axis=0) >= len(rows)
    if method.active is None:
        return assessed, assessed
    row = index[method.active]
    assessed = assessed & values.known[row]
    return assessed, assessed & ~values.none[row]


def score_forecast(method: ForecastMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The group of the probability; strength is how far the nearest cut is away.

    A probability on a cut reaches it. Who ordered nothing in the window cannot leave any more: the other group,
    or none.
    """
    found = probability(log_odds(method, features, values))
    segment = np.zeros(found.shape, dtype=np.int16)
    margin = np.full(found.shape, STRENGTH_ONE, dtype=np.int64)
    for cut in method.cuts:
        segment += found >= cut
        margin = np.minimum(margin, np.abs(found - cut))
    assessed, there = forecastable(method, features, values)
    nothing = NO_SEGMENT if method.otherwise is None else method.otherwise
    chosen = np.where(assessed, np.where(there, segment, nothing), NO_SEGMENT).astype(np.int16)
    strength = np.where(there, margin, STRENGTH_ONE)
    return Scores(chosen, np.where(chosen >= 0, strength, 0).astype(np.int64), assessed)
