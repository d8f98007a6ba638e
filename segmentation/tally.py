"""Counts of a run, added up batch by batch: sizes, moves, and where rules fit the same people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmentation.record import Flag
from segmentation.stability import contingency

if TYPE_CHECKING:
    from segmentation.decided import Decided
    from segmentation.models import Model

Counts = NDArray[np.int64]
MOST_COMPARED = 64
"""Up to so many rules are compared two by two; more make a table that nobody reads."""


@dataclass
class Tally:
    """Counts of a run, added up batch by batch."""

    scored: Counts
    effective: Counts
    table: Counts
    """Last run's segment by this run's."""
    fits: Counts
    """Assessed people whom each rule fits, whichever comes first; empty where no rule assigns."""
    flags: dict[Flag, int] = field(default_factory=dict)
    conflicts: int = 0
    moved: int = 0
    overlap: Counts | None = None
    """People whom two rules fit, (rules, rules); None where nothing overlaps by nature, or there are too many rules."""

    @staticmethod
    def blank(model: Model) -> Tally:
        """Nothing counted yet."""
        count, rules = len(model.segments), model.layout.rules
        scored, effective, fits = (np.zeros(size, dtype=np.int64) for size in (count, count, rules))
        tally = Tally(scored, effective, np.zeros((count, count), dtype=np.int64), fits)
        if 1 < rules <= MOST_COMPARED:
            tally.overlap = np.zeros((rules, rules), dtype=np.int64)
        return tally

    def count(self, part: Decided, effective: NDArray[np.int16], flags: NDArray[np.uint16], *, again: bool) -> None:
        """Add a batch; *again* where there is a run before to compare with."""
        count = len(self.scored)
        self.scored += np.bincount(part.scores.segment[part.scores.segment >= 0], minlength=count)
        self.effective += np.bincount(effective[effective >= 0], minlength=count)
        for flag in Flag:
            self.flags[flag] = self.flags.get(flag, 0) + int(np.count_nonzero(flags & int(flag)))
        if part.rules is not None and len(self.fits):
            self._count_rules(part.rules, part.scores.assessed)
        self.conflicts += int(np.count_nonzero((part.correction > 0) & (part.segments != part.stable)))
        if again:
            before = part.earlier.segments
            self.table += contingency(before, effective, count, count)
            self.moved += int(np.count_nonzero((before >= 0) & (before != effective)))

    def _count_rules(self, packed: NDArray[np.uint8], assessed: NDArray[np.bool_]) -> None:
        bits = np.unpackbits(packed, axis=1, count=len(self.fits))
        self.fits += bits[assessed].sum(axis=0, dtype=np.int64)
        if self.overlap is not None:
            fits = bits.astype(np.float32)
            self.overlap += (fits.T @ fits).astype(np.int64)  # counts below 2²⁴ a batch: exact
