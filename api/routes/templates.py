"""Fields and rules to start from, over HTTP; nothing is stored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.access import Right
from api.routes.access import Call, calling
from api.workflows import templates as workflow
from governance.staff import Scope

router = APIRouter(tags=["templates"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.SEGMENTS))]


@router.get("/templates")
def list_templates(call: Reader) -> dict[str, Any]:
    """Every field and rule template: what it is fit for here, why not for the rest, and what to paste."""
    return workflow.listed(call.house.catalogue).to_json()


@router.get("/templates/{key}")
def show(call: Reader, key: str) -> dict[str, Any]:
    """The templates of one key."""
    return workflow.shown(call.house.catalogue, key).to_json()
