"""Every run of a scheme: why, with which version and model, how large the segments were, how long it took, and who."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.console.profile import whole_money
from api.console.trends import Line, line
from api.deps import Visit, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import segment_history
from segmentation.report import rounded_amount

if TYPE_CHECKING:
    from api.workflows.segment_history import HistoryShown, RunLine

router = APIRouter()
CAUSES = {"hand": N_("by hand"), "schedule": N_("on schedule"), "change": N_("because data changed")}
RUNS_IN_CHART, RUNS_IN_SIZES = 24, 6


@dataclass(frozen=True)
class RunView:
    """One run as this role may see it."""

    run: int
    at: datetime
    cause: str
    base: int | None
    version: int
    model: str
    refitted: bool
    placed: int | None
    permitted: int | None
    moved: int | None
    first: bool
    """No run came before, so nobody can have moved."""
    revenue: str
    margin: str
    agreement: float | None
    seconds: float
    role: str
    fact: int | None


@dataclass(frozen=True)
class HistoryView:
    """Every run, newest first, with the line over the last ones and the sizes of the newest."""

    scheme: str
    scheme_label: str
    runs: tuple[RunView, ...]
    chart: Line | None
    shown: int
    newest: tuple[int, ...]
    sizes: tuple[tuple[str, tuple[int | None, ...], tuple[bool, ...]], ...]
    """Name of a segment, its size in each of the newest runs, whether it was there."""
    margin: bool
    versions: tuple[tuple[int, datetime, str], ...]


def history_view(visit: Visit, scheme: str) -> HistoryView:
    """The history as this role may see it.

    Raises:
        SchemeUnknown: nothing is defined under the name.
    """
    found = segment_history.history(visit.house, scheme)
    counts = Counts(visit.exact)
    last = found.runs[-RUNS_IN_CHART:]
    placed = [counts.see(run.placed) for run in last]
    words = ["–" if each is None else visit.tongue.formats.number(each) for each in placed]
    newest = tuple(reversed(found.runs[-RUNS_IN_SIZES:]))
    return HistoryView(
        scheme=scheme,
        scheme_label=visit.tongue.pick(found.label),
        runs=tuple(_run(visit, run, counts, first=place == 0) for place, run in reversed(list(enumerate(found.runs)))),
        chart=line([visit.tongue.formats.day(run.at) for run in last], placed, words),
        shown=len(last),
        newest=tuple(run.run for run in newest),
        sizes=_sizes(visit, found, newest),
        margin=any(run.margin is not None for run in found.runs),
        versions=tuple((number, at, role_of(by)) for number, at, by in found.versions),
    )


def _run(visit: Visit, run: RunLine, counts: Counts, *, first: bool) -> RunView:
    return RunView(
        run=run.run,
        at=run.at,
        cause=CAUSES.get(run.cause, run.cause),
        base=run.base,
        version=run.version,
        model=run.model[:8],
        refitted=run.refitted,
        placed=counts.see(run.placed),
        permitted=counts.see(run.permitted),
        moved=counts.see(run.moved),
        first=first,
        revenue=_money(visit, run, run.revenue),
        margin=_money(visit, run, run.margin),
        agreement=float(run.agreement) if run.agreement is not None else None,
        seconds=run.seconds,
        role=role_of(run.actor) if run.actor else "–",
        fact=run.fact,
    )


def _money(visit: Visit, run: RunLine, found: int | None) -> str:
    told = found if visit.exact else rounded_amount(found, run.placed)
    return "–" if told is None else whole_money(visit, told, run.currency)


def _sizes(
    visit: Visit, found: HistoryShown, newest: tuple[RunLine, ...]
) -> tuple[tuple[str, tuple[int | None, ...], tuple[bool, ...]], ...]:
    rows = []
    for key, name in found.names.items():
        there = tuple(key in run.sizes for run in newest)
        if any(there):
            told = tuple(Counts(visit.exact, max(10, run.minimum)).see(run.sizes.get(key)) for run in newest)
            rows.append((visit.tongue.pick(name), told, there))
    return tuple(rows)


@router.get("/segments/{scheme}/history")
def show(visit: Annotated[Visit, Depends(visiting(Right.SEGMENTS))], scheme: str) -> Response:
    """Every run."""
    return visit.page("history.html", view=history_view(visit, scheme))
