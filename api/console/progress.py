"""Work under way: a page that looks again by itself, without a script, until there is something to show."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.deps import Visit, visiting
from audit.errors import NotFound

router = APIRouter()
LOOK_AGAIN = {"Refresh": "2"}


@router.get("/jobs/{job}")
def show(visit: Annotated[Visit, Depends(visiting(Right.OVERVIEW))], job: str) -> Response:
    """How far it is; on to the result when it has ended well, the reason when it has not."""
    found = visit.web.jobs.find(job)
    if found is None or found.owner != str(visit.who.actor):
        raise NotFound
    if found.ended and not found.failed:
        return visit.go(str(found.result))
    return visit.page("job.html", headers=None if found.ended else LOOK_AGAIN, job=found)
