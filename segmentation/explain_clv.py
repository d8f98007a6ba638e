"""What drives somebody's estimated value; pure: from a record's values and the stored model alone.

The difference between the person's discounted value and that of a customer with typical inputs is split by feature
with Shapley's rule (1953): each feature's part is what it adds, averaged over all orders in which the four could be
put in. The parts sum to the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from governance.vocabulary import Text
from segmentation.explain_conditions import held_in_words
from segmentation.facts import Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.clv import ClvMethod, Estimates, estimate, outlook
from segmentation.record import STRENGTH_ONE
from segmentation.weighing import Weighing, Weight, heaviest_first, row_of
from segmentation.wording import amount_of, days, money, number, percent

INPUTS = 4
NOTHING_ORDERED = Text(
    "Im Zeitraum gibt es keine Bestellung, aus der sich ein Wert schätzen ließe.",
    "There is no order in the period from which a value could be estimated.",
)
CERTAIN_AFTER_ONE = Text(
    "Nach einer einzigen Bestellung nimmt das Verfahren immer an, dass noch eine kommt.",
    "After a single order the procedure always assumes that another one comes.",
)


def value_parts(method: ClvMethod, own: Sequence[float]) -> tuple[tuple[tuple[str, float], ...], float]:
    """Each feature's part of the value in minor units, and the difference from a typical customer they sum to.

    Args:
        own: the person's count, days since the last order, days since the first order, mean order value.
    """
    sets = np.arange(2**INPUTS)
    rows = [np.where(sets >> place & 1, own[place], method.typical[place]) for place in range(INPUTS)]
    worth = outlook(method, *rows).value
    parts = tuple((key, _shapley(worth, place)) for place, key in enumerate(method.features))
    return parts, float(worth[-1] - worth[0])


def _shapley(worth: Floats, place: int) -> float:
    """What one feature adds on average; *worth* is by set of features, a bit each."""
    total = 0.0
    for members in range(2**INPUTS):
        if not members >> place & 1:
            size = members.bit_count()
            share = factorial(size) * factorial(INPUTS - size - 1) / factorial(INPUTS)
            total += share * float(worth[members | 1 << place] - worth[members])
    return total


def weigh_clv(
    method: ClvMethod, features: Sequence[Feature], values: Values, names: Sequence[Text], scored: int
) -> Weighing:
    """What both models expect, and what of the inputs raises or lowers the value.

    Args:
        values: of one person.
        names: of the segments, as the person reads them.
        scored: the person's segment number.
    """
    found = estimate(method, features, values)
    if not bool(found.ordered[0]):
        return Weighing((), NOTHING_ORDERED)
    rows = [row_of(features, key) for key in method.features]
    mean = float(values.numbers[rows[3], 0]) if bool(values.usable[rows[3], 0]) else 0.0
    parts, difference = value_parts(method, [*(float(values.numbers[row, 0]) for row in rows[:3]), mean])
    currency = features[rows[3]].currency
    lines = [Weight("estimate", _estimated(found, method, currency))]
    if found.alive[0] == STRENGTH_ONE and method.asleep is not None:
        lines.append(Weight("estimate", CERTAIN_AFTER_ONE))
    for place in heaviest_first([part for _, part in parts]):
        key, part = parts[place]
        feature = features[rows[place]]
        have, usual = held_in_words(feature, rows[place], values), amount_of(feature, method.typical[place])
        lines.append(Weight(key, _driver(feature.label, have, usual, money(abs(part), currency), part), part))
    limit = _nearest(method, found, scored)
    return Weighing(tuple(lines), _closeness(limit, names, currency), limit.after, difference)


def _estimated(found: Estimates, method: ClvMethod, currency: str | None) -> Text:
    """The four numbers of the estimate in one sentence."""
    horizon = days(method.times[-1])
    orders = number(found.orders[0] / STRENGTH_ONE, 1)
    alive = percent(found.alive[0] / STRENGTH_ONE)
    average, value = money(int(found.average[0]), currency), money(int(found.value[0]), currency)
    return Text(
        f"Geschätzt für die nächsten {horizon.de}: {orders.de} Bestellungen zu durchschnittlich {average.de}; mit "
        f"{alive.de} Wahrscheinlichkeit kommt noch eine Bestellung. Auf heute abgezinst sind das {value.de}.",
        f"Estimated for the next {horizon.en}: {orders.en} orders of {average.en} on average; the probability of "
        f"another order is {alive.en}. Discounted to today that is {value.en}.",
    )


def _driver(label: Text, have: Text, usual: Text, amount: Text, part: float) -> Text:
    if abs(part) < 0.5:
        return Text(
            f"{label.de}: {have.de}; üblich sind {usual.de}. Das ändert den geschätzten Wert nicht.",
            f"{label.en}: {have.en}; usual are {usual.en}. This does not change the estimated value.",
        )
    verb = Text("erhöht", "raises") if part > 0 else Text("senkt", "lowers")
    return Text(
        f"{label.de}: {have.de}; üblich sind {usual.de}. Das {verb.de} den geschätzten Wert um {amount.de}.",
        f"{label.en}: {have.en}; usual are {usual.en}. This {verb.en} the estimated value by {amount.en}.",
    )


@dataclass(frozen=True)
class _Limit:
    """The nearest limit: of the value in minor units, or of the probability in 1e-9; `after` lies beyond it."""

    value: int
    limit: int
    after: int
    by_probability: bool = False


def _nearest(method: ClvMethod, found: Estimates, scored: int) -> _Limit:
    """By share, as strength is measured; whoever is held for gone is told of that limit alone."""
    value, alive = int(found.value[0]), int(found.alive[0])
    standing = sum(value < cut for cut in method.cuts)
    limits = [
        _Limit(value, cut, place if place < standing else place + 1)
        for place, cut in enumerate(method.cuts)
        if place in (standing - 1, standing)
    ]
    if method.asleep is not None:
        gone = _Limit(alive, method.alive, standing if scored == method.asleep else method.asleep, True)
        if scored == method.asleep:
            return gone
        limits.append(gone)
    return min(limits, key=lambda limit: abs(limit.value - limit.limit) / max(limit.value, limit.limit))


def _closeness(limit: _Limit, names: Sequence[Text], currency: str | None) -> Text:
    name = names[limit.after]
    if limit.by_probability:
        at, have = percent(limit.limit / STRENGTH_ONE), percent(limit.value / STRENGTH_ONE, 1)
        return Text(
            f"Am nächsten lag „{name.de}“: Die Grenze liegt bei einer Wahrscheinlichkeit von {at.de}, Ihre beträgt "
            f"{have.de}.",
            f"The next closest was “{name.en}”: the limit is a probability of {at.en}, yours is {have.en}.",
        )
    at, apart = money(limit.limit, currency), money(abs(limit.value - limit.limit), currency)
    return Text(
        f"Am nächsten lag „{name.de}“: Die Grenze liegt bei einem geschätzten Wert von {at.de}, das ist {apart.de} "
        "entfernt.",
        f"The next closest was “{name.en}”: the limit is an estimated value of {at.en}, which is {apart.en} away.",
    )
