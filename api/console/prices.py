"""Prices: each policy with its last check, who would pay more, and the gate before it comes into force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Condition, Counts
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.workflows import prices as workflow
from governance.disparity_report import OTHER_GROUPS, UNKNOWN, Verdict

if TYPE_CHECKING:
    from api.workflows.prices import PolicyState
    from governance.release import Gate

router = APIRouter()

VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.WITHIN_LIMITS: ("ok", N_("within the limits")),
    Verdict.DISPARITY: ("refused", N_("disparity found")),
    Verdict.NOT_ENOUGH_DATA: ("withheld", N_("not enough data")),
    Verdict.NOT_ASSESSABLE: ("withheld", N_("not assessable")),
}
ATTRIBUTES: dict[str, str] = {
    "age": N_("age"),
    "age_group": N_("age group"),
    "disability": N_("disability"),
    "ethnic_origin": N_("ethnic origin"),
    "gender": N_("gender"),
    "religion": N_("religion"),
    "sex": N_("sex"),
    "sexual_identity": N_("sexual identity"),
}
"""Words for the attributes of § 1 AGG under their usual names; another key is shown as its own words."""
NEVER = ("attention", N_("never checked"))
HEADLINES: dict[Verdict | None, str] = {
    None: N_("%(name)s: not checked yet"),
    Verdict.WITHIN_LIMITS: N_("%(name)s: within the limits"),
    Verdict.DISPARITY: N_("%(name)s: disparity found"),
    Verdict.NOT_ENOUGH_DATA: N_("%(name)s: too few details for a statement"),
    Verdict.NOT_ASSESSABLE: N_("%(name)s: not assessable"),
}


@dataclass(frozen=True)
class Whisker:
    """One estimate with its range, in hundredths of the picture's width."""

    low: float
    at: float
    high: float
    kind: str
    """bad, clear or unclear."""


@dataclass(frozen=True)
class GroupRow:
    """One group against all the others."""

    name: str
    size: int | None
    estimate: float | None
    low: float
    high: float
    mean_price: float | None
    whisker: Whisker | None
    beyond: bool


@dataclass(frozen=True)
class AttributeView:
    """One protected attribute: groups, scale and what share of people is known."""

    name: str
    state: tuple[str, str]
    groups: tuple[GroupRow, ...]
    coverage: float
    pooled: int
    band: tuple[float, float]
    equal: float
    ticks: tuple[tuple[float, float], ...]
    limit: float


@dataclass(frozen=True)
class PriceLevel:
    """What one segment pays."""

    segment: str
    discount: float
    price: int


@dataclass(frozen=True)
class PriceView:
    """One policy in its newest version."""

    state: PolicyState
    name: str
    verdict: tuple[str, str]
    headline: str
    levels: tuple[PriceLevel, ...]
    attributes: tuple[AttributeView, ...]
    conditions: tuple[Condition, ...]
    open: bool
    active: bool
    active_version: int | None
    on_hold: bool
    """A version is in force and may not be used until it is checked again."""
    missing: tuple[str, ...]
    """Why it is on hold."""


def price_view(visit: Visit, state: PolicyState) -> PriceView:
    """A policy as this role may see it."""
    policy, check = state.stored.policy, state.check
    verdict = check.check.verdict if check else None
    active = state.active.stored.version if state.active else None
    levels = [PriceLevel(key, share / 1000, policy.price(key)) for key, share in policy.discounts]
    rest = PriceLevel(visit.tongue.say("everybody else"), policy.otherwise / 1000, policy.price(None))
    return PriceView(
        state=state,
        name=policy.name,
        verdict=VERDICTS[verdict] if verdict else NEVER,
        headline=visit.tongue.say(HEADLINES[verdict], name=policy.name),
        levels=(*levels, rest),
        attributes=tuple(_attribute(visit, one) for one in check.report["attributes"]) if check else (),
        conditions=conditions(visit, state.gate),
        open=state.gate.open,
        active=active == state.stored.version,
        active_version=active,
        on_hold=state.on_hold,
        missing=tuple(visit.tongue.pick(one.text) for one in state.active.gate.unmet) if state.active else (),
    )


def conditions(visit: Visit, gate: Gate) -> tuple[Condition, ...]:
    """A gate's conditions, met ones too, in the reader's language."""
    return tuple(Condition("ok" if one.met else "refused", visit.tongue.pick(one.text)) for one in gate.conditions)


def _attribute(visit: Visit, report: Mapping[str, Any]) -> AttributeView:
    ratios = [_ratio(group) for group in report["groups"]]
    limit = max((float(ratio["limit"]) for ratio in ratios if ratio), default=1.0)
    scale = Scale.over(ratios, limit)
    return AttributeView(
        name=attribute_name(visit, str(report["attribute"])),
        state=VERDICTS[Verdict(report["verdict"])],
        groups=tuple(_group(visit, group, scale) for group in report["groups"]),
        coverage=float(report["coverage"]),
        pooled=int(report["pooled"]),
        band=(scale.at(1 / limit), scale.at(limit)),
        equal=scale.at(1.0),
        ticks=scale.ticks,
        limit=limit,
    )


def attribute_name(visit: Visit, key: str) -> str:
    """What an attribute is called on a page."""
    return visit.tongue.say(ATTRIBUTES[key]) if key in ATTRIBUTES else key.replace("_", " ")


def _ratio(group: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((one for one in group["comparisons"] if one["measure"] == "price_ratio"), None)


def _group(visit: Visit, group: Mapping[str, Any], scale: Scale) -> GroupRow:
    say = visit.tongue.say
    names = {UNKNOWN: say("not stated"), OTHER_GROUPS: say("other groups")}
    ratio = _ratio(group)
    whisker = None
    if ratio:
        kind = "bad" if ratio["beyond"] and ratio["clear"] else "clear" if ratio["clear"] else "unclear"
        whisker = Whisker(scale.at(ratio["low"]), scale.at(ratio["estimate"]), scale.at(ratio["high"]), kind)
    return GroupRow(
        name=names.get(str(group["value"]), str(group["value"])),
        size=Counts(visit.exact).see(group["size"]),
        estimate=ratio["estimate"] if ratio else None,
        low=ratio["low"] if ratio else 0.0,
        high=ratio["high"] if ratio else 0.0,
        mean_price=group["mean_price"],
        whisker=whisker,
        beyond=bool(ratio and ratio["beyond"] and ratio["clear"]),
    )


@dataclass(frozen=True)
class Scale:
    """Where a ratio lies in the picture, in per cent of its width."""

    low: float
    high: float

    @classmethod
    def over(cls, ratios: Sequence[Mapping[str, Any] | None], limit: float) -> Scale:
        """A span that holds every range and the permitted band, with room at both ends."""
        ends = [float(ratio[end]) for ratio in ratios if ratio for end in ("low", "high")]
        reach = max([limit - 1, *(abs(end - 1) for end in ends)], default=0.02) * 1.15 or 0.02
        return cls(1 - reach, 1 + reach)

    def at(self, ratio: float) -> float:
        """Per cent from the left."""
        return max(0.0, min(100.0, (ratio - self.low) / (self.high - self.low) * 100))

    @property
    def ticks(self) -> tuple[tuple[float, float], ...]:
        """Three values to read the picture by, with their places."""
        half = round((self.high - 1) * 0.6, 2) or 0.01
        return tuple((self.at(value), value) for value in (1 - half, 1.0, 1 + half))


Reader = Annotated[Visit, Depends(visiting(Right.PRICES))]


@router.get("/prices")
def show_list(visit: Reader) -> Response:
    """Every policy."""
    found = workflow.policies(visit.house, now=visit.now).policies
    return visit.page("prices.html", view=[price_view(visit, state) for state in found])


@router.get("/prices/{name}")
def show(visit: Reader, name: str) -> Response:
    """One policy."""
    return visit.page("price.html", view=price_view(visit, workflow.policy(visit.house, name, now=visit.now)))


@router.post("/prices/{name}/check")
def check(visit: Annotated[Visit, Depends(posting(Right.CHECK_PRICE))], name: str) -> Response:
    """Measure again, on the live run."""
    workflow.check(visit.house, name, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/prices/{name}")


@router.post("/prices/{name}/activate")
def activate(visit: Annotated[Visit, Depends(posting(Right.ACTIVATE_PRICE))], name: str) -> Response:
    """Into force, if the gate is open."""
    workflow.activate(visit.house, name, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/prices/{name}")
