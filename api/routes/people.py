"""One person over HTTP: explain, prove, correct, lift; the reference is in the body, never in an address (SEC-6)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.access import Right
from api.routes.access import Call, calling
from api.workflows import correcting as workflow
from api.workflows import log as logs
from api.workflows.explanations import explain_reference
from api.workflows.segment_results import CorrectionOrder
from governance.staff import Scope

router = APIRouter(tags=["people"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.PERSON))]
Desk = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.CORRECT))]


class Reference(BaseModel):
    """Whom it is about."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=200, description="What the controller knows the person by.")


class Question(Reference):
    """A wish for an explanation."""

    language: Literal["de", "en"] = "de"


class Correction(Reference):
    """What the complaint desk decided."""

    kind: Literal["move", "pin", "out"]
    segment: str | None = Field(default=None, max_length=80, description="Key of the segment of a move.")
    reason: str = Field(min_length=1, max_length=2000, description="Why; sealed under the person's own key.")
    review_on: date = Field(description="Day of the review.")


@router.post("/schemes/{scheme}/explanations")
def explain(call: Reader, scheme: str, question: Question) -> dict[str, Any]:
    """Why somebody is where they are, from the stored record; asking is one fact of the log."""
    found = explain_reference(
        call.house, scheme, question.reference, language=question.language, actor=call.actor, now=call.now
    )
    return found.to_json()


@router.post("/schemes/{scheme}/proofs", response_class=Response)
def prove(call: Reader, scheme: str, whom: Reference) -> Response:
    """A file that proves the assignment to anybody, without this service."""
    made = logs.prove_assignment(call.house, scheme, whom.reference, actor=call.actor, now=call.now)
    headers = {"Content-Disposition": f'attachment; filename="{scheme}-{made.index}.lauter-proof"'}
    return Response(made.data, media_type="application/octet-stream", headers=headers)


@router.post("/schemes/{scheme}/corrections", status_code=201)
def correct(call: Desk, scheme: str, wanted: Correction) -> dict[str, Any]:
    """Move, pin or take out one person; in effect at once, and respected by every later run."""
    order = CorrectionOrder(wanted.kind, wanted.segment, wanted.reason, wanted.review_on)
    return workflow.correct(call.house, scheme, wanted.reference, order, actor=call.actor, now=call.now).to_json()


@router.post("/schemes/{scheme}/corrections/lift")
def lift(call: Desk, scheme: str, whom: Reference) -> dict[str, Any]:
    """End a correction; the live run decides again."""
    return workflow.lift(call.house, scheme, whom.reference, actor=call.actor, now=call.now).to_json()
