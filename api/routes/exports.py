"""Exports over HTTP: request, approve, build, download; never who is in one, except in the file itself."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from api.access import Right
from api.routes.access import Call, calling, document
from api.workflows import export_requests as requests
from api.workflows import exports as releases
from governance.staff import Scope
from segmentation.report import rounded_count, rounded_reasons

router = APIRouter(tags=["exports"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.EXPORTS))]
Maker = Annotated[Call, Depends(calling(Scope.EXPORT, Right.DOWNLOAD_EXPORT))]


@router.get("/exports")
def list_exports(call: Reader) -> dict[str, Any]:
    """The newest exports."""
    return {"exports": [told(call, export) for export in requests.exports(call.house).exports]}


@router.post("/exports", status_code=201, openapi_extra={"requestBody": {"content": {"application/json": {}}}})
def request_export(
    call: Annotated[Call, Depends(calling(Scope.EXPORT, Right.REQUEST_EXPORT))],
    text: Annotated[str, Depends(document)],
) -> dict[str, Any]:
    """Ask for an export; nothing leaves yet."""
    return told(call, requests.request(call.house, text, actor=call.actor, now=call.now))


@router.get("/exports/{number}")
def show(call: Reader, number: int) -> dict[str, Any]:
    """One export with its manifest."""
    return told(call, requests.export_of(call.house, number))


@router.post("/exports/{number}/approval")
def approve(call: Annotated[Call, Depends(calling(Scope.EXPORT, Right.APPROVE_EXPORT))], number: int) -> dict[str, Any]:
    """Approve it as the second person."""
    return told(call, requests.approve(call.house, number, actor=call.actor, now=call.now))


@router.post("/exports/{number}/refusal")
def decline(call: Annotated[Call, Depends(calling(Scope.EXPORT, Right.APPROVE_EXPORT))], number: int) -> dict[str, Any]:
    """Say no to it as the second person; it ends there."""
    return told(call, requests.decline(call.house, number, actor=call.actor, now=call.now))


@router.post("/exports/{number}/build")
def build(call: Maker, number: int) -> dict[str, Any]:
    """Decide who is in it."""
    return told(call, releases.build(call.house, number, actor=call.actor, now=call.now))


@router.post("/exports/{number}/download", response_class=StreamingResponse)
def download(call: Maker, number: int) -> StreamingResponse:
    """Hand it out: permission is decided once more under the log's lock before the first byte."""
    found = releases.download(call.house, number, actor=call.actor, now=call.now)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Content-Length": str(found.size),
        "Lauter-SHA-256": found.sha256,
    }
    return StreamingResponse(found.chunks(), media_type=found.media_type, headers=headers)


def told(call: Call, export: requests.ExportState) -> dict[str, Any]:
    """An export; the manifest's counts exact or rounded."""
    document_ = export.to_json()
    manifest = document_["manifest"]
    if call.exact or manifest is None:
        return document_
    hidden = {
        "input": rounded_count(manifest["input"]),
        "included": rounded_count(manifest["included"]),
        "excluded": rounded_reasons(manifest["excluded"]),
        "segments": {key: rounded_count(count) for key, count in manifest["segments"].items()},
        "size": None,
    }
    return {**document_, "manifest": {**manifest, **hidden}}
