"""Lines over runs as charts show them: points in a box of 110 by 60, what is not told left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, TOP, BOTTOM = 110.0, 4.0, 56.0


@dataclass(frozen=True)
class Line:
    """One line with its first and last told value."""

    points: str
    first: tuple[str, str]
    """Day and value, in words."""
    last: tuple[str, str]


def line(days: Sequence[str], values: Sequence[float | None], words: Sequence[str]) -> Line | None:
    """The line through the told values; None when there are fewer than two."""
    told = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(told) < 2:
        return None
    low, high = min(value for _, value in told), max(value for _, value in told)
    span, step = (high - low) or 1, WIDTH / (len(values) - 1)
    middle = (TOP + BOTTOM) / 2
    points = " ".join(
        f"{place * step:.1f},{middle if low == high else BOTTOM - (value - low) / span * (BOTTOM - TOP):.1f}"
        for place, value in told
    )
    start, end = told[0][0], told[-1][0]
    return Line(points, (days[start], words[start]), (days[end], words[end]))
