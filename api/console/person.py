"""One person: found by reference in a posted form, then known by a stand-in of this session alone.

Every view is one fact with the person as its subject, so that the person can be told who looked (Article 15 GDPR).
Names and addresses are not shown: nobody needs them to judge an assignment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.forms import Mistake
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.portal.open_page import CHANNELS
from api.security import TooManyAttempts
from api.workflows.declaring import Subject
from api.workflows.explanations import member_now
from api.workflows.log import subject_behind
from api.workflows.preferences import preferences
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from audit import log
from audit.errors import NotFound
from audit.fact import Fact
from governance.vocabulary import REASON_TEXT, Source, Unit
from segmentation import membership, store
from segmentation.membership import Live, Member

router = APIRouter()
SEPARATOR = "\x00"
KNOWN = "\x01"
"""Before a pseudonym in place of a reference; no reference begins so."""
REASONS: dict[str, str] = {
    "complaint": N_("a complaint"),
    "request": N_("a request for access, erasure or another right"),
    "correction": N_("the review of a correction"),
    "audit": N_("an audit"),
    "authority": N_("a question of an authority or a court"),
    "incident": N_("a suspected incident"),
}
"""Why somebody may be looked up (Article 5(1)(b) GDPR; PSE-7); a closed list, so that the log holds no free text."""
UNKNOWN = N_("Nobody is held under this reference.")
GONE = N_("The page has expired. Please enter the reference again.")
OTHERS: dict[Source, str] = {
    Source.SUBJECT: N_("declared by the person"),
    Source.DESK_FOR_SUBJECT: N_("taken down by us"),
    Source.CONTROLLER_API: N_("through our website or customer system"),
    Source.IMPORT: N_("from a file"),
    Source.SIGNAL: N_("by a signal of the browser"),
}
"""Who declared what holds."""


@dataclass(frozen=True)
class Found:
    """Somebody who was found: number, pseudonym, unit; the reference stays in memory, where one was entered."""

    handle: str
    subject: int
    pseudonym: bytes
    unit: Unit
    reference: str | None

    def __repr__(self) -> str:
        return f"Found({self.handle})"


@dataclass(frozen=True)
class Place:
    """Where the person stands in one scheme."""

    scheme: str
    label: str
    purpose: str
    lawful: bool
    reason: str
    segment: str | None
    corrected: bool
    at: datetime | None


def hold(visit: Visit, unit: str, reference: str) -> str | None:
    """A stand-in for whoever is held under the reference; None when nobody is.

    Raises:
        TooManyAttempts: more look-ups in this session than anybody needs.
    """
    if visit.web.lookups.take(visit.who.session, now=visit.now):
        raise TooManyAttempts
    kind = Unit(unit) if unit in set(Unit) else Unit.CONTACT
    try:
        _look(visit, kind, reference)
    except NotFound:
        return None
    return visit.web.handles.hold(visit.who.session, f"{kind.value}{SEPARATOR}{reference}", now=visit.now)


def hold_known(visit: Visit, unit: Unit, pseudonym: bytes) -> str:
    """A stand-in for somebody whom a list of the house leads to; their reference is not looked up."""
    return visit.web.handles.hold(visit.who.session, f"{unit.value}{SEPARATOR}{KNOWN}{pseudonym.hex()}", now=visit.now)


def found(visit: Visit, handle: str) -> Found:
    """Who the stand-in of this session means.

    Raises:
        NotFound: it is of another session, has expired, or the person was erased meanwhile.
    """
    held = visit.web.handles.reference(visit.who.session, handle, now=visit.now)
    if held is None:
        raise NotFound
    unit, _, reference = held.partition(SEPARATOR)
    if reference.startswith(KNOWN):
        pseudonym = bytes.fromhex(reference.removeprefix(KNOWN))
        return Found(handle, _subject(visit, pseudonym), pseudonym, Unit(unit), None)
    subject, pseudonym = _look(visit, Unit(unit), reference)
    return Found(handle, subject, pseudonym, Unit(unit), reference)


def _look(visit: Visit, unit: Unit, reference: str) -> tuple[int, bytes]:
    pseudonym = visit.house.vault.find(unit, [reference])[0]
    if pseudonym is None:
        raise NotFound
    return _subject(visit, pseudonym), pseudonym


def _subject(visit: Visit, pseudonym: bytes) -> int:
    with visit.house.work.reading() as connection:
        return subject_behind(connection, pseudonym)


def note_reading(visit: Visit, kind: str, person: Found, body: Mapping[str, str | int]) -> int:
    """One fact for one view; its index."""
    with visit.house.work.writing() as connection:
        return log.append(connection, [Fact(kind, str(visit.who.actor), visit.now, body, (person.subject,))])


def places(visit: Visit, person: Found) -> list[Place]:
    """Every scheme of the person's unit that has run, and where they stand in it now."""
    shown = []
    with visit.house.work.reading() as connection:
        for row in store.latest_definitions(connection):
            run = store.live_run(connection, row.scheme)
            if run is None:
                continue
            live = membership.live(connection, row.scheme)
            if live.unit is not person.unit:
                continue
            stored = stored_definition(visit.house, connection, live.definition)
            standing = member_now(visit.house, connection, live, stored, person.subject, now=visit.now)
            shown.append(_place(visit, live, stored, standing))
    return shown


def _place(visit: Visit, live: Live, stored: StoredDefinition, standing: Member) -> Place:
    pick = visit.tongue.pick
    name = live.model.segments[standing.segment].name if standing.segment is not None else None
    return Place(
        scheme=live.scheme,
        label=pick(stored.definition.label),
        purpose=pick(stored.purpose.label),
        lawful=standing.decision.lawful,
        reason=pick(REASON_TEXT[standing.decision.reason]),
        segment=pick(name) if name else None,
        corrected=standing.correction is not None,
        at=live.run.published_at,
    )


Reader = Annotated[Visit, Depends(visiting(Right.PERSON))]
Posted = Annotated[Visit, Depends(posting(Right.PERSON))]


@router.get("/person")
def ask(visit: Reader) -> Response:
    """The form."""
    return _form(visit, 200, [], "contact")


@router.post("/person")
def look_up(visit: Posted) -> Response:
    """On to the person, by a stand-in; the reference appears in no address and no answer."""
    unit, reason = visit.form.get("unit", "contact"), visit.form.get("reason", "")
    if reason not in REASONS:
        return _form(visit, 400, [Mistake("reason", visit.tongue.say("Reason: say why you look"))], unit)
    handle = hold(visit, unit, visit.form.get("reference", ""))
    if handle is None:
        return _form(visit, 404, [Mistake("reference", visit.tongue.say(UNKNOWN))], unit)
    note_reading(visit, "subject:looked_up", found(visit, handle), {"reason": reason})
    return visit.go(f"/console/person/{handle}")


@router.get("/person/{handle}")
def show(visit: Reader, handle: str) -> Response:
    """Where the person stands in every scheme."""
    try:
        person = found(visit, handle)
    except NotFound:
        return _form(visit, 404, [Mistake("reference", visit.tongue.say(GONE))], "contact")
    index = note_reading(visit, "assignment:read", person, {"schemes": "all", "permissions": "all"})
    allowed = preferences(visit.house, Subject(person.subject, person.pseudonym), now=visit.now)
    return visit.page(
        "person.html", person=person, places=places(visit, person), index=index, allowed=allowed, ways=CHANNELS,
        sources=OTHERS,
    )  # fmt: skip


def _form(visit: Visit, status: int, mistakes: list[Mistake], unit: str) -> Response:
    chosen = visit.form.get("reason", "")
    return visit.page("person_find.html", status, mistakes=mistakes, unit=unit, reasons=REASONS, chosen=chosen)
