"""Stability between runs: labels matched across refits, agreement measured; pure but for the assignment solver.

A refit may number its clusters in any order. Numbers follow the greatest overlap with the last run, so that nobody
changes segment only because a random start did (EXP-5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def contingency(before: NDArray[np.int16], after: NDArray[np.int16], rows: int, columns: int) -> Counts:
    """How many people went from which segment to which; people without a segment in either are left out."""
    both = (before >= 0) & (before < rows) & (after >= 0) & (after < columns)
    cells = before[both].astype(np.int64) * columns + after[both]
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)


def matching(overlap: Counts) -> list[int]:
    """For each new label the old number it takes: the assignment with the greatest overlap.

    *overlap* is (old, new). New labels beyond the old ones take the lowest free numbers.
    """
    from scipy.optimize import linear_sum_assignment

    new = overlap.shape[1]
    olds, news = linear_sum_assignment(overlap, maximize=True)
    taken = {int(after): int(before) for before, after in zip(olds, news, strict=True) if before < new}
    free = iter(sorted(set(range(new)) - set(taken.values())))
    return [taken[label] if label in taken else next(free) for label in range(new)]


def adjusted_rand(table: Counts) -> float | None:
    """Agreement of two partitions from their contingency table: 1 the same, about 0 chance; None for under two people.

    Hubert and Arabie's index, in exact integers up to the last division.
    """
    people = int(table.sum())
    if people < 2:
        return None
    together = sum(_pairs(int(cell)) for cell in table.ravel())
    before = sum(_pairs(int(cell)) for cell in table.sum(axis=1))
    after = sum(_pairs(int(cell)) for cell in table.sum(axis=0))
    every = _pairs(people)
    above = 2 * (together * every - before * after)
    below = (before + after) * every - 2 * before * after
    return above / below if below else 1.0


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
