"""Models from a definition: nothing to fit for rules, cut points for ABC and RFM, groups for the cluster kinds.

Fitted on the complete cases of a sample drawn by a seed; the share of complete cases and measures of quality are
stored with the model. Missing values are never filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from segmentation.abc_names import abc_segments
from segmentation.clv_names import clv_segments
from segmentation.definitions import Definition, Kind, Segment
from segmentation.errors import NothingToFit
from segmentation.facts import Values
from segmentation.features import FactSource, Subjects
from segmentation.fitting_clusters import all_known, fit_clusters, inverse, renumbered, traits
from segmentation.forecast_names import forecast_segments
from segmentation.methods.abc_fit import carried_by, concentration, fit_abc
from segmentation.methods.clv_fit import fit_clv
from segmentation.methods.forecast_fit import fit_forecast
from segmentation.methods.latent_class import score_latent_class
from segmentation.methods.latent_class_fit import fit_latent_class
from segmentation.methods.manual import ManualMethod
from segmentation.methods.mixture import score_mixture
from segmentation.methods.mixture_fit import fit_mixture
from segmentation.methods.rfm import fit_rfm
from segmentation.methods.rules import RulesMethod
from segmentation.methods.ward_fit import LEAST_SHOWN
from segmentation.models import Method, Model, make_model
from segmentation.naming import name_groups
from segmentation.past import look_back
from segmentation.sampling import Sample, sample
from segmentation.settings.abc import AbcSettings
from segmentation.settings.clv import ClvSettings
from segmentation.settings.forecast import ForecastSettings
from segmentation.settings.kmeans import KMeansSettings
from segmentation.settings.latent_class import LatentClassSettings
from segmentation.settings.mixture import MixtureSettings
from segmentation.settings.rfm import RfmSettings
from segmentation.settings.ward import WardSettings

RFM_SAMPLE = 100_000
ABC_SAMPLE = 1_000_000

LastSegments = Callable[[Subjects], NDArray[np.int16]]
"""Effective segment numbers of these people in the last run, -1 for none."""
_ANALYTICS = {
    Kind.CLV: "scipy.optimize",
    Kind.FORECAST: "sklearn.linear_model",
    Kind.KMEANS: "sklearn.cluster",
    Kind.WARD: "scipy.cluster.hierarchy",
    Kind.MIXTURE: "sklearn.mixture",
    Kind.LATENT_CLASS: "stepmix",
}


@dataclass(frozen=True)
class Fitting:
    """What a model is fitted on."""

    definition: Definition
    source: FactSource
    population: int
    today: int
    last: LastSegments | None

    def draw(self, keys: Sequence[str], rows: int, seed: int, *, gaps: bool = False) -> Sample:
        """A sample of these features."""
        return sample(
            self.source, self.definition, keys, self.population, today=self.today, rows=rows, seed=seed, gaps=gaps
        )

    def before(self, drawn: Sample) -> NDArray[np.int16] | None:
        """The segments of these people in the last run, where there was one."""
        return self.last(drawn.subjects) if self.last is not None else None

    def finish(self, method: Method, segments: Sequence[Segment], fit: Mapping[str, int | str]) -> Model:
        """The model with its document."""
        d = self.definition
        return make_model(d.kind, d.digest, d.zone, d.features, tuple(segments), method, fit, d.stability)


def get_ready(definition: Definition) -> None:
    """Load the analytics that fitting is going to need beside the reading of the population, not after it."""
    if definition.kind in _ANALYTICS:
        Thread(target=import_module, args=(_ANALYTICS[definition.kind],), daemon=True).start()


def make(
    definition: Definition, source: FactSource, population: int, *, today: int, last: LastSegments | None
) -> Model:
    """The model of a definition, fitted on the source where its kind needs it.

    Raises:
        NothingToFit: too few complete cases.
    """
    return FITTERS[definition.kind](Fitting(definition, source, population, today, last))


def _rules(task: Fitting) -> Model:
    rules = tuple(segment.rule for segment in task.definition.segments if segment.rule is not None)
    return task.finish(RulesMethod(rules, task.definition.otherwise), task.definition.segments, {})


def _manual(task: Fitting) -> Model:
    return task.finish(ManualMethod(task.definition.otherwise), task.definition.segments, {})


def _abc(task: Fitting) -> Model:
    settings = task.definition.settings
    if not isinstance(settings, AbcSettings):
        raise TypeError("an ABC definition has its settings")
    drawn = task.draw(settings.features, ABC_SAMPLE, seed=0)
    if len(drawn.subjects) < settings.classes:
        raise NothingToFit(len(drawn.subjects), settings.classes)
    method = fit_abc(settings, drawn.rows)
    fit: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share)}
    least = max(LEAST_SHOWN, task.definition.minimum_size)
    for key, amounts, cuts in zip(method.features, drawn.rows, method.cuts, strict=True):
        curve = concentration(amounts, least)
        fit[f"{key}_curve"] = " ".join(f"{decimal(people)}:{decimal(total)}" for people, total in curve)
        for letter, (people, total) in zip("ABCDE", carried_by(amounts, cuts), strict=False):
            fit |= {f"{key}_{letter}_people": decimal(people), f"{key}_{letter}_total": decimal(total)}
    labels = [task.definition.feature(key).label for key in settings.features]
    return task.finish(method, task.definition.segments or abc_segments(settings, labels), fit)


def _rfm(task: Fitting) -> Model:
    settings = task.definition.settings
    if not isinstance(settings, RfmSettings):
        raise TypeError("an RFM definition has its settings")
    drawn = task.draw((settings.recency, settings.frequency, settings.monetary), RFM_SAMPLE, seed=0)
    if len(drawn.subjects) < settings.cuts:
        raise NothingToFit(len(drawn.subjects), settings.cuts)
    ranges = [segment.scores for segment in task.definition.segments if segment.scores is not None]
    method = fit_rfm(settings, ranges, task.definition.otherwise, drawn.rows)
    fit: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share)}
    return task.finish(method, task.definition.segments, fit)


def _clusters(task: Fitting) -> Model:
    settings, definition = task.definition.settings, task.definition
    if not isinstance(settings, KMeansSettings | WardSettings):
        raise TypeError("a definition by clusters has its settings")
    drawn = task.draw(settings.features, settings.sample, settings.seed)
    features = [definition.feature(key) for key in settings.features]
    method, fit, groups = fit_clusters(
        settings, features, drawn.rows, task.before(drawn), least=max(LEAST_SHOWN, definition.minimum_size)
    )
    base: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share), "seed": settings.seed}
    return task.finish(method, definition.segments or name_groups(groups), base | fit)


def _clv(task: Fitting) -> Model:
    settings, definition = task.definition.settings, task.definition
    if not isinstance(settings, ClvSettings):
        raise TypeError("a definition by lifetime value has its settings")
    drawn = task.draw(settings.features, settings.sample, settings.seed)
    method, fit = fit_clv(settings, drawn.rows, definition.otherwise)
    base: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share), "seed": settings.seed}
    return task.finish(method, definition.segments or clv_segments(settings), base | fit)


def _mixture(task: Fitting) -> Model:
    settings, definition = task.definition.settings, task.definition
    if not isinstance(settings, MixtureSettings):
        raise TypeError("a definition by mixture has its settings")
    drawn = task.draw(settings.features, settings.sample, settings.seed)
    features = [definition.feature(key) for key in settings.features]
    method, fit = fit_mixture(settings, features, drawn.rows)
    labels = score_mixture(method, features, all_known(drawn.rows)).segment
    numbers, overlap = renumbered(labels, len(method.weights), task.before(drawn))
    method = method.ordered(inverse(numbers))
    groups = traits(features, drawn.rows, numbers[labels], len(method.weights))
    base: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share), "seed": settings.seed}
    return task.finish(method, definition.segments or name_groups(groups), base | fit | overlap)


def _latent_class(task: Fitting) -> Model:
    settings, definition = task.definition.settings, task.definition
    if not isinstance(settings, LatentClassSettings):
        raise TypeError("a definition by latent classes has its settings")
    drawn = task.draw(settings.features, settings.sample, settings.seed, gaps=True)
    features = [definition.feature(key) for key in settings.features]
    known = ~np.isnan(drawn.rows) | drawn.none
    values = Values(np.nan_to_num(drawn.rows), known, drawn.none)
    method, fit = fit_latent_class(settings, features, values)
    labels = score_latent_class(method, features, values).segment
    numbers, overlap = renumbered(labels, len(method.shares), task.before(drawn))
    method = method.ordered(inverse(numbers))
    groups = traits(features, drawn.rows, np.where(labels >= 0, numbers[labels], -1), len(method.shares))
    base: dict[str, int | str] = {"rows": len(drawn.subjects), "share": decimal(drawn.share), "seed": settings.seed}
    return task.finish(method, definition.segments or name_groups(groups), base | fit | overlap)


def _forecast(task: Fitting) -> Model:
    settings, definition = task.definition.settings, task.definition
    if not isinstance(settings, ForecastSettings):
        raise TypeError("a forecast definition has its settings")
    past = look_back(task.source, definition, settings, today=task.today)
    method, told = fit_forecast(
        settings,
        past.features,
        (past.learn, past.check),
        horizon=past.horizon,
        other=past.other,
        otherwise=definition.otherwise,
        minimum=definition.minimum_size,
    )
    base: dict[str, int | str] = {"seed": settings.seed, "learned_on": past.days[0], "judged_on": past.days[1]}
    return task.finish(method, definition.segments or forecast_segments(settings), base | told)


def decimal(value: float) -> str:
    """A measure as models store it."""
    return f"{value:.6f}"


FITTERS: dict[Kind, Callable[[Fitting], Model]] = {
    Kind.RULES: _rules,
    Kind.MANUAL: _manual,
    Kind.ABC: _abc,
    Kind.RFM: _rfm,
    Kind.KMEANS: _clusters,
    Kind.WARD: _clusters,
    Kind.CLV: _clv,
    Kind.MIXTURE: _mixture,
    Kind.LATENT_CLASS: _latent_class,
    Kind.FORECAST: _forecast,
}
