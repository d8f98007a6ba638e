"""Price policies over HTTP: define, check, read the gate, put into force."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.access import Right
from api.routes.access import Call, calling, document
from api.workflows import prices as workflow
from governance.staff import Scope

router = APIRouter(tags=["prices"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.PRICES))]


@router.get("/prices")
def list_policies(call: Reader) -> dict[str, Any]:
    """Every policy in its newest version, with its gate."""
    return workflow.policies(call.house, now=call.now).to_json()


@router.post("/prices", status_code=201, openapi_extra={"requestBody": {"content": {"application/json": {}}}})
def define(
    call: Annotated[Call, Depends(calling(Scope.PRICE, Right.DEFINE_PRICE))], text: Annotated[str, Depends(document)]
) -> dict[str, Any]:
    """Store a policy as the next version of its name."""
    return workflow.define(call.house, text, actor=call.actor, now=call.now).to_json()


@router.get("/prices/{name}")
def show(call: Reader, name: str) -> dict[str, Any]:
    """One policy with its last check and its gate."""
    return workflow.policy(call.house, name, now=call.now).to_json()


@router.post("/prices/{name}/check")
def check(call: Annotated[Call, Depends(calling(Scope.PRICE, Right.CHECK_PRICE))], name: str) -> dict[str, Any]:
    """Measure who would pay more, on the live run."""
    return workflow.check(call.house, name, actor=call.actor, now=call.now).to_json()


@router.post("/prices/{name}/activation")
def activate(call: Annotated[Call, Depends(calling(Scope.PRICE, Right.ACTIVATE_PRICE))], name: str) -> dict[str, Any]:
    """Put the newest version into force; refused while its gate is closed."""
    return workflow.activate(call.house, name, actor=call.actor, now=call.now).to_json()
