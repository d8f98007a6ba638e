"""Whether the service lives and is ready, for whatever starts and restarts it; names no host and no cause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.access import Right
from api.deps import Web, web_of
from api.metrics import CONTENT_TYPE, databases, stores_up
from api.routes.access import Call, calling
from api.workflows.stores import current_version, newest_version
from governance.staff import Scope

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
def live() -> Response:
    """The process answers."""
    return PlainTextResponse("ok")


@router.get("/health/ready")
def ready(web: Annotated[Web, Depends(web_of)]) -> Response:
    """Every store answers and is at the version of this code; else 503."""
    house = web.house
    up, bases = stores_up(house), databases(house)
    states = {
        name: "down" if not up[name] else "ok" if current_version(base, name) == newest_version(name) else "outdated"
        for name, base in bases.items()
    }
    good = set(states.values()) == {"ok"}
    return JSONResponse({"ready": good, "stores": states}, 200 if good else 503)


@router.get("/metrics")
def metrics(call: Annotated[Call, Depends(calling(Scope.METRICS, Right.METRICS))]) -> Response:
    """Figures for Prometheus, by a token of the scope `metrics`."""
    return Response(call.web.metrics.text(), media_type=CONTENT_TYPE)
