"""A scheme as the form holds it: rows of a page, unfinished and perhaps wrong; pure.

What was typed stays as it was typed, so that a mistake costs nobody their input. Only `builder_document` makes a
definition of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")

MOST_SEGMENTS, MOST_GROUPS, MOST_CONDITIONS, MOST_FEATURES = 30, 6, 12, 20
ALL, ANY = "all", "any"
LONGEST = 200


@dataclass(frozen=True)
class Measured:
    """What is looked at: `field.KEY` or `act.MEASURE`, of which window and product group; empty: nothing yet."""

    what: str = ""
    window: str = "P12M"
    category: str = ""


@dataclass(frozen=True)
class ConditionDraft:
    """One comparison."""

    of: Measured = Measured()
    op: str = ""
    value: str = ""
    upto: str = ""
    unit: str = "D"
    words: tuple[str, ...] = ()
    """Ticked levels of a category that has a list of them."""


@dataclass(frozen=True)
class GroupDraft:
    """Conditions joined by and, or by or; perhaps all of it denied."""

    join: str = ALL
    negated: bool = False
    conditions: tuple[ConditionDraft, ...] = (ConditionDraft(),)


@dataclass(frozen=True)
class SegmentDraft:
    """A segment with its names and, in a rules scheme, its rule."""

    key: str = ""
    de: str = ""
    en: str = ""
    subject_de: str = ""
    subject_en: str = ""
    join: str = ALL
    groups: tuple[GroupDraft, ...] = (GroupDraft(),)


@dataclass(frozen=True)
class FeatureDraft:
    """One input of a scheme that finds its groups itself; `bins` cut a number into classes."""

    of: Measured = Measured()
    bins: str = ""


@dataclass(frozen=True)
class Draft:
    """The whole form."""

    scheme: str = ""
    de: str = ""
    en: str = ""
    unit: str = "contact"
    purpose: str = ""
    kind: str = "rules"
    effect: str = "none"
    minimum: str = ""
    margin: str = ""
    budget: str = ""
    base: str = ""
    """`SCHEME:VERSION` or a template that this began with; what the form cannot show is kept from there."""
    segments: tuple[SegmentDraft, ...] = (SegmentDraft(),)
    rest: SegmentDraft | None = None
    """The segment for everybody whom none takes."""
    features: tuple[FeatureDraft, ...] = (FeatureDraft(),)
    settings: Mapping[str, str] = field(default_factory=dict)


def from_form(form: Mapping[str, str]) -> Draft:
    """What was posted, cut to size; nothing is judged."""
    get = _reader(form)
    plain = ("scheme", "de", "en", "unit", "purpose", "kind", "effect", "minimum", "margin", "budget", "base")
    return Draft(
        **{name: get(name) for name in plain},
        segments=tuple(_segment(form, f"s{n}-") for n in _numbers(form, "s", MOST_SEGMENTS)),
        rest=_segment(form, "rest-") if form.get("rest-on") else None,
        features=tuple(
            FeatureDraft(_measured(form, f"m{n}-"), get(f"m{n}-bins")) for n in _numbers(form, "m", MOST_FEATURES)
        ),
        settings={key.removeprefix("k-"): value[:LONGEST] for key, value in form.items() if key.startswith("k-")},
    )


def _reader(form: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: form.get(name, "")[:LONGEST]


def _numbers(form: Mapping[str, str], prefix: str, most: int) -> list[int]:
    """The rows that were posted, in order."""
    found = re.compile(rf"{re.escape(prefix)}(\d{{1,3}})-")
    return sorted({int(match[1]) for key in form if (match := found.match(key))})[:most]


def _segment(form: Mapping[str, str], at: str) -> SegmentDraft:
    get = _reader(form)
    return SegmentDraft(
        key=get(at + "key"),
        de=get(at + "de"),
        en=get(at + "en"),
        subject_de=get(at + "sde"),
        subject_en=get(at + "sen"),
        join=ANY if get(at + "join") == ANY else ALL,
        groups=tuple(_group(form, f"{at}g{n}-") for n in _numbers(form, at + "g", MOST_GROUPS)) or (GroupDraft(),),
    )


def _group(form: Mapping[str, str], at: str) -> GroupDraft:
    numbers = _numbers(form, at + "c", MOST_CONDITIONS)
    conditions = tuple(_condition(form, f"{at}c{n}-") for n in numbers)
    join = ANY if form.get(at + "join") == ANY else ALL
    return GroupDraft(join, form.get(at + "not") == "1", conditions or (ConditionDraft(),))


def _condition(form: Mapping[str, str], at: str) -> ConditionDraft:
    get = _reader(form)
    words = sorted((key, value) for key, value in form.items() if key.startswith(at + "w"))
    ticked = tuple(value[:LONGEST] for key, value in words if re.fullmatch(r"w\d+", key.removeprefix(at)))
    return ConditionDraft(
        _measured(form, at), get(at + "op"), get(at + "value"), get(at + "upto"), get(at + "unit") or "D", ticked
    )


def _measured(form: Mapping[str, str], at: str) -> Measured:
    get = _reader(form)
    return Measured(get(at + "what"), get(at + "window") or "P12M", get(at + "category"))


def act(draft: Draft, order: str) -> Draft:
    """The draft after a button: `add:s0-g1`, `del:s0-g0-c2`, `up:s1`, `add:s`, `add:m`, `add:rest`; else unchanged."""
    word, _, place = order.partition(":")
    if place == "rest":
        return replace(draft, rest=SegmentDraft() if word == "add" else None)
    if place == "m" or re.fullmatch(r"m\d{1,3}", place):
        return replace(draft, features=_changed(draft.features, word, place[1:], FeatureDraft(), MOST_FEATURES))
    match = re.fullmatch(r"s(\d{1,3})?(?:-g(\d{1,3})?)?(?:-c(\d{1,3}))?", place)
    if match is None:
        return draft
    segment, group, condition = match.groups()
    if "-g" not in place:
        return replace(draft, segments=_changed(draft.segments, word, segment or "", SegmentDraft(), MOST_SEGMENTS))
    return _in_segment(draft, int(segment or 0), word, group or "", condition)


def _in_segment(draft: Draft, number: int, word: str, group: str, condition: str | None) -> Draft:
    if number >= len(draft.segments):
        return draft
    old = draft.segments[number]
    if not group or (condition is None and word == "del"):
        groups = _changed(old.groups, word, group, GroupDraft(), MOST_GROUPS)
    else:
        groups = tuple(
            replace(
                each, conditions=_changed(each.conditions, word, condition or "", ConditionDraft(), MOST_CONDITIONS)
            )
            if place == int(group)
            else each
            for place, each in enumerate(old.groups)
        )
    segments = list(draft.segments)
    segments[number] = replace(old, groups=groups or (GroupDraft(),))
    return replace(draft, segments=tuple(segments))


def _changed(rows: Sequence[T], word: str, place: str, blank: T, most: int) -> tuple[T, ...]:
    """The rows with one more, one less, or one a place further up or down."""
    changed, number = list(rows), int(place) if place else -1
    if word == "add" and len(changed) < most:
        changed.append(blank)
    elif word == "del" and 0 <= number < len(changed):
        del changed[number]
    elif word == "up" and 0 < number < len(changed):
        changed[number - 1], changed[number] = changed[number], changed[number - 1]
    elif word == "down" and 0 <= number < len(changed) - 1:
        changed[number], changed[number + 1] = changed[number + 1], changed[number]
    return tuple(changed)
