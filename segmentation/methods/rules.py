"""Rule segments: the first whose condition is surely true takes the person; all that fit are recorded; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from segmentation.conditions import (
    AllOf,
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
from segmentation.periods import days_after, days_before, parse_period
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


def score_rules(method: RulesMethod, features: Sequence[Feature], values: Values, *, today: int) -> Scores:
    """Which segments fit whom; unknown never fits."""
    matches = np.zeros((len(method.rules), values.numbers.shape[1]), dtype=bool)
    judge = Judge(features, values, today, shared=_shared(method.rules))
    for number, rule in enumerate(method.rules):
        matches[number] = judge.surely(rule)
    return certain(first_match(matches, method.otherwise), values.half_known, matches)


@lru_cache(maxsize=64)
def _shared(rules: tuple[Condition, ...]) -> frozenset[Condition]:
    """Conditions that stand in the rules more than once: they are judged once per batch."""
    counts: Counter[Condition] = Counter()
    waiting = list(rules)
    while waiting:
        condition = waiting.pop()
        counts[condition] += 1
        if counts[condition] > 1 or isinstance(condition, Comparison):
            continue
        waiting.extend([condition.item] if isinstance(condition, NotThat) else condition.items)
    return frozenset(condition for condition, count in counts.items() if count > 1)


@dataclass(frozen=True)
class Truth:
    """Of whom a condition is surely true, and of whom that is unknown."""

    true: Bools
    unknown: Bools


class Judge:
    """Conditions over one batch of values, in logic of three values.

    `surely` and `surely_not` are both false where it is unknown. Where there is no number it is NaN, which compares
    false with everything.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        values: Values,
        today: int,
        *,
        shared: frozenset[Condition] = frozenset(),
    ) -> None:
        self._shared = shared
        self._answers: dict[tuple[Condition, bool], Bools] = {}
        self._features = features
        self._index = {feature.key: index for index, feature in enumerate(features)}
        self._values = values
        self._today = today
        self._numbers = np.where(values.usable, values.numbers, np.nan)

    def truth(self, condition: Condition) -> Truth:
        """Whom the condition surely fits, and of whom that is unknown."""
        true = self.surely(condition)
        return Truth(true, ~(true | self.surely_not(condition)))

    def surely(self, condition: Condition) -> Bools:
        """Whom the condition fits for sure."""
        return self._once(condition, True, self._surely)

    def surely_not(self, condition: Condition) -> Bools:
        """Whom the condition does not fit for sure."""
        return self._once(condition, False, self._surely_not)

    def _once(self, condition: Condition, positive: bool, judge: Callable[[Condition], Bools]) -> Bools:
        if condition not in self._shared:
            return judge(condition)
        key = (condition, positive)
        if key not in self._answers:
            self._answers[key] = judge(condition)
        return self._answers[key]

    def _surely(self, condition: Condition) -> Bools:
        if isinstance(condition, Comparison):
            return self._fits(condition)
        if isinstance(condition, NotThat):
            return self.surely_not(condition.item)
        parts = [self.surely(item) for item in condition.items]
        return reduce(np.logical_and if isinstance(condition, AllOf) else np.logical_or, parts)

    def _surely_not(self, condition: Condition) -> Bools:
        if isinstance(condition, Comparison):
            known: Bools = self._values.known[self._index[condition.feature]]
            return known & ~self.surely(condition)
        if isinstance(condition, NotThat):
            return self.surely(condition.item)
        parts = [self.surely_not(item) for item in condition.items]
        return reduce(np.logical_or if isinstance(condition, AllOf) else np.logical_and, parts)

    def _fits(self, condition: Comparison) -> Bools:
        index = self._index[condition.feature]
        if condition.op is Op.MISSING:
            none: Bools = self._values.none[index]
            return none
        feature, numbers = self._features[index], self._numbers[index]
        if condition.day is not None:
            reaches: Bools = numbers <= self._today - condition.day
            return reaches if condition.op is Op.FROM_DAY else numbers > self._today - condition.day
        if condition.period is not None:
            return self._in_period(condition.op, numbers, condition.period)
        if feature.quantity is Quantity.LEVEL:
            return np.isin(numbers, [feature.levels.index(word) for word in condition.words])
        return compare(condition.op, numbers, condition.numbers)

    def _in_period(self, op: Op, numbers: Floats, text: str) -> Bools:
        period = parse_period(text)
        if period is None:
            raise ValueError(text)
        if op is Op.COMING:
            return (numbers <= 0) & (-numbers <= days_after(self._today, period) - self._today)
        least = self._today - days_before(self._today, period)
        return numbers >= least if op is Op.BEFORE else (numbers >= 0) & (numbers < least)


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
