"""The parts of a definition that belong to one kind: RFM classes and k-means; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from segmentation.inputs import Feature, Quantity
from segmentation.reading import Node, each, no_doubles


class Transform(StrEnum):
    """What is done to a value before scaling; only what every processor computes to the same bits.

    log1p, log and exp give other bits on other processors, so they are not here; the square root does their work.
    """

    NONE = "none"
    SQRT = "sqrt"
    """Sign times the square root of the magnitude."""


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


@dataclass(frozen=True)
class KMeansSettings:
    """How the centroids are fitted; the stored model, not a refit, is the truth."""

    k: int
    features: tuple[str, ...]
    transform: Transform = Transform.NONE
    seed: int = 0
    sample: int = 100_000
    restarts: int = 10
    keep_below: float = 0.0
    """Somebody whose margin is below this keeps the segment of the last run (0 to 0.5)."""


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
    keys = [_numeric(node.at(name), features) for name in ("recency", "frequency", "monetary")]
    if features[keys[0]].quantity is not Quantity.DAYS:
        raise node.at("recency").fail("must be a feature of days, such as days_since_last")
    recency, frequency, monetary = keys
    return RfmSettings(recency, frequency, monetary, cuts=node.at("cuts").integer(2, 9) if node.has("cuts") else 5)


def parse_kmeans(root: Node, features: Mapping[str, Feature]) -> KMeansSettings:
    """The `kmeans` part."""
    names = ("k", "features", "transform", "scale", "seed", "sample", "restarts", "keep_below")
    node = root.at("kmeans").object(allowed=names)
    if node.has("scale") and node.at("scale").value != "standard":
        raise node.at("scale").fail("only standard is known: minus the mean, by the standard deviation")
    given: dict[str, Any] = {}
    for name, least, most in (("seed", 0, 2**31 - 1), ("sample", 1000, 1_000_000), ("restarts", 1, 100)):
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    if node.has("transform"):
        given["transform"] = node.at("transform").one_of(Transform)
    if node.has("keep_below"):
        given["keep_below"] = _keep_below(node.at("keep_below"))
    return KMeansSettings(k=node.at("k").integer(2, 100), features=_kmeans_features(node, features), **given)


def _keep_below(node: Node) -> float:
    value = node.number()
    if not 0 <= value <= 0.5:
        raise node.fail("must lie between 0 and 0.5")
    return value


def _kmeans_features(node: Node, features: Mapping[str, Feature]) -> tuple[str, ...]:
    if not node.has("features"):
        nodes = [Node(key, "$.features") for key in features]
    else:
        nodes = node.at("features").items(least=1)
    keys = each(nodes, partial(_numeric, features=features))
    no_doubles(nodes, keys)
    return tuple(keys)


def _numeric(node: Node, features: Mapping[str, Feature]) -> str:
    key = node.token()
    if key not in features:
        raise node.fail(f"no feature {key!r} is declared")
    if features[key].quantity is Quantity.LEVEL:
        raise node.fail(f"{key!r} is a category; only numbers have distances and ranks")
    return key
