"""Reading the `features` part of a definition against the catalogue; pure.

What a purpose may see is the catalogue's answer, asked for each field named here (invariant 10 of the design).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial

from governance.catalogue import Catalogue
from governance.fields import Field, FieldType
from governance.purposes import Purpose
from governance.vocabulary import Text
from segmentation.inputs import MEASURE_QUANTITY, Feature, Measure, Quantity, folded
from segmentation.periods import parse_period
from segmentation.reading import Node, each, no_doubles

ORDER = "order"
RETURN = "return"
DEFAULT_CURRENCY = "EUR"

_QUANTITIES: dict[FieldType, Quantity] = {
    FieldType.INTEGER: Quantity.NUMBER,
    FieldType.DECIMAL: Quantity.NUMBER,
    FieldType.MONEY: Quantity.MONEY,
    FieldType.DATE: Quantity.DAYS,
    FieldType.BOOLEAN: Quantity.FLAG,
    FieldType.CATEGORY: Quantity.LEVEL,
    FieldType.TEXT: Quantity.LEVEL,
}

_BY_CATEGORY = (Measure.CATEGORY_SHARE, Measure.CATEGORY_COUNT)

_MEASURE_LABELS: dict[Measure, Text] = {
    Measure.DAYS_SINCE_LAST: Text("Tage seit der letzten Bestellung", "days since the last order"),
    Measure.COUNT: Text("Zahl der Bestellungen", "number of orders"),
    Measure.SUM: Text("Umsatz", "revenue"),
    Measure.MEAN_ORDER_VALUE: Text("Durchschnittlicher Bestellwert", "mean order value"),
    Measure.TENURE: Text("Tage seit der ersten Bestellung im Zeitraum", "days since the first order in the period"),
    Measure.RETURN_RATE: Text("Anteil der Rücksendungen am Umsatz", "returns as a share of revenue"),
    Measure.CATEGORY_SHARE: Text("Anteil von „{}“ am Umsatz", "share of “{}” in revenue"),
    Measure.CATEGORY_COUNT: Text("Bestellungen in „{}“", "orders in “{}”"),
}


@dataclasses.dataclass(frozen=True)
class Words:
    """The words that conditions name of one feature."""

    with_case: set[str] = dataclasses.field(default_factory=set)
    ignoring_case: set[str] = dataclasses.field(default_factory=set)

    def levels(self) -> tuple[str, ...]:
        """In order; of words that differ by upper and lower case only, where that is ignored, the first."""
        if not self.ignoring_case:
            return tuple(sorted(self.with_case))
        return tuple(sorted({folded(word): word for word in sorted(self.ignoring_case, reverse=True)}.values()))


def parse_features(root: Node, catalogue: Catalogue, purpose: Purpose) -> tuple[Feature, ...]:
    """The features of a definition, in declared order."""
    if not root.has("features"):
        return ()
    nodes = root.at("features").items(most=100)
    words = _words_by_feature(root)
    features = each(nodes, partial(_feature, catalogue=catalogue, purpose=purpose, words=words))
    no_doubles(nodes, [feature.key for feature in features])
    return tuple(features)


def _feature(node: Node, *, catalogue: Catalogue, purpose: Purpose, words: Mapping[str, Words]) -> Feature:
    if node.has("activity"):
        return _activity(node, catalogue, purpose)
    node.object(allowed=("key", "label", "field", "levels"))
    field = _field(node.at("field"), catalogue, purpose)
    if field.type not in _QUANTITIES:
        raise node.at("field").fail(f"a field of type {field.type.value} is no input; activities need a measure")
    key = node.at("key").token()
    quantity = _QUANTITIES[field.type]
    named = words.get(key, Words())
    cased = bool(named.ignoring_case) and quantity is Quantity.LEVEL
    if cased and named.with_case:
        raise node.fail("one condition ignores upper and lower case and another does not; declare the feature twice")
    levels = _levels(node, field, quantity) or (named.levels() if quantity is Quantity.LEVEL else ())
    currency = field.unit if quantity is Quantity.MONEY else None
    return Feature(
        key, _label(node, field.label), field.key, quantity, currency=currency, levels=levels, ignore_case=cased
    )


def _levels(node: Node, field: Field, quantity: Quantity) -> tuple[str, ...]:
    """The catalogue's levels, or those that the definition lists for a category without."""
    if not node.has("levels"):
        return field.levels if quantity is Quantity.LEVEL else ()
    if quantity is not Quantity.LEVEL or field.levels:
        raise node.at("levels").fail("only a category without levels in the catalogue may list its own")
    nodes = node.at("levels").items(least=2, most=500)
    found = each(nodes, Node.text)
    no_doubles(nodes, found)
    return tuple(found)


def _activity(node: Node, catalogue: Catalogue, purpose: Purpose) -> Feature:
    node.object(allowed=("key", "label", "activity", "field", "window", "kinds", "category", "currency"))
    measure = node.at("activity").one_of(Measure)
    field = _sole(node, FieldType.ACTIVITIES, catalogue, purpose)
    category = None
    if measure in _BY_CATEGORY:
        category = node.at("category").text()
    elif node.has("category"):
        raise node.at("category").fail(f"does not fit the measure {measure.value!r}")
    return Feature(
        key=node.at("key").token(),
        label=_label(node, _measured(measure, category)),
        field=field.key,
        quantity=MEASURE_QUANTITY[measure],
        measure=measure,
        window=_window(node, field),
        kinds=tuple(each(node.at("kinds").items(least=1, most=20), Node.token)) if node.has("kinds") else (ORDER,),
        category=category,
        category_field=_category_field(node, catalogue, purpose) if category is not None else None,
        currency=_currency(node),
    )


def _measured(measure: Measure, category: str | None) -> Text:
    """What is measured, and of which category: two shares must not read alike."""
    label = _MEASURE_LABELS[measure]
    return label if category is None else Text(label.de.format(category), label.en.format(category))


def _field(node: Node, catalogue: Catalogue, purpose: Purpose) -> Field:
    key = node.token()
    if key not in catalogue.fields:
        raise node.fail(f"the catalogue has no field {key!r}; what no field names is never stored")
    return catalogue.field_for(key, purpose.key)


def _sole(node: Node, kind: FieldType, catalogue: Catalogue, purpose: Purpose) -> Field:
    if node.has("field"):
        field = _field(node.at("field"), catalogue, purpose)
        if field.type is not kind:
            raise node.at("field").fail(f"must be a field of type {kind.value}, not {field.type.value}")
        return field
    keys = [field.key for field in catalogue.fields.values() if field.type is kind]
    if len(keys) != 1:
        raise node.fail(f"name the field: the catalogue has {len(keys)} fields of type {kind.value}")
    return catalogue.field_for(keys[0], purpose.key)


def _category_field(node: Node, catalogue: Catalogue, purpose: Purpose) -> str:
    for field in catalogue.fields.values():
        if field.type is FieldType.ACTIVITY_CATEGORY:
            return catalogue.field_for(field.key, purpose.key).key
    raise node.at("category").fail("the catalogue has no field of type activity_category")


def _window(node: Node, field: Field) -> str | None:
    longest = parse_period(field.window) if field.window else None
    if not node.has("window"):
        return field.window
    text = node.at("window").text()
    period = parse_period(text)
    if period is None:
        raise node.at("window").fail("must be an ISO 8601 duration of whole days, weeks, months or years, such as P12M")
    if longest is not None and period.about_days > longest.about_days:
        raise node.at("window").fail(f"reaches further back than {field.window}, the window of {field.key!r}")
    return text


def _currency(node: Node) -> str:
    if not node.has("currency"):
        return DEFAULT_CURRENCY
    text = node.at("currency").text()
    if len(text) != 3 or not text.isascii() or not text.isupper():
        raise node.at("currency").fail("must be an ISO 4217 code such as EUR")
    return text


def _label(node: Node, default: Text) -> Text:
    return node.at("label").both_languages() if node.has("label") else default


def _words_by_feature(root: Node) -> dict[str, Words]:
    """The category values that conditions name; any other value of a field without levels is recorded as other."""
    found: dict[str, Words] = {}
    waiting: list[object] = [root.value.get("segments"), root.value.get("blocks")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            operands = [value.get("equals"), *(value["in"] if isinstance(value.get("in"), list) else ())]
            words = [operand for operand in operands if isinstance(operand, str)]
            if words and isinstance(value.get("feature"), str):
                named = found.setdefault(value["feature"], Words())
                (named.ignoring_case if value.get("ignore_case") is True else named.with_case).update(words)
            waiting.extend(value.values())
    return found
