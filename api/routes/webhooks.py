"""Webhooks over HTTP: which systems of the controller hear of every change, and whether they did."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.access import Right
from api.http_out import LONGEST_URL
from api.routes.access import Call, calling
from api.workflows import webhooks as workflow
from audit.log import LARGEST
from governance.errors import WebhookUnknown
from governance.staff import Scope
from governance.webhooks import LONGEST_LABEL

router = APIRouter(tags=["webhooks"])

Reader = Annotated[Call, Depends(calling(Scope.WEBHOOK, Right.WEBHOOKS))]
Keeper = Annotated[Call, Depends(calling(Scope.WEBHOOK, Right.KEEP_WEBHOOKS))]


class NewWebhook(BaseModel):
    """A system that is to be told."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=LONGEST_URL, description="https address of the system.")
    label: str = Field(min_length=1, max_length=LONGEST_LABEL, description="What it is, such as CRM.")


@router.get("/webhooks")
def list_webhooks(call: Reader) -> dict[str, Any]:
    """Every webhook, ended ones too, and how many deliveries wait, arrived and were given up."""
    return workflow.show(call.house).to_json()


@router.post("/webhooks", status_code=201)
def add(call: Keeper, new: NewWebhook) -> dict[str, Any]:
    """Tell a system from now on; the secret of its signatures is in this answer and nowhere else."""
    return workflow.add(call.house, new.url, new.label, actor=call.actor, now=call.now).to_json()


@router.delete("/webhooks/{number}", status_code=204, response_class=Response)
def end(call: Keeper, number: int) -> Response:
    """Tell it no more."""
    workflow.end(call.house, _known(number), actor=call.actor, now=call.now)
    return Response(status_code=204)


@router.post("/webhooks/{number}/redelivery")
def redeliver(call: Keeper, number: int) -> dict[str, Any]:
    """Send what was given up once more."""
    return workflow.redeliver(call.house, _known(number), actor=call.actor, now=call.now).to_json()


def _known(number: int) -> int:
    """A number that a column can hold; any other is nobody's."""
    if not 0 <= number <= LARGEST:
        raise WebhookUnknown("there is no webhook of that number that is still called")
    return number
