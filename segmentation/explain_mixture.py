"""What spoke for one group of a mixture and what for the next; pure: from a record's values and the stored model.

The logarithm of how much likelier the own group is than the next one is split by feature: of the squared distance that
a group's covariance measures (Mahalanobis 1936) a feature gets its own term and half of each term that it shares with
another, which is Shapley's value of a quadratic form. How widely the groups spread and how large they are is told
apart. All parts sum to the logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from governance.vocabulary import Text
from segmentation.explain_conditions import held_in_words
from segmentation.facts import Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.kmeans import own_values
from segmentation.methods.mixture import MixtureMethod, Triangle, log_joint, standard_values, triangle_of
from segmentation.methods.posterior import posterior
from segmentation.methods.reduction import contributions, known_to
from segmentation.settings.shared import Transform
from segmentation.weighing import Pair, Weighing, Weight, heaviest_first, row_of, shares_in_words
from segmentation.wording import amount_of, percent

SPREAD = "group_spread"
SIZE = "group_size"
APART: dict[str, Text] = {
    SPREAD: Text("Wie breit die beiden Gruppen streuen", "How widely the two groups spread"),
    SIZE: Text("Wie groß die beiden Gruppen sind", "How large the two groups are"),
}


@dataclass(frozen=True)
class Split:
    """The parts by key, in the method's order of features, then spread and size; features that are missing have none.

    They sum to `difference`: the logarithm of how much likelier the own group is than `after`.
    """

    parts: tuple[tuple[str, float], ...]
    difference: float
    own: float
    """Probability of the own group."""
    after: int
    beside: float
    """Probability of the next one."""


def split_mixture(method: MixtureMethod, features: Sequence[Feature], values: Values, own: int) -> Split:
    """Own group against the likeliest other one, for the one person in *values*."""
    standard = standard_values(method, features, values)
    logs = log_joint(method, standard.numbers, standard.known)
    chances = posterior(logs)[:, 0].tolist()
    after = min((group for group in range(len(chances)) if group != own), key=lambda group: (-chances[group], group))
    rows = np.flatnonzero(standard.known[:, 0]).tolist()
    shapes = {group: triangle_of(method.covariances[group], rows) for group in (own, after)}
    sums = {}
    for group, shape in shapes.items():
        pieces = _gaps(method, features, values, group)
        pulled = np.array(_pulled(shape, pieces[:, rows].sum(axis=0).tolist()))
        sums[group] = (pieces[:, rows] * pulled).sum(axis=1)
    here = _known(method, features, values)
    parts = [
        (key, 0.5 * float(sums[after][row] - sums[own][row])) for row, key in enumerate(method.features) if here[row]
    ]
    parts.append((SPREAD, _volume(shapes[after]) - _volume(shapes[own])))
    parts.append((SIZE, math.log(method.weights[own]) - math.log(method.weights[after])))
    difference = float(logs[own, 0] - logs[after, 0])
    return Split(tuple(parts), difference, chances[own], after, chances[after])


def _own(method: MixtureMethod, features: Sequence[Feature], values: Values) -> tuple[list[Feature], Values]:
    rows = [row_of(features, key) for key in method.features]
    return [features[row] for row in rows], own_values(features, values, rows, method.transform)


def _known(method: MixtureMethod, features: Sequence[Feature], values: Values) -> list[bool]:
    mine, own = _own(method, features, values)
    known = own.usable if method.reduction is None else known_to(method.reduction, mine, own)
    here: list[bool] = (known & np.isfinite(own.numbers))[:, 0].tolist()
    return here


def _gaps(method: MixtureMethod, features: Sequence[Feature], values: Values, group: int) -> Floats:
    """How far the person is from a group's middle along each dimension, feature by feature: (features, dimensions)."""
    middle = np.array(method.middles[group])
    if method.reduction is None:
        standard = standard_values(method, features, values)
        return np.diag(np.where(standard.known[:, 0], standard.numbers[:, 0] - middle, 0.0))
    mine, own = _own(method, features, values)
    known = known_to(method.reduction, mine, own)
    gaps = np.zeros((len(mine), method.reduction.components))
    for component, mean in enumerate(method.means):
        added = contributions(method.reduction, own, known, component)[:, 0]
        weights = np.array([row[component] for row in method.reduction.weights]) * known[:, 0]
        plain = mean + middle[component] * method.scales[component]
        whole = float(weights.sum()) or 1.0
        gaps[:, component] = (added - weights * plain) / (whole * method.scales[component])
    return gaps


def _pulled(triangle: Triangle, gaps: Sequence[float]) -> list[float]:
    """The inverse covariance times the gaps: elimination forwards, then backwards."""
    found: list[float] = []
    for row, line in enumerate(triangle):
        found.append((gaps[row] - sum(line[j] * found[j] for j in range(row))) / line[row])
    for row in reversed(range(len(found))):
        later = sum(triangle[j][row] * found[j] for j in range(row + 1, len(found)))
        found[row] = (found[row] - later) / triangle[row][row]
    return found


def _volume(triangle: Triangle) -> float:
    """Half the logarithm of the determinant."""
    return sum(math.log(line[-1]) for line in triangle)


def weigh_mixture(
    method: MixtureMethod,
    features: Sequence[Feature],
    values: Values,
    names: Sequence[Text],
    scored: int,
    *,
    hidden: frozenset[int] = frozenset(),
) -> Weighing:
    """What spoke for the own group and what for the next, heaviest first, and how likely each of them is.

    Args:
        values: of one person.
        names: of the segments, as the person reads them.
        scored: the person's segment number.
        hidden: segments whose typical values are not told, because they had too few people.
    """
    split = split_mixture(method, features, values, scored)
    pair = Pair(scored, split.after, names[scored], names[split.after])
    whole = sum(abs(part) for _, part in split.parts)
    told = method.reduction is None and not {scored, split.after} & hidden
    weights = []
    for place in heaviest_first([part for _, part in split.parts]):
        key, part = split.parts[place]
        if key in APART and not part:
            continue
        what = APART[key] if key in APART else _line(method, features, values, key, pair if told else None)
        weights.append(Weight(key, pair.told(what, part, whole), part))
    return Weighing(tuple(weights), likelihoods_in_words(pair, split.own, split.beside), split.after, split.difference)


def _line(method: MixtureMethod, features: Sequence[Feature], values: Values, key: str, pair: Pair | None) -> Text:
    row = row_of(features, key)
    feature, have = features[row], held_in_words(features[row], row, values)
    usual = Text("", "")
    if pair is not None and feature.quantity is not Quantity.LEVEL:
        place = method.features.index(key)
        own, after = (amount_of(feature, _plain(method, group, place)) for group in (pair.own, pair.after))
        usual = shares_in_words(own, after, pair)
    return Text(f"{feature.label.de}: {have.de}{usual.de}", f"{feature.label.en}: {have.en}{usual.en}")


def _plain(method: MixtureMethod, group: int, place: int) -> float:
    """A group's middle in the feature's own unit."""
    value = method.means[place] + method.middles[group][place] * method.scales[place]
    return math.copysign(value * value, value) if method.transform is Transform.SQRT else value


def likelihoods_in_words(pair: Pair, own: float, beside: float) -> Text:
    """How likely the own and the next group are."""
    mine, other = _chance(own), _chance(beside)
    return Text(
        f"Ihre Angaben passen mit einer Wahrscheinlichkeit von {mine.de} zu „{pair.own_name.de}“. Am nächsten lag "
        f"danach „{pair.after_name.de}“ mit {other.de}.",
        f"Your details fit “{pair.own_name.en}” with a probability of {mine.en}. The next closest was "
        f"“{pair.after_name.en}” with {other.en}.",
    )


def _chance(probability: float) -> Text:
    """A probability that is never told as certain or impossible, because the model does not know that."""
    if probability > 0.999:
        limit = percent(0.999, 1)
        return Text(f"mehr als {limit.de}", f"more than {limit.en}")
    limit = percent(max(probability, 0.001), 1)
    return limit if probability >= 0.001 else Text(f"weniger als {limit.de}", f"less than {limit.en}")
