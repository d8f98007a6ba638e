"""Schemes and runs over HTTP; counts exact or in tens, by the role of the token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import JSONResponse

from api.access import Right
from api.jobs import Job
from api.routes.access import Call, calling, document
from api.workflows import segments as workflow
from api.workflows.log import scheme_unit
from api.workflows.segment_warnings import about_size
from audit.errors import NotFound
from governance.staff import Scope
from segmentation.report import rounded, rounded_count, rounded_reasons

router = APIRouter(tags=["schemes"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.SEGMENTS))]
Writer = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.DEFINE))]
Runner = Annotated[Call, Depends(calling(Scope.SEGMENT, Right.RUN))]


class JobState(BaseModel):
    """Work that outlasts the request."""

    id: str
    scheme: str
    state: str
    """running, done or failed."""
    share: float | None
    """How much is done, 0 to 1; no number of people, which not every role may know."""
    started_at: datetime
    problem: str | None
    """Slug of the problem, when it failed."""


@router.get("/schemes")
def list_schemes(call: Reader) -> dict[str, Any]:
    """Every scheme with the counts of its live run."""
    return {"schemes": [told(call, state) for state in workflow.schemes(call.house).schemes]}


@router.post("/schemes", status_code=201, openapi_extra={"requestBody": {"content": {"application/json": {}}}})
def define(call: Writer, text: Annotated[str, Depends(document)], draft: bool = False) -> dict[str, Any]:
    """Store a definition as the next version of its scheme, and make it active or ask for that unless it is a draft."""
    return workflow.define(call.house, text, actor=call.actor, now=call.now, activate=not draft).to_json()


@router.get("/schemes/{scheme}")
def show(call: Reader, scheme: str) -> dict[str, Any]:
    """One scheme: definition, the last run's report, and for exact roles sizes now and the profile."""
    shown = workflow.show(call.house, scheme, now=call.now)
    warnings = [each.to_json() for each in about_size(len(shown.report.segments) if shown.report else 0)]
    if call.exact:
        return shown.to_json() | {"warnings": warnings}
    report = rounded(shown.report) if shown.report else None
    return {**told(call, shown.state), "definition": shown.definition, "report": report, "warnings": warnings}


@router.post("/schemes/{scheme}/runs", status_code=202)
def start_run(call: Runner, scheme: str, refit: bool = False) -> JSONResponse:
    """Run a scheme in the background; `Location` is where its state is."""
    workflow_call = _running(call, scheme, refit=refit)
    job = call.web.jobs.start(scheme, str(call.actor), workflow_call, now=call.now)
    body = job_state(job).model_dump(mode="json")
    return JSONResponse(body, 202, {"Location": f"/api/v1/jobs/{job.id}"})


@router.get("/jobs/{job}")
def show_job(call: Annotated[Call, Depends(calling(Scope.SEGMENT, Right.SEGMENTS))], job: str) -> JobState:
    """How far a run is."""
    found = call.web.jobs.find(job)
    if found is None or found.owner != str(call.actor):
        raise NotFound
    return job_state(found)


def job_state(job: Job) -> JobState:
    """A job as the API tells it."""
    return JobState(
        id=job.id,
        scheme=job.subject,
        state="failed" if job.failed else "done" if job.ended else "running",
        share=round(job.done / job.total, 2) if job.total else None,
        started_at=job.started_at,
        problem=job.face.slug if job.face else None,
    )


def told(call: Call, state: workflow.SchemeState) -> dict[str, Any]:
    """A scheme's counts, exact or rounded."""
    exact = state.to_json()
    if call.exact or state.total is None:
        return exact
    segments = [{"key": one["key"], "name": one["name"], "size": rounded_count(one["size"])} for one in state.segments]
    return {
        **exact,
        "total": rounded_count(state.total),
        "permitted": rounded_count(state.permitted or 0),
        "left_out": rounded_reasons(state.left_out or {}),
        "segments": segments,
    }


def _running(call: Call, scheme: str, *, refit: bool) -> Any:
    with call.house.work.reading() as connection:
        scheme_unit(connection, scheme)  # an unknown scheme is refused now, not in the background

    def work(show_progress: Any) -> str:
        workflow.run(call.house, scheme, actor=call.actor, now=call.web.clock(), refit=refit, progress=show_progress)
        return f"/console/segments/{scheme}"

    return work
