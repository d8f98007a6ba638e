"""Models from a definition: nothing to fit for rules, cut points for RFM, centroids for k-means.

Fitted on the complete cases of a sample drawn by a seed; the share of complete cases and measures of quality are
stored with the model. Missing values are never filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from segmentation.definitions import Definition, Kind, Segment
from segmentation.errors import NothingToFit
from segmentation.facts import Floats, values_of
from segmentation.features import FactBatch, FactSource, Subjects
from segmentation.methods.kmeans import KMeansMethod, squared_distances, transformed
from segmentation.methods.kmeans_fit import fit_kmeans
from segmentation.methods.manual import ManualMethod
from segmentation.methods.rfm import fit_rfm
from segmentation.methods.rules import RulesMethod
from segmentation.models import Model, make_model
from segmentation.naming import name_clusters
from segmentation.stability import adjusted_rand, contingency, matching

RFM_SAMPLE = 100_000
QUALITY_ROWS = 2_000
RESAMPLES = 5
RESAMPLE_ROWS = 5_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Sample:
    """Complete cases: subjects, and their feature values (features, people); `share` of those drawn."""

    subjects: Subjects
    rows: Floats
    share: float


LastSegments = Callable[[Subjects], NDArray[np.int16]]
"""Effective segment numbers of these people in the last run, -1 for none."""


def get_ready(definition: Definition) -> None:
    """Load the analytics that fitting is going to need beside the reading of the population, not after it."""
    if definition.kind is Kind.KMEANS:
        Thread(target=import_module, args=("sklearn.cluster",), daemon=True).start()


def make(
    definition: Definition, source: FactSource, population: int, *, today: int, last: LastSegments | None
) -> Model:
    """The model of a definition, fitted on the source where its kind needs it.

    Raises:
        NothingToFit: too few complete cases.
    """
    if definition.kind is Kind.RULES:
        rules = tuple(segment.rule for segment in definition.segments if segment.rule is not None)
        return _finish(definition, RulesMethod(rules, definition.otherwise), definition.segments, {})
    if definition.kind is Kind.MANUAL:
        return _finish(definition, ManualMethod(definition.otherwise), definition.segments, {})
    if definition.kind is Kind.RFM:
        return _rfm(definition, source, population, today)
    return _kmeans(definition, source, population, today, last)


def _finish(
    definition: Definition,
    method: RulesMethod | ManualMethod | KMeansMethod,
    segments: Sequence[Segment],
    fit: Mapping[str, int | str],
) -> Model:
    return make_model(
        definition.kind, definition.digest, definition.zone, definition.features, tuple(segments), method, fit
    )


def _rfm(definition: Definition, source: FactSource, population: int, today: int) -> Model:
    settings = definition.rfm
    if settings is None:
        raise ValueError("an RFM definition has its settings")
    keys = (settings.recency, settings.frequency, settings.monetary)
    drawn = sample(source, definition, keys, population, today=today, rows=RFM_SAMPLE, seed=0)
    if len(drawn.subjects) < settings.cuts:
        raise NothingToFit(len(drawn.subjects), settings.cuts)
    ranges = [segment.scores for segment in definition.segments if segment.scores is not None]
    method = fit_rfm(settings, ranges, definition.otherwise, drawn.rows)
    fit: dict[str, int | str] = {"rows": len(drawn.subjects), "share": _decimal(drawn.share)}
    return make_model(
        definition.kind, definition.digest, definition.zone, definition.features, definition.segments, method, fit
    )


def _kmeans(
    definition: Definition, source: FactSource, population: int, today: int, last: LastSegments | None
) -> Model:
    settings = definition.kmeans
    if settings is None:
        raise ValueError("a k-means definition has its settings")
    drawn = sample(
        source, definition, settings.features, population, today=today, rows=settings.sample, seed=settings.seed
    )
    distinct = len(np.unique(drawn.rows, axis=1).T) if len(drawn.subjects) < 10 * settings.k else settings.k
    if distinct < settings.k:
        raise NothingToFit(distinct, settings.k)
    method, inertia = fit_kmeans(settings, drawn.rows)
    standard = _standard(method, drawn.rows)
    labels = _labels(method, standard)
    method, labels, overlap = _matched(method, labels, drawn.subjects, last)
    fit: dict[str, int | str] = {
        "rows": len(drawn.subjects),
        "share": _decimal(drawn.share),
        "seed": settings.seed,
        "inertia": _decimal(inertia),
        **_quality(method, standard, labels, settings.seed),
    }
    if overlap is not None:
        fit["overlap"] = _decimal(overlap)
    segments = definition.segments or name_clusters(method, definition.features)
    return _finish(definition, method, segments, fit)


def sample(
    source: FactSource,
    definition: Definition,
    keys: Sequence[str],
    population: int,
    *,
    today: int,
    rows: int,
    seed: int,
) -> Sample:
    """About *rows* people drawn by their number and the seed, those of them who have every feature named."""
    index = {feature.key: position for position, feature in enumerate(definition.features)}
    wanted = [index[key] for key in keys]
    subjects, numbers, drawn = [np.zeros(0, dtype=np.int64)], [np.zeros((len(keys), 0))], 0
    for batch in source.batches():
        part = _drawn(batch, rows / max(population, 1), seed)
        drawn += len(part.subjects)
        values = values_of(definition.features, part.facts, today=today)
        complete = values.usable[wanted].all(axis=0)
        subjects.append(part.subjects[complete])
        numbers.append(values.numbers[wanted][:, complete])
    kept = np.concatenate(subjects)
    return Sample(kept, np.concatenate(numbers, axis=1), len(kept) / drawn if drawn else 0.0)


def _drawn(batch: FactBatch, share: float, seed: int) -> FactBatch:
    if share >= 1:
        return batch
    chosen = _hash(batch.subjects, seed) < np.uint64(share * 2**64)
    facts = replace(batch.facts, values=batch.facts.values[:, chosen], present=batch.facts.present[:, chosen])
    return FactBatch(batch.subjects[chosen], facts)


def _hash(subjects: Subjects, seed: int) -> NDArray[np.uint64]:
    """SplitMix64 of number and seed: an even draw that needs no memory."""
    with np.errstate(over="ignore"):
        mixed = subjects.astype(np.uint64) + _MIX * np.uint64(seed + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _standard(method: KMeansMethod, rows: Floats) -> Floats:
    plain = transformed(rows, method.transform)
    standard: Floats = (plain - np.array(method.means)[:, None]) / np.array(method.scales)[:, None]
    return standard


def _labels(method: KMeansMethod, standard: Floats) -> NDArray[np.int16]:
    distances = squared_distances(method, standard, np.ones(standard.shape, dtype=bool))
    labels: NDArray[np.int16] = distances.argmin(axis=0).astype(np.int16)
    return labels


def _matched(
    method: KMeansMethod, labels: NDArray[np.int16], subjects: Subjects, last: LastSegments | None
) -> tuple[KMeansMethod, NDArray[np.int16], float | None]:
    """Number the clusters by greatest overlap with the last run; the share of people who overlap."""
    k = len(method.centroids)
    before = last(subjects) if last is not None else None
    if before is None or not (before >= 0).any():
        return method, labels, None
    table = contingency(before, labels, k, k)
    numbers = matching(table)
    order = np.argsort(numbers)
    moved = np.array(numbers, dtype=np.int16)[labels]
    overlap = contingency(before, moved, k, k)
    people = max(int(overlap.sum()), 1)
    return (
        replace(method, centroids=tuple(method.centroids[label] for label in order)),
        moved,
        int(np.trace(overlap)) / people,
    )


def _quality(method: KMeansMethod, standard: Floats, labels: NDArray[np.int16], seed: int) -> dict[str, str]:
    """Silhouette on a part of the sample, and how alike clusterings of resampled people are."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    random = np.random.default_rng(seed)
    people = standard.shape[1]
    found: dict[str, str] = {}
    part = random.choice(people, min(people, QUALITY_ROWS), replace=False)
    if 1 < len(np.unique(labels[part])) < len(part):
        found["silhouette"] = _decimal(float(silhouette_score(standard[:, part].T, labels[part])))
    k, agreements = len(method.centroids), []
    for number in range(RESAMPLES):
        chosen = random.choice(people, min(people, RESAMPLE_ROWS), replace=True)
        rows = np.ascontiguousarray(standard[:, chosen].T)
        if len(np.unique(rows, axis=0)) < k:
            return found
        again = KMeans(k, n_init=1, init="k-means++", random_state=seed + number).fit(rows).labels_
        agreement = adjusted_rand(contingency(labels[chosen], again.astype(np.int16), k, k))
        agreements.append(1.0 if agreement is None else agreement)
    found["resampling_ari"] = _decimal(float(np.mean(agreements)))
    return found


def _decimal(value: float) -> str:
    return f"{value:.6f}"
