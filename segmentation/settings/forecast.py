"""A forecast: of what, how far ahead, from which features, and where its probability is cut into groups; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from segmentation.inputs import Feature, Measure, Quantity
from segmentation.periods import parse_period
from segmentation.reading import Node, each
from segmentation.settings.shared import Transform, chosen_features, declared, share

SEED = (0, 2**31 - 1)
SHORTEST, LONGEST = 7, 366
"""Days that a forecast may look ahead."""
MOST_CUTS = 9
SLACK = 2.0
"""Days by which calendar months may differ from their average."""


class Outcome(StrEnum):
    """What is forecast."""

    LEAVING = "leaving"
    """No order within the horizon."""
    MOVING = "moving"
    """In another segment of some scheme after the horizon."""


@dataclass(frozen=True)
class ForecastSettings:
    """What is forecast from which features, how it is fitted, and the cut points of its probability."""

    of: Outcome
    features: tuple[str, ...]
    horizon: str = "P90D"
    cuts: tuple[float, ...] = (0.3, 0.6)
    """Ascending; who reaches one stands above it."""
    active: str | None = None
    """Of leaving: the feature of the days since the last order. Who has none in its window is not forecast."""
    scheme: str | None = None
    """Of moving: the scheme whose segments count."""
    penalty: float = 1.0
    """Weight of the squared coefficients, in standard units, beside the likelihood of all people together."""
    transform: Transform = Transform.NONE
    seed: int = 0
    sample: int = 100_000

    @property
    def segments(self) -> int | None:
        """How many segments a definition has to name, without the other one."""
        return len(self.cuts) + 1


def parse_forecast(root: Node, features: Mapping[str, Feature]) -> ForecastSettings:
    """The `forecast` part.

    Raises:
        DefinitionInvalid: no feature of the last order, a scheme that forecasts itself, cuts out of order.
    """
    names = ("of", "horizon", "cuts", "active", "scheme", "features", "penalty", "transform", "seed", "sample")
    node = root.at("forecast").object(allowed=names)
    of = node.at("of").one_of(Outcome)
    given: dict[str, Any] = {"features": chosen_features(node, features, numbers_only=False)}
    for key in given["features"]:
        if features[key].quantity is Quantity.LEVEL and not features[key].levels:
            raise node.fail(f"{key!r} is a category whose levels are not listed; list them at the feature")
    for name, (least, most) in {"seed": SEED, "sample": (1000, 1_000_000)}.items():
        if node.has(name):
            given[name] = node.at(name).integer(least, most)
    if node.has("penalty"):
        given["penalty"] = share(node.at("penalty"), 1e-6, 1e6)
    if node.has("transform"):
        given["transform"] = node.at("transform").one_of(Transform)
    if node.has("horizon"):
        given["horizon"] = _horizon(node.at("horizon"))
    if node.has("cuts"):
        given["cuts"] = _cuts(node.at("cuts"))
    return ForecastSettings(of, **given, **_of_what(root, node, of, features))


def _of_what(root: Node, node: Node, of: Outcome, features: Mapping[str, Feature]) -> dict[str, Any]:
    needed, other = ("active", "scheme") if of is Outcome.LEAVING else ("scheme", "active")
    if node.has(other):
        raise node.at(other).fail(f"does not fit a forecast of {of.value}")
    if needed == "active":
        return {"active": _active(node, features)}
    scheme = node.at("scheme").token()
    if root.has("scheme") and root.at("scheme").value == scheme:
        raise node.at("scheme").fail("must be another scheme: none can forecast itself")
    return {"scheme": scheme}


def _active(node: Node, features: Mapping[str, Feature]) -> str:
    """The feature named, or the only one that measures the days since the last order."""
    if node.has("active"):
        key = declared(node.at("active"), features)
        if features[key].measure is not Measure.DAYS_SINCE_LAST:
            raise node.at("active").fail(f"must be a feature of the measure {Measure.DAYS_SINCE_LAST.value!r}")
        return key
    fitting = [key for key, feature in features.items() if feature.measure is Measure.DAYS_SINCE_LAST]
    if len(fitting) != 1:
        raise node.fail(
            f"the key 'active' is missing: {len(fitting)} features measure {Measure.DAYS_SINCE_LAST.value!r}, not one; "
            "only who ordered within its window can leave"
        )
    return fitting[0]


def _horizon(node: Node) -> str:
    text = node.text()
    period = parse_period(text)
    if period is None or not SHORTEST <= period.about_days <= LONGEST:
        raise node.fail("must be an ISO 8601 duration of a week to a year, such as P90D")
    return text


def _cuts(node: Node) -> tuple[float, ...]:
    cuts = tuple(each(node.items(least=1, most=MOST_CUTS), _cut))
    if any(later <= earlier for earlier, later in pairwise(cuts)):
        raise node.fail("must ascend: the lowest probability first")
    return cuts


def _cut(node: Node) -> float:
    return share(node, 0.001, 0.999)


def check_reach(
    root: Node, settings: ForecastSettings, features: Mapping[str, Feature], windows: Mapping[str, str | None]
) -> None:
    """Refuse features that would look back further in training than the catalogue permits.

    Args:
        windows: catalogue field → how far back it may be looked at.

    Raises:
        DefinitionInvalid: a feature's window and two horizons are longer than the field's window (PRI-5).
    """
    wanted = [features[key] for key in settings.features]
    if settings.active is not None:
        wanted.append(features[settings.active])
    for feature, most in too_long(settings.horizon, wanted, windows):
        raise root.at("forecast").fail(
            f"the feature {feature.key!r} looks back too far: two horizons ago, where the forecast learns, its window "
            f"would begin before {windows[feature.field]}, further back than the catalogue permits; give it a window "
            f"of {'at most ' + most if most else 'its own and the forecast a shorter horizon'}"
        )


def too_long(
    horizon: str, features: Sequence[Feature], windows: Mapping[str, str | None]
) -> Iterator[tuple[Feature, str | None]]:
    """Features whose window does not leave room for two horizons, each with the longest window that does."""
    ahead = parse_period(horizon)
    for feature in features:
        period = parse_period(feature.window) if feature.window else None
        for field in (feature.field, feature.category_field):
            limit = parse_period(windows.get(field) or "") if field else None
            if ahead is None or period is None or limit is None:
                continue
            room = limit.about_days - 2 * ahead.about_days + SLACK
            if period.about_days > room:
                yield feature, f"P{int(room)}D" if room >= SHORTEST else None
                break
