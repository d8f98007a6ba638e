"""Fitting BG/NBD and Gamma-Gamma by maximum likelihood; apart from the scoring, which only uses the parameters.

Sources as in `clv`. Parameters are searched as logarithms within bounds, from several starts drawn by a seed. Starts
compete on a part of the people; the best one is then refined on all. Each bound says where a parameter no longer
changes what is expected of anybody; how many lie on one is told with the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import NothingToFit
from segmentation.facts import Floats
from segmentation.methods.clv import ClvMethod, expected_orders, outlook
from segmentation.record import STRENGTH_ONE
from segmentation.settings.clv import ClvSettings

PART = 10_000
"""Starts compete on so many people."""
FEWEST_REPEATERS = 20
YEAR = 365.2425
GAP = 1e-6
"""`a` and one stay this far apart: there the formula of expected orders divides zero by zero."""
ORDER_BOUNDS = ((1e-3, 100.0), (1e-6, 1e3), (1e-3, 100.0), (1e-3, 100.0))
AMOUNT_BOUNDS = ((1e-2, 1e3), (1.01, 1e3), (1e-4, 1e4))
"""q above one: otherwise the average order of a new customer is infinite."""
NODES = 4

LogLikelihood = Callable[[Sequence[float], Floats], Floats]
"""Of each row (columns of *rows*) under the parameters."""


@dataclass(frozen=True)
class Fitted:
    """Parameters, their log-likelihood, how many starts came to it and how many parameters lie on a bound."""

    parameters: tuple[float, ...]
    log_likelihood: float
    agreeing: int
    at_bound: int


def fit_clv(settings: ClvSettings, rows: Floats, otherwise: int | None) -> tuple[ClvMethod, dict[str, int | str]]:
    """Both models and the cut points from complete cases.

    Args:
        rows: (4, people) in the order of `settings.features`, each with at least one order.
        otherwise: number of the segment for whoever has no order.

    Raises:
        NothingToFit: too few people ordered twice.
    """
    count, since, tenure, mean = rows[:, rows[0] >= 1]
    x, t_x = count - 1.0, np.clip(tenure - since, 0.0, tenure)
    if (x > 0).sum() < FEWEST_REPEATERS:
        raise NothingToFit(int((x > 0).sum()), FEWEST_REPEATERS)
    orders = fit_orders(x, t_x, tenure, seed=settings.seed, starts=settings.starts)
    paid = mean > 0
    if paid.sum() < FEWEST_REPEATERS:
        raise NothingToFit(int(paid.sum()), FEWEST_REPEATERS)
    amounts = fit_amounts(count[paid], mean[paid], seed=settings.seed, starts=settings.starts)
    method = _method(settings, orders, amounts, (count, since, tenure, mean), otherwise)
    return method, _told(settings, orders, amounts, (count, x, tenure, mean))


def fit_orders(x: Floats, t_x: Floats, age: Floats, *, seed: int = 0, starts: int = 5) -> Fitted:
    """r, alpha, a, b of BG/NBD; alpha and the log-likelihood are in the unit of *t_x* and *age* (T)."""
    rows, people = _distinct(np.stack([x, t_x, age]))
    unit = float(age.mean()) or 1.0
    scaled = np.stack([rows[0], rows[1] / unit, rows[2] / unit])
    found = _search(order_likelihood, scaled, people, ORDER_BOUNDS, seed=seed, starts=starts)
    r, alpha, a, b = found.parameters
    a = a if abs(a - 1.0) >= GAP else 1.0 + GAP
    shift = float(x.sum()) * math.log(unit)
    return Fitted((r, alpha * unit, a, b), found.log_likelihood - shift, found.agreeing, found.at_bound)


def fit_amounts(count: Floats, mean: Floats, *, seed: int = 0, starts: int = 5) -> Fitted:
    """p, q, v of Gamma-Gamma; v and the log-likelihood are in the unit of *mean*, which must be positive."""
    rows, people = _distinct(np.stack([count, mean]))
    unit = float(mean.mean())
    scaled = np.stack([rows[0], rows[1] / unit])
    found = _search(amount_likelihood, scaled, people, AMOUNT_BOUNDS, seed=seed, starts=starts)
    p, q, v = found.parameters
    shift = len(count) * math.log(unit)
    return Fitted((p, q, v * unit), found.log_likelihood - shift, found.agreeing, found.at_bound)


def order_likelihood(parameters: Sequence[float], rows: Floats) -> Floats:
    """Log-likelihood of x, t_x and T (rows) under BG/NBD, each person (Fader, Hardie, Lee 2005, equation 6)."""
    from scipy.special import gammaln

    r, alpha, a, b = parameters
    x, t_x, age = rows
    again = np.maximum(x, 1.0)
    common = gammaln(r + x) - gammaln(r) + r * math.log(alpha)
    common += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + age)
    left = np.log(a / (b + again - 1.0)) - (r + x) * np.log(alpha + t_x)
    total: Floats = common + np.where(x > 0, np.logaddexp(stayed, left), stayed)
    return total


def amount_likelihood(parameters: Sequence[float], rows: Floats) -> Floats:
    """Log-likelihood of the mean of a number of orders (rows) under Gamma-Gamma (Fader, Hardie 2013, equation 1a)."""
    from scipy.special import gammaln

    p, q, v = parameters
    count, mean = rows
    total: Floats = gammaln(p * count + q) - gammaln(p * count) - gammaln(q) + q * math.log(v)
    total += (p * count - 1.0) * np.log(mean) + p * count * np.log(count)
    total -= (p * count + q) * np.log(v + count * mean)
    return total


def _distinct(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Each row once, and how many people have it."""
    found, people = np.unique(rows, axis=1, return_counts=True)
    return found, people.astype(np.int64)


def _search(
    likelihood: LogLikelihood,
    rows: Floats,
    people: NDArray[np.int64],
    bounds: Sequence[tuple[float, float]],
    *,
    seed: int,
    starts: int,
) -> Fitted:
    """The best of several starts on a part of the rows, refined on all of them."""
    random = np.random.default_rng(seed)
    part = random.choice(rows.shape[1], PART, replace=False) if rows.shape[1] > PART else np.arange(rows.shape[1])
    limits = np.log(np.array(bounds))
    points = [np.clip(np.zeros(len(bounds)), limits[:, 0], limits[:, 1])]
    points += [np.clip(random.normal(0.0, 1.0, len(bounds)), *limits.T) for _ in range(starts - 1)]
    ends = [_climb(likelihood, rows[:, part], people[part], limits, point) for point in points]
    best = max(value for _, value in ends)
    agreeing = sum(value >= best - 1e-5 * abs(best) for _, value in ends)
    logs, mean = _climb(likelihood, rows, people, limits, next(end for end, value in ends if value == best))
    at_bound = int(((logs - limits[:, 0] < 1e-3) | (limits[:, 1] - logs < 1e-3)).sum())
    return Fitted(tuple(np.exp(logs).tolist()), mean * int(people.sum()), agreeing, at_bound)


def _climb(
    likelihood: LogLikelihood, rows: Floats, people: NDArray[np.int64], limits: Floats, point: Floats
) -> tuple[Floats, float]:
    """From one start to its top: logarithms of the parameters and the mean log-likelihood."""
    from scipy.optimize import minimize

    total = float(people.sum())

    def below(logs: Floats) -> float:
        return -float((likelihood(np.exp(logs).tolist(), rows) * people).sum()) / total

    bounds = [(low, high) for low, high in limits.tolist()]
    end = minimize(
        below,
        point,
        method="L-BFGS-B",
        jac="3-point",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
    )
    return np.asarray(end.x, dtype=np.float64), -float(end.fun)


def discounting(days: int, rate: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Days ahead and weights whose sum over expected orders is the discounted number of orders.

    The integral of exp(−δ t) dE(t), by parts: exp(−δ H) E(H) + δ ∫ exp(−δ t) E(t) dt, the last by Gauss and Legendre,
    with δ = ln(1 + rate) a year. E is smooth: four points keep eight digits for a year.
    """
    force = math.log1p(rate) / YEAR
    if not force:
        return (float(days),), (1.0,)
    nodes, parts = np.polynomial.legendre.leggauss(NODES)
    times = [days * (node + 1.0) / 2.0 for node in nodes.tolist()] + [float(days)]
    weights = [force * days / 2.0 * part * math.exp(-force * t) for part, t in zip(parts.tolist(), times, strict=False)]
    return tuple(times), (*weights, math.exp(-force * days))


def _method(
    settings: ClvSettings, orders: Fitted, amounts: Fitted, rows: tuple[Floats, ...], otherwise: int | None
) -> ClvMethod:
    r, alpha, a, b = orders.parameters
    p, q, v = amounts.parameters
    times, weights = discounting(settings.horizon_days, settings.discount)
    count, since, tenure, mean = (float(np.median(row)) for row in rows)
    alive = round(settings.alive * STRENGTH_ONE)
    method = ClvMethod(
        settings.features,
        (r, alpha, a, b),
        (p, q, v),
        times,
        weights,
        settings.amounts,
        alive,
        (count, since, tenure, mean),
        otherwise,
    )
    return method if settings.amounts else _cut(method, settings.shares, rows)


def _cut(method: ClvMethod, shares: Sequence[float], rows: tuple[Floats, ...]) -> ClvMethod:
    """The method with cut points so that each share of the people reaches its own; at least one minor unit."""
    values = np.sort(np.rint(outlook(method, *rows).value))[::-1]
    places = [max(math.ceil(share * len(values) - 1e-9), 1) - 1 for share in shares]
    return replace(method, cuts=tuple(max(int(values[place]), 1) for place in places))


def _told(settings: ClvSettings, orders: Fitted, amounts: Fitted, rows: tuple[Floats, ...]) -> dict[str, int | str]:
    count, x, tenure, mean = rows
    paid = mean > 0
    people, start = len(count), np.zeros(len(count))
    expected = float(expected_orders(orders.parameters, start, start, tenure).sum())
    apart = float(np.corrcoef(count[paid], mean[paid])[0, 1]) if np.ptp(count[paid]) and np.ptp(mean[paid]) else 0.0
    return {
        "repeaters": int((x > 0).sum()),
        "log_likelihood_orders": _decimal(orders.log_likelihood),
        "bic_orders": _decimal(4 * math.log(people) - 2 * orders.log_likelihood),
        "log_likelihood_amounts": _decimal(amounts.log_likelihood),
        "bic_amounts": _decimal(3 * math.log(int(paid.sum())) - 2 * amounts.log_likelihood),
        "repeat_orders_expected_to_seen": _decimal(expected / float(x.sum())),
        "count_value_correlation": _decimal(apart),
        "without_value": int((~paid).sum()),
        "starts": settings.starts,
        "starts_agreeing": min(orders.agreeing, amounts.agreeing),
        "at_bound": orders.at_bound + amounts.at_bound,
        "horizon_days": settings.horizon_days,
        "discount": _decimal(settings.discount),
    }


def _decimal(value: float) -> str:
    return f"{value:.6f}"
