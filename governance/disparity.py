"""Measure who pays more on average: on counts alone, never on rows or people (Articles 5(1)(c) and 9 GDPR, § 22 AGG).

What comes in is how many people of each attribute value stand at each price level; what goes out are groups of at
least the minimum cell. A small group is pooled and named, never dropped. Estimates are Fairlearn's on weighted cells,
equal to the same metrics on rows; ranges come from resampling the cells and hold for all groups of a check together.
The same counts, limits and seed give the same report (FAIR-6). A measured difference is a disparity, no more and no
less: this module never calls anything fair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.disparity_report import (
    OTHER_GROUPS,
    SEVERITY,
    UNKNOWN,
    AttributeReport,
    Comparison,
    DisparityReport,
    Group,
    Limits,
    Verdict,
)

DRAWS = 1_000
ALPHA = 0.05
ESTIMATE_TOLERANCE = 1e-12

Floats = NDArray[np.float64]
Counts = Mapping[tuple[str | None, int], int]
"""How many people have (attribute value or None, index of the price level)."""


@dataclass(frozen=True)
class _Table:
    """Counts of one attribute as a matrix: groups × price levels."""

    values: tuple[str, ...]
    counts: NDArray[np.int64]
    pooled: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class _Prices:
    levels: tuple[int, ...]
    full: int

    @property
    def discounted(self) -> NDArray[np.bool_]:
        return np.asarray(self.levels) < self.full


def measure_disparity(
    counts: Mapping[str, Counts | None],
    *,
    prices: Sequence[int],
    full_price: int,
    limits: Limits,
    minimum_cell: int,
    seed: int,
    draws: int = DRAWS,
    alpha: float = ALPHA,
) -> DisparityReport:
    """Compare mean price and discount rate between the groups of each attribute.

    Args:
        counts: per attribute to check, people by (value, price level index); None where no data may be used.
        prices: price of each level in minor units.
        full_price: the price without any discount, in minor units.
        limits: declared before this call.
        minimum_cell: no group below this size is shown (10 by default of the controller).
        seed: of the resampling.
        draws: number of resamples.
        alpha: share of checks without any disparity that may be flagged, over all attributes and groups together.
    """
    price = _Prices(tuple(prices), full_price)
    share = alpha / max(1, sum(1 for table in counts.values() if table))
    reports = tuple(
        _measure_attribute(
            name, table, price, limits, minimum_cell, np.random.default_rng([seed, position]), draws, share
        )
        if table
        else AttributeReport(name, Verdict.NOT_ASSESSABLE, (), 0, 0.0, exact=True)
        for position, (name, table) in enumerate(sorted(counts.items()))
    )
    verdict = max((r.verdict for r in reports), key=SEVERITY.index, default=Verdict.NOT_ASSESSABLE)
    return DisparityReport(verdict, reports, limits, price.levels, full_price, minimum_cell, seed, draws, alpha)


def group_estimates(
    values: Sequence[str], prices: Sequence[int], discounted: Sequence[bool], weights: Sequence[int]
) -> dict[str, tuple[float, float]]:
    """Mean price and discount rate of each group by Fairlearn, from cells with their counts as sample weights."""
    from fairlearn.metrics import MetricFrame, mean_prediction, selection_rate

    weight = {"sample_weight": np.asarray(weights, dtype=np.float64)}
    frames = [
        MetricFrame(metrics=metric, y_true=column, y_pred=column, sensitive_features=list(values), sample_params=weight)
        for metric, column in (
            (mean_prediction, np.asarray(prices, dtype=np.float64)),
            (_discount_rate(selection_rate), np.asarray(discounted, dtype=np.int64)),
        )
    ]
    mean, rate = (frame.by_group.to_dict() for frame in frames)
    return {value: (float(mean[value]), float(rate[value])) for value in mean}


def _discount_rate(selection_rate: Any) -> Any:
    def discount_rate(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
        return float(selection_rate(y_true, y_pred, pos_label=1, sample_weight=sample_weight))

    return discount_rate


def _measure_attribute(
    name: str,
    counts: Counts,
    prices: _Prices,
    limits: Limits,
    minimum_cell: int,
    random: np.random.Generator,
    draws: int,
    alpha: float,
) -> AttributeReport:
    table = _pool(counts, len(prices.levels), max(limits.minimum_group, minimum_cell))
    sizes = table.sizes
    known = [i for i, value in enumerate(table.values) if value != UNKNOWN]
    assessed = [i for i in known if sizes[i] >= max(limits.minimum_group, minimum_cell)]
    comparisons: dict[int, tuple[Comparison, ...]] = {}
    if len(assessed) >= 2:
        comparisons = _compare(
            table.counts[known], [known.index(i) for i in assessed], prices, limits, random, draws, alpha
        )
        comparisons = {assessed[k]: found for k, found in comparisons.items()}
    exact = bool(np.all((sizes == 0) | (sizes >= minimum_cell)))
    groups = _groups(table, prices, comparisons, minimum_cell, set(assessed), exact)
    covered = float(sizes[known].sum()) / float(max(1, sizes.sum()))
    return AttributeReport(name, _verdict(comparisons), groups, table.pooled, round(covered, 2), exact)


def _pool(counts: Counts, levels: int, minimum: int) -> _Table:
    """A row per value with at least *minimum* people, one of the rest, one of the unknown; empty rows go."""
    rows: dict[str, NDArray[np.int64]] = {}
    for (value, level), count in counts.items():
        row = rows.setdefault(
            UNKNOWN if value is None or not value.strip() else value, np.zeros(levels, dtype=np.int64)
        )
        row[level] += count
    small = [value for value, row in rows.items() if value != UNKNOWN and row.sum() < minimum]
    result = {value: rows[value] for value in sorted(rows) if value not in small and value != UNKNOWN}
    if small:
        result[OTHER_GROUPS] = np.sum([rows[value] for value in small], axis=0)
    if UNKNOWN in rows:
        result[UNKNOWN] = rows[UNKNOWN]
    result = {value: row for value, row in result.items() if row.sum() > 0}
    matrix = np.array(list(result.values()), dtype=np.int64).reshape(len(result), levels)
    return _Table(tuple(result), matrix, len(small))


def _groups(
    table: _Table,
    prices: _Prices,
    comparisons: Mapping[int, tuple[Comparison, ...]],
    minimum_cell: int,
    assessed: set[int],
    exact: bool,
) -> tuple[Group, ...]:
    """What may be shown: below the minimum cell nothing but the name, below the minimum group no estimate."""
    rows, levels = np.nonzero(table.counts)
    estimates = group_estimates(
        [table.values[row] for row in rows],
        [prices.levels[level] for level in levels],
        [bool(prices.discounted[level]) for level in levels],
        [int(table.counts[row, level]) for row, level in zip(rows, levels, strict=True)],
    )
    groups = []
    for position, (value, size) in enumerate(zip(table.values, table.sizes.tolist(), strict=True)):
        if size < minimum_cell:
            groups.append(Group(value, None, None, None))
            continue
        shown = position in assessed or value == UNKNOWN
        mean, rate = estimates[value] if shown else (None, None)
        groups.append(Group(value, size if exact else size // 10 * 10, mean, rate, comparisons.get(position, ())))
    return tuple(groups)


def _compare(
    counts: NDArray[np.int64],
    assessed: Sequence[int],
    prices: _Prices,
    limits: Limits,
    random: np.random.Generator,
    draws: int,
    alpha: float,
) -> dict[int, tuple[Comparison, ...]]:
    """Each assessed row against all other rows, with ranges that hold for all of them at once.

    The half width of every range is the same quantile of the largest standardised deviation in a resample, so that
    many groups do not make a chance finding likelier.
    """
    total = int(counts.sum())
    drawn = random.multinomial(total, (counts / total).ravel(), size=draws).reshape(draws, *counts.shape)
    estimate = _differences(counts[np.newaxis], prices, limits)[:, 0][:, assessed]
    resampled = _differences(drawn, prices, limits)[:, :, assessed]
    error = np.nanstd(resampled, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.nan_to_num(np.abs(resampled - estimate[:, np.newaxis]) / error[:, np.newaxis], posinf=0.0)
    half = float(np.quantile(deviation.max(axis=(0, 2)), 1 - alpha)) * error
    measures = _measures(limits)
    return {
        position: tuple(
            _comparison(name, limit, float(estimate[m, position]), float(half[m, position]))
            for m, (name, limit) in enumerate(measures)
        )
        for position in range(len(assessed))
    }


def _measures(limits: Limits) -> list[tuple[str, float]]:
    """The measures that have a limit, in the order of `_differences`."""
    measures = [("price_ratio", limits.price_ratio)]
    if limits.price_difference is not None:
        measures.append(("price_difference", float(limits.price_difference)))
    if limits.discount_difference is not None:
        measures.append(("discount_difference", limits.discount_difference))
    return measures


def _differences(counts: NDArray[np.int64], prices: _Prices, limits: Limits) -> Floats:
    """Per measure × draw × group: zero means equal to all others; the ratio as its logarithm."""
    size = counts.sum(axis=2, dtype=np.float64)
    money = counts @ np.asarray(prices.levels, dtype=np.float64)
    reduced = counts @ prices.discounted.astype(np.float64)
    others = [column.sum(axis=1, keepdims=True) - column for column in (size, money, reduced)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, rest = money / size, others[1] / others[0]
        found = [np.log(mean / rest)]
        if limits.price_difference is not None:
            found.append(mean - rest)
        if limits.discount_difference is not None:
            found.append(reduced / size - others[2] / others[0])
    return np.stack(found)


def _comparison(measure: str, limit: float, estimate: float, half: float) -> Comparison:
    """The comparison in the measure's own units, judged against its limit."""
    ratio = measure == "price_ratio"
    bound = math.log(limit) if ratio else limit
    value, low, high = (math.exp(x) if ratio else x for x in (estimate, estimate - half, estimate + half))
    beyond = abs(estimate) > bound + ESTIMATE_TOLERANCE
    clear = abs(estimate) > half + ESTIMATE_TOLERANCE
    return Comparison(measure, value, low, high, limit, beyond, clear)


def _verdict(comparisons: Mapping[int, tuple[Comparison, ...]]) -> Verdict:
    """Disparity where an estimate is beyond its limit and its range excludes equality; in doubt, not enough data."""
    beyond = [c for group in comparisons.values() for c in group if c.beyond]
    if any(c.clear for c in beyond):
        return Verdict.DISPARITY
    if beyond or not comparisons:
        return Verdict.NOT_ENOUGH_DATA
    return Verdict.WITHIN_LIMITS
