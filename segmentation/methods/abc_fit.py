"""Cut points of an ABC analysis from a sample; apart from the scoring, which only compares."""

from __future__ import annotations

import numpy as np

from segmentation.facts import Floats
from segmentation.methods.abc import AbcMethod
from segmentation.settings.abc import AbcSettings

MOST_POINTS = 50


def fit_abc(settings: AbcSettings, rows: Floats) -> AbcMethod:
    """Where each class ends; *rows* is (features, people), in the order of the settings.

    Whoever carries the total across a share still belongs to the class before it, and with them everybody of equal
    value.
    """
    return AbcMethod(settings.features, tuple(_cuts(axis, settings.shares) for axis in rows), settings.shares)


def _cuts(amounts: Floats, shares: tuple[float, ...]) -> tuple[float, ...]:
    positive = np.sort(amounts[amounts > 0])[::-1]
    if not len(positive):
        return (float("inf"),) * len(shares)
    carried = np.cumsum(positive) / positive.sum()
    places = np.minimum(np.searchsorted(carried, np.array(shares) - 1e-12, side="left"), len(positive) - 1)
    return tuple(float(positive[place]) for place in places)


def carried_by(amounts: Floats, cuts: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """For each class its share of the people and its share of the total."""
    classes = np.zeros(len(amounts), dtype=np.int64)
    for cut in cuts:
        classes += ~(amounts >= cut)
    classes[amounts <= 0] = len(cuts)
    total = float(amounts[amounts > 0].sum()) or 1.0
    return tuple(
        (float((classes == number).mean()), float(amounts[(classes == number) & (amounts > 0)].sum()) / total)
        for number in range(len(cuts) + 1)
    )


def concentration(amounts: Floats, least: int) -> tuple[tuple[float, float], ...]:
    """Share of the people, the best first, and the share of the total they carry (Lorenz 1905 from above).

    At most 50 points, so far apart that *least* people or more lie between two of them: nobody's amount is told.
    """
    points = min(MOST_POINTS, len(amounts) // least)
    carried = np.cumsum(np.sort(np.maximum(amounts, 0.0))[::-1])
    if not points or carried[-1] <= 0:
        return ()
    places = [len(amounts) * number // points for number in range(1, points + 1)]
    return tuple((place / len(amounts), float(carried[place - 1] / carried[-1])) for place in places)
