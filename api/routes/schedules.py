"""Schedules over HTTP: when a scheme is computed again, and how fresh its result is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from api.access import Right
from api.routes.access import Call, calling
from api.workflows import schedules
from governance.staff import Scope

router = APIRouter(tags=["schemes"])


class Schedule(BaseModel):
    """When a scheme is computed again; nothing set means by hand."""

    model_config = ConfigDict(extra="forbid")

    every: str | None = Field(default=None, max_length=20, description="ISO 8601 duration between runs, such as P1D.")
    on_change: bool = Field(default=False, description="Also after imports and declarations.")
    fresh_for: str | None = Field(default=None, max_length=20, description="How long a result may be used.")


@router.get("/schemes/{scheme}/schedule")
def show(call: Annotated[Call, Depends(calling(Scope.READ, Right.SEGMENTS))], scheme: str) -> dict[str, Any]:
    """The schedule and how fresh the result is."""
    return schedules.schedule_of(call.house, scheme, now=call.now).to_json()


@router.put("/schemes/{scheme}/schedule")
def put(
    call: Annotated[Call, Depends(calling(Scope.SEGMENT, Right.RUN))], scheme: str, wanted: Schedule
) -> dict[str, Any]:
    """Set it; in force at once."""
    made = schedules.set_schedule(
        call.house,
        scheme,
        every=wanted.every,
        on_change=wanted.on_change,
        fresh_for=wanted.fresh_for,
        actor=call.actor,
        now=call.now,
    )
    return made.to_json()
