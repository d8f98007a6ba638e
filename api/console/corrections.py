"""Corrections that want somebody: each with its scheme, its day and why, and the way to the person; never a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.assignment import KINDS
from api.console.person import hold_known
from api.deps import Visit, visiting
from api.pages import role_of
from api.workflows.corrections import WaitingCorrection, waiting
from segmentation.periods import iso_day

router = APIRouter()

MOST_SHOWN = 200


@dataclass(frozen=True)
class CorrectionLine:
    """One correction in the list."""

    number: int
    handle: str
    scheme: str
    words: str
    segment: str | None
    role: str
    since: datetime
    review_on: date
    due: bool
    homeless: bool


def lines(visit: Visit) -> list[CorrectionLine]:
    """The corrections that wait longest."""
    return [_line(visit, each) for each in waiting(visit.house, now=visit.now)[:MOST_SHOWN]]


def _line(visit: Visit, each: WaitingCorrection) -> CorrectionLine:
    row = each.row
    return CorrectionLine(
        number=row.id,
        handle=hold_known(visit, each.unit, each.pseudonym),
        scheme=row.scheme,
        words=KINDS.get(row.kind, row.kind),
        segment=row.segment,
        role=role_of(row.author),
        since=row.created_at,
        review_on=date.fromisoformat(iso_day(row.review_on)),
        due=each.due,
        homeless=each.homeless,
    )


@router.get("/corrections")
def show(visit: Annotated[Visit, Depends(visiting(Right.PERSON))]) -> Response:
    """The list."""
    return visit.page("corrections.html", view=lines(visit))
