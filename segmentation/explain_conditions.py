"""Rule conditions in words, each with what the record holds; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from governance.vocabulary import Text
from segmentation.conditions import AllOf, AnyOf, Comparison, Condition, NotThat, Op, comparisons
from segmentation.facts import Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.rules import Judge
from segmentation.wording import NOTHING, UNKNOWN, amount_of, day, number, period

OPS: dict[Op, Text] = {
    Op.AT_LEAST: Text("mindestens", "at least"),
    Op.AT_MOST: Text("höchstens", "at most"),
    Op.ABOVE: Text("mehr als", "more than"),
    Op.BELOW: Text("weniger als", "less than"),
    Op.EQUALS: Text("gleich", "equal to"),
    Op.IN: Text("eine von", "one of"),
}


@dataclass(frozen=True)
class JudgedComparison:
    """One comparison of a rule, in words, with the answer for this person; None where it is not known."""

    text: Text
    met: bool | None


def in_words(condition: Condition, features: Mapping[str, Feature]) -> Text:
    """The whole condition as one sentence part."""
    if isinstance(condition, Comparison):
        return comparison_in_words(condition, features[condition.feature])
    if isinstance(condition, NotThat):
        inner = in_words(condition.item, features)
        return Text(f"nicht ({inner.de})", f"not ({inner.en})")
    parts = [in_words(item, features) for item in condition.items]
    if len(parts) == 1:
        return parts[0]
    words = Text(" und ", " and ") if isinstance(condition, AllOf) else Text(" oder ", " or ")
    wrapped = [_wrapped(part, item) for part, item in zip(parts, condition.items, strict=True)]
    return Text(words.de.join(part.de for part in wrapped), words.en.join(part.en for part in wrapped))


def comparison_in_words(comparison: Comparison, feature: Feature) -> Text:
    """One comparison: label, operation, threshold with its unit."""
    label = feature.label
    if comparison.op is Op.MISSING:
        return Text(f"{label.de}: {NOTHING.de}", f"{label.en}: {NOTHING.en}")
    if comparison.day is not None or comparison.period is not None:
        return _days_in_words(comparison, label)
    operands = _operands(comparison, feature)
    if comparison.op is Op.BETWEEN:
        low, high = operands
        return Text(f"{label.de} von {low.de} bis {high.de}", f"{label.en} from {low.en} to {high.en}")
    if comparison.op is Op.EQUALS and feature.quantity in (Quantity.LEVEL, Quantity.FLAG):
        return _cased(comparison, Text(f"{label.de}: {operands[0].de}", f"{label.en}: {operands[0].en}"))
    op = OPS[comparison.op]
    joined = Text(", ".join(o.de for o in operands), ", ".join(o.en for o in operands))
    return _cased(comparison, Text(f"{label.de} {op.de} {joined.de}", f"{label.en} {op.en} {joined.en}"))


def _days_in_words(comparison: Comparison, label: Text) -> Text:
    if comparison.day is not None:
        date = day(comparison.day)
        if comparison.op is Op.FROM_DAY:
            return Text(f"{label.de}: am {date.de} oder später", f"{label.en}: on {date.en} or later")
        return Text(f"{label.de}: vor dem {date.de}", f"{label.en}: before {date.en}")
    length = period(comparison.period or "")
    if comparison.op is Op.COMING:
        return Text(f"{label.de}: in höchstens {length.de} ab heute", f"{label.en}: at most {length.en} from today")
    before = comparison.op is Op.BEFORE
    return Text(
        f"{label.de}: {'vor mindestens' if before else 'innerhalb von'} {length.de}",
        f"{label.en}: {'at least' if before else 'within'} {length.en}{' ago' if before else ''}",
    )


def _cased(comparison: Comparison, text: Text) -> Text:
    if not comparison.ignore_case:
        return text
    return Text(f"{text.de} (groß oder klein geschrieben)", f"{text.en} (in capitals or not)")


def judged(
    condition: Condition, features: Mapping[str, Feature], values: Values, *, today: int
) -> tuple[JudgedComparison, ...]:
    """Every comparison within a condition, with what holds for the one person in *values*."""
    ordered = list(features.values())
    judge = Judge(ordered, values, today)
    found = []
    for comparison in comparisons(condition):
        feature = features[comparison.feature]
        truth = judge.truth(comparison)
        unknown = truth.unknown is not None and bool(truth.unknown[0])
        text = comparison_in_words(comparison, feature)
        have = _held(comparison, feature, ordered.index(feature), values, today)
        line = Text(f"{text.de} (bei Ihnen: {have.de})", f"{text.en} (yours: {have.en})")
        found.append(JudgedComparison(line, None if unknown else bool(truth.true[0])))
    return tuple(found)


def _held(comparison: Comparison, feature: Feature, row: int, values: Values, today: int) -> Text:
    """What the record holds; beside a date as a date."""
    if comparison.day is not None and bool(values.usable[row, 0]):
        return day(today - round(float(values.numbers[row, 0])))
    return held_in_words(feature, row, values)


def held_in_words(feature: Feature, row: int, values: Values) -> Text:
    """What the record holds of a feature, with its unit."""
    if not bool(values.known[row, 0]):
        return UNKNOWN
    if bool(values.none[row, 0]):
        return NOTHING
    value = float(values.numbers[row, 0])
    return amount_of(feature, value) if math.isfinite(value) else NOTHING


def _operands(comparison: Comparison, feature: Feature) -> list[Text]:
    if comparison.words:
        return [Text(word, word) for word in comparison.words]
    if feature.quantity is Quantity.COUNT:
        return [number(value, 2) for value in comparison.numbers]
    return [amount_of(feature, value) for value in comparison.numbers]


def _wrapped(part: Text, item: Condition) -> Text:
    compound = isinstance(item, AllOf | AnyOf) and len(item.items) > 1
    return Text(f"({part.de})", f"({part.en})") if compound else part
