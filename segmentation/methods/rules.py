"""Rule segments: the first whose condition is surely true takes the person; all that fit are recorded; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NotThat,
    Op,
    condition_to_json,
    parse_condition,
)
from segmentation.facts import Bools, Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.scores import Scores, certain, first_match
from segmentation.periods import days_before, parse_period
from segmentation.reading import Node


@dataclass(frozen=True)
class RulesMethod:
    """One condition per segment, in order of precedence."""

    rules: tuple[Condition, ...]
    otherwise: int | None

    def to_json(self, features: Mapping[str, Feature]) -> dict[str, Any]:
        """The model's own part of the document."""
        return {
            "rules": [condition_to_json(rule, features) for rule in self.rules],
            "otherwise": self.otherwise,
        }


def rules_from_json(value: dict[str, Any], features: Mapping[str, Feature]) -> RulesMethod:
    """The inverse of `RulesMethod.to_json`."""
    return RulesMethod(
        tuple(parse_condition(Node(rule), features) for rule in value["rules"]),
        value["otherwise"],
    )


@dataclass(frozen=True)
class Truth:
    """Three-valued truth of a condition per person; `unknown` is None where it is known of everybody."""

    true: Bools
    unknown: Bools | None


def score_rules(method: RulesMethod, features: Sequence[Feature], values: Values, *, today: int) -> Scores:
    """Which segments fit whom; unknown never fits."""
    matches = np.zeros((len(method.rules), values.numbers.shape[1]), dtype=bool)
    judge = Judge(features, values, today)
    for number, rule in enumerate(method.rules):
        matches[number] = judge.truth(rule).true
    return certain(first_match(matches, method.otherwise), values.half_known, matches)


class Judge:
    """Conditions over one batch of values."""

    def __init__(self, features: Sequence[Feature], values: Values, today: int) -> None:
        self._features = features
        self._index = {feature.key: index for index, feature in enumerate(features)}
        self._values = values
        self._today = today
        self._all_known = [bool(row.all()) for row in values.known]
        self._some_none = [bool(row.any()) for row in values.none]

    def truth(self, condition: Condition) -> Truth:
        """Whom the condition surely fits, and of whom that is unknown."""
        if isinstance(condition, Comparison):
            return self._compare(condition)
        if isinstance(condition, NotThat):
            inner = self.truth(condition.item)
            fits = ~inner.true if inner.unknown is None else ~inner.true & ~inner.unknown
            return Truth(fits, inner.unknown)
        parts = [self.truth(item) for item in condition.items]
        result = parts[0]
        for part in parts[1:]:
            result = _both(result, part) if isinstance(condition, AllOf) else _either(result, part)
        return result

    def _compare(self, condition: Comparison) -> Truth:
        index = self._index[condition.feature]
        unknown = None if self._all_known[index] else ~self._values.known[index]
        if condition.op is Op.MISSING:
            return Truth(self._values.none[index], unknown)
        fits = self._fits(condition, self._features[index], self._values.numbers[index])
        if self._some_none[index]:
            fits &= ~self._values.none[index]
        if unknown is not None:
            fits &= ~unknown
        return Truth(fits, unknown)

    def _fits(self, condition: Comparison, feature: Feature, numbers: Floats) -> Bools:
        if condition.period is not None:
            period = parse_period(condition.period)
            least = self._today - days_before(self._today, period) if period else 0
            return numbers >= least if condition.op is Op.BEFORE else numbers < least
        if feature.quantity is Quantity.LEVEL:
            return np.isin(numbers, [feature.levels.index(word) for word in condition.words])
        return compare(condition.op, numbers, condition.numbers)


def compare(op: Op, numbers: Floats, against: tuple[float, ...]) -> Bools:
    """Numbers against the operands of a numeric comparison."""
    first = against[0]
    if op is Op.AT_LEAST:
        return numbers >= first
    if op is Op.AT_MOST:
        return numbers <= first
    if op is Op.ABOVE:
        return numbers > first
    if op is Op.BELOW:
        return numbers < first
    if op is Op.BETWEEN:
        return (numbers >= first) & (numbers <= against[1])
    return np.isin(numbers, against)


def _both(one: Truth, other: Truth) -> Truth:
    true = one.true & other.true
    if one.unknown is None and other.unknown is None:
        return Truth(true, None)
    maybe = _maybe(one) & _maybe(other)
    return Truth(true, maybe & ~true)


def _either(one: Truth, other: Truth) -> Truth:
    true = one.true | other.true
    if one.unknown is None and other.unknown is None:
        return Truth(true, None)
    return Truth(true, (_maybe(one) | _maybe(other)) & ~true)


def _maybe(truth: Truth) -> Bools:
    return truth.true if truth.unknown is None else truth.true | truth.unknown


__all__ = ["AllOf", "AnyOf", "Judge", "RulesMethod", "Truth", "compare", "rules_from_json", "score_rules"]
