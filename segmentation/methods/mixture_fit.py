"""Fitting a Gaussian mixture with scikit-learn's EM; apart from the scoring, which needs nothing but numpy.

Several starts by a seed compete on a part of the sample, the best is refined on all of it. Where a range of numbers
is given, the least BIC (Schwarz 1978) chooses, and every number's figures are kept. Groups are numbered by size.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.errors import NothingToFit
from segmentation.facts import Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.kmeans import own_values
from segmentation.methods.mixture import MixtureMethod, Triangle, log_joint
from segmentation.methods.posterior import log_likelihood, posterior, relative_entropy
from segmentation.methods.reduction import Reduction, components_of
from segmentation.methods.reduction_fit import fit_reduction
from segmentation.settings.mixture import Covariance, MixtureSettings

PART = 10_000
"""Starts compete on so many people."""
THINNEST = 1e-3
"""Least variance of a group along any feature, in standard units: repeated values make no infinitely thin group."""
TOLERANCE = 1e-5
LONGEST = 500


@dataclass(frozen=True)
class _Tried:
    """One number of groups and what speaks for it."""

    method: MixtureMethod
    log_likelihood: float
    bic: float
    entropy: float
    converged: bool

    def told(self) -> dict[str, int | str]:
        return {
            "log_likelihood": f"{self.log_likelihood:.6f}",
            "bic": f"{self.bic:.6f}",
            "entropy": f"{self.entropy:.6f}",
        }


def fit_mixture(
    settings: MixtureSettings, features: Sequence[Feature], rows: Floats
) -> tuple[MixtureMethod, dict[str, int | str]]:
    """The mixture of complete cases, and how good it is.

    Args:
        features: those of the settings, in that order.
        rows: (features, people).

    Raises:
        NothingToFit: fewer different people than groups.
    """
    most = settings.numbers[-1]
    distinct = len(np.unique(rows, axis=1).T) if rows.shape[1] < 10 * most else most
    if distinct < most or rows.shape[1] < 2:
        raise NothingToFit(distinct, most)
    blank, standard = _standard(settings, features, rows)
    tried = [_try(settings, blank, standard, k) for k in settings.numbers]
    best = min(tried, key=lambda each: (each.bic, len(each.method.weights)))
    told = best.told() | {"covariance": settings.covariance.value, "converged": int(best.converged)}
    if len(tried) > 1:
        for each in tried:
            told |= {f"k{len(each.method.weights)}_{name}": value for name, value in each.told().items()}
    return best.method, told


def parameters(k: int, dimensions: int, covariance: Covariance) -> int:
    """How many numbers a mixture may choose freely."""
    shape = dimensions * (dimensions + 1) // 2
    shapes = {Covariance.FULL: k * shape, Covariance.DIAG: k * dimensions, Covariance.TIED: shape}[covariance]
    return k - 1 + k * dimensions + shapes


def _standard(settings: MixtureSettings, features: Sequence[Feature], rows: Floats) -> tuple[MixtureMethod, Floats]:
    """A method without groups that standardises, and the sample in its units."""
    there = np.ones(rows.shape, dtype=bool)
    own = own_values(features, Values(rows, there, ~there), range(len(rows)), settings.transform)
    reduction: Reduction | None = None
    if settings.reduction is not None:
        reduction = fit_reduction(settings.reduction, features, own.numbers)
        own = components_of(reduction, features, own)
    means, spread = own.numbers.mean(axis=1), own.numbers.std(axis=1)
    scales = np.where(spread > 0, spread, 1.0)
    blank = MixtureMethod(
        settings.features,
        settings.transform,
        tuple(means.tolist()),
        tuple(scales.tolist()),
        (),
        (),
        (),
        reduction,
    )
    return blank, (own.numbers - means[:, None]) / scales[:, None]


def _try(settings: MixtureSettings, blank: MixtureMethod, standard: Floats, k: int) -> _Tried:
    fitted, converged = _climb(settings, np.ascontiguousarray(standard.T), k)
    dimensions, people = standard.shape
    method = MixtureMethod(
        blank.features,
        blank.transform,
        blank.means,
        blank.scales,
        tuple(float(weight) for weight in fitted.weights_),
        tuple(tuple(middle) for middle in fitted.means_.tolist()),
        tuple(_triangle(fitted.covariances_, settings.covariance, group, dimensions) for group in range(k)),
        blank.reduction,
    ).ordered(sorted(range(k), key=lambda group: (-fitted.weights_[group], group)))
    logs = log_joint(method, standard, np.ones(standard.shape, dtype=bool))
    total = float(log_likelihood(logs).sum())
    bic = parameters(k, dimensions, settings.covariance) * math.log(people) - 2 * total
    return _Tried(method, total, bic, relative_entropy(posterior(logs)), converged)


def _climb(settings: MixtureSettings, people: Floats, k: int) -> tuple[Any, bool]:
    from sklearn.mixture import GaussianMixture

    given = {
        "n_components": k,
        "covariance_type": settings.covariance.value,
        "reg_covar": THINNEST,
        "tol": TOLERANCE,
        "max_iter": LONGEST,
        "random_state": settings.seed,
    }
    part = people
    if len(people) > PART:
        part = people[np.random.default_rng(settings.seed).choice(len(people), PART, replace=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge is told with the model
        fitted = GaussianMixture(n_init=settings.restarts, **given).fit(part)
        if len(people) > PART:
            start = {"weights_init": fitted.weights_, "means_init": fitted.means_}
            fitted = GaussianMixture(precisions_init=fitted.precisions_, **start, **given).fit(people)
    return fitted, bool(fitted.converged_)


def _triangle(covariances: Any, kind: Covariance, group: int, dimensions: int) -> Triangle:
    """One group's covariance up to the diagonal."""
    if kind is Covariance.DIAG:
        whole = np.diag(covariances[group])
    else:
        whole = covariances if kind is Covariance.TIED else covariances[group]
    return tuple(tuple(float(number) for number in whole[row, : row + 1]) for row in range(dimensions))
