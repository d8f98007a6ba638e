"""Profiles, comparisons, moves, history and notes over HTTP; counts exact or in tens, by the role of the token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.access import Right
from api.routes.access import Call, calling
from api.workflows import segment_checks, segment_history, segment_notes, segment_profiles
from governance.staff import Scope

router = APIRouter(tags=["schemes"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.SEGMENTS))]
Checker = Annotated[Call, Depends(calling(Scope.READ, Right.EXACT))]
Writer = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.DEFINE))]


class NoteGiven(BaseModel):
    """What is planned for a segment; it names nobody."""

    owner: str = Field(min_length=1, max_length=segment_notes.MOST_OWNER)
    strategy: str = Field(min_length=1, max_length=segment_notes.MOST_STRATEGY)


@router.get("/schemes/{scheme}/segments/{segment}")
def profile(call: Reader, scheme: str, segment: str) -> dict[str, Any]:
    """One segment: features with effect sizes, key figures by run, overlap with other schemes, notes."""
    found = segment_profiles.segment_profile(call.house, scheme, segment, now=call.now)
    return found.to_json() if call.exact else found.rounded()


@router.get("/schemes/{scheme}/compare")
def compare(call: Reader, scheme: str, segments: Annotated[list[str], Query(alias="with")]) -> dict[str, Any]:
    """Two to four segments side by side."""
    found = segment_profiles.compare(call.house, scheme, segments, now=call.now)
    return found.to_json() if call.exact else found.rounded()


@router.get("/schemes/{scheme}/migration")
def migration(call: Reader, scheme: str, before: int | None = None, after: int | None = None) -> dict[str, Any]:
    """Who moved between two published runs; null cells are below ten, or would betray one that is."""
    found = segment_history.migration(call.house, scheme, before=before, after=after)
    return found.to_json() if call.exact else found.rounded()


@router.get("/schemes/{scheme}/history")
def history(call: Reader, scheme: str) -> dict[str, Any]:
    """Every published run, oldest first, and every version of the definition."""
    found = segment_history.history(call.house, scheme)
    return found.to_json() if call.exact else found.rounded()


@router.get("/schemes/{scheme}/check")
def check(
    call: Checker,
    scheme: str,
    sample: Annotated[int, Query(ge=1, le=segment_checks.MOST_SAMPLED)] = segment_checks.SAMPLE,
    seed: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Replay a sample of the live run, and verify every change that an explanation tells; only the log changes."""
    return segment_checks.check(call.house, scheme, sample=sample, seed=seed, actor=call.actor, now=call.now).to_json()


@router.post("/schemes/{scheme}/segments/{segment}/notes", status_code=201)
def note(call: Writer, scheme: str, segment: str, given: NoteGiven) -> dict[str, Any]:
    """Write what is planned for a segment; older notes stay."""
    made = segment_notes.note(
        call.house, scheme, segment, owner=given.owner, strategy=given.strategy, actor=call.actor, now=call.now
    )
    return made.to_json()
