"""Price policies over HTTP: define, check, read the gate, put into force."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.access import Right
from api.routes.access import Call, calling, document
from api.workflows import prices as workflow
from governance.staff import Scope
from segmentation.report import rounded_count

router = APIRouter(tags=["prices"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.PRICES))]


@router.get("/prices")
def list_policies(call: Reader) -> dict[str, Any]:
    """Every policy in its newest version, with its gate."""
    return {"policies": [told(call, state) for state in workflow.policies(call.house, now=call.now).policies]}


@router.post("/prices", status_code=201, openapi_extra={"requestBody": {"content": {"application/json": {}}}})
def define(
    call: Annotated[Call, Depends(calling(Scope.PRICE, Right.DEFINE_PRICE))], text: Annotated[str, Depends(document)]
) -> dict[str, Any]:
    """Store a policy as the next version of its name."""
    return told(call, workflow.define(call.house, text, actor=call.actor, now=call.now))


@router.get("/prices/{name}")
def show(call: Reader, name: str) -> dict[str, Any]:
    """One policy with its last check and its gate."""
    return told(call, workflow.policy(call.house, name, now=call.now))


@router.post("/prices/{name}/check")
def check(call: Annotated[Call, Depends(calling(Scope.PRICE, Right.CHECK_PRICE))], name: str) -> dict[str, Any]:
    """Measure who would pay more, on the live run."""
    return told(call, workflow.check(call.house, name, actor=call.actor, now=call.now))


@router.post("/prices/{name}/activation")
def activate(call: Annotated[Call, Depends(calling(Scope.PRICE, Right.ACTIVATE_PRICE))], name: str) -> dict[str, Any]:
    """Put the newest version into force; refused while its gate is closed."""
    return told(call, workflow.activate(call.house, name, actor=call.actor, now=call.now))


def told(call: Call, state: workflow.PolicyState) -> dict[str, Any]:
    """A policy; sizes of groups exact or rounded."""
    document_ = state.to_json()
    if call.exact or document_["report"] is None:
        return document_
    attributes = [
        {**one, "groups": [{**group, "size": _rounded(group["size"])} for group in one["groups"]]}
        for one in document_["report"]["attributes"]
    ]
    return {**document_, "report": {**document_["report"], "attributes": attributes}}


def _rounded(size: int | None) -> int | str | None:
    return None if size is None else rounded_count(size)
