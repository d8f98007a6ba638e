"""Ward's hierarchy: how many groups it is cut into, over which features, on how many people; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmentation.inputs import Feature
from segmentation.reading import Node
from segmentation.settings.kmeans import SEED, shared_part
from segmentation.settings.reduction import ReductionSettings
from segmentation.settings.shared import Transform

LARGEST_SAMPLE = 8_000
"""Every pair of people has a distance: 8,000 people make 32 million of them, 256 MB; twice as many four times that."""


@dataclass(frozen=True)
class WardSettings:
    """How the hierarchy is made and where it is cut."""

    k: int
    features: tuple[str, ...]
    transform: Transform = Transform.NONE
    seed: int = 0
    sample: int = 4_000
    most: int | None = None
    reduction: ReductionSettings | None = None

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name; None where the number is chosen by the data."""
        return self.k if self.most is None else None

    @property
    def numbers(self) -> range:
        """The numbers of segments that are tried."""
        return range(self.k, (self.most or self.k) + 1)


def parse_ward(root: Node, features: Mapping[str, Feature]) -> WardSettings:
    """The `ward` part.

    Raises:
        DefinitionInvalid: a sample so large that the hierarchy would take for ever; says what to take instead.
    """
    names = ("k", "features", "transform", "seed", "sample", "reduce")
    node = root.at("ward").object(allowed=names)
    given: dict[str, Any] = {}
    if node.has("seed"):
        given["seed"] = node.at("seed").integer(*SEED)
    if node.has("sample"):
        place = node.at("sample")
        if isinstance(place.value, int) and place.value > LARGEST_SAMPLE:
            raise place.fail(
                f"at most {LARGEST_SAMPLE}: Ward keeps the distance of every pair of people; for more take the kind "
                "kmeans or mixture, or leave the sample at its size: everybody else gets the nearest group"
            )
        given["sample"] = place.integer(100, LARGEST_SAMPLE)
    return WardSettings(**given, **shared_part(node, features, most=50))
