"""RFM: three features, each cut into classes, and which classes a segment takes; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.inputs import Feature, Quantity
from segmentation.reading import Node
from segmentation.settings.shared import numeric


@dataclass(frozen=True)
class ScoreRanges:
    """Which RFM scores a segment takes, each from and to inclusive; score 0 is nothing in the window."""

    recency: tuple[int, int]
    frequency: tuple[int, int]
    monetary: tuple[int, int]


@dataclass(frozen=True)
class RfmSettings:
    """The three features, by key, and into how many classes each is cut."""

    recency: str
    frequency: str
    monetary: str
    cuts: int = 5

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name; None: as many as it likes."""
        return None


def parse_scores(node: Node, cuts: int) -> ScoreRanges:
    """Score ranges of one segment; an axis left out takes every score."""
    names = ("recency", "frequency", "monetary")
    node.object(allowed=names)
    return ScoreRanges(*(_range(node.at(name), cuts) if node.has(name) else (0, cuts) for name in names))


def _range(node: Node, cuts: int) -> tuple[int, int]:
    low, high = (item.integer(0, cuts) for item in node.items(least=2, most=2))
    if low > high:
        raise node.fail("takes the lower score first")
    return low, high


def parse_rfm(root: Node, features: Mapping[str, Feature]) -> RfmSettings:
    """The `rfm` part."""
    node = root.at("rfm").object(allowed=("recency", "frequency", "monetary", "cuts"))
    keys = [numeric(node.at(name), features) for name in ("recency", "frequency", "monetary")]
    if features[keys[0]].quantity is not Quantity.DAYS:
        raise node.at("recency").fail("must be a feature of days, such as days_since_last")
    recency, frequency, monetary = keys
    return RfmSettings(recency, frequency, monetary, cuts=node.at("cuts").integer(2, 9) if node.has("cuts") else 5)
