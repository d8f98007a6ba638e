"""What several kinds ask for alike: numeric features, their transform, how many segments; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial

from segmentation.inputs import Feature, Quantity
from segmentation.reading import Node, each, no_doubles

FEWEST, MOST = 2, 100
RECOMMENDED = range(4, 9)
"""So many segments people can tell apart and act on; more are possible, with a warning."""


class Transform(StrEnum):
    """What is done to a value before scaling; only what every processor computes to the same bits.

    log1p, log and exp give other bits on other processors, so they are not here; the square root does their work.
    """

    NONE = "none"
    SQRT = "sqrt"
    """Sign times the square root of the magnitude."""


REDUCED = '; add "reduce" with mca for categories or famd for both, or take latent_class'


def numeric(node: Node, features: Mapping[str, Feature], *, way_out: str = "") -> str:
    """The key of a feature that is a number; *way_out* tells what to do with a category."""
    key = declared(node, features)
    if features[key].quantity is Quantity.LEVEL:
        raise node.fail(f"{key!r} is a category; only numbers have distances and ranks{way_out}")
    return key


def declared(node: Node, features: Mapping[str, Feature]) -> str:
    """The key of a declared feature."""
    key = node.token()
    if key not in features:
        raise node.fail(f"no feature {key!r} is declared")
    return key


def chosen_features(
    node: Node, features: Mapping[str, Feature], *, numbers_only: bool = True, way_out: str = ""
) -> tuple[str, ...]:
    """The `features` of a kind, all declared ones where it names none."""
    if not node.has("features"):
        nodes: Sequence[Node] = [Node(key, "$.features") for key in features]
    else:
        nodes = node.at("features").items(least=1)
    read = (
        partial(numeric, features=features, way_out=way_out) if numbers_only else partial(declared, features=features)
    )
    keys = each(nodes, read)
    no_doubles(nodes, keys)
    return tuple(keys)


def how_many(node: Node, *, most: int = MOST) -> tuple[int, int]:
    """`k`: a number, or a range {"from", "to"} of which the best is chosen; fewest and most."""
    if not isinstance(node.value, dict):
        k = node.integer(FEWEST, most)
        return k, k
    node.object(allowed=("from", "to"))
    fewest, largest = node.at("from").integer(FEWEST, most), node.at("to").integer(FEWEST, most)
    if fewest > largest or largest - fewest > 20:
        raise node.fail("names the smaller number first, and a range of at most 21 numbers")
    return fewest, largest


def share(node: Node, least: float, most: float) -> float:
    """A number within bounds."""
    value = node.number()
    if not least <= value <= most:
        raise node.fail(f"must lie between {least:g} and {most:g}")
    return value
