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
LEAST_SHOWN = 10
"""A merge of fewer people is not told."""


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

    def merges(self, least: int = LEAST_SHOWN) -> tuple[tuple[float, int, int], ...]:
        """The last merges, the last one first: height, and which of these merges made either side (0: none of them).

        A merge in which either side counts fewer than *least* people is not told, nor anything below it.
        """
        shown = self._shown(least)
        numbers = {row + self.people: number for number, row in enumerate(shown, start=1)}
        rows = (self.linkage[row] for row in shown)
        return tuple(
            (float(height), numbers.get(int(left), 0), numbers.get(int(right), 0)) for left, right, height, _ in rows
        )

    def _shown(self, least: int) -> list[int]:
        """Rows of the linkage, highest first, so that each but the first hangs on one before it."""
        reached, shown = {len(self.linkage) - 1 + self.people}, []
        for row in range(len(self.linkage) - 1, max(len(self.linkage) - 1 - SHOWN_MERGES, -1), -1):
            sides = [int(self.linkage[row, 0]), int(self.linkage[row, 1])]
            if row + self.people in reached and min(self._size(side) for side in sides) >= least:
                shown.append(row)
                reached |= set(sides)
        return shown

    def _size(self, node: int) -> int:
        return 1 if node < self.people else int(self.linkage[node - self.people, 3])

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
