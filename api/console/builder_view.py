"""What the builder's page shows: choices with the refused ones and why, rows with their counts, and the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.console.builder_counts import count, each_condition, too_many
from api.console.builder_draft import ConditionDraft, Draft
from api.console.builder_gate import checks_of
from api.console.builder_kinds import ASKED, CHOICES, HINTS, LABELS, WITH_FEATURES, WITH_NAMES, WITH_RULES, setting
from api.console.builder_rows import ConditionView, Option, Rows, SegmentView, refusals_of
from api.console.builder_terms import JOINS, UNITS, WINDOWS
from api.console.counts import Condition, Counts
from api.console.schemes import EFFECTS, KINDS
from api.i18n import N_
from api.workflows.activations import NEEDS_OFFICER
from api.workflows.previews import field_choices
from governance.purposes import Purpose
from governance.vocabulary import EffectClass, LegalBasis, Unit
from segmentation.settings.kinds import Kind

if TYPE_CHECKING:
    from api.deps import Visit

BASES: dict[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("Consent (Art. 6(1)(a) GDPR)"),
    LegalBasis.CONTRACT: N_("Contract (Art. 6(1)(b) GDPR)"),
    LegalBasis.LEGITIMATE_INTERESTS: N_("Legitimate interests (Art. 6(1)(f) GDPR)"),
}


@dataclass(frozen=True)
class SettingView:
    """One setting of a kind."""

    name: str
    label: str
    hint: str
    value: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BuilderPage:
    """The form."""

    draft: Draft
    new: bool
    purposes: tuple[tuple[str, str], ...]
    purpose: Purpose | None
    basis: str
    kinds: tuple[tuple[str, str], ...]
    effects: tuple[tuple[str, str], ...]
    needs_officer: bool
    options: tuple[tuple[str, tuple[Option, ...]], ...]
    segments: tuple[SegmentView, ...]
    features: tuple[ConditionView, ...]
    settings: tuple[SettingView, ...]
    with_rules: bool
    with_names: bool
    with_features: bool
    counted: bool
    waits: bool
    """The house is so large that counting waits until somebody asks."""
    total: int | None
    permitted: int | None
    left_out: int | None
    share: float
    withheld: tuple[tuple[str, int | None], ...]
    refused: int
    checks: tuple[Condition, ...]
    minimum: int


def builder_page(
    visit: Visit, draft: Draft, base: Mapping[str, Any], *, new: bool, asked: bool, count_people: bool = True
) -> BuilderPage:
    """The form as this role may see it.

    Args:
        base: the definition this began with.
        asked: count even where the house is large.
        count_people: off where only the choices matter.
    """
    catalogue = visit.house.catalogue
    purpose = catalogue.purposes.get(draft.purpose)
    choices = field_choices(visit.house, draft.purpose, _unit(draft)) if purpose else ()
    refusals = refusals_of(choices)
    waits = too_many(visit)
    counted = None
    if purpose is not None and count_people and (asked or not waits):
        counted = count(visit, draft, base, frozenset(refusals))
    least = _least(visit, draft)
    counts = Counts(visit.exact, max(10, least))
    rows = Rows(visit, draft, choices, refusals, counted, counts)
    refused = sum(condition.of.what in refusals for _, condition in each_condition(draft)) if _ruled(draft) else 0
    refused += sum(row.of.what in refusals for row in draft.features) if draft.kind in WITH_FEATURES else 0
    return BuilderPage(
        draft=draft,
        new=new,
        purposes=tuple((key, visit.tongue.pick(each.label)) for key, each in catalogue.purposes.items()),
        purpose=purpose,
        basis=visit.tongue.say(BASES[purpose.basis]) if purpose else "",
        kinds=tuple((kind.value, visit.tongue.say(word)) for kind, word in KINDS.items() if kind in ASKED),
        effects=_effects(visit, purpose),
        needs_officer=draft.effect in {effect.value for effect in NEEDS_OFFICER},
        options=rows.options(),
        segments=tuple(rows.segment(each, f"s{n}") for n, each in enumerate(draft.segments)),
        features=tuple(rows.condition(ConditionDraft(each.of), f"m{n}", n) for n, each in enumerate(draft.features)),
        settings=settings_shown(visit, draft),
        with_rules=_ruled(draft),
        with_names=draft.kind in WITH_NAMES,
        with_features=draft.kind in WITH_FEATURES,
        counted=counted is not None,
        waits=waits,
        total=counts.see(counted.rules.total) if counted else None,
        permitted=counts.see(counted.rules.permitted) if counted else None,
        left_out=counts.see(counted.rules.total - counted.rules.permitted) if counted else None,
        share=counts.share(counted.rules.permitted, counted.rules.total) if counted else 0.0,
        withheld=rows.withheld(),
        refused=refused,
        checks=checks_of(visit, draft, purpose, refused, counted, least),
        minimum=least,
    )


def _ruled(draft: Draft) -> bool:
    return draft.kind in WITH_RULES


def _unit(draft: Draft) -> Unit:
    return Unit(draft.unit) if draft.unit in set(Unit) else Unit.CONTACT


def _least(visit: Visit, draft: Draft) -> int:
    house = visit.house.catalogue.controller.minimum_cell
    return max(house, int(draft.minimum)) if draft.minimum.isdigit() and len(draft.minimum) < 10 else house


def _effects(visit: Visit, purpose: Purpose | None) -> tuple[tuple[str, str], ...]:
    permitted = {EffectClass.NONE}
    if purpose is not None:
        permitted |= {purpose.effect} | ({EffectClass.MARKETING} if purpose.marketing else set())
    return tuple((effect.value, visit.tongue.say(word)) for effect, word in EFFECTS.items() if effect in permitted)


def first_refusal(page: BuilderPage) -> ConditionView | None:
    """The first condition that is not permitted."""
    rows = [each for segment in page.segments for group in segment.groups for each in group.conditions]
    return next(
        (
            row
            for row in [*(rows if page.with_rules else ()), *(page.features if page.with_features else ())]
            if row.refusal
        ),
        None,
    )


def settings_shown(visit: Visit, draft: Draft) -> tuple[SettingView, ...]:
    """The settings of the draft's kind with what stands in them."""
    say = visit.tongue.say
    asked = ASKED.get(Kind(draft.kind), ()) if draft.kind in set(Kind) else ()
    found = []
    for name in asked:
        words = WINDOWS if name == "window" else CHOICES.get(name, {})
        value = setting(draft, name)
        choices = tuple((key, say(word)) for key, word in ({value: value} | words).items()) if words else ()
        found.append(SettingView(name, say(LABELS[name]), say(HINTS[name]) if name in HINTS else "", value, choices))
    return tuple(found)


def words(visit: Visit) -> dict[str, tuple[tuple[str, str], ...]]:
    """Words of the form that are the same on every page of it."""
    say = visit.tongue.say
    return {
        name: tuple((key, say(word)) for key, word in pairs.items())
        for name, pairs in (("windows", WINDOWS), ("units", UNITS), ("joins", JOINS))
    }
