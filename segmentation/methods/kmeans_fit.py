"""Fitting centroids with scikit-learn; apart from the scoring, which needs nothing but numpy."""

from __future__ import annotations

import numpy as np

from segmentation.facts import Floats

RESTART_ROWS = 10_000
"""Restarts compete on so many rows; the best one is then refined on the whole sample."""


def fit_centroids(people: Floats, k: int, *, restarts: int, seed: int) -> tuple[tuple[float, ...], ...]:
    """The centroids of *people*, (people, features), in standard units."""
    from sklearn.cluster import KMeans

    fitted = KMeans(k, n_init=restarts, random_state=seed).fit(_part(people, seed))
    if len(people) > RESTART_ROWS:
        fitted = KMeans(k, init=fitted.cluster_centers_, n_init=1).fit(people)
    return tuple(tuple(row) for row in fitted.cluster_centers_.tolist())


def _part(standard: Floats, seed: int) -> Floats:
    """The rows that the restarts compete on."""
    if len(standard) <= RESTART_ROWS:
        return standard
    part: Floats = standard[np.random.default_rng(seed).choice(len(standard), RESTART_ROWS, replace=False)]
    return part
