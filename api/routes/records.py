"""The records over HTTP: processing (Article 30 GDPR), evidence and impact assessment of a scheme, AI systems."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.access import Right
from api.routes.access import Call, calling
from api.workflows import records as workflow
from api.workflows.evidence import evidence_pack
from api.workflows.papers import PaperKind, paper_of
from governance.staff import Scope

router = APIRouter(tags=["records"])

Reader = Annotated[Call, Depends(calling(Scope.AUDIT, Right.RECORDS))]


@router.get("/records/processing")
def processing(call: Reader) -> dict[str, Any]:
    """The record of processing activities as it is now."""
    return paper_of(call.house, PaperKind.PROCESSING, now=call.now).to_json(call.language)


@router.get("/records/processing/changes")
def processing_changes(call: Reader, since: date) -> dict[str, Any]:
    """What changed in it since the beginning of a day."""
    return workflow.record_changes(call.house, since, now=call.now).to_json(call.language)


@router.get("/records/ai")
def ai(call: Reader) -> dict[str, Any]:
    """The inventory of AI systems."""
    return paper_of(call.house, PaperKind.AI, now=call.now).to_json(call.language)


@router.get("/schemes/{scheme}/evidence")
def evidence(call: Reader, scheme: str) -> dict[str, Any]:
    """What shows that a scheme may run and is what it claims; `complete` and `missing` say whether it is all there."""
    return evidence_pack(call.house, scheme, now=call.now).to_json(call.language)


@router.get("/schemes/{scheme}/impact")
def impact(call: Reader, scheme: str) -> dict[str, Any]:
    """The impact assessment of a scheme as far as the system knows it."""
    return paper_of(call.house, PaperKind.IMPACT, scheme, now=call.now).to_json(call.language)
