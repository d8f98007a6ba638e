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
from governance.vocabulary import Text
from segmentation.facts import Facts, Values, facts_of_one, values_of
from segmentation.inputs import Feature, Quantity
from segmentation.methods.abc import AbcMethod, score_abc
from segmentation.methods.clv import ClvMethod, score_clv
from segmentation.methods.forecast import SEGMENT_NOW, STRENGTH_NOW, ForecastMethod, score_forecast
from segmentation.methods.kmeans import KMeansMethod, score_kmeans
from segmentation.methods.latent_class import LatentClassMethod, score_latent_class
from segmentation.methods.manual import ManualMethod, score_manual
from segmentation.methods.mixture import MixtureMethod, score_mixture
from segmentation.methods.rfm import RfmMethod, score_rfm
from segmentation.methods.rules import RulesMethod, score_rules
from segmentation.methods.scores import Scores
from segmentation.models import Model, parse_model
from segmentation.periods import day_of
from segmentation.record import NO_SEGMENT, STRENGTH_ONE, Flag, Record


def score(model: Model, facts: Facts, *, today: int) -> Scores:
    """Segment, strength and rules of each person on the day *today* (number since 1970-01-01).

    *facts* has the model's slots in order. Whoever has fewer than half the features known is not assessed.
    """
    if isinstance(model.method, ManualMethod):
        return score_manual(model.method, facts.people)
    return score_values(model, values_of(model.features, facts, today=today), today=today)


def score_values(model: Model, values: Values, *, today: int) -> Scores:
    """The same from feature values; manual schemes look at none."""
    method = model.method
    if isinstance(method, ManualMethod):
        return score_manual(method, values.numbers.shape[1])
    if isinstance(method, RulesMethod):
        return score_rules(method, model.features, values, today=today)
    features, values = with_standing(model, values, today=today)
    scores: Scores = SCORERS[type(method)](method, features, values)
    return scores


def with_standing(model: Model, values: Values, *, today: int) -> tuple[tuple[Feature, ...], Values]:
    """A model's features and their values; of a forecast of moves also where the other scheme puts people now."""
    method = model.method
    if not isinstance(method, ForecastMethod) or method.other is None:
        return model.features, values
    other = parse_model(method.other)
    extra, _ = standing(other, model.features, values, today=today)
    whole = Values(
        np.concatenate([values.numbers, extra.numbers]),
        np.concatenate([values.known, extra.known]),
        np.concatenate([values.none, extra.none]),
    )
    return (*model.features, *standing_features(other)), whole


def standing(other: Model, features: Sequence[Feature], values: Values, *, today: int) -> tuple[Values, Scores]:
    """The segment that another model gives, and how clearly, as values of `standing_features`; and its scores.

    Args:
        features: those of *values*; all features of the other model are among them.
    """
    rows = [features.index(feature) for feature in other.features]
    found = score_values(other, Values(values.numbers[rows], values.known[rows], values.none[rows]), today=today)
    known = np.stack([found.segment != NO_SEGMENT] * 2)
    numbers = np.where(known, np.stack([found.segment, found.strength / STRENGTH_ONE]), 0.0)
    return Values(numbers, known, np.zeros(known.shape, dtype=bool)), found


def standing_features(other: Model) -> tuple[Feature, Feature]:
    """What a forecast of moves looks at besides its own features. No definition can name a feature like these."""
    levels = tuple(segment.key for segment in other.segments)
    group, clear = Text("Jetzige Gruppe", "present group"), Text("Wie deutlich", "how clearly")
    return (
        Feature(SEGMENT_NOW, group, "", Quantity.LEVEL, levels=levels),
        Feature(STRENGTH_NOW, clear, "", Quantity.RATIO),
    )


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
