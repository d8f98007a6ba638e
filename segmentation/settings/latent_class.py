"""Latent classes: how many, over which categories, and where numbers are cut into categories; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from segmentation.inputs import Feature, Quantity
from segmentation.reading import Node, each
from segmentation.settings.kmeans import SEED
from segmentation.settings.shared import chosen_features, how_many

MOST_CLASSES = 20
MOST_CUTS = 19
MOST_CODES = 20
"""A number without cut points may have so many different values; each is a category."""
CATEGORICAL = frozenset({Quantity.LEVEL, Quantity.FLAG})


@dataclass(frozen=True)
class LatentClassSettings:
    """How the classes are fitted; where a range of numbers is given, the least BIC chooses."""

    k: int
    """How many classes, or the fewest of a range."""
    features: tuple[str, ...]
    bins: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """By feature: ascending cut points. A value on one stands on its lower side."""
    seed: int = 0
    sample: int = 100_000
    restarts: int = 20
    most: int | None = None
    """The most of a range; None: exactly `k`."""

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name; None where the number is chosen by the data."""
        return self.k if self.most is None else None

    @property
    def numbers(self) -> range:
        """The numbers of classes that are tried."""
        return range(self.k, (self.most or self.k) + 1)

    def cuts(self, feature: str) -> tuple[float, ...]:
        """The cut points of a feature; none where its values are the categories."""
        return dict(self.bins).get(feature, ())


def parse_latent_class(root: Node, features: Mapping[str, Feature]) -> LatentClassSettings:
    """The `latent_class` part.

    Raises:
        DefinitionInvalid: a number that is neither cut nor a code, a category that is cut, cut points out of order.
    """
    names = ("k", "features", "bins", "seed", "sample", "restarts", "reduce")
    node = root.at("latent_class").object(allowed=names)
    if node.has("reduce"):
        raise node.at("reduce").fail("latent classes take the categories themselves; take mixture after mca or famd")
    given: dict[str, Any] = {}
    for name, (least, most) in {"seed": SEED, "sample": (100, 1_000_000), "restarts": (1, 500)}.items():
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    fewest, largest = how_many(node.at("k"), most=MOST_CLASSES)
    keys = chosen_features(node, features, numbers_only=False)
    bins = _bins(node, keys, features) if node.has("bins") else ()
    _categories(node, keys, features, dict(bins))
    return LatentClassSettings(fewest, keys, bins, most=None if largest == fewest else largest, **given)


def _bins(
    node: Node, keys: Sequence[str], features: Mapping[str, Feature]
) -> tuple[tuple[str, tuple[float, ...]], ...]:
    part = node.at("bins").object(allowed=keys)
    return tuple((key, _cuts(part.at(key), features[key])) for key in keys if part.has(key))


def _cuts(node: Node, feature: Feature) -> tuple[float, ...]:
    if feature.quantity in CATEGORICAL:
        raise node.fail(f"{feature.key!r} is a category already")
    cuts = tuple(each(node.items(least=1, most=MOST_CUTS), Node.number))
    if any(later <= earlier for earlier, later in pairwise(cuts)):
        raise node.fail("must ascend")
    return cuts


def _categories(
    node: Node, keys: Sequence[str], features: Mapping[str, Feature], bins: Mapping[str, tuple[float, ...]]
) -> None:
    place = node.at("features") if node.has("features") else node
    for key in keys:
        quantity = features[key].quantity
        if quantity is Quantity.LEVEL and not features[key].levels:
            raise place.fail(f"{key!r} has no list of levels in the catalogue")
        if quantity not in CATEGORICAL | {Quantity.NUMBER} and key not in bins:
            raise place.fail(f"{key!r} is no category: give its cut points under bins")
