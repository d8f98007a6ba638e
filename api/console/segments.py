"""The segments: the list of schemes, one scheme with its live run, and the button that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.conflicts import conflicts, unreached
from api.console.forecast_fit import forecast_fit
from api.console.forms import Mistake
from api.console.quality import quality
from api.console.schemes import scheme_lines, scheme_page
from api.deps import Visit, posting, visiting
from api.workflows.activations import versions
from api.workflows.schedules import schedule_of

router = APIRouter()

Reader = Annotated[Visit, Depends(visiting(Right.SEGMENTS))]


@router.get("/segments")
def show_list(visit: Reader) -> Response:
    """Every scheme."""
    return visit.page("segments.html", view=scheme_lines(visit))


@router.get("/segments/{name}")
def show(visit: Reader, name: str) -> Response:
    """One scheme."""
    return segment_page(visit, name)


def segment_page(visit: Visit, name: str, status: int = 200, mistakes: Sequence[Mistake] = ()) -> Response:
    """One scheme with everything that hangs on it."""
    from api.console.schedule import EVERY, FRESH_FOR

    view = scheme_page(visit, name)
    return visit.page(
        "segment.html",
        status,
        view=view,
        job=visit.web.jobs.under_way(name),
        conflicts=conflicts(visit, view.report),
        unreached=unreached(visit, view.report),
        standing=versions(visit.house, name),
        forecast=forecast_fit(visit, view),
        quality=quality(visit, view),
        schedule=schedule_of(visit.house, name, now=visit.now),
        every=EVERY,
        fresh_for=FRESH_FOR,
        mistakes=list(mistakes),
    )


@router.post("/segments/{name}/run")
def run(visit: Annotated[Visit, Depends(posting(Right.RUN))], name: str) -> Response:
    """Compute it anew, in the background."""
    page = scheme_page(visit, name)
    job = visit.web.jobs.start(page.line.name, str(visit.who.actor), _running(visit, name), now=visit.now)
    return visit.go(f"/console/jobs/{job.id}")


def _running(visit: Visit, name: str) -> Any:
    house, actor, clock = visit.house, visit.who.actor, visit.web.clock

    def work(show_progress: Any) -> str:
        from api.workflows.segments import run as run_scheme

        run_scheme(house, name, actor=actor, now=clock(), progress=show_progress)
        return f"/console/segments/{name}"

    return work
