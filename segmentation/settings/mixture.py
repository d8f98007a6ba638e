"""Gaussian mixture: how many groups of which shape, over which features, fitted how; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from segmentation.inputs import Feature
from segmentation.reading import Node
from segmentation.settings.kmeans import SEED, shared_part
from segmentation.settings.reduction import ReductionSettings
from segmentation.settings.shared import Transform

MOST_GROUPS = 50


class Covariance(StrEnum):
    """Which shapes the groups may have."""

    FULL = "full"
    """Each group its own ellipsoid, in any direction."""
    DIAG = "diag"
    """Each group its own ellipsoid along the axes: within a group the features are independent."""
    TIED = "tied"
    """One ellipsoid for all groups."""


@dataclass(frozen=True)
class MixtureSettings:
    """How the mixture is fitted; where a range of numbers is given, the least BIC chooses."""

    k: int
    """How many groups, or the fewest of a range."""
    features: tuple[str, ...]
    covariance: Covariance = Covariance.FULL
    transform: Transform = Transform.NONE
    seed: int = 0
    sample: int = 100_000
    restarts: int = 5
    most: int | None = None
    """The most of a range; None: exactly `k`."""
    reduction: ReductionSettings | None = None

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name; None where the number is chosen by the data."""
        return self.k if self.most is None else None

    @property
    def numbers(self) -> range:
        """The numbers of groups that are tried."""
        return range(self.k, (self.most or self.k) + 1)


def parse_mixture(root: Node, features: Mapping[str, Feature]) -> MixtureSettings:
    """The `mixture` part."""
    names = ("k", "features", "covariance", "transform", "seed", "sample", "restarts", "reduce")
    node = root.at("mixture").object(allowed=names)
    given: dict[str, Any] = {}
    for name, (least, most) in {"seed": SEED, "sample": (1000, 1_000_000), "restarts": (1, 100)}.items():
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    if node.has("covariance"):
        given["covariance"] = node.at("covariance").one_of(Covariance)
    return MixtureSettings(**given, **shared_part(node, features, most=MOST_GROUPS))
