"""`/confirm/…`: the second half of a double opt-in. Opening the link shows what would be agreed; the button agrees.

A mail scanner that follows every link confirms nothing (CON-8, T16). A link that is void, was used or was never made
gives one and the same friendly answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import web_of
from api.portal.open_page import CHANNELS, label_of, open_page, read_fields, spoken
from api.workflows import confirming
from governance.notice_items import blocks_of

if TYPE_CHECKING:
    from governance.vocabulary import Language

router = APIRouter()


@router.api_route("/confirm/{secret}", methods=["GET", "HEAD"])
def ask(request: Request, secret: str) -> Response:
    """The notice that would be agreed to, byte for byte, and two buttons of one size."""
    web = web_of(request)
    asked = confirming.look(web.house, secret, now=web.clock())
    if asked is None:
        return _void(request)
    language = spoken(request, asked.language)
    read = language if language in asked.texts else asked.language
    return open_page(
        request,
        "portal/confirm.html",
        language,
        purpose=label_of(request, asked.purpose),
        channel=CHANNELS[asked.channel],
        read=read,
        notice=blocks_of(asked.texts[read].text),
        expires_at=asked.expires_at,
    )


@router.post("/confirm/{secret}")
def act(request: Request, secret: str, fields: Annotated[dict[str, str], Depends(read_fields)]) -> Response:
    """Agree, or have the request forgotten at once."""
    web = web_of(request)
    if fields.get("choice") == "discard":
        confirming.discard(web.house, secret, now=web.clock())
        return open_page(request, "portal/discarded.html", spoken(request))
    if fields.get("choice") != "agree":
        return ask(request, secret)
    read: Language = "en" if fields.get("read") == "en" else "de"
    done = confirming.confirm(web.house, secret, now=web.clock(), language=read)
    if done is None:
        return _void(request)
    return open_page(
        request,
        "portal/confirmed.html",
        spoken(request),
        purpose=label_of(request, done.purpose),
        channel=CHANNELS[done.channel],
    )


def _void(request: Request) -> Response:
    return open_page(request, "portal/void.html", spoken(request))
