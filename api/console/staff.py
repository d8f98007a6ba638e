"""Who may sign in; accounts are made and ended at the command line, where nobody sees the password but its owner."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.deps import Visit, visiting
from api.workflows import staff

router = APIRouter()


@router.get("/staff")
def show(visit: Annotated[Visit, Depends(visiting(Right.ACCOUNTS))]) -> Response:
    """The list."""
    return visit.page("staff.html", view=staff.members(visit.house))
