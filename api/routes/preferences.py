"""Preferences for the company's own website and CRM: find, read, write, embed, receipts.

A reference is personal data and stands in a body once; everything after goes by a handle (SEC-6). Reading changes
nothing. Writing needs the ETag of the state that was read, so that nobody overwrites what the person decided meanwhile.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi import Path as PathParameter
from starlette.responses import JSONResponse, Response

from api.access import Right
from api.portal.visits import AskedTooOften
from api.routes.access import Call, calling
from api.routes.openapi import header, problems
from api.routes.preference_models import ChangeIn, HandleOut, LinkOut, PreferencesOut, ReceiptsOut, Whom
from api.security import TooManyAttempts
from api.workflows import portal, preference_api, receipts
from api.workflows.declaring import Subject
from api.workflows.preference_api import Answer, PreconditionMissing
from governance.staff import Scope
from governance.visitors import LASTS, LinkKind

router = APIRouter(prefix="/preferences", tags=["preferences"])

Reader = Annotated[Call, Depends(calling(Scope.READ, Right.PERSON))]
Writer = Annotated[Call, Depends(calling(Scope.DECLARE, Right.DECLARE))]
Named = Annotated[str, PathParameter(max_length=400, description="A handle from `find`.")]
Match = Annotated[str | None, Header(description="The ETag of the state that you read; required.")]
Key = Annotated[
    str | None,
    Header(
        min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$",
        description="Your own name of this call: sent again within a day, it gets the first answer again.",
    ),
]  # fmt: skip
TAGGED: dict[str, Any] = {"headers": {"ETag": header("Names this state; send it back in If-Match.")}}
READING = problems(401, 403, 404)
_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*(?:,|$)')


@router.post("/find", responses={200: {"model": HandleOut}, **problems(401, 403, 404, 422, 429)}, response_model=None)
def find(call: Reader, whom: Whom) -> dict[str, Any]:
    """A handle for somebody you know by reference, for an hour and for this token; asking is one fact of the log.

    Unknown references are counted: whoever guesses is stopped after 120 in a quarter of an hour.
    """
    key = f"preferences {call.caller.handle}"
    if call.web.lookups.take(key, now=call.now) is not None:
        raise TooManyAttempts
    found = preference_api.find(
        call.house, whom.reference, whom.unit, caller=call.caller.handle, actor=call.actor, now=call.now
    )
    call.web.lookups.give_back(key)
    return found.to_json()


@router.get("/{handle}", responses={200: {"model": PreferencesOut, **TAGGED}, **READING}, response_model=None)
def read(call: Reader, handle: Named) -> Response:
    """What the person may be used for now: per purpose and channel, with the reason and what they may decide."""
    found = preference_api.read(call.house, _subject(call, handle), now=call.now)
    return _tagged(Answer(found.to_json(), found.tag))


@router.patch(
    "/{handle}",
    responses={
        200: {"model": PreferencesOut, **TAGGED},
        **problems(
            401, 403, 404, 409, 412, 422, 428, 429,
            s403="The scope or role is missing, or a yes after a no needs the scope may_raise.",
            s409="The person said no, and no later act of theirs is shown; or a call with the same key is under way.",
        ),
    },
    response_model=None,
)  # fmt: skip
def write(
    request: Request, call: Writer, handle: Named, change: ChangeIn, if_match: Match = None, idempotency_key: Key = None
) -> Response:
    """Record what the person decided through you; in force at once, everywhere. The answer is the new state.

    A no is always taken. A yes is taken where the person never said no; after a no it needs the scope `may_raise` and
    evidence of the person's own later act. All of the choices are recorded, or none.
    """
    subject, tags = _subject(call, handle), _tags(if_match)
    if not tags:
        raise PreconditionMissing

    def work() -> Answer:
        _count(request, call, subject)
        order = change.change(may_raise=Scope.MAY_RAISE in call.caller.scopes)
        done = preference_api.write(call.house, subject, order, tags, actor=call.actor, now=call.now)
        return Answer(done.to_json(), done.tag)

    asked = preference_api.request_of(subject, change.model_dump_json())
    return _tagged(preference_api.once(call.house, call.caller.handle, idempotency_key, asked, work, now=call.now))


@router.post(
    "/{handle}/link",
    status_code=201,
    responses={201: {"model": LinkOut}, **problems(401, 403, 404, 429)},
    response_model=None,
)
def link(request: Request, call: Writer, handle: Named) -> dict[str, Any]:
    """A way into the portal for somebody who is signed in with you: works once, for ten minutes."""
    subject = _subject(call, handle)
    _count(request, call, subject)
    url = portal.embed_link(call.house, subject, actor=call.actor, now=call.now)
    return {"url": url, "expires_at": (call.now + LASTS[LinkKind.EMBED]).isoformat()}


@router.get("/{handle}/receipts", responses={200: {"model": ReceiptsOut}, **READING}, response_model=None)
def list_receipts(call: Reader, handle: Named) -> dict[str, Any]:
    """Everything the person declared, newest first, each with the number of its receipt."""
    return receipts.receipts(call.house, _subject(call, handle)).to_json()


@router.get(
    "/{handle}/receipts/{seq}",
    responses={200: {"content": {"application/ld+json": {}}, "description": "JSON-LD."}, **READING},
    response_class=Response,
)
def show_receipt(call: Reader, handle: Named, seq: int) -> Response:
    """One receipt: JSON-LD in the DPV 2.3 profile of ISO/IEC TS 27560, the same bytes each time."""
    data = receipts.receipt_json(call.house, _subject(call, handle), seq)
    return Response(data, media_type="application/ld+json")


@router.post("/{handle}/receipts/{seq}/proof", responses=READING, response_class=Response)
def prove_receipt(call: Reader, handle: Named, seq: int) -> Response:
    """The `.lauter-proof` file: anybody can check it with the log's key, without this service."""
    data = receipts.proof_of(call.house, _subject(call, handle), seq, now=call.now)
    headers = {"Content-Disposition": f'attachment; filename="receipt-{seq}.lauter-proof"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def _subject(call: Call, handle: str) -> Subject:
    return preference_api.open_handle(call.house, handle, caller=call.caller.handle, now=call.now)


def _tags(if_match: str | None) -> tuple[str, ...]:
    """The tags of the header; a weak one keeps its mark and so never matches, and `*` names no state."""
    return tuple((found[1] or "") + found[2] for found in _TAG.finditer(if_match or ""))


def _tagged(answer: Answer) -> Response:
    headers = {"ETag": f'"{answer.tag}"'}
    if answer.repeated:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(answer.body, 200, headers)


def _count(request: Request, call: Call, subject: Subject) -> None:
    """At most sixty changes of one person in an hour, whoever makes them."""
    if request.app.state.portal.writes.take(str(subject.number), now=call.now) is not None:
        raise AskedTooOften
