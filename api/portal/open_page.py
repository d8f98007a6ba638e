"""Pages behind a link from a mail: no visit, no cookie, no form token; what the link carries is all that counts.

Whoever has the link may be somebody else than the person it was sent to, so nothing here says who. The page's language
is the one asked for in the address, else the reader's own choice, else the browser's wish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request

from api import security
from api.deps import LANGUAGE, THEME, language_of, web_of
from api.i18n import LANGUAGES, N_
from api.pages import THEMES, render
from consent.signals import form_fields
from governance.vocabulary import Channel, Text

if TYPE_CHECKING:
    from starlette.responses import Response

    from governance.vocabulary import Language


CHANNELS: dict[Channel, str] = {
    Channel.EMAIL: N_("E-mail"),
    Channel.PHONE: N_("Phone call"),
    Channel.POST: N_("Post"),
    Channel.SMS: N_("Text message"),
}


async def read_fields(request: Request) -> dict[str, str]:
    """The fields of a post in either encoding of RFC 8058, read in memory; what cannot be read has none."""
    return form_fields(request.headers.get("content-type", ""), await request.body())


def spoken(request: Request, default: Language | None = None) -> Language:
    """The language of the answer; *default* is that of the mail."""
    asked = request.query_params.get("language")
    chosen = next((language for language in LANGUAGES if language == asked), None)
    named = request.headers.get("accept-language") or security.read_cookie(
        request, LANGUAGE, https=web_of(request).https
    )
    return chosen or (default if default and not named else None) or language_of(request)


def open_page(request: Request, template: str, language: Language, **values: Any) -> Response:
    """A page in the bare frame."""
    web = web_of(request)
    theme = security.read_cookie(request, THEME, https=web.https)
    return render(
        web.environments,
        language,
        template,
        200,
        {"Vary": "Cookie, Accept-Language"},
        theme=theme if theme in THEMES else "auto",
        controller=web.house.catalogue.controller,
        now=web.clock(),
        **values,
    )


def label_of(request: Request, purpose: str) -> Text:
    """What the purpose is called; one that the catalogue names no more goes by its key."""
    known = web_of(request).house.catalogue.purposes.get(purpose)
    return known.label if known is not None else Text(purpose, purpose)
