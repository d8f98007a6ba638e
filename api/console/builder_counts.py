"""Live counts while somebody writes a rule: who is left after each condition, and what each permission costs.

Refused and unfinished conditions are not counted: a field that the purpose may not see is not read (Article 5(1)(b)
GDPR). Everything is told as the role may see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.console.builder_document import Making, condition_of
from api.console.builder_draft import ANY, ConditionDraft, Draft, GroupDraft, SegmentDraft
from api.console.builder_kinds import WITH_FEATURES, WITH_RULES
from api.console.builder_terms import quantity_of
from api.workflows.previews import count_while_writing
from audit.errors import LauterError
from governance.store import counts as count_people

if TYPE_CHECKING:
    from api.deps import Visit
    from segmentation.preview import RuleCounts

LARGEST_LIVE = 100_000
"""Of more people a count is made when somebody asks for it, not with every change."""
BLANK = {"de": "–", "en": "–"}


@dataclass(frozen=True)
class Counted:
    """What was counted: exact numbers, keyed by the place in the form."""

    rules: RuleCounts
    at: Mapping[str, int]
    """Whom the conditions up to this one fit, by the condition's place; by the segment's for its whole rule."""
    withheld: Mapping[str, int]
    """Permitted people who withhold what the condition looks at, by its place."""


def too_many(visit: Visit) -> bool:
    """Whether the house is so large that counting waits until somebody asks."""
    with visit.house.work.reading() as connection:
        people = count_people(connection)
    return people.contacts + people.accounts > LARGEST_LIVE


def count(visit: Visit, draft: Draft, base: Mapping[str, Any], refused: frozenset[str]) -> Counted | None:
    """The counts for a form; None where nothing can be counted yet.

    Args:
        refused: what conditions may not look at, as the form names it.
    """
    making = Making(visit.house.catalogue, visit.tongue.language, base)
    rules = dict(_rules(making, draft, refused)) if draft.kind in WITH_RULES else {}
    if draft.kind in WITH_FEATURES:
        for row in draft.features:
            if row.of.what not in refused and quantity_of(row.of.what, making.catalogue.fields):
                making.feature(row.of)
    try:
        text = json.dumps(_document(making, draft, rules))
        found = count_while_writing(visit.house, text, actor=visit.who.actor, now=visit.now)
    except LauterError:
        return None
    keys = {f"n{number}": place for number, place in enumerate(rules)}
    at = {keys[key]: people for key, people in found.fits.items() if key in keys}
    return Counted(found, at, _withheld(making, draft, found))


def _document(making: Making, draft: Draft, rules: Mapping[str, Any]) -> dict[str, Any]:
    common: dict[str, Any] = {"scheme": "counted", "unit": draft.unit, "purpose": draft.purpose}
    common |= {"features": list(making.features.values())} if making.features else {}
    if not rules:
        return common | {"kind": "manual", "segments": [{"key": "nobody", "name": BLANK}]}
    segments = [{"key": f"n{number}", "name": BLANK, "rule": rule} for number, rule in enumerate(rules.values())]
    return common | {"kind": "rules", "segments": segments}


def _rules(making: Making, draft: Draft, refused: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, segment in enumerate(draft.segments):
        whole: list[dict[str, Any]] = []
        for place, group in enumerate(segment.groups):
            before = whole if segment.join != ANY else []
            done: list[dict[str, Any]] = []
            for at, rule in _conditions(making, group, f"s{number}-g{place}", refused):
                done.append(rule)
                if not group.negated:
                    yield at, _all([*before, _joined(group, done)])
            if done:
                whole.append({"not": _joined(group, done)} if group.negated else _joined(group, done))
        if whole:
            yield f"s{number}", {"any": whole} if segment.join == ANY else _all(whole)


def _conditions(
    making: Making, group: GroupDraft, at: str, refused: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, condition in enumerate(group.conditions):
        place = f"{at}-c{number}"
        if condition.of.what in refused:
            continue
        before = len(making.mistakes)
        rule = condition_of(making, condition, place, "$")
        if len(making.mistakes) == before and rule:
            yield place, rule


def _joined(group: GroupDraft, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"any": list(rules)} if group.join == ANY else _all(rules)


def _all(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return rules[0] if len(rules) == 1 else {"all": list(rules)}


def _withheld(making: Making, draft: Draft, found: RuleCounts) -> dict[str, int]:
    fields = {key: feature.get("field") for key, feature in making.features.items()}
    activities = next((f.key for f in making.catalogue.fields.values() if f.type == "activities"), "")
    counted: dict[str, int] = {}
    for at, condition in each_condition(draft):
        key = making.signatures.get(condition.of) or next(
            (key for of, key in making.signatures.items() if of.what == condition.of.what), None
        )
        if key is not None:
            counted[at] = found.withheld.get(str(fields[key] or activities), 0)
    return counted


def each_condition(draft: Draft) -> Iterator[tuple[str, ConditionDraft]]:
    """Every condition with its place in the form."""
    segments: tuple[SegmentDraft, ...] = draft.segments
    for number, segment in enumerate(segments):
        for place, group in enumerate(segment.groups):
            for index, condition in enumerate(group.conditions):
                yield f"s{number}-g{place}-c{index}", condition
