"""ABC: which share of the total each class carries, along one to three amounts; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from segmentation.inputs import Feature
from segmentation.reading import Node, each, no_doubles
from segmentation.settings.shared import numeric, share

MOST_CLASSES, MOST_DIMENSIONS = 5, 3


@dataclass(frozen=True)
class AbcSettings:
    """Features, such as revenue and contribution margin, and the cumulated shares at which a class ends."""

    features: tuple[str, ...]
    shares: tuple[float, ...] = (0.8, 0.95)
    """Ascending: class A carries the first 80 % of the total, B what goes up to 95 %, C the rest."""

    @property
    def classes(self) -> int:
        """How many classes along one feature."""
        return len(self.shares) + 1

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name."""
        return int(self.classes ** len(self.features))


def parse_abc(root: Node, features: Mapping[str, Feature]) -> AbcSettings:
    """The `abc` part."""
    node = root.at("abc").object(allowed=("features", "shares"))
    nodes = node.at("features").items(least=1, most=MOST_DIMENSIONS)
    keys = tuple(each(nodes, partial(numeric, features=features)))
    no_doubles(nodes, keys)
    if not node.has("shares"):
        return AbcSettings(keys)
    shares = tuple(share(item, 0.01, 0.999) for item in node.at("shares").items(least=1, most=MOST_CLASSES - 1))
    if any(later <= earlier for earlier, later in pairwise(shares)):
        raise node.at("shares").fail("must ascend: each class ends further on than the one before")
    return AbcSettings(keys, shares)
