"""Where everybody stands, computed again from what was declared; for a projection that was damaged or doubted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consent import grounds, rebuilding

if TYPE_CHECKING:
    from api.wiring import House


@dataclass(frozen=True)
class Rebuilt:
    """How many people the ledger has words of."""

    subjects: int

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"subjects": self.subjects}


def rebuild(house: House, *, progress: Callable[[int, int | None], None] | None = None) -> Rebuilt:
    """Compute standings, objections, withheld fields and open channels again, while others go on declaring."""
    told = None if progress is None else (lambda done: progress(done, None))
    subjects = rebuilding.rebuild(house.work, progress=told)
    grounds.rebuild(house.work)
    return Rebuilt(subjects)
