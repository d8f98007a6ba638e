"""The story of one assignment: permission, details, segment, price, exports; what would change it; its proof.

What is said is the stored explanation, word for word as the person reads it. The desk corrects here; every later run
respects that until a human lifts it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.forms import Mistake, missing, refused
from api.console.person import Found, found
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import correcting as workflow
from api.workflows import log as logs
from api.workflows.explanations import NotInScheme, explain_subject, member_now
from api.workflows.replaying import replay
from api.workflows.segment_results import CorrectionOrder
from api.workflows.stored_definitions import stored_definition
from audit.errors import LauterError, NotFound
from governance.vocabulary import REASON_TEXT
from segmentation import membership, store_exports
from segmentation.periods import iso_day

if TYPE_CHECKING:
    from api.workflows.explanations import ExplainedAssignment
    from governance.purposes import Purpose
    from segmentation.membership import Live, Member

router = APIRouter()

KINDS = {"move": N_("put into another segment"), "pin": N_("kept where it is"), "out": N_("taken out")}
WANTED = {
    "kind": N_("Decision: choose what shall happen"),
    "reason": N_("Reason: say in a sentence or two why"),
    "review_on": N_("Review date: name a day"),
}
REVIEW = timedelta(days=180)
"""How far ahead the review date is suggested."""


@dataclass(frozen=True)
class CorrectionView:
    """The correction in force."""

    words: str
    segment: str | None
    role: str
    since: datetime
    review_on: date
    due: bool


@dataclass(frozen=True)
class Departure:
    """An export the person left the house in."""

    number: int
    recipient: str
    purpose: str
    at: datetime


@dataclass(frozen=True)
class AssignmentView:
    """One person in one scheme."""

    person: Found
    scheme: str
    label: str
    purpose: Purpose
    lawful: bool
    reason: str
    segment: str | None
    explained: ExplainedAssignment | None
    correction: CorrectionView | None
    segments: tuple[tuple[str, str], ...]
    exports: tuple[Departure, ...]
    run: int
    run_fact: int | None
    run_at: datetime | None
    suggested: date
    earliest: date


def assignment_view(visit: Visit, person: Found, scheme: str) -> AssignmentView:
    """Everything about one assignment; looking at it is one fact.

    Raises:
        SchemeUnknown, NeverRun: there is nothing to look at.
    """
    house, pick = visit.house, visit.tongue.pick
    try:
        explained = explain_subject(
            house, scheme, person.subject, language=visit.tongue.language, actor=visit.who.actor, now=visit.now
        )
    except NotInScheme:
        explained = None
    with house.work.reading() as connection:
        live = membership.live(connection, scheme)
        stored = stored_definition(house, connection, live.definition)
        definition, purpose = stored.definition, stored.purpose
        standing = member_now(house, connection, live, stored, person.subject, now=visit.now)
        left = store_exports.exports_of(connection, person.subject)
    return AssignmentView(
        person=person,
        scheme=scheme,
        label=pick(definition.label),
        purpose=purpose,
        lawful=standing.decision.lawful,
        reason=pick(REASON_TEXT[standing.decision.reason]),
        segment=_segment(visit, live, standing),
        explained=explained,
        correction=_correction(visit, live, standing),
        segments=tuple((segment.key, pick(segment.name)) for segment in live.model.segments),
        exports=tuple(_departure(visit, row) for row in left),
        run=live.run.id,
        run_fact=live.run.fact,
        run_at=live.run.published_at,
        suggested=house.today(visit.now) + REVIEW,
        earliest=house.today(visit.now) + timedelta(days=1),
    )


def _segment(visit: Visit, live: Live, standing: Member) -> str | None:
    return None if standing.segment is None else visit.tongue.pick(live.model.segments[standing.segment].name)


def _correction(visit: Visit, live: Live, standing: Member) -> CorrectionView | None:
    row = standing.correction
    if row is None:
        return None
    name = next((one.name for one in live.model.segments if one.key == row.segment), None)
    day = date.fromisoformat(iso_day(row.review_on))
    return CorrectionView(
        words=KINDS.get(row.kind, row.kind),
        segment=visit.tongue.pick(name) if name else row.segment,
        role=role_of(row.author),
        since=row.created_at,
        review_on=day,
        due=day <= visit.house.today(visit.now),
    )


def _departure(visit: Visit, row: store_exports.ExportRow) -> Departure:
    wanted = json.loads(row.document)
    purpose = visit.house.catalogue.purposes.get(wanted["purpose"])
    name = visit.tongue.pick(purpose.label) if purpose else wanted["purpose"]
    return Departure(row.id, wanted["recipient"]["name"], name, row.requested_at)


def order_of(visit: Visit) -> CorrectionOrder | list[Mistake]:
    """What the desk decided, or what is missing."""
    form, mistakes = visit.form, missing(visit, WANTED)
    if form.get("kind") == "move" and not form.get("segment"):
        mistakes.append(Mistake("segment", visit.tongue.say("Segment: choose where to")))
    try:
        day = date.fromisoformat(form.get("review_on", ""))
    except ValueError:
        day = date.min
        if form.get("review_on"):
            mistakes.append(Mistake("review_on", visit.tongue.say("Review date: name a day")))
    if mistakes:
        return mistakes
    segment = form["segment"] if form["kind"] == "move" else None
    return CorrectionOrder(form["kind"], segment, form["reason"], day)


def _page(visit: Visit, person: Found, scheme: str, status: int, mistakes: list[Mistake], done: str = "") -> Response:
    view = assignment_view(visit, person, scheme)
    ticked = {key: visit.form.get(key, "") for key in ("kind", "segment", "review_on")}
    return visit.page("assignment.html", status, view=view, mistakes=mistakes, ticked=ticked, done=done, replayed=None)


Reader = Annotated[Visit, Depends(visiting(Right.PERSON))]
Posted = Annotated[Visit, Depends(posting(Right.PERSON))]
Desk = Annotated[Visit, Depends(posting(Right.CORRECT))]
NOTHING_TICKED = {"kind": "", "segment": "", "review_on": ""}
DONE = {"corrected": N_("Corrected, in effect since %(time)s"), "lifted": N_("Lifted, the run decides again")}


@router.get("/person/{handle}/{scheme}")
def show(visit: Reader, handle: str, scheme: str, done: str = "") -> Response:
    """One assignment."""
    try:
        person = found(visit, handle)
    except NotFound:
        return visit.go("/console/person")
    words = visit.tongue.say(DONE[done], time=visit.tongue.formats.clock(visit.now)) if done in DONE else ""
    return _page(visit, person, scheme, 200, [], words)


@router.post("/person/{handle}/{scheme}/proof")
def proof(visit: Posted, handle: str, scheme: str) -> Response:
    """The proof file of the live run's record; making it is a fact."""
    person = found(visit, handle)
    made = logs.prove_subject(visit.house, scheme, person.subject, actor=visit.who.actor, now=visit.now)
    headers = {"Content-Disposition": f'attachment; filename="{scheme}-{made.index}.lauter-proof"'}
    return Response(made.data, media_type="application/octet-stream", headers=headers)


@router.post("/person/{handle}/{scheme}/replay")
def replay_again(visit: Posted, handle: str, scheme: str) -> Response:
    """Compute the assignment again from what was stored, and show whether it is the same."""
    person = found(visit, handle)
    made = replay(visit.house, scheme, person.subject, actor=visit.who.actor, now=visit.now)
    view = assignment_view(visit, person, scheme)
    return visit.page("assignment.html", view=view, mistakes=[], ticked=NOTHING_TICKED, done="", replayed=made)


@router.post("/person/{handle}/{scheme}/correct")
def correct(visit: Desk, handle: str, scheme: str) -> Response:
    """Decide about this person; in effect at once."""
    person, order = found(visit, handle), order_of(visit)
    if not isinstance(order, CorrectionOrder):
        return _page(visit, person, scheme, 422, order)
    try:
        who = (person.subject, person.pseudonym)
        workflow.correct_subject(visit.house, scheme, who, order, actor=visit.who.actor, now=visit.now)
    except LauterError as error:
        return _page(visit, person, scheme, 422, refused(visit, error))
    return visit.go(f"/console/person/{handle}/{scheme}?done=corrected")


@router.post("/person/{handle}/{scheme}/lift")
def lift(visit: Desk, handle: str, scheme: str) -> Response:
    """End the correction; the live run decides again."""
    person = found(visit, handle)
    workflow.lift_subject(visit.house, scheme, person.subject, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/person/{handle}/{scheme}?done=lifted")
