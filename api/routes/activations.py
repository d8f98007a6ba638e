"""Which version of a scheme runs, what a definition would give, and the officer's yes or no, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from api.access import Right
from api.routes.access import Call, calling, document
from api.workflows import activations as workflow
from api.workflows import previews
from governance.staff import Scope

router = APIRouter(tags=["schemes"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.SEGMENTS))]
Writer = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.DEFINE))]
Approver = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.APPROVE_SCHEME))]


class Wanted(BaseModel):
    """Which version is to run."""

    model_config = ConfigDict(extra="forbid")
    version: int | None = None


class Decided(BaseModel):
    """The officer's answer; a refusal says why, and the note names nobody."""

    model_config = ConfigDict(extra="forbid")
    approve: bool
    note: str = ""
    number: int | None = None
    """The request that was looked at."""


@router.post("/schemes/preview", openapi_extra={"requestBody": {"content": {"application/json": {}}}})
def preview(call: Writer, text: Annotated[str, Depends(document)]) -> dict[str, Any]:
    """What a definition would give now; nothing is stored and no run is made."""
    found = previews.preview(call.house, text, actor=call.actor, now=call.now)
    return found.to_json() if call.exact else found.rounded()


@router.get("/schemes/{scheme}/versions")
def versions(call: Reader, scheme: str) -> dict[str, Any]:
    """Which version runs, which waits, and what was decided."""
    return workflow.versions(call.house, scheme).to_json()


@router.post("/schemes/{scheme}/activation")
def activate(call: Writer, scheme: str, wanted: Wanted) -> dict[str, Any]:
    """Ask for a version to run; an older one again goes back."""
    state = workflow.request(call.house, scheme, actor=call.actor, now=call.now, version=wanted.version)
    return state.to_json()


@router.post("/schemes/{scheme}/activation/decision")
def decide(call: Approver, scheme: str, decided: Decided) -> dict[str, Any]:
    """Yes or no to the version that waits."""
    state = workflow.decide(
        call.house,
        scheme,
        approve=decided.approve,
        note=decided.note,
        actor=call.actor,
        now=call.now,
        number=decided.number,
    )
    return state.to_json()


@router.delete("/schemes/{scheme}/activation/request")
def withdraw(call: Writer, scheme: str) -> dict[str, Any]:
    """Take back the request that waits."""
    return workflow.withdraw(call.house, scheme, actor=call.actor, now=call.now).to_json()


@router.delete("/schemes/{scheme}/activation")
def deactivate(call: Writer, scheme: str) -> dict[str, Any]:
    """Switch the scheme off: nothing runs and nothing leaves by it."""
    return workflow.deactivate(call.house, scheme, actor=call.actor, now=call.now).to_json()
