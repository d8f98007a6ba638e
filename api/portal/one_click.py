"""`/u/…`: one click in a mail ends a purpose on a channel (RFC 8058); opening the address shows what a click would do.

A mail program posts here for its reader, without cookies, without an origin and from any network; nothing of ours may
stand in its way (T17), so this is the one form without a token: the sealed link is the proof. Looking changes nothing,
however often a scanner looks (T16). Every answer is 200, whatever the link is.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from api.deps import web_of
from api.portal.open_page import CHANNELS, label_of, open_page, read_fields, spoken
from api.workflows import unsubscribing
from consent.signals import is_one_click

router = APIRouter()


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """What a click would end; nothing ends by looking."""
    aim = unsubscribing.read_token(web_of(request).house, token)
    if aim is None:
        return _unreadable(request)
    return open_page(
        request,
        "portal/unsubscribe.html",
        spoken(request),
        purpose=label_of(request, aim.purpose),
        channel=CHANNELS[aim.channel],
        marketing=_is_marketing(request, aim.purpose),
    )


@router.post("/u/{token}")
def end(request: Request, token: str, fields: Annotated[dict[str, str], Depends(read_fields)]) -> Response:
    """End it. A post whose body cannot be read ends it as well: stopping must never fail on a form."""
    web = web_of(request)
    everything = fields.get("choice") == "everything"
    done = unsubscribing.unsubscribe(web.house, token, now=web.clock(), everything=everything)
    if is_one_click(fields):
        return PlainTextResponse("OK\n")
    if not done.known or done.purpose is None or done.channel is None:
        return _unreadable(request)
    return open_page(
        request,
        "portal/unsubscribed.html",
        spoken(request),
        purpose=label_of(request, done.purpose),
        channel=CHANNELS[done.channel],
        everything=everything,
    )


def _unreadable(request: Request) -> Response:
    return open_page(request, "portal/unreadable.html", spoken(request))


def _is_marketing(request: Request, purpose: str) -> bool:
    known = web_of(request).house.catalogue.purposes.get(purpose)
    return known is None or known.marketing
