"""Groups found in the data: k-means and Ward, how many of them, numbered as in the last run, and how good they are.

The number is chosen, where a range is given, by the silhouette among those that resampled people confirm; what spoke
for it is stored for every number that was tried. Nothing here is seen by scoring but the centroids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Text
from segmentation.errors import NothingToFit
from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.kmeans import KMeansMethod, squared_distances, transformed
from segmentation.methods.kmeans_fit import fit_centroids
from segmentation.methods.reduction import Reduction, components_of
from segmentation.methods.reduction_fit import fit_reduction
from segmentation.methods.ward_fit import Hierarchy, centroids_of, fit_hierarchy
from segmentation.naming import Trait
from segmentation.settings.kmeans import KMeansSettings
from segmentation.settings.ward import WardSettings
from segmentation.stability import adjusted_rand, contingency, matching

QUALITY_ROWS = 2_000
RESAMPLES = 5
RESAMPLE_ROWS = 5_000
STABLE = 0.6
"""Groups that resampled people find again with this adjusted Rand index or more count as confirmed."""

Settings = KMeansSettings | WardSettings
Labels = NDArray[np.int16]
Fit = dict[str, int | str]


@dataclass(frozen=True)
class Space:
    """The sample as the groups see it: standard units, (features or components, people)."""

    standard: Floats
    means: tuple[float, ...]
    scales: tuple[float, ...]
    reduction: Reduction | None
    hierarchy: Hierarchy | None


@dataclass(frozen=True)
class Tried:
    """One number of groups and what speaks for it."""

    method: KMeansMethod
    labels: Labels
    spread: float
    """Mean squared distance to the own centroid."""
    silhouette: float | None
    resampling: float | None


def fit_clusters(
    settings: Settings, features: Sequence[Feature], rows: Floats, last: Labels | None, *, least: int = 10
) -> tuple[KMeansMethod, Fit, tuple[tuple[Trait, ...], ...]]:
    """Centroids of complete cases, how good they are, and the traits of each group.

    *rows* is (features, people), *last* their segments in the last run or None. No picture tells
    of a part of the hierarchy with fewer than *least* people.

    The same rows and seed need not give the same bits on another machine: the stored model is the truth.

    Raises:
        NothingToFit: fewer different people than groups.
    """
    most = settings.numbers[-1]
    distinct = len(np.unique(rows, axis=1).T) if rows.shape[1] < 10 * most else most
    if distinct < most:
        raise NothingToFit(distinct, most)
    space = _space(settings, features, rows)
    tried = [_try(settings, space, k) for k in settings.numbers]
    best = chosen(tried)
    method, labels, overlap = _matched(best.method, best.labels, last)
    fit: Fit = {"inertia": _decimal(best.spread), **_qualities(best)}
    fit |= overlap
    if len(tried) > 1:
        for each in tried:
            fit |= {f"k{len(each.method.centroids)}_{name}": value for name, value in _qualities(each).items()}
    return method, fit | _of_kind(space, method, labels, least), traits(features, rows, labels, len(method.centroids))


def chosen(tried: Sequence[Tried]) -> Tried:
    """The best silhouette among the confirmed numbers, among all where none is; the smaller number on a tie."""
    confirmed = [each for each in tried if each.resampling is not None and each.resampling >= STABLE]
    return max(confirmed or tried, key=lambda each: (each.silhouette or 0.0, -len(each.method.centroids)))


def traits(features: Sequence[Feature], rows: Floats, labels: Labels, k: int) -> tuple[tuple[Trait, ...], ...]:
    """How each group differs from everybody in the sample, feature by feature."""
    return tuple(
        tuple(_trait(feature, row, labels == number) for feature, row in zip(features, rows, strict=True))
        for number in range(k)
    )


def _trait(feature: Feature, row: Floats, inside: Bools) -> Trait:
    there = ~np.isnan(row)
    row, inside = row[there], inside[there]
    if not len(row):
        return Trait(feature.label, 0.0)
    if feature.quantity is not Quantity.LEVEL:
        spread = float(row.std()) or 1.0
        return Trait(feature.label, float(row[inside].mean() - row.mean()) / spread if inside.any() else 0.0)
    levels = np.arange(len(feature.levels) + 1)[:, None]
    everybody, own = (row == levels).mean(axis=1), (row[inside] == levels).mean(axis=1) if inside.any() else 0.0
    lift = (own - everybody) / np.sqrt(np.maximum(everybody * (1 - everybody), 1e-9))
    best = int(np.argmax(lift[: len(feature.levels)]))
    word = feature.levels[best]
    return Trait(feature.label, float(lift[best]), Text(word, word))


def _space(settings: Settings, features: Sequence[Feature], rows: Floats) -> Space:
    plain = np.array(
        [
            row if feature.quantity is Quantity.LEVEL else transformed(row, settings.transform)
            for feature, row in zip(features, rows, strict=True)
        ]
    )
    reduction = fit_reduction(settings.reduction, features, plain) if settings.reduction else None
    if reduction is not None:
        plain = components_of(reduction, features, all_known(plain)).numbers
    means, spread = plain.mean(axis=1), plain.std(axis=1)
    # components keep their own scale: the first ones are the longer ones and shall weigh more
    scales = np.where(spread > 0, spread, 1.0) if reduction is None else np.ones(len(plain))
    standard = (plain - means[:, None]) / scales[:, None]
    hierarchy = fit_hierarchy(np.ascontiguousarray(standard.T)) if isinstance(settings, WardSettings) else None
    return Space(standard, tuple(means.tolist()), tuple(scales.tolist()), reduction, hierarchy)


def _try(settings: Settings, space: Space, k: int) -> Tried:
    people = np.ascontiguousarray(space.standard.T)
    if isinstance(settings, WardSettings) and space.hierarchy is not None:
        centroids = centroids_of(people, space.hierarchy.cut(k), k)
    else:
        restarts = settings.restarts if isinstance(settings, KMeansSettings) else 1
        centroids = fit_centroids(people, k, restarts=restarts, seed=settings.seed)
    method = KMeansMethod(
        features=settings.features,
        transform=settings.transform,
        means=space.means,
        scales=space.scales,
        centroids=centroids,
        reduction=space.reduction,
        heights=space.hierarchy.heights if space.hierarchy else (),
    )
    distances = squared_distances(method, space.standard, _all_known(space.standard))
    labels: Labels = distances.argmin(axis=0).astype(np.int16)
    silhouette, again = _silhouette(people, labels, settings.seed), _resampled(people, labels, k, settings.seed)
    return Tried(method, labels, float(distances.min(axis=0).mean()) * len(space.standard), silhouette, again)


def _all_known(standard: Floats) -> Bools:
    return np.ones(standard.shape, dtype=bool)


def _of_kind(space: Space, method: KMeansMethod, labels: Labels, least: int) -> Fit:
    """What only a hierarchy or components have to tell."""
    fit: Fit = {}
    if space.hierarchy is not None:
        k = len(method.centroids)
        agreed = adjusted_rand(contingency(space.hierarchy.cut(k), labels, k, k))
        fit["dendrogram_agreement"] = _decimal(1.0 if agreed is None else agreed)
        for number, (height, left, right) in enumerate(space.hierarchy.merges(least), start=1):
            fit[f"merge{number}"] = f"{_decimal(height)} {left} {right}"
        fit["agglomerative_coefficient"] = _decimal(space.hierarchy.agglomerative_coefficient)
    if space.reduction is not None:
        for number, share in enumerate(space.reduction.inertias, start=1):
            fit[f"component_{number}"] = _decimal(share)
    return fit


def _matched(method: KMeansMethod, labels: Labels, last: Labels | None) -> tuple[KMeansMethod, Labels, Fit]:
    """Number the clusters by greatest overlap with the last run."""
    numbers, told = renumbered(labels, len(method.centroids), last)
    centroids = tuple(method.centroids[label] for label in inverse(numbers))
    return replace(method, centroids=centroids), numbers[labels], told


def renumbered(labels: Labels, k: int, last: Labels | None) -> tuple[Labels, Fit]:
    """The number that each label takes by greatest overlap with the last run, and the share of people who overlap."""
    same = np.arange(k, dtype=np.int16)
    if last is None or not (last >= 0).any():
        return same, {}
    before = max(k, int(last.max()) + 1)
    numbers = np.array(matching(contingency(last, labels, before, k)), dtype=np.int16)
    overlap = contingency(last, np.where(labels >= 0, numbers[labels], -1).astype(np.int16), before, k)
    people = max(int(overlap.sum()), 1)
    return numbers, {"overlap": _decimal(int(np.trace(overlap)) / people)}


def inverse(numbers: Labels) -> list[int]:
    """The label that takes each number."""
    return [int(label) for label in np.argsort(numbers)]


def all_known(rows: Floats) -> Values:
    """Complete cases as values."""
    every = np.ones(rows.shape, dtype=bool)
    return Values(rows, every, ~every)


def _qualities(tried: Tried) -> dict[str, str]:
    measured = {"silhouette": tried.silhouette, "resampling_ari": tried.resampling}
    return {name: _decimal(value) for name, value in measured.items() if value is not None}


def _silhouette(people: Floats, labels: Labels, seed: int) -> float | None:
    """Rousseeuw's silhouette on a part of the sample; None where there is nothing to compare."""
    from sklearn.metrics import silhouette_score

    part = np.random.default_rng(seed).choice(len(people), min(len(people), QUALITY_ROWS), replace=False)
    if not 1 < len(np.unique(labels[part])) < len(part):
        return None
    return float(silhouette_score(people[part], labels[part]))


def _resampled(people: Floats, labels: Labels, k: int, seed: int) -> float | None:
    """How alike clusterings of resampled people are: mean adjusted Rand index; None where people are too alike."""
    from sklearn.cluster import KMeans

    random, agreements = np.random.default_rng(seed + 1), []
    for number in range(RESAMPLES):
        drawn = random.choice(len(people), min(len(people), RESAMPLE_ROWS), replace=True)
        rows = np.ascontiguousarray(people[drawn])
        if len(np.unique(rows, axis=0)) < k:
            return None
        again = KMeans(k, n_init=1, init="k-means++", random_state=seed + number).fit(rows).labels_
        agreement = adjusted_rand(contingency(labels[drawn], again.astype(np.int16), k, k))
        agreements.append(1.0 if agreement is None else agreement)
    return float(np.mean(agreements))


def _decimal(value: float) -> str:
    return f"{value:.6f}"
