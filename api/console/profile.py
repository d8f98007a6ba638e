"""One segment: what sets it apart from the others, with effect sizes and ranges; aggregates only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.deps import Visit, visiting
from api.workflows import segments as workflow
from segmentation.errors import SegmentUnknown
from segmentation.inputs import Quantity

if TYPE_CHECKING:
    from api.workflows.segments import SchemeShown
    from segmentation.profile import FeatureProfile, SegmentProfile

router = APIRouter()
SMALL_EFFECT = 0.2
"""Cohen's d below which a difference is shown hollow, as small."""


@dataclass(frozen=True)
class EffectRow:
    """One feature of the segment against everybody else."""

    name: str
    here: str
    others: str
    effect: float | None
    low: float
    high: float
    at: float
    start: float
    end: float
    """Places in the picture, in per cent of its width."""
    clear: bool


@dataclass(frozen=True)
class ValueRow:
    """One segment's share of people and of revenue."""

    name: str
    this: bool
    people: float | None
    revenue: float | None


@dataclass(frozen=True)
class ProfileView:
    """One segment of the live run."""

    scheme: str
    scheme_label: str
    name: str
    size: int | None
    share: float | None
    revenue: float | None
    effects: tuple[EffectRow, ...]
    zero: float
    values: tuple[ValueRow, ...]
    run: int
    fact: int | None


def profile_view(visit: Visit, scheme: str, key: str) -> ProfileView:
    """The segment as this role may see it.

    Raises:
        SchemeUnknown, SegmentUnknown: there is no such thing.
    """
    shown = workflow.show(visit.house, scheme, now=visit.now)
    segments = shown.profile.segments if shown.profile else ()
    segment = next((one for one in segments if one.key == key), None)
    if segment is None or shown.report is None:
        raise SegmentUnknown(scheme, key)
    pick, counts = visit.tongue.pick, Counts(visit.exact, shown.report.minimum_size)
    members = sum(counts.see(one.size or 0) or 0 for one in segments)
    told = counts.see(segment.size)
    rows, zero = _effects(visit, segment.features)
    return ProfileView(
        scheme=scheme,
        scheme_label=shown.state.label[visit.tongue.language],
        name=pick(segment.name),
        size=told,
        share=told / members if told and members else None,
        revenue=segment.revenue_share,
        effects=rows,
        zero=zero,
        values=tuple(_values(visit, segments, key, counts, members)),
        run=shown.report.run,
        fact=_fact(visit, shown),
    )


def _fact(visit: Visit, shown: SchemeShown) -> int | None:
    from segmentation import store

    with visit.house.work.reading() as connection:
        run = store.run_of(connection, shown.state.run) if shown.state.run is not None else None
    return run.fact if run else None


def _values(
    visit: Visit, segments: Iterable[SegmentProfile], key: str, counts: Counts, members: int
) -> Iterable[ValueRow]:
    for one in segments:
        told = counts.see(one.size)
        people = told / members if told is not None and members else None
        yield ValueRow(visit.tongue.pick(one.name), one.key == key, people, one.revenue_share)


def _effects(visit: Visit, features: Iterable[FeatureProfile]) -> tuple[tuple[EffectRow, ...], float]:
    ordered = sorted(features, key=lambda one: -abs(one.effect or 0.0))
    ends = [end for one in ordered for end in (one.low, one.high) if end is not None]
    low, high = min([-0.5, *ends]) * 1.1, max([0.5, *ends]) * 1.1

    def place(value: float) -> float:
        return (value - low) / (high - low) * 100

    return tuple(_effect(visit, one, place) for one in ordered), place(0.0)


def _effect(visit: Visit, one: FeatureProfile, at: Callable[[float], float]) -> EffectRow:
    effect, low, high = one.effect or 0.0, one.low or 0.0, one.high or 0.0
    return EffectRow(
        name=visit.tongue.pick(one.label),
        here=figure(visit, one.quantity, one.mean),
        others=figure(visit, one.quantity, one.rest) if one.rest is not None else "–",
        effect=one.effect,
        low=low,
        high=high,
        at=at(effect),
        start=at(low),
        end=at(high),
        clear=abs(effect) >= SMALL_EFFECT,
    )


def figure(visit: Visit, quantity: str, value: float) -> str:
    """A feature's mean as its quantity is written."""
    formats = visit.tongue.formats
    if quantity == Quantity.MONEY:
        return formats.money(value)
    if quantity in {Quantity.RATIO, Quantity.FLAG}:
        return formats.percent(value)
    if quantity == Quantity.DAYS:
        return formats.number(value)
    return formats.number(value, 1)


@router.get("/segments/{scheme}/{key}")
def show(visit: Annotated[Visit, Depends(visiting(Right.SEGMENTS))], scheme: str, key: str) -> Response:
    """One segment."""
    return visit.page("profile.html", view=profile_view(visit, scheme, key))
