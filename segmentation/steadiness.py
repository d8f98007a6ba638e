"""Who moves, who is held and who waits: hysteresis, the budget of moves, and whether the model or the person changed.

Applied to the scored segments of a run, before corrections. Everything it decides by stands in the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Facts
from segmentation.methods.scores import Scores
from segmentation.models import Model
from segmentation.record import NO_SEGMENT, Flag
from segmentation.scoring import held, score

Numbers = NDArray[np.int16]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Earlier:
    """What the last run says of some people, in their order; numbers are those of this run's model."""

    segments: Numbers
    """Effective segments; -1 without one."""
    wanted: Numbers
    """Where whoever was held or queued would have moved; -1 for everybody else."""
    queued: Bools

    def part(self, start: int, stop: int) -> Earlier:
        """Those at these positions."""
        return Earlier(self.segments[start:stop], self.wanted[start:stop], self.queued[start:stop])


@dataclass(frozen=True)
class OldModel:
    """The model of the last run, where this one was fitted anew on the same inputs."""

    model: Model
    renumber: Numbers
    """Its segment numbers as those of the new model; the last item is that of -1."""


def steadied(
    model: Model, scores: Scores, earlier: Earlier, old: OldModel | None, facts: Facts, *, today: int
) -> tuple[Numbers, NDArray[np.uint16]]:
    """The segments after hysteresis, and the flags that say why."""
    moves = (earlier.segments >= 0) & (scores.segment >= 0) & (scores.segment != earlier.segments)
    again = moves & (earlier.wanted == scores.segment)
    keeps = held(model, scores.segment, earlier.segments, scores.strength, again)
    narrow = held(model, scores.segment, earlier.segments, scores.strength)
    flags = np.zeros(len(scores.segment), dtype=np.uint16)
    flags[keeps] |= int(Flag.HELD)
    flags[narrow & ~keeps] |= int(Flag.SECOND_TIME)
    if old is not None:
        flags[moves & ~keeps & (_by_old(old, facts, today) == earlier.segments)] |= int(Flag.MODEL_CHANGED)
    return np.where(keeps, earlier.segments, scores.segment).astype(np.int16), flags


def _by_old(old: OldModel, facts: Facts, today: int) -> Numbers:
    segments: Numbers = old.renumber[score(old.model, facts, today=today).segment]
    return segments


@dataclass(frozen=True)
class Movers:
    """Those of one batch who would move, in ascending order of subjects."""

    subjects: NDArray[np.int64]
    strength: NDArray[np.int64]
    waited: Bools
    """Queued in the last run already."""


def queue(movers: Iterable[Movers], people: int, budget: float) -> NDArray[np.int64]:
    """Who has to wait: all movers beyond *budget* × *people*; ascending.

    Whoever waited already goes first, then the clearest cases, then the lower number.
    """
    every = list(movers)
    subjects = np.concatenate([np.zeros(0, dtype=np.int64), *(each.subjects for each in every)])
    strength = np.concatenate([np.zeros(0, dtype=np.int64), *(each.strength for each in every)])
    waited = np.concatenate([np.zeros(0, dtype=bool), *(each.waited for each in every)])
    allowed = int(budget * people)
    if len(subjects) <= allowed:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((subjects, -strength, ~waited))
    return np.sort(subjects[order[allowed:]])


def nobody(people: int) -> Earlier:
    """No run before."""
    none = np.full(people, NO_SEGMENT, dtype=np.int16)
    return Earlier(none, none, np.zeros(people, dtype=bool))
