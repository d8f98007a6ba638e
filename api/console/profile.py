"""One segment: what sets it apart, what it brings, whom it shares members with, what is planned; aggregates only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.console.effects import EffectRow, effect_rows, figure, sentences
from api.console.forms import Mistake, missing, refused
from api.console.trends import Line, line
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import segment_notes, segment_profiles
from audit.errors import BadInput
from governance.vocabulary import Unit
from segmentation.definition_features import DEFAULT_CURRENCY
from segmentation.report import rounded_amount

if TYPE_CHECKING:
    from api.workflows.segment_shown import Point, SegmentShown
    from segmentation.overlap import SchemeOverlap
    from segmentation.profile import SegmentProfile
    from segmentation.store_figures import FigureRow, NoteRow

router = APIRouter()


@dataclass(frozen=True)
class ValueRow:
    """One segment's share of people and of what they bring."""

    key: str
    name: str
    this: bool
    people: float | None
    amount: float | None


@dataclass(frozen=True)
class OverlapRow:
    """How many of the segment are in a segment of another scheme; None where it is not told."""

    name: str
    people: int | None
    share: float | None


@dataclass(frozen=True)
class OverlapView:
    """The segment against one other scheme."""

    scheme: str
    label: str
    rows: tuple[OverlapRow, ...]


@dataclass(frozen=True)
class FigureLine:
    """The key figures of one run, as this role may see them."""

    run: int
    at: datetime
    people: int | None
    revenue: str
    margin: str
    active: int | None
    active_known: bool
    retention: float | None


@dataclass(frozen=True)
class NoteLine:
    """What was planned, when and by which role."""

    owner: str
    strategy: str
    at: datetime
    role: str


@dataclass(frozen=True)
class ProfileView:
    """One segment of the live run."""

    scheme: str
    scheme_label: str
    key: str
    name: str
    name_for_subject: str
    unit: str
    size: int | None
    share: float | None
    value: tuple[str, float, float] | None
    """Of margin or revenue, share of the people, share of the amount."""
    said: tuple[str, ...]
    effects: tuple[EffectRow, ...]
    zero: float
    typical: tuple[tuple[str, str], ...]
    values: tuple[ValueRow, ...]
    overlaps: tuple[OverlapView, ...]
    figures: tuple[FigureLine, ...]
    """Newest first."""
    margin: bool
    """Whether any run knew one."""
    lines: tuple[tuple[str, Line], ...]
    notes: tuple[NoteLine, ...]
    run: int
    at: datetime
    fact: int | None
    holds: bool


def profile_view(visit: Visit, scheme: str, key: str) -> ProfileView:
    """The segment as this role may see it.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown: there is no such thing.
    """
    shown = segment_profiles.segment_profile(visit.house, scheme, key, now=visit.now)
    segment, pick, counts = shown.segment, visit.tongue.pick, Counts(visit.exact, shown.least)
    members = sum(counts.see(one.size or 0) or 0 for one in shown.segments)
    told, value = counts.see(segment.size), shown.value
    rows, zero = effect_rows(visit, segment.features)
    return ProfileView(
        scheme=scheme,
        scheme_label=pick(shown.label),
        key=key,
        name=pick(segment.name),
        name_for_subject=pick(segment.name_for_subject),
        unit=shown.unit,
        size=told,
        share=told / members if told and members else None,
        value=(value.of, value.people, value.amount) if value else None,
        said=sentences(visit, segment.features),
        effects=rows,
        zero=zero,
        typical=_typical(visit, segment),
        values=tuple(_values(visit, shown, counts, members)),
        overlaps=tuple(_overlap(visit, each, shown, counts) for each in shown.overlaps),
        figures=tuple(_figures(visit, point, counts) for point in reversed(shown.trend)),
        margin=any(point.row.margin is not None for point in shown.trend),
        lines=_lines(visit, shown.trend, counts, companies=shown.unit == Unit.ACCOUNT),
        notes=tuple(_note(note) for note in shown.notes),
        run=shown.run,
        at=shown.at,
        fact=shown.fact,
        holds=shown.holds,
    )


def _values(visit: Visit, shown: SegmentShown, counts: Counts, members: int) -> Iterable[ValueRow]:
    of = shown.value.of if shown.value else "revenue"
    amounts = {key: getattr(row, of) for key, row in shown.figures.items()}
    whole = sum(amount for amount in amounts.values() if amount)
    for one in shown.segments:
        told, amount = counts.see(one.size), amounts.get(one.key)
        people = told / members if told is not None and members else None
        share = amount / whole if amount is not None and whole > 0 else None
        yield ValueRow(one.key, visit.tongue.pick(one.name), one.key == shown.segment.key, people, share)


def _typical(visit: Visit, segment: SegmentProfile) -> tuple[tuple[str, str], ...]:
    """Means, and the most common level of each category; nobody's own value."""
    pick, say = visit.tongue.pick, visit.tongue.say
    means = [(pick(one.label), figure(visit, one.quantity, one.mean)) for one in segment.features]
    levels = [
        (pick(one.label), say("mostly %(level)s (%(share)s)", level=one.level.replace("_", " "),
                              share=visit.tongue.formats.percent(one.share, 0)))
        for one in segment.levels
    ]  # fmt: skip
    return (*means, *levels)


def _overlap(visit: Visit, of: SchemeOverlap, shown: SegmentShown, counts: Counts) -> OverlapView:
    cells = of.cells[shown.number] if counts.exact else of.rounded(shown.least)[shown.number]
    whole = counts.see(of.totals[shown.number]) or 0
    names = [*(visit.tongue.pick(name) for name in of.names), visit.tongue.say("in none of its segments")]
    rows = (
        OverlapRow(name, people, min(1.0, people / whole) if people is not None and whole else None)
        for name, people in zip(names, cells, strict=True)
    )
    return OverlapView(of.scheme, visit.tongue.pick(of.label), tuple(rows))


def amount(visit: Visit, row: FigureRow, of: str) -> str:
    """A sum of a segment in words: whole units, and for who may not see single people so that ten do not show."""
    found: int | None = getattr(row, of)
    told = found if visit.exact else rounded_amount(found, row.people)
    if told is None:
        return "–"
    return whole_money(visit, told, row.currency)


def whole_money(visit: Visit, minor: int, currency: str | None) -> str:
    """An amount without its cents: sums over many people need none."""
    text = visit.tongue.formats.money((minor + 50) // 100 * 100, currency or DEFAULT_CURRENCY)
    return re.sub(r"[.,]00(?!\d)", "", text, count=1)


def _figures(visit: Visit, point: Point, counts: Counts) -> FigureLine:
    row = point.row
    return FigureLine(
        run=point.run,
        at=point.at,
        people=counts.see(row.people),
        revenue=amount(visit, row, "revenue"),
        margin=amount(visit, row, "margin"),
        active=counts.see(row.active),
        active_known=row.active is not None,
        retention=point.retention if visit.exact else point.rounded_retention(counts.few),
    )


def _lines(visit: Visit, trend: Sequence[Point], counts: Counts, *, companies: bool) -> tuple[tuple[str, Line], ...]:
    """People, and margin or else revenue, run by run."""
    days = [visit.tongue.formats.day(point.at) for point in trend]
    people = [counts.see(point.row.people) for point in trend]
    said = ["–" if each is None else visit.tongue.formats.number(each) for each in people]
    found = [(N_("Companies") if companies else N_("People"), line(days, people, said))]
    of = "margin" if sum(point.row.margin is not None for point in trend) > 1 else "revenue"
    amounts = [
        getattr(point.row, of) if visit.exact else rounded_amount(getattr(point.row, of), point.row.people)
        for point in trend
    ]
    title = N_("Contribution margin of twelve months") if of == "margin" else N_("Revenue of twelve months")
    found.append((title, line(days, amounts, [amount(visit, point.row, of) for point in trend])))
    return tuple((title, each) for title, each in found if each is not None)


def _note(row: NoteRow) -> NoteLine:
    return NoteLine(row.owner, row.strategy, row.written_at, role_of(row.written_by))


@router.get("/segments/{scheme}/{key}")
def show(visit: Annotated[Visit, Depends(visiting(Right.SEGMENTS))], scheme: str, key: str) -> Response:
    """One segment."""
    return _page(visit, scheme, key)


@router.post("/segments/{scheme}/{key}/notes")
def write(visit: Annotated[Visit, Depends(posting(Right.DEFINE))], scheme: str, key: str) -> Response:
    """Write what is planned for it."""
    wanted = {"owner": N_("Say who looks after the segment."), "strategy": N_("Say what is planned.")}
    if mistakes := missing(visit, wanted):
        return _page(visit, scheme, key, mistakes)
    form = {field: visit.form.get(field, "") for field in wanted}
    try:
        segment_notes.note(visit.house, scheme, key, **form, actor=visit.who.actor, now=visit.now)
    except BadInput as error:
        return _page(visit, scheme, key, refused(visit, error))
    return visit.go(f"/console/segments/{scheme}/{key}#notes")


def _page(visit: Visit, scheme: str, key: str, mistakes: Sequence[Mistake] = ()) -> Response:
    return visit.page(
        "profile.html",
        status=422 if mistakes else 200,
        view=profile_view(visit, scheme, key),
        mistakes=list(mistakes),
        form=visit.form,
    )
