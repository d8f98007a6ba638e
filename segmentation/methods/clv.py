"""Customer lifetime value: BG/NBD for how many orders come, Gamma-Gamma for how large they are; pure.

Sources: P. Fader, B. Hardie, K. L. Lee, "Counting your customers the easy way" (2005), and P. Fader, B. Hardie, "The
Gamma-Gamma model of monetary value" (2013). Time is in days, money in minor units. x is the number of orders after
the first, t_x the time from the first to the last, T the time from the first to today.

Expected orders need Gauss's hypergeometric function, which numpy lacks: scipy.special computes it element by element,
and every result is rounded to whole units before anything is compared. BG/NBD lets nobody leave before a second order:
whoever ordered once has probability 1 of ordering again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.scores import Scores
from segmentation.record import NO_SEGMENT, STRENGTH_ONE

LARGEST_VALUE = 1e18
LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class ClvMethod:
    """Parameters of both models, how the future is discounted, and the cut points of the discounted value."""

    features: tuple[str, str, str, str]
    """Keys of count, days since the last order, days since the first order, mean order value."""
    orders: tuple[float, float, float, float]
    """r, alpha (days), a, b of BG/NBD."""
    amounts: tuple[float, float, float]
    """p, q, v (minor units) of Gamma-Gamma over all orders of the window, the first one too."""
    times: tuple[float, ...]
    """Days ahead at which expected orders are computed; the last is the horizon."""
    weights: tuple[float, ...]
    """The discounted number of orders is the sum of weight times expected orders until each of `times`."""
    cuts: tuple[int, ...]
    """Descending discounted values; whoever reaches one stands above it."""
    alive: int
    """Probability in 1e-9 below which somebody goes to the last group; 0 for no such group."""
    typical: tuple[float, float, float, float]
    """Medians of the four features in the fitting sample, to compare with."""
    otherwise: int | None
    """Whoever has no order in the window."""

    @property
    def asleep(self) -> int | None:
        """The number of the group for those who will probably not order again."""
        return len(self.cuts) + 1 if self.alive else None

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        floats = ("orders", "amounts", "times", "weights", "typical")
        return {
            "features": list(self.features),
            **{name: [number.hex() for number in getattr(self, name)] for name in floats},
            "cuts": list(self.cuts),
            "alive": self.alive,
            "otherwise": self.otherwise,
        }


def clv_from_json(value: dict[str, Any]) -> ClvMethod:
    """The inverse of `ClvMethod.to_json`."""

    def floats(name: str) -> tuple[float, ...]:
        return tuple(float.fromhex(number) for number in value[name])

    count, recency, tenure, amount = value["features"]
    r, alpha, a, b = floats("orders")
    p, q, v = floats("amounts")
    orders, since, known_for, mean = floats("typical")
    return ClvMethod(
        (count, recency, tenure, amount),
        (r, alpha, a, b),
        (p, q, v),
        floats("times"),
        floats("weights"),
        tuple(int(cut) for cut in value["cuts"]),
        int(value["alive"]),
        (orders, since, known_for, mean),
        value["otherwise"],
    )


@dataclass(frozen=True)
class Estimates:
    """What the two models expect of people, rounded; 0 for whoever has no order."""

    ordered: Bools
    """Who has an order in the window and all that is needed."""
    orders: NDArray[np.int64]
    """Expected orders until the horizon, in 1e-9."""
    alive: NDArray[np.int64]
    """Probability of ordering again, in 1e-9."""
    average: NDArray[np.int64]
    """Expected order value, in minor units."""
    value: NDArray[np.int64]
    """Discounted value of the orders until the horizon, in minor units."""


def probability_alive(orders: Sequence[float], x: Floats, t_x: Floats, age: Floats) -> Floats:
    """The probability that somebody will order again, by BG/NBD; *age* is T, in the unit of alpha.

    In logarithms: the odds of a person with a thousand orders do not fit a float.
    """
    r, alpha, a, b = orders
    again = np.maximum(x, 1.0)
    odds = np.log(a / (b + again - 1.0)) + (r + again) * (np.log(alpha + age) - np.log(alpha + t_x))
    return np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, LARGEST_EXPONENT))), 1.0)


def expected_orders(orders: Sequence[float], x: Floats, age: Floats, ahead: float | Floats) -> Floats:
    """Expected orders within *ahead*, given that the person is alive (Fader, Hardie, Lee 2005, equation 10).

    The published form overflows from some hundred orders on. Two of Pfaff's transformations move x out of the
    function's first two arguments, which keeps eight digits for any number of orders.
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = orders
    step = ahead / (alpha + age)
    series = hyp2f1(a + b - 1.0 - r, a - 1.0, a + b + x - 1.0, step / (1.0 + step))
    left: Floats = np.exp((1.0 - a) * np.log1p(step)) * series
    return (a + b + x - 1.0) / (a - 1.0) * (1.0 - left)


def expected_average(amounts: Sequence[float], count: Floats, mean: Floats) -> Floats:
    """Expected order value given *count* orders of that mean, by Gamma-Gamma; 0 where the mean is not positive.

    The model has no zero and no negative amounts: whoever brought nothing so far is expected to bring nothing.
    """
    p, q, v = amounts
    return np.where(mean > 0, p * (v + count * mean) / (p * count + q - 1.0), 0.0)


@dataclass(frozen=True)
class Outlook:
    """What is expected of people before it is rounded; money in minor units."""

    orders: Floats
    alive: Floats
    average: Floats
    value: Floats


def outlook(method: ClvMethod, count: Floats, since: Floats, tenure: Floats, mean: Floats) -> Outlook:
    """Both models for people with at least one order; all arrays have one number per person."""
    x, age = count - 1.0, np.maximum(tenure, 0.0)
    total, ahead = np.zeros(count.shape), np.zeros(count.shape)
    for days, weight in zip(method.times, method.weights, strict=True):
        ahead = expected_orders(method.orders, x, age, days)
        total += weight * ahead
    alive = probability_alive(method.orders, x, np.clip(age - since, 0.0, age), age)
    average = expected_average(method.amounts, count, mean)
    return Outlook(ahead * alive, alive, average, total * alive * average)


def estimate(method: ClvMethod, features: Sequence[Feature], values: Values) -> Estimates:
    """What both models expect of each person."""
    index = {feature.key: row for row, feature in enumerate(features)}
    rows = [index[key] for key in method.features]
    count, since, tenure, mean = (values.numbers[row] for row in rows)
    ordered = values.known[rows].all(axis=0) & values.usable[rows[:3]].all(axis=0) & (count >= 1)
    ordered &= np.isfinite(count) & np.isfinite(since) & np.isfinite(tenure) & np.isfinite(mean)
    count, since, tenure = (np.where(ordered, row, rest) for row, rest in ((count, 1.0), (since, 0.0), (tenure, 0.0)))
    mean = np.where(ordered & values.usable[rows[3]], mean, 0.0)
    exact = outlook(method, count, since, tenure, mean)
    return Estimates(
        ordered,
        _whole(exact.orders * STRENGTH_ONE, ordered),
        _whole(exact.alive * STRENGTH_ONE, ordered),
        _whole(exact.average, ordered),
        _whole(exact.value, ordered),
    )


def _whole(numbers: Floats, ordered: Bools) -> NDArray[np.int64]:
    return np.where(ordered, np.rint(np.clip(numbers, 0.0, LARGEST_VALUE)), 0.0).astype(np.int64)


def score_clv(method: ClvMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The group of the discounted value; strength is how far, as a share, the nearest limit is away.

    A value on a cut point reaches it. Whoever ordered nothing in the window has no value to estimate: the other
    group, or none. All four inputs must be known.
    """
    index = {feature.key: row for row, feature in enumerate(features)}
    assessed = values.half_known & values.known[[index[key] for key in method.features]].all(axis=0)
    found = estimate(method, features, values)
    segment = np.zeros(found.value.shape, dtype=np.int16)
    margin = np.ones(found.value.shape)
    for cut in method.cuts:
        segment += found.value < cut
        margin = np.minimum(margin, _apart(found.value, cut))
    if method.asleep is not None:
        gone = found.alive < method.alive
        apart = _apart(found.alive, method.alive)
        segment = np.where(gone, method.asleep, segment).astype(np.int16)
        margin = np.where(gone, apart, np.minimum(margin, apart))
    nothing = NO_SEGMENT if method.otherwise is None else method.otherwise
    segment = np.where(found.ordered, segment, nothing).astype(np.int16)
    chosen = np.where(assessed, segment, NO_SEGMENT).astype(np.int16)
    strength = np.rint(np.where(found.ordered, margin, 1.0) * STRENGTH_ONE).astype(np.int64)
    return Scores(chosen, np.where(chosen >= 0, strength, 0).astype(np.int64), assessed)


def _apart(numbers: NDArray[np.int64], limit: int) -> Floats:
    """The distance to a positive limit as a share of the larger of both."""
    return np.abs(numbers - limit) / np.maximum(numbers, limit)
