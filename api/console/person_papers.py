"""Papers about one person: their state on a day, and the bundle for an authority. Each is one fact in the log."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.person import found
from api.deps import Visit, posting, visiting
from api.workflows.authority_bundle import authority_bundle
from api.workflows.declaring import Subject
from api.workflows.person_state import state_on
from audit.errors import BadInput, NotFound

if TYPE_CHECKING:
    from api.console.person import Found

router = APIRouter()

Reader = Annotated[Visit, Depends(visiting(Right.PERSON))]
Officer = Annotated[Visit, Depends(posting(Right.BUNDLE))]


@router.get("/person/{handle}/-/state")
def show_state(visit: Reader, handle: str, day: str = "") -> Response:
    """Where the person stood on a day; today unless one is named."""
    try:
        person = found(visit, handle)
    except NotFound:
        return visit.go("/console/person")
    wanted = _day(visit, day)
    paper = state_on(visit.house, _subject(person), wanted, actor=visit.who.actor, now=visit.now)
    return visit.page("person_state.html", person=person, paper=paper, day=wanted)


@router.post("/person/{handle}/-/bundle")
def bundle(visit: Officer, handle: str) -> Response:
    """Everything about the person in one file that proves itself."""
    person = found(visit, handle)
    made = authority_bundle(
        visit.house,
        _subject(person),
        person.unit,
        _day(visit, visit.form.get("day", "")),
        visit.tongue,
        actor=visit.who.actor,
        now=visit.now,
    )
    headers = {"Content-Disposition": f'attachment; filename="bundle-{made.entry}.zip"'}
    return Response(made.data, media_type="application/zip", headers=headers)


def _subject(person: Found) -> Subject:
    return Subject(person.subject, person.pseudonym)


def _day(visit: Visit, text: str) -> date:
    if not text:
        return visit.house.today(visit.now)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("A day is written like 2026-11-22.") from None
