"""From the form to a definition: features are gathered from what the conditions look at; pure.

Every mistake names the field of the form. `places` leads from a path in the document back to a field, for what only
the reading of the whole definition finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.console.builder_draft import ANY, ConditionDraft, Draft, GroupDraft, Measured, SegmentDraft
from api.console.builder_kinds import settings_of
from api.console.builder_terms import (
    BY_CATEGORY,
    operations,
    period_of,
    quantity_of,
    read_number,
    scaled,
    slug,
)
from api.i18n import N_
from governance.catalogue import Catalogue
from governance.vocabulary import Language
from segmentation.inputs import Measure, Quantity
from segmentation.periods import day_number, iso_day
from segmentation.settings.kinds import NAMED_BY_MODEL, Kind

PERIODS = frozenset({"before", "within", "coming"})
DATED = frozenset({"from_day", "before_day"})
ALIKE = frozenset({"alike", "not_alike"})


@dataclass
class Making:
    """A definition in the making: features so far, mistakes by field, and which path belongs to which field."""

    catalogue: Catalogue
    language: Language
    base: Mapping[str, Any]
    features: dict[str, dict[str, Any]] = field(default_factory=dict)
    signatures: dict[Measured, str] = field(default_factory=dict)
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def wrong(self, place: str, message: str) -> None:
        """Note a mistake: field of the form, and the message to translate."""
        self.mistakes.append((place, message))

    def feature(self, of: Measured) -> str:
        """The key of the feature that measures this; made where it is not there yet."""
        same = _same(of)
        if same in self.signatures:
            return self.signatures[same]
        there = self.base.get("features", ())
        made = next((dict(each) for each in there if signature(each, self.catalogue) == same), None)
        if made is None or made["key"] in self.features:
            made = _feature(same, set(self.features) | {each["key"] for each in there})
        self.features[made["key"]] = made
        self.signatures[same] = made["key"]
        return str(made["key"])


@dataclass(frozen=True)
class Made:
    """A definition, with what is wrong and where each path belongs."""

    document: dict[str, Any]
    mistakes: tuple[tuple[str, str], ...]
    places: Mapping[str, str]

    def place_of(self, path: str) -> str:
        """The field of the form that a path in the document belongs to; empty: the whole form."""
        fitting = [known for known in self.places if path.startswith(known)]
        return self.places[max(fitting, key=len)] if fitting else ""


def document_of(draft: Draft, catalogue: Catalogue, language: Language, base: Mapping[str, Any]) -> Made:
    """The definition that the form describes; not judged by the catalogue yet."""
    making = Making(catalogue, language, base if base.get("kind") == draft.kind else {})
    _keep_unused(making, draft)
    document: dict[str, Any] = {
        "scheme": draft.scheme or slug(draft.de or draft.en),
        "label": _both(making, draft.de, draft.en, "de", "en"),
        "unit": draft.unit,
        "purpose": draft.purpose,
        "kind": draft.kind,
        "effect_class": draft.effect,
    }
    making.places |= {"$.scheme": "de", "$.label": "de", "$.purpose": "purpose", "$.kind": "kind", "$.unit": "unit"}
    making.places |= {"$.effect_class": "effect", "$.minimum_size": "minimum", "$.stability": "margin"}
    document |= _guards(making, draft)
    if draft.kind in set(Kind):
        settings = settings_of(making, draft)
        document |= settings | _segments(making, draft, settings)
    if making.features:
        known = [each["key"] for each in making.base.get("features", ())]
        order = {key: place for place, key in enumerate(known)}
        features = making.features.values()
        document["features"] = sorted(features, key=lambda each: order.get(each["key"], len(order)))
    if draft.kind == Kind.RULES and making.base.get("blocks"):
        document["blocks"] = making.base["blocks"]
    return Made(document, tuple(making.mistakes), making.places)


def signature(feature: Mapping[str, Any], catalogue: Catalogue) -> Measured:
    """What a feature of a definition measures, as the form says it; without a window it has the catalogue's."""
    if "activity" in feature:
        longest = next((field.window for field in catalogue.fields.values() if field.window), "P12M")
        window, category = feature.get("window", longest), feature.get("category", "")
        return Measured(f"act.{feature['activity']}", str(window), str(category))
    return Measured(f"field.{feature.get('field', '')}", "", "")


def _same(of: Measured) -> Measured:
    """Only what matters: a profile field has no window, most measures no product group."""
    if of.what.startswith("field."):
        return Measured(of.what, "", "")
    return Measured(of.what, of.window, of.category if of.what.removeprefix("act.") in BY_CATEGORY else "")


def _feature(of: Measured, taken: set[str]) -> dict[str, Any]:
    kind, _, key = of.what.partition(".")
    if kind == "field":
        return {"key": slug(key, taken), "field": key}
    made = {"key": slug(f"{key}_{of.window}", taken), "activity": key, "window": of.window}
    return made | ({"category": of.category} if of.category else {})


def _keep_unused(making: Making, draft: Draft) -> None:
    """Features of the base that no rule of it names stay: they count for whether somebody is assessed at all."""
    if draft.kind != Kind.RULES:
        return
    text = str([making.base.get("segments"), making.base.get("blocks")])
    for feature in making.base.get("features", ()):
        if repr(feature["key"]) not in text and not (
            feature.get("activity") == Measure.DAYS_SINCE_LAST and "last_order_before" in text
        ):
            making.features[feature["key"]] = dict(feature)
            making.signatures[signature(feature, making.catalogue)] = feature["key"]


def _both(making: Making, german: str, english: str, german_at: str, english_at: str) -> dict[str, str]:
    if not german:
        making.wrong(german_at, N_("Give the name in German as well."))
    if not english:
        making.wrong(english_at, N_("Give the name in English as well."))
    return {"de": german, "en": english}


def _guards(making: Making, draft: Draft) -> dict[str, Any]:
    """Minimum size and steadiness."""
    found: dict[str, Any] = {}
    if draft.minimum:
        number = read_number(draft.minimum, making.language)
        if number is None or number != number.to_integral_value():
            making.wrong("minimum", N_("The minimum size is a whole number."))
        else:
            found["minimum_size"] = int(number)
    stability = dict(making.base.get("stability", {}))
    for name, text in (("margin", draft.margin), ("budget", draft.budget)):
        stability.pop(name, None)
        if text:
            number = read_number(text, making.language)
            if number is None:
                making.wrong(name, N_("This is a number of percent."))
            elif number:
                stability[name] = float(number / 100)
    return found | ({"stability": stability} if stability else {})


def _kept_names(making: Making, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The model names such segments; names that a document gave them stay as long as nothing else about them does."""
    old, new = (part.get(str(making.base.get("kind")), {}) for part in (making.base, settings))
    if any(old.get(name) != new.get(name) for name in ("k", "shares", "features", "alive", "cuts")):
        return {}
    return {key: making.base[key] for key in ("segments", "otherwise") if key in making.base}


def _segments(making: Making, draft: Draft, settings: Mapping[str, Any]) -> dict[str, Any]:
    if draft.kind in NAMED_BY_MODEL or draft.kind == Kind.RFM:
        return _kept_names(making, settings)
    taken: set[str] = {draft.rest.key} if draft.rest and draft.rest.key else set()
    if not draft.segments:
        making.wrong("kind", N_("A scheme needs at least one segment."))
    segments = [_segment(making, segment, f"s{n}", taken, n, draft.kind) for n, segment in enumerate(draft.segments)]
    found: dict[str, Any] = {"segments": segments}
    if draft.rest is not None:
        making.places["$.otherwise"] = "rest-de"
        found["otherwise"] = _named(making, draft.rest, "rest", taken - {draft.rest.key})
    return found


def _segment(making: Making, segment: SegmentDraft, at: str, taken: set[str], number: int, kind: str) -> dict[str, Any]:
    path = f"$.segments[{number}]"
    making.places[path] = f"{at}-de"
    made = _named(making, segment, at, taken)
    if kind == Kind.RULES:
        made["rule"] = _rule(making, segment, at, f"{path}.rule")
    return made


def _named(making: Making, segment: SegmentDraft, at: str, taken: set[str]) -> dict[str, Any]:
    key = segment.key or slug(segment.de or segment.en or at, taken)
    taken.add(key)
    made: dict[str, Any] = {"key": key, "name": _both(making, segment.de, segment.en, f"{at}-de", f"{at}-en")}
    if segment.subject_de or segment.subject_en:
        made["name_for_subject"] = _both(making, segment.subject_de, segment.subject_en, f"{at}-sde", f"{at}-sen")
    return made


def _rule(making: Making, segment: SegmentDraft, at: str, path: str) -> dict[str, Any]:
    if len(segment.groups) == 1:
        return _group(making, segment.groups[0], f"{at}-g0", path)
    join = ANY if segment.join == ANY else "all"
    return {
        join: [_group(making, group, f"{at}-g{n}", f"{path}.{join}[{n}]") for n, group in enumerate(segment.groups)]
    }


def _group(making: Making, group: GroupDraft, at: str, path: str) -> dict[str, Any]:
    inner = f"{path}.not" if group.negated else path
    join = ANY if group.join == ANY else "all"
    if len(group.conditions) == 1:
        made = condition_of(making, group.conditions[0], f"{at}-c0", inner)
    else:
        made = {
            join: [
                condition_of(making, each, f"{at}-c{n}", f"{inner}.{join}[{n}]")
                for n, each in enumerate(group.conditions)
            ]
        }
    return {"not": made} if group.negated else made


def condition_of(making: Making, condition: ConditionDraft, at: str, path: str) -> dict[str, Any]:
    """One comparison as a definition says it; what is missing is noted as a mistake."""
    making.places[path] = f"{at}-what"
    quantity = quantity_of(condition.of.what, making.catalogue.fields)
    if quantity is None:
        making.wrong(f"{at}-what", N_("Choose what the condition looks at."))
        return {}
    activity = condition.of.what.startswith("act.")
    if condition.of.what.removeprefix("act.") in BY_CATEGORY and activity and not condition.of.category:
        making.wrong(f"{at}-category", N_("Name the product group."))
        return {}
    key = making.feature(condition.of)
    fitting = operations(quantity, activity=activity)
    op = condition.op if condition.op in fitting else next(iter(fitting))
    return _compared(making, condition, key, op, quantity, at)


def _compared(
    making: Making, condition: ConditionDraft, key: str, op: str, quantity: Quantity, at: str
) -> dict[str, Any]:
    if op in {"missing", "present"}:
        none = {"feature": key, "missing": True}
        return none if op == "missing" else {"not": none}
    if op in {"yes", "no"}:
        return {"feature": key, "equals": op == "yes"}
    if quantity is Quantity.LEVEL:
        words = list(condition.words) or [part.strip() for part in condition.value.split(",") if part.strip()]
        if not words:
            making.wrong(f"{at}-value", N_("Choose or write at least one value."))
        one_of: dict[str, Any] = {"feature": key, "in": words}
        if op in ALIKE:
            one_of["ignore_case"] = True
        return {"not": one_of} if op.startswith("not_") else one_of
    if op in DATED:
        return {"feature": key, op: _date(making, condition, at)}
    if op in PERIODS:
        period = period_of(condition.value, condition.unit)
        if period is None:
            making.wrong(f"{at}-value", N_("Give a whole number, such as 180."))
        return {"feature": key, op: period or "P1D"}
    numbers = [
        read_number(text, making.language) for text in (condition.value, condition.upto)[: 1 + (op == "between")]
    ]
    if any(number is None for number in numbers):
        making.wrong(f"{at}-value", N_("Give a number."))
        return {}
    values = [scaled(number, quantity) for number in numbers if number is not None]
    return {"feature": key, op: values if op == "between" else values[0]}


def _date(making: Making, condition: ConditionDraft, at: str) -> str:
    number = day_number(condition.value)
    if number is None:
        making.wrong(f"{at}-value", N_("Give a date, such as 2026-01-31."))
    return iso_day(number or 0)
