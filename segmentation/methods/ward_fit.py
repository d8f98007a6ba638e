"""Ward's hierarchy on a sample, cut into groups whose centroids everybody else is compared with.

SciPy's Ward linkage is the criterion of Ward (1963) as Murtagh and Legendre (2014) implement it. What is stored are the
centroids and the heights of the last merges; how far the nearest centroid agrees with the hierarchy is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Floats

SHOWN_MERGES = 30


@dataclass(frozen=True)
class Hierarchy:
    """A hierarchy of a sample: SciPy's linkage matrix over *people* rows."""

    linkage: Floats
    people: int

    def cut(self, k: int) -> NDArray[np.int16]:
        """Group numbers from 0, when the last k − 1 merges are undone."""
        from scipy.cluster.hierarchy import fcluster

        labels: NDArray[np.int16] = (fcluster(self.linkage, k, criterion="maxclust") - 1).astype(np.int16)
        return labels

    @property
    def heights(self) -> tuple[float, ...]:
        """Distances of the last merges, the last one first."""
        return tuple(self.linkage[::-1, 2][:SHOWN_MERGES].tolist())

    @property
    def agglomerative_coefficient(self) -> float:
        """How clearly the sample falls into groups, 0 to 1 (Kaufman and Rousseeuw 1990, chapter 5)."""
        first = np.full(self.people, np.nan)
        for left, right, height, _size in self.linkage:
            for leaf in (int(left), int(right)):
                if leaf < self.people:
                    first[leaf] = height
        return float(np.mean(1.0 - first / self.linkage[-1, 2]))


def fit_hierarchy(standard: Floats) -> Hierarchy:
    """The hierarchy of *standard*, (people, features)."""
    from scipy.cluster.hierarchy import linkage

    return Hierarchy(np.asarray(linkage(standard, method="ward"), dtype=float), len(standard))


def centroids_of(standard: Floats, labels: NDArray[np.int16], k: int) -> tuple[tuple[float, ...], ...]:
    """The mean of each group, (groups, features)."""
    return tuple(tuple(standard[labels == number].mean(axis=0).tolist()) for number in range(k))
