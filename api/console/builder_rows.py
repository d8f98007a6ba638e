"""Rows of the builder as the page shows them: what can be looked at, comparisons by type, counts beside each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.console.builder_draft import ConditionDraft, Draft, GroupDraft, SegmentDraft
from api.console.builder_terms import BY_CATEGORY, MEASURES, operations, quantity_of
from api.i18n import N_
from governance.fields import ACTIVITY_TYPES, FieldType
from segmentation.inputs import Measure, Quantity

if TYPE_CHECKING:
    from api.console.builder_counts import Counted
    from api.console.counts import Counts
    from api.deps import Visit
    from api.workflows.previews import FieldChoice

MOST_TICKS = 12
"""So many levels are ticked; more are written."""


FAMILIES: dict[str, str] = {
    "": N_("Details"),
    "geographic": N_("Place"),
    "firmographic": N_("Company"),
    "technographic": N_("Technology"),
    "behavioural": N_("Behaviour"),
    "value": N_("Value"),
    "needs": N_("Needs"),
    "psychographic": N_("Attitudes"),
    "journey": N_("Customer journey"),
    "buying_centre": N_("Role in the buying decision"),
}
"""The families of criteria, as headings of the list of fields."""


@dataclass(frozen=True)
class Option:
    """One thing a condition can look at."""

    value: str
    label: str
    refused: bool


@dataclass(frozen=True)
class ConditionView:
    """One condition as the page shows it."""

    at: str
    number: int
    draft: ConditionDraft
    label: str
    activity: bool
    by_category: bool
    ops: Mapping[str, str]
    quantity: str
    unit: str
    levels: tuple[str, ...]
    refusal: FieldChoice | None
    left: int | None
    counted: bool
    withheld: int | None


@dataclass(frozen=True)
class GroupView:
    """One group."""

    at: str
    draft: GroupDraft
    conditions: tuple[ConditionView, ...]


@dataclass(frozen=True)
class SegmentView:
    """One segment with its groups."""

    at: str
    draft: SegmentDraft
    groups: tuple[GroupView, ...]
    fits: int | None
    counted: bool
    refused: bool


def refusals_of(choices: tuple[FieldChoice, ...]) -> dict[str, FieldChoice]:
    """What a condition may not look at, as the form names it, with the field that is refused."""
    found = {f"field.{choice.key}": choice for choice in choices if not choice.permitted}
    activities = [choice for choice in choices if choice.type == FieldType.ACTIVITIES]
    if activities and not any(choice.permitted for choice in activities):
        found |= {f"act.{measure.value}": activities[0] for measure in Measure}
    return found


@dataclass(frozen=True)
class Rows:
    """Makes the rows of one page."""

    visit: Visit
    draft: Draft
    choices: tuple[FieldChoice, ...]
    refusals: Mapping[str, FieldChoice]
    counted: Counted | None
    counts: Counts

    def options(self) -> tuple[tuple[str, tuple[Option, ...]], ...]:
        """What can be looked at, in groups; what the purpose may not see comes last, and says so."""
        say, pick = self.visit.tongue.say, self.visit.tongue.pick
        acts = [
            Option(f"act.{each.value}", say(word), f"act.{each.value}" in self.refusals)
            for each, word in MEASURES.items()
        ]
        plain = [choice for choice in self.choices if FieldType(choice.type) not in ACTIVITY_TYPES]
        fields = [Option(f"field.{each.key}", pick(each.label), not each.permitted) for each in plain]
        families: dict[str, list[Option]] = {}
        for choice, option in zip(plain, fields, strict=True):
            if not option.refused:
                families.setdefault(self._family(choice), []).append(option)
        groups = [(say("Orders"), tuple(each for each in acts if not each.refused))]
        groups += [(name, tuple(options)) for name, options in families.items()]
        groups.append((say("Not permitted for this purpose"), tuple(each for each in [*acts, *fields] if each.refused)))
        return tuple((name, options) for name, options in groups if options)

    def _family(self, choice: FieldChoice) -> str:
        return self.visit.tongue.say(FAMILIES.get(choice.family or "", FAMILIES[""]))

    def segment(self, draft: SegmentDraft, at: str) -> SegmentView:
        """One segment with its groups."""
        groups = tuple(self._group(each, f"{at}-g{n}") for n, each in enumerate(draft.groups))
        fits = self.counted.at.get(at) if self.counted else None
        refused = any(each.refusal for group in groups for each in group.conditions)
        return SegmentView(at, draft, groups, self.counts.see(fits), fits is not None, refused)

    def _group(self, draft: GroupDraft, at: str) -> GroupView:
        return GroupView(
            at, draft, tuple(self.condition(each, f"{at}-c{n}", n) for n, each in enumerate(draft.conditions))
        )

    def condition(self, draft: ConditionDraft, at: str, number: int) -> ConditionView:
        """One condition, or one input of a scheme without rules."""
        fields = self.visit.house.catalogue.fields
        kind, _, key = draft.of.what.partition(".")
        activity = kind == "act"
        quantity = quantity_of(draft.of.what, fields)
        field = fields.get(key) if kind == "field" else None
        left = self.counted.at.get(at) if self.counted else None
        withheld = self.counted.withheld.get(at) if self.counted else None
        say = self.visit.tongue.say
        return ConditionView(
            at=at,
            number=number,
            draft=draft,
            label=self.visit.tongue.pick(field.label)
            if field
            else say(MEASURES[Measure(key)])
            if activity and key in set(Measure)
            else "",
            activity=activity,
            by_category=activity and key in BY_CATEGORY,
            ops=operations(quantity, activity=activity),
            quantity=quantity.value if quantity else "",
            unit={Quantity.MONEY: field.unit or "EUR" if field else "EUR", Quantity.RATIO: "%"}.get(quantity, "")
            if quantity
            else "",
            levels=field.levels if field and len(field.levels) <= MOST_TICKS else (),
            refusal=self.refusals.get(draft.of.what),
            left=self.counts.see(left),
            counted=left is not None,
            withheld=self.counts.see(withheld),
        )

    def withheld(self) -> tuple[tuple[str, int | None], ...]:
        """Per field that the scheme looks at, how many withhold it."""
        if self.counted is None:
            return ()
        fields, pick = self.visit.house.catalogue.fields, self.visit.tongue.pick
        found = self.counted.rules.withheld.items()
        return tuple((pick(fields[key].label), self.counts.see(people)) for key, people in found if key in fields)
