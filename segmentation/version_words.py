"""What changed from one version of a scheme to another, in words; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from governance.vocabulary import Text
from segmentation.definition_features import DEFAULT_CURRENCY, ORDER
from segmentation.definitions import Definition, Segment
from segmentation.explain_conditions import in_words
from segmentation.inputs import Feature
from segmentation.wording import period

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class Difference:
    """One thing that is new, gone or other than before."""

    kind: str
    text: Text


def differences(
    old: Definition, new: Definition, names: Mapping[str, Text] = MappingProxyType({})
) -> tuple[Difference, ...]:
    """Everything that a reader has to know about the way from *old* to *new*, in the order of the form.

    Args:
        names: words for purposes, effects and kinds, by key; what has none is told by its key.
    """
    return (*_heads(old, new, names), *_features(old, new), *_segments(old, new), *_settings(old, new))


def _heads(old: Definition, new: Definition, names: Mapping[str, Text]) -> Iterator[Difference]:
    words: tuple[tuple[str, str, str, str], ...] = (
        ("Name", "name", old.label.de, new.label.de),
        ("Zweck", "purpose", old.purpose, new.purpose),
        ("Einheit", "unit", old.unit.value, new.unit.value),
        ("Art", "kind", old.kind.value, new.kind.value),
        ("Wirkung", "effect", old.effect_class.value, new.effect_class.value),
        ("Mindestgröße", "minimum size", str(old.minimum_size), str(new.minimum_size)),
    )
    for german, english, before, after in words:
        if before != after:
            was, now = (names.get(key, Text(key, key)) for key in (before, after))
            yield _changed(Text(german, english), was, now)
    if old.stability != new.stability:
        yield Difference(CHANGED, Text("Beständigkeit: andere Vorgaben", "steadiness: other settings"))


def _features(old: Definition, new: Definition) -> Iterator[Difference]:
    before, after = ({each.key: each for each in one.features} for one in (old, new))
    for key, feature in after.items():
        if key not in before:
            yield _told(ADDED, Text("Merkmal", "detail"), _measured(feature))
        elif _apart_from_words(before[key]) != _apart_from_words(feature):
            yield _changed(
                _joined(Text("Merkmal", "detail"), feature.label), _measured(before[key]), _measured(feature)
            )
    for key, feature in before.items():
        if key not in after:
            yield _told(REMOVED, Text("Merkmal", "detail"), _measured(feature))


def _apart_from_words(feature: Feature) -> dict[str, Any]:
    """The feature without what follows from the words of the rules, which are told as rules."""
    return feature.to_json() | {"levels": None, "ignore_case": None}


def _segments(old: Definition, new: Definition) -> Iterator[Difference]:
    before, after = _by_key(old), _by_key(new)
    word = Text("Segment", "segment")
    for key, segment in after.items():
        if key not in before:
            rule = _rule(segment, new)
            yield _added(segment.name, rule)
        else:
            yield from _segment(before[key], segment, old, new)
    for key, segment in before.items():
        if key not in after:
            yield _told(REMOVED, word, segment.name)
    shared = [key for key in after if key in before]
    if shared != [key for key in before if key in after]:
        text = Text(
            "Reihenfolge der Segmente: eine andere Regel geht vor", "order of the segments: another rule comes first"
        )
        yield Difference(CHANGED, text)
    if (old.otherwise is None) != (new.otherwise is None):
        text = Text("ein Segment für alle übrigen", "a segment for everybody else")
        yield Difference(REMOVED if new.otherwise is None else ADDED, text)


def _segment(before: Segment, after: Segment, old: Definition, new: Definition) -> Iterator[Difference]:
    word = _joined(Text("Segment", "segment"), after.name)
    if before.name != after.name:
        yield _changed(Text("Name eines Segments", "name of a segment"), before.name, after.name)
    if before.name_for_subject != after.name_for_subject:
        subject = Text(f"{word.de}, Name für Betroffene", f"{word.en}, name for the people concerned")
        yield _changed(subject, before.name_for_subject, after.name_for_subject)
    rules = _rule(before, old), _rule(after, new)
    if rules[0] is not None and rules[1] is not None and rules[0] != rules[1]:
        yield _changed(word, rules[0], rules[1])
    if before.scores != after.scores:
        yield Difference(CHANGED, Text(f"{word.de}: andere Punktzahlen", f"{word.en}: other scores"))


def _settings(old: Definition, new: Definition) -> Iterator[Difference]:
    before, after = (_part(json.loads(one.document), one.kind.value) for one in (old, new))
    if old.kind is not new.kind:
        return
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            name = Text(f"Einstellung {key}", f"setting {key}")
            yield _changed(name, _plain(before.get(key)), _plain(after.get(key)))


def _part(document: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    part = document.get(kind, {})
    return part if isinstance(part, dict) else {}


def _by_key(definition: Definition) -> dict[str, Segment]:
    return {segment.key: segment for segment in definition.segments}


def _rule(segment: Segment, definition: Definition) -> Text | None:
    features: dict[str, Feature] = {feature.key: feature for feature in definition.features}
    return in_words(segment.rule, features) if segment.rule is not None else None


def _measured(feature: Feature) -> Text:
    """A feature with its window, and with what else is not as usual."""
    length = period(feature.window) if feature.window else None
    kinds = () if feature.kinds in {(), (ORDER,)} else feature.kinds
    currency = feature.currency if feature.currency != DEFAULT_CURRENCY else None
    plain = [part for part in (*kinds, feature.category, currency) if part]
    german = ", ".join(([length.de] if length else []) + plain)
    english = ", ".join(([length.en] if length else []) + plain)
    label = feature.label
    return Text(f"{label.de} ({german})", f"{label.en} ({english})") if german else label


def _plain(value: Any) -> Text:
    text = "–" if value is None else json.dumps(value, ensure_ascii=False)
    return Text(text, text)


def _joined(one: Text, other: Text) -> Text:
    return Text(f"{one.de} „{other.de}“", f"{one.en} “{other.en}”")


def _told(kind: str, what: Text, name: Text) -> Difference:
    return Difference(kind, _joined(what, name))


def _changed(what: Text, before: Text, after: Text) -> Difference:
    return Difference(CHANGED, Text(f"{what.de}: {before.de} → {after.de}", f"{what.en}: {before.en} → {after.en}"))


def _added(name: Text, rule: Text | None) -> Difference:
    told = _joined(Text("Segment", "segment"), name)
    return Difference(ADDED, Text(f"{told.de}: {rule.de}", f"{told.en}: {rule.en}") if rule else told)
