"""What would have led to another segment: a change of one or two of the person's own facts, always verified; pure.

Only what the catalogue calls mutable and suggestable is ever changed: no protected or immutable trait, nobody else's
data (EXP-4). Every feature that hangs on a changed fact is computed again, the stored model scores, and the steps of
the run are applied; only then is a change worth telling. Where none is found, none is told (C-203/22).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from segmentation.facts import Facts
from segmentation.inputs import Feature, Part, Quantity
from segmentation.models import Model
from segmentation.record import NO_SEGMENT, Flag, Record
from segmentation.scoring import held, score, today_of

ORDER = "order"
ORDER_COUNTS = (1, 2, 3, 5, 10)
ORDER_AMOUNTS = (10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)
"""Minor units of one order."""
FACTORS = (1.1, 1.25, 1.5, 2.0, 0.9, 0.75, 0.5)
MOST_LEVELS = 20


class Act(StrEnum):
    """What kind of change it is."""

    MORE_ORDERS = "more_orders"
    """Orders on the day of the run."""
    FIELD_VALUE = "field_value"
    """Another value of a declared field."""


@dataclass(frozen=True)
class Change:
    """One change of the person's own facts. `target` is the catalogue field it concerns."""

    act: Act
    target: str
    count: int = 0
    """How many orders."""
    amount: int = 0
    """Minor units of each order."""
    currency: str | None = None
    value: float = 0.0
    """New value of a field, as recorded."""


@dataclass(frozen=True)
class Counterfactual:
    """A change that was verified to lead to another segment."""

    changes: tuple[Change, ...]
    segment: int


def find_counterfactual(
    model: Model, record: Record, suggestable: Mapping[str, bool], *, suppressed: frozenset[int] = frozenset()
) -> Counterfactual | None:
    """The smallest change that leads to another segment, single ones first; None when there is none.

    Args:
        model: the stored model.
        record: the stored record; nothing newer is looked at.
        suggestable: catalogue field → whether it may be suggested; what is not there may not.
        suppressed: segments that were too small in the record's run.
    """
    if record.flags & (Flag.CORRECTED | Flag.LEFT):
        return None
    single = [(change,) for change in _changes(model, record, suggestable)]
    for options in (single, _pairs(single)):
        found = _first_flip(model, record, options, suppressed)
        if found is not None:
            return found
    return None


def outcome(
    model: Model, record: Record, options: Sequence[tuple[Change, ...]], suppressed: frozenset[int]
) -> list[int]:
    """The effective segment after each option: facts changed, features recomputed, scored, steps applied."""
    columns = [changed_facts(model, record, option) for option in options]
    values = np.array([values for values, _ in columns]).T.reshape(len(record.facts), len(options))
    present = np.array([present for _, present in columns], dtype=bool).T.reshape(values.shape)
    scores = score(model, Facts(values, present), today=today_of(model, record))
    previous = np.full(len(options), record.previous, dtype=np.int16)
    keeps = held(model, scores.segment, previous, scores.strength)
    stable = np.where(keeps, previous, scores.segment).tolist()
    return [NO_SEGMENT if segment in suppressed else int(segment) for segment in stable]


def changed_facts(model: Model, record: Record, option: Sequence[Change]) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """The record's facts after the changes. What is unknown stays unknown: nothing is guessed."""
    values = list(record.facts)
    today = today_of(model, record)
    for change in option:
        slot = 0
        for feature in model.features:
            for part in feature.parts:
                if record.presence[slot] and _concerns(change, feature):
                    values[slot] = _changed(change, feature, part, values[slot], today)
                slot += 1
    return tuple(values), record.presence


def _first_flip(
    model: Model, record: Record, options: Sequence[tuple[Change, ...]], suppressed: frozenset[int]
) -> Counterfactual | None:
    if not options:
        return None
    for option, segment in zip(options, outcome(model, record, options, suppressed), strict=True):
        if segment not in (NO_SEGMENT, record.effective):
            return Counterfactual(option, segment)
    return None


def _pairs(single: Sequence[tuple[Change, ...]]) -> list[tuple[Change, ...]]:
    """Two changes that concern different things: orders and one field, or two fields."""
    orders = [change for (change,) in single if change.act is Act.MORE_ORDERS]
    fields = [change for (change,) in single if change.act is Act.FIELD_VALUE]
    both: list[tuple[Change, ...]] = list(product(orders, fields))
    both += [(one, two) for one, two in product(fields, fields) if one.target < two.target]
    return both[:4_096]


def _changes(model: Model, record: Record, suggestable: Mapping[str, bool]) -> Iterator[Change]:
    """Everything that may be suggested, the smallest first."""
    features = [feature for feature in model.features if suggestable.get(feature.field, False)]
    ordered = [feature for feature in features if feature.measure is not None and ORDER in feature.kinds]
    if ordered:
        yield from _more_orders(ordered)
    yield from _field_values(features, _facts_by_feature(model, record))


def _more_orders(features: Sequence[Feature]) -> Iterator[Change]:
    """Orders in each currency that a sum of money counts; where nothing counts money, in any."""
    counted = [feature.currency for feature in features if Part.AMOUNT in feature.parts and feature.currency]
    currencies = tuple(dict.fromkeys(counted)) or (next((each.currency for each in features if each.currency), "EUR"),)
    options = sorted(product(ORDER_COUNTS, ORDER_AMOUNTS), key=lambda option: (option[0] * option[1], option[0]))
    for (count, amount), currency in product(options, currencies):
        yield Change(Act.MORE_ORDERS, features[0].field, count, amount, currency)


def _field_values(features: Sequence[Feature], facts: Mapping[str, float | None]) -> Iterator[Change]:
    for feature in features:
        now = facts[feature.key]
        if feature.measure is not None or now is None or math.isnan(now):
            continue
        if feature.quantity is Quantity.FLAG:
            yield Change(Act.FIELD_VALUE, feature.field, value=1.0 - now)
        elif feature.quantity is Quantity.LEVEL:
            levels = range(min(len(feature.levels), MOST_LEVELS))
            yield from (Change(Act.FIELD_VALUE, feature.field, value=float(v)) for v in levels if v != now)
        elif feature.quantity in (Quantity.NUMBER, Quantity.MONEY):
            values = dict.fromkeys(float(round(now * factor)) for factor in FACTORS)
            yield from (Change(Act.FIELD_VALUE, feature.field, value=v) for v in values if v != now)


def _facts_by_feature(model: Model, record: Record) -> dict[str, float | None]:
    """The first fact of each feature; None where it is unknown."""
    found: dict[str, float | None] = {}
    for place, slot in enumerate(model.slots):
        if slot.feature not in found:
            found[slot.feature] = record.facts[place] if record.presence[place] else None
    return found


def _concerns(change: Change, feature: Feature) -> bool:
    if change.target != feature.field:
        return False
    if change.act is Act.FIELD_VALUE:
        return feature.measure is None and feature.quantity is not Quantity.DAYS
    return feature.measure is not None and ORDER in feature.kinds


def _changed(change: Change, feature: Feature, part: Part, fact: float, today: int) -> float:
    if change.act is Act.FIELD_VALUE:
        return change.value
    before = 0.0 if math.isnan(fact) else fact
    if part is Part.LAST_DAY:
        return float(today)
    if part is Part.FIRST_DAY:
        return float(today) if math.isnan(fact) else fact
    if part is Part.OCCASIONS:
        return before + change.count
    if part is Part.AMOUNT and feature.currency in (None, change.currency):
        return before + change.count * change.amount
    return fact
