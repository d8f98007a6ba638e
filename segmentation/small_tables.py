"""Which cells of a table of people may be told next to its totals, so that no small one follows by subtraction; pure.

Told counts are rounded to ten. A cell below the smallest number is not told, and where a line's total and its other
cells would narrow it down further than "below ten", the smallest of those others is not told either (invariant 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from segmentation.report import ROUND_TO

Counts = NDArray[np.int64]
Marks = NDArray[np.int8]


class Mark(IntEnum):
    """What a cell shows."""

    TOLD = 0
    """Its count, rounded."""
    SMALL = 1
    """That it is below the smallest number, zero included."""
    WITHHELD = 2
    """Nothing: it is small, or would betray one that is."""


def rounded_up(count: int) -> int:
    """To the nearest ten, halves up."""
    return (count + ROUND_TO // 2) // ROUND_TO * ROUND_TO


@dataclass(frozen=True)
class Span:
    """What a reader knows of a number: it lies from *low* to *high*."""

    low: int
    high: int | None
    """None: no limit."""


def told_span(count: int, least: int) -> Span:
    """What the rounded count tells of the true one."""
    shown = rounded_up(count)
    return Span(max(least, shown - ROUND_TO // 2), shown + ROUND_TO // 2 - 1)


def marks(cells: Counts, *, least: int = ROUND_TO, empty: NDArray[np.bool_] | None = None) -> Marks:
    """How each cell of a table may be shown whose row and column totals are told, rounded.

    Args:
        cells: people, (rows, columns).
        least: smallest number that may be told.
        empty: cells that nobody can be in by nature; everybody knows that they are zero.
    """
    by_nature = np.zeros(cells.shape, dtype=bool) if empty is None else empty
    found = np.where((cells < least) & ~by_nature, Mark.SMALL, Mark.TOLD).astype(np.int8)
    changed = True
    while changed:
        _mark_rows(found)
        changed = False
        for row in range(cells.shape[0]):
            changed |= _guard(cells[row], found[row], by_nature[row], least)
        _mark_rows(found)
        for column in range(cells.shape[1]):
            changed |= _guard(cells[:, column], found[:, column], by_nature[:, column], least)
    return found


def _mark_rows(found: Marks) -> None:
    """A row with a cell withheld for another's sake says of all its hidden ones the same: nobody tells them apart."""
    for row in found:
        if (row == Mark.WITHHELD).any():
            row[row == Mark.SMALL] = Mark.WITHHELD


def _guard(cells: Counts, line: Marks, empty: NDArray[np.bool_], least: int) -> bool:
    """Withhold one more cell of a line that tells too much; whether one was."""
    if _is_safe(cells, line, empty, least):
        return False
    told = [place for place in np.flatnonzero(line == Mark.TOLD) if not empty[place]]
    if not told:
        return False
    line[min(told, key=lambda place: int(cells[place]))] = Mark.WITHHELD
    return True


def _is_safe(cells: Counts, line: Marks, empty: NDArray[np.bool_], least: int) -> bool:
    """Whether every hidden cell of a line may still be anything from zero to just below the smallest number."""
    hidden = line != Mark.TOLD
    total = int(cells.sum())
    if not hidden.any() or total < least:
        return True
    whole = told_span(total, least)
    told = [told_span(int(cells[place]), least) for place in np.flatnonzero(~hidden & ~empty)]
    most = (whole.high or 0) - sum(span.low for span in told)
    fewest = whole.low - sum(span.high or 0 for span in told)
    others = np.count_nonzero(hidden) - 1
    if np.count_nonzero(line == Mark.WITHHELD) > 1:
        return bool(most >= least - 1)  # there is no limit to what those may hold
    room = (least - 1) * others  # what the other hidden cells can hold at most
    return bool(most >= least - 1 and fewest <= room)
