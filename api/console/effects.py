"""What sets a segment apart, in words and as a picture, from effect sizes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from api.deps import Visit
from api.i18n import N_
from segmentation.inputs import Measure, Quantity
from segmentation.profile import FeatureProfile

SMALL, CLEAR, FAR = 0.2, 0.5, 0.8
"""Cohen's d below which a difference is not worth a sentence; from which it is clear; from which it is large."""
MOST_SAID = 4

_MUCH = ((FAR, N_("far")), (CLEAR, N_("clearly")), (SMALL, N_("somewhat")))
_SENTENCES: dict[tuple[str | None, bool], str] = {
    (Measure.COUNT, True): N_("They order %(much)s more often than the others."),
    (Measure.COUNT, False): N_("They order %(much)s less often than the others."),
    (Measure.SUM, True): N_("They spend %(much)s more than the others."),
    (Measure.SUM, False): N_("They spend %(much)s less than the others."),
    (Measure.MEAN_ORDER_VALUE, True): N_("A single order is %(much)s larger than with the others."),
    (Measure.MEAN_ORDER_VALUE, False): N_("A single order is %(much)s smaller than with the others."),
    (Measure.DAYS_SINCE_LAST, True): N_("Their last order lies %(much)s further back than with the others."),
    (Measure.DAYS_SINCE_LAST, False): N_("Their last order is %(much)s more recent than with the others."),
    (Measure.TENURE, True): N_("They have been ordering for %(much)s longer than the others."),
    (Measure.TENURE, False): N_("They have been ordering for %(much)s shorter than the others."),
    (Measure.RETURN_RATE, True): N_("They send %(much)s more back than the others."),
    (Measure.RETURN_RATE, False): N_("They send %(much)s less back than the others."),
}


@dataclass(frozen=True)
class EffectRow:
    """One feature of the segment against everybody else."""

    name: str
    here: str
    others: str
    effect: float | None
    low: float
    high: float
    at: float
    start: float
    end: float
    """Places in the picture, in per cent of its width."""
    clear: bool


def sentence(visit: Visit, feature: FeatureProfile) -> str | None:
    """The difference in words; None where it is too small to be one."""
    apart = feature.rest is not None and feature.mean != feature.rest
    size = (
        abs(feature.effect) if feature.effect is not None else FAR if apart else 0.0
    )  # without spread they never meet
    much = next((word for limit, word in _MUCH if size >= limit), None)
    if much is None:
        return None
    say, higher = visit.tongue.say, feature.mean > (feature.rest or 0.0)
    message = _SENTENCES.get((feature.measure, higher))
    if message is not None:
        return say(message, much=say(much))
    label = visit.tongue.pick(feature.label)
    label = label[:1].upper() + label[1:]  # it begins a sentence
    if higher:
        return say("%(label)s: %(much)s higher than with the others.", label=label, much=say(much))
    return say("%(label)s: %(much)s lower than with the others.", label=label, much=say(much))


def sentences(visit: Visit, features: Iterable[FeatureProfile]) -> tuple[str, ...]:
    """The largest differences first."""
    ordered = sorted(features, key=lambda one: -abs(one.effect or 0.0))
    found = (sentence(visit, feature) for feature in ordered)
    return tuple(each for each in found if each)[:MOST_SAID]


def effect_rows(visit: Visit, features: Iterable[FeatureProfile]) -> tuple[tuple[EffectRow, ...], float]:
    """Every feature, the largest difference first, and where zero is in the picture."""
    ordered = sorted(features, key=lambda one: -abs(one.effect or 0.0))
    ends = [end for one in ordered for end in (one.low, one.high) if end is not None]
    low, high = min([-0.5, *ends]) * 1.1, max([0.5, *ends]) * 1.1

    def place(value: float) -> float:
        return (value - low) / (high - low) * 100

    return tuple(_effect(visit, one, place) for one in ordered), place(0.0)


def _effect(visit: Visit, one: FeatureProfile, at: Callable[[float], float]) -> EffectRow:
    effect, low, high = one.effect or 0.0, one.low or 0.0, one.high or 0.0
    return EffectRow(
        name=visit.tongue.pick(one.label),
        here=figure(visit, one.quantity, one.mean),
        others=figure(visit, one.quantity, one.rest) if one.rest is not None else "–",
        effect=one.effect,
        low=low,
        high=high,
        at=at(effect),
        start=at(low),
        end=at(high),
        clear=abs(effect) >= SMALL,
    )


def figure(visit: Visit, quantity: str, value: float) -> str:
    """A feature's mean as its quantity is written."""
    formats = visit.tongue.formats
    if quantity == Quantity.MONEY:
        return formats.money(value)
    if quantity in {Quantity.RATIO, Quantity.FLAG}:
        return formats.percent(value)
    if quantity == Quantity.DAYS:
        return formats.number(value)
    return formats.number(value, 1)
