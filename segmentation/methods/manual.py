"""Manual schemes: people decide by corrections, the machine assigns nobody of its own accord; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.methods.scores import Scores, certain
from segmentation.record import NO_SEGMENT


@dataclass(frozen=True)
class ManualMethod:
    """Everybody is in the other segment, or in none, until somebody corrects it."""

    otherwise: int | None

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document."""
        return {"otherwise": self.otherwise}


def manual_from_json(value: dict[str, Any]) -> ManualMethod:
    """The inverse of `ManualMethod.to_json`."""
    return ManualMethod(value["otherwise"])


def score_manual(method: ManualMethod, people: int) -> Scores:
    """The same answer for everybody."""
    segment = NO_SEGMENT if method.otherwise is None else method.otherwise
    return certain(np.full(people, segment, dtype=np.int16), np.ones(people, dtype=bool))
