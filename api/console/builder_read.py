"""From a definition back to the form; what the form has no room for is edited as text; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from api.console.builder_document import DATED, PERIODS, signature
from api.console.builder_draft import (
    ALL,
    ANY,
    MOST_CONDITIONS,
    MOST_FEATURES,
    MOST_GROUPS,
    MOST_SEGMENTS,
    ConditionDraft,
    Draft,
    FeatureDraft,
    GroupDraft,
    Measured,
    SegmentDraft,
)
from api.console.builder_kinds import ASKED, WITH_NAMES
from api.console.builder_terms import operations, period_parts, quantity_of, show_number, unscaled
from governance.catalogue import Catalogue
from governance.vocabulary import Language
from segmentation.inputs import Measure, Quantity

_PERCENT = ("discount", "alive")
_BESIDE = ("feature", "ignore_case")


class NotShowable(Exception):
    """The definition says more than the form has room for; nothing is wrong with it."""


class Reader:
    """Reads one definition."""

    def __init__(self, document: Mapping[str, Any], catalogue: Catalogue, language: Language) -> None:
        self._document, self._catalogue, self._language = document, catalogue, language
        self._features = {each["key"]: each for each in document.get("features", ())}

    def draft(self, base: str) -> Draft:
        """The form for this definition.

        Raises:
            NotShowable: a rule is nested more deeply, names another rule, or there is too much of it.
        """
        document, kind = self._document, str(self._document.get("kind", "rules"))
        label = document.get("label") or {"de": document.get("scheme", ""), "en": document.get("scheme", "")}
        stability = document.get("stability", {})
        segments = document.get("segments", ()) if kind in WITH_NAMES else ()
        if document.get("forecast", {}).get("of", "leaving") != "leaving":
            raise NotShowable  # who will move to where is told by another scheme
        if kind not in set(ASKED) or len(segments) > MOST_SEGMENTS or len(self._features) > MOST_FEATURES:
            raise NotShowable
        return Draft(
            scheme=str(document.get("scheme", "")),
            de=label["de"],
            en=label["en"],
            unit=str(document.get("unit", "contact")),
            purpose=str(document.get("purpose", "")),
            kind=kind,
            effect=str(document.get("effect_class", "none")),
            minimum=str(document.get("minimum_size", "")),
            margin=self._percent(stability.get("margin")),
            budget=self._percent(stability.get("budget")),
            base=base,
            segments=tuple(self._segment(each) for each in segments) or (SegmentDraft(),),
            rest=self._segment(document["otherwise"]) if kind in WITH_NAMES and "otherwise" in document else None,
            features=self._inputs(kind),
            settings=self._settings(document.get(kind, {})),
        )

    def _percent(self, share: float | None) -> str:
        return "" if share is None else show_number(Decimal(str(share)) * 100, self._language)

    def _inputs(self, kind: str) -> tuple[FeatureDraft, ...]:
        part = self._document.get(kind, {})
        keys = part.get("features", list(self._features))
        bins = part.get("bins", {})
        rows = (
            FeatureDraft(self._measured(key), "; ".join(show_number(cut, self._language) for cut in bins.get(key, ())))
            for key in keys
            if key in self._features
        )
        return tuple(rows) or (FeatureDraft(),)

    def _settings(self, part: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in ("cuts", "horizon", "transform", "covariance"):
            if name in part and not isinstance(part[name], list):
                found[name] = str(part[name])
        if isinstance(part.get("cuts"), list):
            found["likely"] = "; ".join(self._percent(cut) for cut in part["cuts"])
        if part.get("of") == "leaving":
            return found | self._of_forecast(part)
        found |= {name: self._percent(part[name]) for name in _PERCENT if name in part}
        if "shares" in part:
            found["shares"] = found["groups"] = "; ".join(self._percent(share) for share in part["shares"])
        if "k" in part:
            k = part["k"]
            found["from"], found["to"] = (str(k["from"]), str(k["to"])) if isinstance(k, dict) else (str(k), str(k))
        windows = [str(each["window"]) for each in self._features.values() if "window" in each]
        return found | ({"window": windows[0]} if windows else {})

    def _of_forecast(self, part: Mapping[str, Any]) -> dict[str, str]:
        """Horizon and the window within which somebody has to have ordered to be looked at."""
        last = [key for key, each in self._features.items() if each.get("activity") == Measure.DAYS_SINCE_LAST]
        key = str(part.get("active", last[0] if last else ""))
        found = {"ahead": str(part.get("horizon", "P90D"))}
        return found | ({"active": self._measured(key).window} if key in self._features else {})

    def _measured(self, key: str) -> Measured:
        if key not in self._features:
            raise NotShowable
        return signature(self._features[key], self._catalogue)

    def _segment(self, segment: Mapping[str, Any]) -> SegmentDraft:
        subject = segment.get("name_for_subject", {})
        join, groups = self._rule(segment["rule"]) if "rule" in segment else (ALL, (GroupDraft(),))
        if len(groups) > MOST_GROUPS or any(len(group.conditions) > MOST_CONDITIONS for group in groups):
            raise NotShowable
        return SegmentDraft(
            key=segment["key"],
            de=segment["name"]["de"],
            en=segment["name"]["en"],
            subject_de=subject.get("de", ""),
            subject_en=subject.get("en", ""),
            join=join,
            groups=groups,
        )

    def _rule(self, rule: Mapping[str, Any]) -> tuple[str, tuple[GroupDraft, ...]]:
        join = ALL if "all" in rule else ANY if "any" in rule else None
        if join is None or all(_simple(item) for item in rule[join]):
            return ALL, (self._group(rule),)
        groups: list[GroupDraft] = []
        for item in rule[join]:
            if _simple(item) and groups and groups[-1].join == join and not groups[-1].negated:
                groups[-1] = GroupDraft(join, conditions=(*groups[-1].conditions, self._condition(item)))
            elif _simple(item):
                groups.append(GroupDraft(join, conditions=(self._condition(item),)))
            else:
                groups.append(self._group(item))
        return join, tuple(groups)

    def _group(self, rule: Mapping[str, Any]) -> GroupDraft:
        if "not" in rule and not _simple(rule):
            inner = self._group(rule["not"])
            if inner.negated:
                raise NotShowable
            return GroupDraft(inner.join, True, inner.conditions)
        for join in (ALL, ANY):
            if join in rule:
                if not all(_simple(item) for item in rule[join]):
                    raise NotShowable
                return GroupDraft(join, conditions=tuple(self._condition(item) for item in rule[join]))
        return GroupDraft(conditions=(self._condition(rule),))

    def _condition(self, item: Mapping[str, Any]) -> ConditionDraft:
        if "not" in item:
            inner = self._condition(item["not"])
            opposite = {"in": "not_in", "alike": "not_alike", "missing": "present", "yes": "no", "no": "yes"}
            if inner.op not in opposite:
                raise NotShowable
            return ConditionDraft(inner.of, opposite[inner.op], inner.value, words=inner.words)
        if "last_order_before" in item:
            key = next(
                (key for key, each in self._features.items() if each.get("activity") == Measure.DAYS_SINCE_LAST), ""
            )
            return self._compared(key, "before", item["last_order_before"])
        if "feature" not in item:
            raise NotShowable
        op, operand = next(((op, value) for op, value in item.items() if op not in _BESIDE), ("", None))
        return self._compared(item["feature"], op, operand, alike=item.get("ignore_case") is True)

    def _compared(self, key: str, op: str, operand: Any, *, alike: bool = False) -> ConditionDraft:
        of = self._measured(key)
        quantity = quantity_of(of.what, self._catalogue.fields)
        if op == "missing" and of.what.startswith("act."):
            return ConditionDraft(of, "missing")
        if op in PERIODS:
            parts = period_parts(str(operand))
            if parts is None:
                raise NotShowable
            return ConditionDraft(of, op, parts[0], unit=parts[1])
        if quantity is Quantity.LEVEL and op in {"in", "equals"}:
            words = tuple(operand) if isinstance(operand, list) else (str(operand),)
            return ConditionDraft(of, "alike" if alike else "in", ", ".join(words), words=words)
        if op in DATED:
            return ConditionDraft(of, op, str(operand))
        if quantity is Quantity.FLAG and op == "equals":
            return ConditionDraft(of, "yes" if operand else "no")
        if quantity is None or op not in operations(quantity, activity=of.what.startswith("act.")):
            raise NotShowable
        return self._numbers(of, op, operand if isinstance(operand, list) else [operand], quantity)

    def _numbers(self, of: Measured, op: str, values: Sequence[float], quantity: Quantity) -> ConditionDraft:
        texts = [show_number(unscaled(value, quantity), self._language) for value in values]
        return ConditionDraft(of, op, texts[0], texts[1] if len(texts) > 1 else "")


def _simple(item: Mapping[str, Any]) -> bool:
    """One comparison, or the denial of one that the form has a word for."""
    if "not" in item:
        inner = item["not"]
        return ("feature" in inner and any(word in inner for word in ("in", "missing"))) or "equals" in inner
    return "feature" in item or "last_order_before" in item
