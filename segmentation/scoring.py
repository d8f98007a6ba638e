"""Scoring: from facts to segments by a stored model, the same to the bit for a million people and for one; pure.

"The same" means the same segment and strengths that differ by at most 1e-9. A refit is never promised to be equal:
the stored model is the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.instants import from_microseconds
from segmentation.facts import Facts, Values, facts_of_one, values_of
from segmentation.inputs import Feature
from segmentation.methods.abc import AbcMethod, score_abc
from segmentation.methods.clv import ClvMethod, score_clv
from segmentation.methods.forecast import ForecastMethod, score_forecast
from segmentation.methods.kmeans import KMeansMethod, score_kmeans
from segmentation.methods.latent_class import LatentClassMethod, score_latent_class
from segmentation.methods.manual import ManualMethod, score_manual
from segmentation.methods.mixture import MixtureMethod, score_mixture
from segmentation.methods.rfm import RfmMethod, score_rfm
from segmentation.methods.rules import RulesMethod, score_rules
from segmentation.methods.scores import Scores
from segmentation.models import Model
from segmentation.periods import day_of
from segmentation.record import NO_SEGMENT, Flag, Record


def score(model: Model, facts: Facts, *, today: int) -> Scores:
    """Segment, strength and rules of each person on the day *today* (number since 1970-01-01).

    *facts* has the model's slots in order. Whoever has fewer than half the features known is not assessed.
    """
    method = model.method
    if isinstance(method, ManualMethod):
        return score_manual(method, facts.people)
    values = values_of(model.features, facts, today=today)
    if isinstance(method, RulesMethod):
        return score_rules(method, model.features, values, today=today)
    scores: Scores = SCORERS[type(method)](method, model.features, values)
    return scores


SCORERS: dict[type, Callable[[Any, Sequence[Feature], Values], Scores]] = {
    AbcMethod: score_abc,
    RfmMethod: score_rfm,
    ClvMethod: score_clv,
    KMeansMethod: score_kmeans,
    MixtureMethod: score_mixture,
    LatentClassMethod: score_latent_class,
    ForecastMethod: score_forecast,
}
"""How each method scores; rules need the day besides, manual schemes need nothing."""


@dataclass(frozen=True)
class ScoredOne:
    """One person's score: segment number (-1 none), strength in 1e-9, and every rule that fits."""

    segment: int
    strength: int
    assessed: bool
    rules: frozenset[int]


def score_one(model: Model, values: tuple[float, ...], present: tuple[bool, ...], *, today: int) -> ScoredOne:
    """The score of a single person from their facts in slot order."""
    scores = score(model, facts_of_one(values, present), today=today)
    rules = frozenset(np.flatnonzero(scores.matches[:, 0]).tolist()) if scores.matches is not None else frozenset()
    return ScoredOne(int(scores.segment[0]), int(scores.strength[0]), bool(scores.assessed[0]), rules)


def today_of(model: Model, record: Record) -> int:
    """The day a record was scored for, by the calendar of the model's zone."""
    return day_of(from_microseconds(record.now), model.zone)


def held(
    model: Model,
    scored: NDArray[np.int16],
    previous: NDArray[np.int16],
    strength: NDArray[np.int64],
    again: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Stability: who keeps the segment of the last run because the margin is small.

    Args:
        again: who was held in the last run when it scored them to the same segment as this one.
    """
    if model.stability.margin <= 0:
        return np.zeros(len(scored), dtype=bool)
    known = (previous >= 0) & (previous < len(model.segments)) & (scored >= 0)
    keeps: NDArray[np.bool_] = known & (previous != scored) & (strength < model.stability.margin * 1e9)
    return keeps if again is None or not model.stability.second_run else keeps & ~again


def replays(model: Model, record: Record) -> bool:
    """Whether the record's own facts and the stored model give the recorded score and steps again.

    Suppression, correction, the budget of moves and what the run before wanted are inputs of the record, like the
    previous segment; leaving has nothing to score.
    """
    if record.flags & Flag.LEFT:
        return record.effective == NO_SEGMENT
    again = score_one(model, record.facts, record.presence, today=today_of(model, record))
    if (again.segment, again.rules) != (record.scored, record.rules) or abs(again.strength - record.strength) > 1:
        return False
    if again.assessed == bool(record.flags & Flag.NOT_ASSESSED):
        return False
    scored, previous, strength = (np.array([part]) for part in (record.scored, record.previous, record.strength))
    second = np.array([bool(record.flags & Flag.SECOND_TIME)])
    keeps = bool(held(model, scored, previous, strength, second)[0])
    if keeps != bool(record.flags & Flag.HELD):
        return False
    waits = keeps or bool(record.flags & Flag.QUEUED)
    if record.stable != (record.previous if waits else record.scored):
        return False
    if record.flags & Flag.CORRECTED:
        return record.correction > 0 and (record.effective < 0) == bool(record.flags & Flag.TAKEN_OUT)
    return record.effective == (NO_SEGMENT if record.flags & Flag.SUPPRESSED else record.stable)
