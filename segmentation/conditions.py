"""Conditions of rule segments as data: compared, never evaluated; pure.

Logic has three values. A comparison with something unknown (withheld, stale, never told) is unknown, `not` keeps it
unknown, and a segment takes only those for whom its condition is surely true: withholding is never a feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from segmentation.inputs import NUMERIC, Feature, Measure, Quantity, folded
from segmentation.periods import day_number, iso_day, parse_period
from segmentation.reading import MAX_DEPTH, Node, each


class Op(StrEnum):
    """How a feature is compared."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"
    BETWEEN = "between"
    EQUALS = "equals"
    IN = "in"
    MISSING = "missing"
    BEFORE = "before"
    """The fact's day lies at least this period before the run's day."""
    WITHIN = "within"
    """The fact's day is the run's day or lies less than this period before it; a day ahead is not within."""
    COMING = "coming"
    """The fact's day is the run's day or lies at most this period after it."""
    FROM_DAY = "from_day"
    """The fact's day is this date or a later one."""
    BEFORE_DAY = "before_day"
    """The fact's day is earlier than this date."""


DATES = (Op.FROM_DAY, Op.BEFORE_DAY)
IGNORE_CASE = "ignore_case"


@dataclass(frozen=True)
class Comparison:
    """One feature against numbers, words, a period or a day; which of these depends on the operation."""

    feature: str
    op: Op
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    period: str | None = None
    day: int | None = None
    """Number since 1970-01-01."""
    ignore_case: bool = False
    """Of words: `words` are all levels meant, however they are written."""


@dataclass(frozen=True)
class AllOf:
    """True when every item is."""

    items: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """True when one item is."""

    items: tuple[Condition, ...]


@dataclass(frozen=True)
class NotThat:
    """True when the item is surely false."""

    item: Condition


Condition: TypeAlias = Comparison | AllOf | AnyOf | NotThat


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison within, left to right."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, NotThat):
        yield from comparisons(condition.item)
    else:
        for item in condition.items:
            yield from comparisons(item)


Named = Callable[[Node, str], "Condition"]
"""Finds the rule behind {"segment": key} or {"block": key}; the node and which of the two words."""


def parse_condition(
    node: Node, features: Mapping[str, Feature], depth: int = 0, named: Named | None = None
) -> Condition:
    """The condition that a document states.

    Args:
        named: finds rules by name; without it none may be named.

    Raises:
        DefinitionInvalid: names the JSON path.
    """
    if depth > MAX_DEPTH:
        raise node.fail("is nested too deeply")
    if node.has("all") or node.has("any"):
        word = "all" if node.has("all") else "any"
        node.object(allowed=(word,))
        items = tuple(
            each(node.at(word).items(least=1, most=100), lambda item: parse_condition(item, features, depth + 1, named))
        )
        return AllOf(items) if word == "all" else AnyOf(items)
    if node.has("not"):
        node.object(allowed=("not",))
        return NotThat(parse_condition(node.at("not"), features, depth + 1, named))
    for word in ("segment", "block"):
        if node.has(word) and named is not None:
            node.object(allowed=(word,))
            return named(node, word)
    if node.has("last_order_before"):
        node.object(allowed=("last_order_before",))
        return Comparison(_last_order(node, features), Op.BEFORE, period=_period(node.at("last_order_before")))
    return _comparison(node, features)


def _last_order(node: Node, features: Mapping[str, Feature]) -> str:
    for feature in features.values():
        if feature.measure is Measure.DAYS_SINCE_LAST:
            return feature.key
    raise node.fail("last_order_before needs a feature that measures days_since_last")


def _comparison(node: Node, features: Mapping[str, Feature]) -> Comparison:
    node.object(allowed=("feature", IGNORE_CASE, *(op.value for op in Op)))
    key = node.at("feature").token()
    if key not in features:
        raise node.at("feature").fail(f"no feature {key!r} is declared; declared are {', '.join(features) or 'none'}")
    ops = [op for op in Op if node.has(op.value)]
    if len(ops) != 1:
        raise node.fail(f"needs exactly one comparison, has {len(ops)}: one of {', '.join(op.value for op in Op)}")
    return _with_operand(node.at(ops[0].value), features[key], ops[0], ignore_case=_ignores_case(node, features[key]))


def _ignores_case(node: Node, feature: Feature) -> bool:
    if not node.has(IGNORE_CASE):
        return False
    place = node.at(IGNORE_CASE)
    if feature.quantity is not Quantity.LEVEL or place.value is not True:
        raise place.fail("takes only true, beside equals or in of a category or a text")
    return True


def _with_operand(node: Node, feature: Feature, op: Op, *, ignore_case: bool) -> Comparison:
    if op is Op.MISSING:
        return _missing(node, feature)
    if op in (Op.BEFORE, Op.WITHIN, Op.COMING, *DATES):
        return _of_days(node, feature, op)
    if feature.quantity is Quantity.LEVEL:
        return _of_words(node, feature, op, ignore_case=ignore_case)
    if feature.quantity is Quantity.FLAG:
        if op is not Op.EQUALS or not isinstance(node.value, bool):
            raise node.fail(f"{feature.key!r} is true or false: only equals true or equals false fits")
        return Comparison(feature.key, op, numbers=(float(node.value),))
    return _of_numbers(node, feature, op)


def _of_days(node: Node, feature: Feature, op: Op) -> Comparison:
    if feature.quantity is not Quantity.DAYS:
        raise node.fail(f"{op.value} needs a feature of days; {feature.key!r} is a {feature.quantity.value}")
    if op is Op.COMING and feature.measure is not None:
        raise node.fail("coming fits a date of the profile; no activity lies ahead")
    if op in DATES:
        return Comparison(feature.key, op, day=_day(node))
    return Comparison(feature.key, op, period=_period(node))


def _missing(node: Node, feature: Feature) -> Comparison:
    if node.value is not True:
        raise node.fail("missing takes only true; put it into not for the opposite")
    if feature.measure is None:
        raise node.fail(
            "missing fits activity features only, where it means no such order in the window; of a profile field it "
            "would tell those apart who withhold it"
        )
    return Comparison(feature.key, Op.MISSING)


def _of_words(node: Node, feature: Feature, op: Op, *, ignore_case: bool) -> Comparison:
    if op not in (Op.EQUALS, Op.IN):
        raise node.fail(f"{feature.key!r} is a category: only equals and in fit")
    nodes = [node] if op is Op.EQUALS else node.items(least=1)
    words = tuple(each(nodes, Node.text))
    known = {folded(level) for level in feature.levels} if ignore_case else set(feature.levels)
    for place, word in zip(nodes, words, strict=True):
        if feature.levels and (folded(word) if ignore_case else word) not in known:
            raise place.fail(f"is not a level of {feature.key!r}")
    if ignore_case:
        meant = {folded(word) for word in words}
        words = tuple(level for level in feature.levels if folded(level) in meant) or words
    return Comparison(feature.key, op, words=words, ignore_case=ignore_case)


def _of_numbers(node: Node, feature: Feature, op: Op) -> Comparison:
    if feature.quantity not in NUMERIC:
        raise node.fail(f"{op.value} needs a number")
    if op is Op.BETWEEN:
        low, high = each(node.items(least=2, most=2), Node.number)
        if low > high:
            raise node.fail("between takes the lower number first")
        return Comparison(feature.key, op, numbers=(low, high))
    if op is Op.IN:
        return Comparison(feature.key, op, numbers=tuple(each(node.items(least=1), Node.number)))
    return Comparison(feature.key, op, numbers=(node.number(),))


def _period(node: Node) -> str:
    text = node.text()
    if parse_period(text) is None:
        raise node.fail("must be an ISO 8601 duration of whole days, weeks, months or years, such as P180D")
    return text


def _day(node: Node) -> int:
    text = node.text()
    number = day_number(text)
    if number is None or iso_day(number) != text:
        raise node.fail("must be a date such as 2026-01-01")
    return number


def condition_to_json(condition: Condition, features: Mapping[str, Feature]) -> dict[str, Any]:
    """The condition in the words of the vocabulary; `parse_condition` reads it back."""
    if isinstance(condition, AllOf):
        return {"all": [condition_to_json(item, features) for item in condition.items]}
    if isinstance(condition, AnyOf):
        return {"any": [condition_to_json(item, features) for item in condition.items]}
    if isinstance(condition, NotThat):
        return {"not": condition_to_json(condition.item, features)}
    cased: dict[str, Any] = {IGNORE_CASE: True} if condition.ignore_case else {}
    return {"feature": condition.feature, condition.op.value: _operand_to_json(condition, features)} | cased


def _operand_to_json(condition: Comparison, features: Mapping[str, Feature]) -> Any:
    if condition.op is Op.MISSING:
        return True
    if condition.period is not None:
        return condition.period
    if condition.day is not None:
        return iso_day(condition.day)
    if features[condition.feature].quantity is Quantity.FLAG:
        return bool(condition.numbers[0])
    many = condition.op in (Op.IN, Op.BETWEEN)
    values = list(condition.words or condition.numbers)
    return values if many else values[0]
