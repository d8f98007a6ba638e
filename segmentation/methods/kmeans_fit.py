"""Fitting centroids with scikit-learn; apart from the scoring, which needs nothing but numpy."""

from __future__ import annotations

import numpy as np

from segmentation.definition_kinds import KMeansSettings
from segmentation.facts import Floats
from segmentation.methods.kmeans import KMeansMethod, transformed

RESTART_ROWS = 10_000
"""Restarts compete on so many rows; the best one is then refined on the whole sample."""


def _part(standard: Floats, seed: int) -> Floats:
    """The rows that the restarts compete on."""
    if len(standard) <= RESTART_ROWS:
        return standard
    part: Floats = standard[np.random.default_rng(seed).choice(len(standard), RESTART_ROWS, replace=False)]
    return part


def fit_kmeans(settings: KMeansSettings, rows: Floats) -> tuple[KMeansMethod, float]:
    """Centroids of complete cases; *rows* is (features, people). Also the mean of squared distances to them.

    The same rows and seed need not give the same bits on another machine: the stored model is the truth.
    """
    from sklearn.cluster import KMeans

    plain = transformed(rows, settings.transform)
    means = plain.mean(axis=1)
    spread = plain.std(axis=1)
    scales = np.where(spread > 0, spread, 1.0)
    standard = np.ascontiguousarray(((plain - means[:, None]) / scales[:, None]).T)
    start = KMeans(settings.k, n_init=settings.restarts, random_state=settings.seed).fit(_part(standard, settings.seed))
    fitted = start
    if len(standard) > RESTART_ROWS:
        fitted = KMeans(settings.k, init=start.cluster_centers_, n_init=1).fit(standard)
    method = KMeansMethod(
        features=settings.features,
        transform=settings.transform,
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        centroids=tuple(tuple(row) for row in fitted.cluster_centers_.tolist()),
        keep_below=settings.keep_below,
    )
    return method, float(fitted.inertia_) / len(standard)
