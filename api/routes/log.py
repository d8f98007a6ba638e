"""The log over HTTP: entries for officer and auditor, the checkpoint, verification of proof files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from starlette.responses import PlainTextResponse, Response

from api.access import Right
from api.deps import Web, web_of
from api.routes.access import Call, calling
from api.workflows import log as workflow
from audit import log
from governance.staff import Scope

router = APIRouter(tags=["log"])

Reader = Annotated[Call, Depends(calling(Scope.AUDIT, Right.LOG))]
Checker = Annotated[Call, Depends(calling(Scope.AUDIT, Right.VERIFY))]


@router.get("/log/entries")
def entries(
    call: Reader,
    kind: Annotated[str | None, Query(pattern=r"^[a-z_]+:[a-z_]+$", description="Only of this kind.")] = None,
    before: Annotated[int | None, Query(ge=0, description="The cursor: only entries below it.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """Entries, newest first; `next_before` is the cursor of the next page."""
    return workflow.read_log(call.house, kind=kind, before=before, limit=limit).to_json()


@router.get("/log/entries/{index}")
def entry(call: Reader, index: int) -> dict[str, Any]:
    """One entry with its bytes and its inclusion proof in the tree of now."""
    with call.house.work.reading() as connection:
        found, size = log.entry(connection, index), log.size(connection)
        path = log.inclusion_proof(connection, index, size)
    shown = workflow.entry_to_json(found)
    return {**shown, "data": found.data.hex(), "size": size, "proof": [part.hex() for part in path]}


@router.post("/log/verification")
def verification(call: Checker, deep: bool = False) -> dict[str, Any]:
    """Recompute the whole log; with `deep` every model and assignment row too."""
    return workflow.verify_home(call.house, deep=deep).to_json()


@router.get("/log/checkpoint", response_class=PlainTextResponse)
def checkpoint(web: Annotated[Web, Depends(web_of)]) -> Response:
    """The newest signed checkpoint, a C2SP signed note; public."""
    return PlainTextResponse(workflow.newest_checkpoint(web.house).note)


@router.post("/proofs/verification")
def verify_proof(
    web: Annotated[Web, Depends(web_of)],
    proof: Annotated[bytes, Body(media_type="application/octet-stream", max_length=1 << 20)],
) -> dict[str, Any]:
    """Verify a proof file against this log's key; public, and nothing of the file is kept."""
    return workflow.verify_file(proof, workflow.own_keys(web.house)).to_json()
