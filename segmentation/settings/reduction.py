"""Components instead of features: PCA for numbers, MCA for categories, FAMD for both; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from segmentation.inputs import Feature, Quantity
from segmentation.reading import Node


class ReductionKind(StrEnum):
    """Which analysis makes the components."""

    PCA = "pca"
    MCA = "mca"
    FAMD = "famd"


@dataclass(frozen=True)
class ReductionSettings:
    """Which analysis, and how many components of it."""

    kind: ReductionKind
    components: int


def parse_reduction(node: Node, features: Sequence[Feature]) -> ReductionSettings:
    """The `reduce` part of a kind.

    Raises:
        DefinitionInvalid: the analysis does not fit the features' types, or more components than features.
    """
    node.object(allowed=("kind", "components"))
    kind = node.at("kind").one_of(ReductionKind)
    levels = sum(feature.quantity is Quantity.LEVEL for feature in features)
    if kind is ReductionKind.PCA and levels:
        raise node.at("kind").fail("pca takes numbers only; take famd, which takes categories, too")
    if kind is ReductionKind.MCA and levels < len(features):
        raise node.at("kind").fail("mca takes categories only; take famd, which takes numbers, too")
    if kind is ReductionKind.FAMD and not 0 < levels < len(features):
        raise node.at("kind").fail("famd is for numbers and categories together; take pca or mca")
    for feature in features:
        if feature.quantity is Quantity.LEVEL and len(feature.levels) < 2:
            raise node.at("kind").fail(f"{feature.key!r} has no list of levels in the catalogue to make components of")
    most = len(features) if kind is ReductionKind.PCA else sum(max(len(f.levels) - 1, 1) for f in features)
    return ReductionSettings(kind, node.at("components").integer(1, max(most, 1)))


def reduced(node: Node, keys: Sequence[str], features: Mapping[str, Feature]) -> ReductionSettings | None:
    """The reduction of a kind that may have one."""
    return parse_reduction(node.at("reduce"), [features[key] for key in keys]) if node.has("reduce") else None
