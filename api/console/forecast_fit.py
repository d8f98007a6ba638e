"""How good a forecast was when it was judged, as the scheme's page shows it: what was told, and what came true.

The people are those of a past day who calibrated nothing. Whoever may not see exact counts gets them in tens, and
shares in whole per cent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from api.console.counts import Counts
from api.console.schemes import SchemePage
from api.deps import Visit
from governance.vocabulary import Text
from segmentation.periods import parse_period
from segmentation.settings.forecast import ForecastSettings, Outcome
from segmentation.wording import days

SURE = 1.96
"""Standard errors of a 95 % range."""


@dataclass(frozen=True)
class Bin:
    """People who were told about as much: shares of 1, and where they stand in the picture in per cent."""

    told: float
    did: float
    low: float
    high: float
    people: int | None


@dataclass(frozen=True)
class ForecastFit:
    """The evaluation of the live model."""

    leaving: bool
    horizon: Text
    learned_on: date
    judged_on: date
    people: int | None
    base: float
    auc: float
    brier: float
    base_brier: float
    log_loss: float
    base_log_loss: float
    slope: float
    better: bool
    """It foretold more than telling everybody the base rate would have."""
    bins: tuple[Bin, ...]
    left_out: tuple[str, ...]
    """Features of which too little was known on the past day."""


def forecast_fit(visit: Visit, page: SchemePage) -> ForecastFit | None:
    """The evaluation behind a forecast's live run; None of every other kind, and before the first run."""
    settings, report = page.definition.settings, page.report
    if not isinstance(settings, ForecastSettings) or report is None or "auc" not in report.fit:
        return None
    counts = Counts(visit.exact, max(visit.house.catalogue.controller.minimum_cell, report.minimum_size))
    fit, period = report.fit, parse_period(settings.horizon)
    figures = {
        name: float(fit[name])
        for name in ("auc", "brier", "base_brier", "log_loss", "base_log_loss", "calibration_slope", "base_rate")
    }
    labels = {feature.key: visit.tongue.pick(feature.label) for feature in page.definition.features}
    return ForecastFit(
        leaving=settings.of is Outcome.LEAVING,
        horizon=days(round(period.about_days) if period else 0),
        learned_on=date.fromisoformat(str(fit["learned_on"])),
        judged_on=date.fromisoformat(str(fit["judged_on"])),
        people=counts.see(int(fit["people_judged"])),
        base=_share(figures["base_rate"], counts),
        auc=figures["auc"],
        brier=figures["brier"],
        base_brier=figures["base_brier"],
        log_loss=figures["log_loss"],
        base_log_loss=figures["base_log_loss"],
        slope=figures["calibration_slope"],
        better=figures["brier"] < figures["base_brier"] and figures["auc"] > 0.5,
        bins=_bins(fit, counts),
        left_out=tuple(labels.get(key, key) for key in str(fit["left_out"]).split(", ") if key),
    )


def _share(share: float, counts: Counts) -> float:
    return share if counts.exact else round(share, 2)


def _bins(fit: Mapping[str, int | str], counts: Counts) -> tuple[Bin, ...]:
    found: list[Bin] = []
    while f"bin{len(found) + 1}_people" in fit:
        name = f"bin{len(found) + 1}"
        told, did = (_share(float(fit[f"{name}_{part}"]), counts) for part in ("told", "did"))
        people = counts.see(int(fit[f"{name}_people"]))
        low, high = _range(did, people or counts.few)
        found.append(Bin(told, did, low, high, people))
    return tuple(found)


def _range(share: float, people: int) -> tuple[float, float]:
    """Within which the true share lies with 95 per cent (Wilson 1927)."""
    square = SURE * SURE
    middle = (share + square / (2 * people)) / (1 + square / people)
    reach = SURE / (1 + square / people) * math.sqrt(share * (1 - share) / people + square / (4 * people * people))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
