"""k-means: how many centroids, over which features, fitted how; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmentation.inputs import Feature
from segmentation.reading import Node
from segmentation.settings.reduction import ReductionSettings, reduced
from segmentation.settings.shared import REDUCED, Transform, chosen_features, how_many

SEED = (0, 2**31 - 1)


@dataclass(frozen=True)
class KMeansSettings:
    """How the centroids are fitted; the stored model, not a refit, is the truth."""

    k: int
    """How many, or the fewest of a range."""
    features: tuple[str, ...]
    transform: Transform = Transform.NONE
    seed: int = 0
    sample: int = 100_000
    restarts: int = 10
    most: int | None = None
    """The most of a range of which the best number is chosen; None: exactly `k`."""
    reduction: ReductionSettings | None = None

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name; None where the number is chosen by the data."""
        return self.k if self.most is None else None

    @property
    def numbers(self) -> range:
        """The numbers of segments that are tried."""
        return range(self.k, (self.most or self.k) + 1)


def parse_kmeans(root: Node, features: Mapping[str, Feature]) -> KMeansSettings:
    """The `kmeans` part."""
    names = ("k", "features", "transform", "scale", "seed", "sample", "restarts", "reduce")
    node = root.at("kmeans").object(allowed=names)
    if node.has("scale") and node.at("scale").value != "standard":
        raise node.at("scale").fail("only standard is known: minus the mean, by the standard deviation")
    given: dict[str, Any] = {}
    for name, (least, most) in {"seed": SEED, "sample": (1000, 1_000_000), "restarts": (1, 100)}.items():
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    return KMeansSettings(**given, **shared_part(node, features))


def shared_part(node: Node, features: Mapping[str, Feature], *, most: int = 100) -> dict[str, Any]:
    """What k-means and Ward ask for alike."""
    given: dict[str, Any] = {}
    if node.has("transform"):
        given["transform"] = node.at("transform").one_of(Transform)
    fewest, largest = how_many(node.at("k"), most=most)
    keys = chosen_features(node, features, numbers_only=not node.has("reduce"), way_out=REDUCED)
    given |= {"k": fewest, "most": None if largest == fewest else largest, "features": keys}
    return given | {"reduction": reduced(node, keys, features)}
