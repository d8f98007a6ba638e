"""Fitting a forecast: logistic regression on one past day, calibrated and judged on a later one; apart from scoring.

Whoever calibrates does not judge: of the later day's people one half, drawn by a seed, gives Platt's two numbers (Platt
1999, with his smoothed targets), the other half the evaluation. What is stored is what was judged; nothing is fitted
again afterwards. No figure of the evaluation rests on fewer people than the minimum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Text
from segmentation.errors import OneOutcomeOnly, TooLittleHistory
from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.forecast import STRENGTH_NOW, ForecastMethod, Term, log_odds, usable_of
from segmentation.methods.kmeans import transformed
from segmentation.record import STRENGTH_ONE
from segmentation.settings.forecast import ForecastSettings
from segmentation.settings.shared import Transform

FEWEST = 10
"""Of either outcome, wherever something is learned or judged; the scheme's minimum size where that is larger."""
KNOWN_OF = 0.2
"""A feature that is known of a smaller share of those to learn from is left out."""
BINS = 10
LARGEST_ODDS = 30.0


@dataclass(frozen=True)
class Past:
    """People on a past day, what was known of them then, and to whom it happened within the horizon."""

    values: Values
    """(features, people)."""
    happened: Bools
    half: Bools
    """One of two halves, drawn by a seed."""

    def part(self, chosen: Bools) -> Past:
        """Some of them."""
        v = self.values
        values = Values(v.numbers[:, chosen], v.known[:, chosen], v.none[:, chosen])
        return Past(values, self.happened[chosen], self.half[chosen])

    def rows(self, rows: Sequence[int]) -> Past:
        """Some of the features."""
        v = self.values
        return replace(self, values=Values(v.numbers[rows], v.known[rows], v.none[rows]))


def fit_forecast(
    settings: ForecastSettings,
    features: Sequence[Feature],
    days: tuple[Past, Past],
    *,
    horizon: int,
    other: tuple[Text, str] | None = None,
    otherwise: int | None = None,
    minimum: int = FEWEST,
) -> tuple[ForecastMethod, dict[str, int | str]]:
    """The forecast learned on the earlier of two past days and calibrated on the later, and how well it foretold.

    Args:
        features: of the people, in the order of their values.
        days: people two horizons ago and one horizon ago, each with what happened within the horizon after it.
        horizon: in days.
        other: label of the scheme whose segments count, and the document of its model.
        minimum: no figure of the evaluation rests on fewer people.

    Raises:
        TooLittleHistory: too few people whose features were known on the past days.
        OneOutcomeOnly: it happened to nearly everybody, or to nearly nobody.
    """
    least = max(FEWEST, minimum)
    rows = _known_then(features, days[0])
    if not rows:
        raise TooLittleHistory(0, 2 * least)
    kept = [features[row] for row in rows]
    learn, check = (_half_known(day.rows(rows)) for day in days)
    calibrate, judge = check.part(check.half), check.part(~check.half)
    for people in (learn, calibrate, judge):
        _both_outcomes(people.happened, least)
    blank = ForecastMethod(
        settings.of, horizon, settings.active, other[0] if other else None, settings.transform, (), 0.0, 1.0, 0.0,
        tuple(round(cut * STRENGTH_ONE) for cut in settings.cuts), otherwise, other[1] if other else None,
    )  # fmt: skip
    raw = fit_terms(settings, kept, learn, blank)
    slope, offset = platt(log_odds(raw, kept, calibrate.values), calibrate.happened)
    method = replace(raw, slope=slope, offset=offset)
    missing = [f.key for row, f in enumerate(features) if row not in rows and f.key != STRENGTH_NOW]
    fit: dict[str, int | str] = {
        "people_learned": len(learn.happened),
        "people_calibrated": len(calibrate.happened),
        "base_rate_learned": f"{learn.happened.mean():.6f}",
        "platt_slope": f"{slope:.6f}",
        "platt_offset": f"{offset:.6f}",
        "left_out": ", ".join(missing),
    }
    logs = log_odds(method, kept, judge.values)
    return method, fit | judged(logs, judge.happened, float(calibrate.happened.mean()), least)


def fit_terms(
    settings: ForecastSettings, features: Sequence[Feature], learn: Past, blank: ForecastMethod
) -> ForecastMethod:
    """Logistic regression on standardised inputs with a squared penalty; a missing cell counts as the average."""
    from sklearn.linear_model import LogisticRegression

    designs = [_design(feature, learn.values, row, settings.transform) for row, feature in enumerate(features)]
    columns = [column for design in designs for column in design.columns]
    fitted = LogisticRegression(C=1.0 / settings.penalty, max_iter=1_000, tol=1e-6)
    fitted.fit(np.stack(columns, axis=1), learn.happened)
    weights = iter(fitted.coef_[0].tolist())
    terms = tuple(design.weighed([next(weights) for _ in design.columns]) for design in designs)
    return replace(blank, terms=terms, bias=float(fitted.intercept_[0]))


def _known_then(features: Sequence[Feature], day: Past) -> list[int]:
    """Features that were known of enough people on the day to learn from, and not the same of all of them."""
    v = day.values
    there = [usable_of(feature, v.numbers[row], v.usable[row]) for row, feature in enumerate(features)]
    return [
        row
        for row, known in enumerate(there)
        if len(known) and known.mean() >= KNOWN_OF and np.ptp(v.numbers[row][known]) > 0
    ]


def _half_known(day: Past) -> Past:
    return day.part(day.values.half_known)


def _both_outcomes(happened: Bools, least: int) -> None:
    people, yes = len(happened), int(happened.sum())
    if people < 2 * least:
        raise TooLittleHistory(people, 2 * least)
    if min(yes, people - yes) < least:
        raise OneOutcomeOnly(least)


@dataclass(frozen=True)
class _Design:
    """The standardised columns of one feature, one of a number and one for each level of a category."""

    term: Term
    columns: tuple[Floats, ...]
    levels: tuple[tuple[float, float], ...] = ()
    """Mean and scale of each level's column."""

    def weighed(self, weights: Sequence[float]) -> Term:
        """The term with what its columns weigh; of a category, what each level adds in all."""
        if not self.levels:
            return replace(self.term, weight=weights[0])
        points = []
        for level in range(len(self.levels)):
            pairs = enumerate(zip(weights, self.levels, strict=True))
            points.append(sum(weight * ((level == own) - mean) / scale for own, (weight, (mean, scale)) in pairs))
        return replace(self.term, points=tuple(points))


def _design(feature: Feature, values: Values, row: int, transform: Transform) -> _Design:
    there = usable_of(feature, values.numbers[row], values.usable[row])
    plain = np.where(there, values.numbers[row], 0.0)
    if feature.quantity is Quantity.LEVEL:
        hits = [plain[there] == level for level in range(len(feature.levels))]
        levels = tuple((float(hit.mean()), _spread(hit)) for hit in hits)
        columns = tuple(
            np.where(there, ((plain == level) - mean) / scale, 0.0) for level, (mean, scale) in enumerate(levels)
        )
        return _Design(Term(feature.key, 0.0, 1.0, 0.0, 0.0), columns, levels)
    own = transformed(plain, transform)
    mean, scale = float(own[there].mean()), _spread(own[there])
    term = Term(feature.key, mean, scale, 0.0, float(plain[there].mean()))
    return _Design(term, (np.where(there, (own - mean) / scale, 0.0),))


def _spread(numbers: Floats | Bools) -> float:
    spread = float(numbers.std())
    return spread if spread > 0 else 1.0


def platt(logs: Floats, happened: Bools) -> tuple[float, float]:
    """Slope and offset that turn log-odds into calibrated ones (Platt 1999), with his targets short of 0 and 1.

    A slope below 0 would say that the forecast was the wrong way round a horizon later. Then it knows nothing: slope 0,
    everybody gets the base rate.
    """
    from sklearn.linear_model import LogisticRegression

    yes, no = int(happened.sum()), int((~happened).sum())
    target = np.where(happened, (yes + 1) / (yes + 2), 1 / (no + 2))
    center, scale = float(logs.mean()), _spread(logs)
    column = np.concatenate([logs, logs])[:, None]
    fitted = LogisticRegression(C=1e8, max_iter=1_000, tol=1e-9)
    answers = np.repeat([True, False], len(logs))
    fitted.fit((column - center) / scale, answers, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(fitted.coef_[0, 0]) / scale
    if slope <= 0:
        return 0.0, math.log(yes / no)
    return slope, float(fitted.intercept_[0]) - slope * center


def judged(logs: Floats, happened: Bools, base: float, least: int) -> dict[str, int | str]:
    """How well calibrated log-odds foretold what happened, beside a forecast that tells everybody the base rate.

    Args:
        base: the rate that was known before; the forecast to beat.
        least: fewest people of a bin of the calibration table.
    """
    clipped = np.clip(logs, -LARGEST_ODDS, LARGEST_ODDS)
    told = 1.0 / (1.0 + np.exp(-clipped))
    flat = np.full(len(told), base)
    figures = {
        "base_rate": float(happened.mean()),
        "auc": auc(clipped, happened),
        "brier": _brier(told, happened),
        "log_loss": _log_loss(told, happened),
        "base_brier": _brier(flat, happened),
        "base_log_loss": _log_loss(flat, happened),
        "calibration_slope": _slope(clipped, happened),
    }
    fit: dict[str, int | str] = {"people_judged": len(happened)}
    fit |= {name: f"{figure:.6f}" for name, figure in figures.items()}
    for number, chosen in enumerate(bins(told, least), 1):
        fit[f"bin{number}_people"] = int(chosen.sum())
        fit[f"bin{number}_from"] = f"{told[chosen].min():.6f}"
        fit[f"bin{number}_to"] = f"{told[chosen].max():.6f}"
        fit[f"bin{number}_told"] = f"{told[chosen].mean():.6f}"
        fit[f"bin{number}_did"] = f"{happened[chosen].mean():.6f}"
    return fit


def auc(scores: Floats, happened: Bools) -> float:
    """How often somebody to whom it happened was told more than somebody to whom it did not; ties count half."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    yes, no = float(happened.sum()), float((~happened).sum())
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / (yes * no)) if yes and no else 0.5


def bins(told: Floats, least: int) -> list[Bools]:
    """Up to ten groups of neighbouring probabilities, about equally large, none below *least*; ties stay together."""
    size = max(len(told) / BINS, float(least))
    values, places, counts = np.unique(told, return_inverse=True, return_counts=True)
    number = np.zeros(len(values), dtype=np.int64)
    current, filled, left = 0, 0, len(told)
    for place, count in enumerate(counts.tolist()):
        if filled >= size and left >= max(least, size / 2):
            current, filled = current + 1, 0
        number[place] = current
        filled, left = filled + count, left - count
    found: NDArray[np.int64] = number[places]
    return [found == each for each in range(int(found.max()) + 1)] if len(told) else []


def _brier(told: Floats, happened: Bools) -> float:
    return float(np.mean((told - happened) ** 2))


def _log_loss(told: Floats, happened: Bools) -> float:
    safe = np.clip(told, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(happened, np.log(safe), np.log1p(-safe))))


def _slope(logs: Floats, happened: Bools) -> float:
    """What a regression of what happened on the log-odds would multiply them by; 1 is right."""
    from sklearn.linear_model import LogisticRegression

    if not np.ptp(logs):
        return 0.0
    scale = _spread(logs)
    fitted = LogisticRegression(C=1e4, max_iter=1_000, tol=1e-8).fit(logs[:, None] / scale, happened)
    return float(fitted.coef_[0, 0]) / scale
