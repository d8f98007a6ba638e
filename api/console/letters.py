"""Letters with a code, for people who have no e-mail: who waits for one, and the sheet to print.

The code is shown on this one page and nowhere else; making another letter voids it. That the name and the address were
read for it is in the log with the letter (Article 15 GDPR).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.person import found, hold
from api.deps import Visit, posting, visiting
from api.letter import sheet
from api.workflows import portal
from api.workflows.declaring import Subject

router = APIRouter()

Desk = Annotated[Visit, Depends(visiting(Right.LETTER))]
Posted = Annotated[Visit, Depends(posting(Right.LETTER))]


@dataclass(frozen=True)
class Waiting:
    """Somebody who asked for a letter."""

    handle: str
    since: datetime


@router.get("/letters")
def show(visit: Desk) -> Response:
    """Who waits for a letter, longest first."""
    return visit.page("letters.html", waiting=list(_waiting(visit)))


@router.post("/person/{handle}/letter")
def write(visit: Posted, handle: str) -> Response:
    """Make a letter for the person of the page and show it, ready to print."""
    person = found(visit, handle)
    letter = portal.write_letter(
        visit.house, Subject(person.subject, person.pseudonym), actor=visit.who.actor, now=visit.now
    )
    values = sheet(visit.web.tongues, letter, visit.house.catalogue.controller)
    return visit.page("letter.html", **values, handle=handle)


def _waiting(visit: Visit) -> list[Waiting]:
    wanted = portal.wanted_letters(visit.house, now=visit.now)
    identities = visit.house.vault.reveal([subject.pseudonym for subject, _ in wanted])
    lines = []
    for (_, since), identity in zip(wanted, identities, strict=True):
        handle = None if identity is None else hold(visit, identity.unit.value, identity.reference)
        if handle is not None:
            lines.append(Waiting(handle, since))
    return lines
