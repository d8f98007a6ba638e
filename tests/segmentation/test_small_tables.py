"""No cell of a table follows from its totals: whoever subtracts gets nowhere (invariant 6 of the design)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmentation.report import rounded_amount
from segmentation.small_tables import Mark, Marks, marks, rounded_up, told_span

LEAST = 10


def narrowed(cells: NDArray[np.int64], shown: Marks) -> list[tuple[float, float]]:
    """What a reader who solves for every hidden small cell at once knows of each: from, to."""
    from scipy.optimize import linprog

    rows, columns = cells.shape
    limits, values = [], []
    bounds: list[tuple[int, int | None]] = []
    for cell, mark in zip(cells.ravel(), shown.ravel(), strict=True):
        span = told_span(int(cell), LEAST)
        unknown = (0, LEAST - 1) if mark == Mark.SMALL else (0, None)
        bounds.append((span.low, span.high) if mark == Mark.TOLD else unknown)
    grid = np.arange(rows * columns).reshape(rows, columns)
    for places in (*grid, *grid.T):
        total = int(cells.ravel()[places].sum())
        span = told_span(total, LEAST)
        low, top = (span.low, span.high or 0) if total >= LEAST else (0, LEAST - 1)
        line = np.zeros(rows * columns)
        line[places] = 1
        limits += [line, -line]
        values += [top, -low]
    found = []
    for place in np.flatnonzero((shown.ravel() != Mark.TOLD) & (cells.ravel() < LEAST)):
        aim = np.zeros(rows * columns)
        aim[place] = 1
        least = linprog(aim, A_ub=limits, b_ub=values, bounds=bounds)
        most = linprog(-aim, A_ub=limits, b_ub=values, bounds=bounds)
        high = -float(most.fun or 0) if most.status == 0 else float("inf")
        found.append((float(least.fun or 0), high))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_solving_for_every_small_cell_at_once_gives_none_away(seed: int) -> None:
    """Totals and told cells together leave each hidden number several values wide, never one."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(2, 6, 2))
    cells = np.minimum(random.pareto(0.8, shape) * random.integers(2, 12), 5_000).astype(np.int64)
    if seed % 3 == 0:
        cells = np.where(random.random(shape) < 0.4, 0, cells)
    for low, high in narrowed(cells, marks(cells)):
        assert min(high, LEAST - 1) - low >= 3, cells


def test_a_single_small_cell_is_not_left_over_beside_its_total() -> None:
    """Total 10 minus 10 leaves at most four: so both are withheld, and look alike."""
    cells = np.array([[10, 4], [400, 300]])
    shown = marks(cells)
    assert shown[0].tolist() == [Mark.WITHHELD, Mark.WITHHELD]
    assert Mark.SMALL not in shown


def test_zero_and_a_few_look_the_same() -> None:
    """Whether anybody moved at all is not told below ten either."""
    nobody, few = np.array([[500, 0], [0, 700]]), np.array([[500, 4], [4, 700]])
    assert marks(nobody).tolist() == marks(few).tolist() == [[Mark.TOLD, Mark.SMALL], [Mark.SMALL, Mark.TOLD]]


def test_what_nobody_can_be_in_by_nature_is_no_secret() -> None:
    """Nobody joined and left at once."""
    empty = np.array([[False, False], [False, True]])
    assert marks(np.array([[500, 30], [40, 0]]), empty=empty).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("amount", "people", "told"), [(2_712_345, 1_284, 2_700_000), (480_000, 30, 400_000)])
def test_an_amount_is_rounded_so_that_ten_people_do_not_show(amount: int, people: int, told: int) -> None:
    """Two sums a day apart would else tell what the one who left had spent."""
    assert rounded_amount(amount, people) == told


@pytest.mark.parametrize(("count", "told"), [(24, 20), (25, 30), (1_284, 1_280)])
def test_halves_are_rounded_up_as_everywhere(count: int, told: int) -> None:
    """One way of rounding, or two pages tell two numbers of one count."""
    assert rounded_up(count) == told
