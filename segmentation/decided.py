"""What a run decided about a batch of people, before suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from segmentation.features import FactBatch
    from segmentation.methods.scores import Scores
    from segmentation.steadiness import Earlier

Numbers = NDArray[np.int16]


@dataclass(frozen=True)
class Decided:
    """A batch of people before suppression."""

    batch: FactBatch
    scores: Scores
    earlier: Earlier
    stable: Numbers
    segments: Numbers
    """After corrections."""
    correction: NDArray[np.int64]
    flags: NDArray[np.uint16]
    rules: NDArray[np.uint8] | None
    """Packed bits of all rules that fit, (people, bytes)."""
