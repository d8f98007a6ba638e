"""Customer lifetime value: which features feed it, how far it looks ahead, and where its groups are cut; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from segmentation.inputs import Feature, Measure
from segmentation.periods import parse_period
from segmentation.reading import Node, each
from segmentation.settings.shared import declared, share

SEED = (0, 2**31 - 1)
LONGEST_HORIZON = 3653
"""Ten years in days."""
MOST_CUTS = 9
INPUTS: dict[str, Measure] = {
    "count": Measure.COUNT,
    "recency": Measure.DAYS_SINCE_LAST,
    "tenure": Measure.TENURE,
    "value": Measure.MEAN_ORDER_VALUE,
}
"""What the value is computed from, by the key in the definition."""


@dataclass(frozen=True)
class ClvSettings:
    """Four features of one window, the horizon, the discount, and how the discounted value is cut into groups."""

    features: tuple[str, str, str, str]
    """Keys of count, days since the last order, days since the first order, mean order value."""
    horizon: str = "P12M"
    discount: float = 0.1
    """Rate a year. It acts continuously: what comes in t days counts (1 + rate) ** (−t / 365.2425)."""
    shares: tuple[float, ...] = (0.1, 0.3, 0.6)
    """Ascending shares of the people, from the top: the first group is the top tenth. Empty with `amounts`."""
    amounts: tuple[int, ...] = ()
    """Descending discounted values in minor units instead of shares; who reaches one stands above it."""
    alive: float = 0.0
    """Whose probability of ordering again is below this goes to a group of their own, the last; 0: no such group."""
    seed: int = 0
    starts: int = 5
    sample: int = 100_000

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name, without the other one."""
        return len(self.amounts or self.shares) + 1 + (self.alive > 0)

    @property
    def horizon_days(self) -> int:
        """The horizon in days of the average calendar: 365 for P12M."""
        period = parse_period(self.horizon)
        return round(period.about_days) if period else 0


def parse_clv(root: Node, features: Mapping[str, Feature]) -> ClvSettings:
    """The `clv` part.

    Raises:
        DefinitionInvalid: a feature of another measure, features of different orders or windows, cuts out of order.
    """
    names = (*INPUTS, "horizon", "discount", "shares", "amounts", "alive", "seed", "starts", "sample")
    node = root.at("clv").object(allowed=names)
    count, recency, tenure, value = (_input(node, name, measure, features) for name, measure in INPUTS.items())
    keys = (count, recency, tenure, value)
    _of_the_same_orders(node, keys, features)
    given: dict[str, Any] = {}
    for name, (least, most) in {"seed": SEED, "starts": (1, 50), "sample": (1000, 1_000_000)}.items():
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    if node.has("discount"):
        given["discount"] = share(node.at("discount"), 0, 1)
    if node.has("alive"):
        given["alive"] = share(node.at("alive"), 0, 0.99)
    if node.has("horizon"):
        given["horizon"] = _horizon(node.at("horizon"))
    return ClvSettings(keys, **given, **_cuts(node))


def _input(node: Node, name: str, measure: Measure, features: Mapping[str, Feature]) -> str:
    """The feature named, or the only one of that measure."""
    if not node.has(name):
        fitting = [key for key, feature in features.items() if feature.measure is measure]
        if len(fitting) != 1:
            raise node.fail(f"the key {name!r} is missing: {len(fitting)} features measure {measure.value!r}, not one")
        return fitting[0]
    key = declared(node.at(name), features)
    if features[key].measure is not measure:
        raise node.at(name).fail(f"must be a feature of the measure {measure.value!r}")
    return key


def _of_the_same_orders(node: Node, keys: tuple[str, ...], features: Mapping[str, Feature]) -> None:
    first = features[keys[0]]
    for name, key in zip(INPUTS, keys, strict=True):
        other = features[key]
        if (other.field, other.window, other.kinds) != (first.field, first.window, first.kinds):
            place = node.at(name) if node.has(name) else node
            raise place.fail(
                f"{key!r} and {first.key!r} must measure the same orders: one field, one window, the same kinds"
            )


def _horizon(node: Node) -> str:
    text = node.text()
    period = parse_period(text)
    if period is None or not 1 <= period.about_days <= LONGEST_HORIZON:
        raise node.fail("must be an ISO 8601 duration of a day to ten years, such as P12M")
    return text


def _cuts(node: Node) -> dict[str, Any]:
    if node.has("shares") and node.has("amounts"):
        raise node.at("amounts").fail("shares and amounts exclude each other")
    if node.has("amounts"):
        amounts = tuple(each(node.at("amounts").items(least=1, most=MOST_CUTS), _amount))
        if any(later >= earlier for earlier, later in pairwise(amounts)):
            raise node.at("amounts").fail("must descend: the highest value first")
        return {"shares": (), "amounts": amounts}
    if not node.has("shares"):
        return {}
    shares = tuple(each(node.at("shares").items(least=1, most=MOST_CUTS), _share))
    if any(later <= earlier for earlier, later in pairwise(shares)):
        raise node.at("shares").fail("must ascend: each group reaches further down than the one before")
    return {"shares": shares}


def _amount(node: Node) -> int:
    return node.integer(1, 10**15)


def _share(node: Node) -> float:
    return share(node, 0.001, 0.999)
