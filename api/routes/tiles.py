"""The log as static files below `/log`: checkpoint and hash tiles for everybody, entries by token (C2SP tlog-tiles).

Nothing here can be changed over HTTP, and nothing names a person: hashes say nothing about what they were made from.
Entries say when which kind of thing happened, which can betray somebody in a small company; so they want a token.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from api.access import Right
from api.deps import Web, web_of
from api.routes.access import Credentials, admit
from api.security import NotPermitted, NotSignedIn
from api.workflows import log as workflow
from audit import tiles
from audit.errors import BadInput, NotFound
from governance.staff import Scope

router = APIRouter(include_in_schema=False)
FOREVER = "public, max-age=31536000, immutable"
MOMENT = "public, max-age=5"
TILE_TYPE = "application/octet-stream"

FromWeb = Annotated[Web, Depends(web_of)]


@router.get("/log/checkpoint", response_class=PlainTextResponse)
def checkpoint(web: FromWeb) -> Response:
    """The newest signed checkpoint with what witnesses said about it."""
    try:
        note = workflow.newest_checkpoint(web.house).note
    except NotFound:
        return _nothing()
    return PlainTextResponse(note, headers={"Cache-Control": MOMENT})


@router.get("/log/tile/{path:path}", response_class=Response)
def tile(request: Request, web: FromWeb, path: str, credentials: Credentials) -> Response:
    """A hash tile, or with a token of officer, monitor or auditor an entry bundle."""
    try:
        wanted = tiles.parse_path(path)
        if wanted.level is None:
            admit(request, credentials, Scope.AUDIT, Right.LOG)
            with web.house.work.reading() as connection:
                return Response(tiles.entry_bundle(connection, wanted), media_type=TILE_TYPE)
        with web.house.work.reading() as connection:
            data = tiles.hash_tile(connection, wanted)
    except NotSignedIn:
        return PlainTextResponse("a token is wanted\n", 401, {"WWW-Authenticate": "Bearer"})
    except NotPermitted:
        return PlainTextResponse("this token may not read entries\n", 403)
    except (BadInput, NotFound):
        return _nothing()
    return Response(data, media_type=TILE_TYPE, headers={"Cache-Control": FOREVER})


def _nothing() -> Response:
    return PlainTextResponse("there is nothing at this address\n", 404)
