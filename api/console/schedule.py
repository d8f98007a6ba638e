"""The form that sets when a scheme is computed again and how long its result may be used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.forms import Mistake
from api.console.segments import segment_page
from api.deps import Visit, posting
from api.i18n import N_
from api.workflows import schedules
from audit.errors import BadInput

router = APIRouter()

EVERY: dict[str, str] = {
    "": N_("by hand only"),
    "PT1H": N_("every hour"),
    "P1D": N_("every day"),
    "P7D": N_("every week"),
    "P1M": N_("every month"),
}
FRESH_FOR: dict[str, str] = {
    "": N_("as long as the house allows"),
    "P1D": N_("one day"),
    "P7D": N_("seven days"),
    "P14D": N_("fourteen days"),
    "P30D": N_("thirty days"),
}


@router.post("/segments/{name}/schedule")
def set_schedule(visit: Annotated[Visit, Depends(posting(Right.RUN))], name: str) -> Response:
    """Set it, or say what does not fit."""
    form = visit.form
    try:
        schedules.set_schedule(
            visit.house,
            name,
            every=form.get("every") or None,
            on_change=bool(form.get("on_change")),
            fresh_for=form.get("fresh_for") or None,
            actor=visit.who.actor,
            now=visit.now,
        )
    except BadInput:
        words = visit.tongue.say("The house does not allow a result to be used for so long.")
        return segment_page(visit, name, 422, [Mistake("fresh_for", words)])
    return visit.go(f"/console/segments/{name}#schedule")
