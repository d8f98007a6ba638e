"""Signing in and out, and the two things a browser may remember: language and appearance.

The answer to a wrong name and to a wrong password is the same in words, status and (within the hash's time) duration.
Attempts are counted per name and per source before the password is looked at (SEC-11).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import security
from api.console.forms import Mistake, way_back
from api.deps import LANGUAGE, SESSION, THEME, Visit, posting, visiting
from api.i18n import LANGUAGES, N_
from api.pages import THEMES
from api.security import TooManyAttempts
from api.workflows import staff

router = APIRouter()
A_YEAR = int(timedelta(days=365).total_seconds())
WRONG = N_("The name or the password is wrong.")

Open = Annotated[Visit, Depends(visiting(None))]
Posted = Annotated[Visit, Depends(posting(None))]


@router.get("/sign-in")
def ask(visit: Open) -> Response:
    """The form."""
    return visit.go("/console") if visit.caller else visit.page("sign_in.html", mistakes=[], left=False)


@router.post("/sign-in")
def sign_in(visit: Posted) -> Response:
    """Begin a session, or say that it did not work."""
    token = _begin(visit)
    if token is None:
        return visit.page("sign_in.html", 401, mistakes=[Mistake("name", visit.tongue.say(WRONG))], left=False)
    response = visit.go("/console")
    security.set_cookie(response, SESSION, token, https=visit.web.https)
    return response


@router.post("/sign-out")
def sign_out(visit: Posted) -> Response:
    """End the session here and now."""
    _end(visit)
    response = (
        visit.page("sign_in.html", mistakes=[], left=True) if visit.caller is None else visit.go("/console/signed-out")
    )
    security.drop_cookie(response, SESSION, https=visit.web.https)
    return response


@router.get("/signed-out")
def signed_out(visit: Open) -> Response:
    """The form again, and that the session has ended."""
    return visit.go("/console") if visit.caller else visit.page("sign_in.html", mistakes=[], left=True)


@router.post("/language")
def choose_language(visit: Posted) -> Response:
    """Remember the language."""
    response = visit.go(way_back(visit.form.get("back", "")))
    if visit.form.get("language") in LANGUAGES:
        security.set_cookie(response, LANGUAGE, visit.form["language"], https=visit.web.https, seconds=A_YEAR)
    return response


@router.post("/theme")
def choose_theme(visit: Posted) -> Response:
    """Remember light, dark, or as the device has it."""
    response = visit.go(way_back(visit.form.get("back", "")))
    if visit.form.get("theme") in THEMES:
        security.set_cookie(response, THEME, visit.form["theme"], https=visit.web.https, seconds=A_YEAR)
    return response


def _begin(visit: Visit) -> str | None:
    """The session's token, or None when name and password do not fit.

    Raises:
        TooManyAttempts: for this name or from this source, within a quarter of an hour.
    """
    web, name = visit.web, visit.form.get("name", "")[:80]
    source, spelling = visit.request.client.host if visit.request.client else "", name.casefold()
    if web.sources.take(source, now=visit.now) or web.names.take(spelling, now=visit.now):
        web.log.info("sign_in:throttled")
        raise TooManyAttempts
    begun = staff.sign_in(web.house, name, visit.form.get("password", "")[:1024], now=visit.now)
    if begun is None:
        web.log.info("sign_in:refused")
        return None
    web.sources.give_back(source)
    web.names.give_back(spelling)
    web.log.info("session:began", role=begun[0].role)
    return begun[1]


def _end(visit: Visit) -> None:
    if visit.caller is None:
        return
    staff.sign_out(visit.house, visit.caller.session, actor=visit.caller.actor, now=visit.now)
    visit.web.handles.forget(visit.caller.session)
    visit.web.log.info("session:ended", role=visit.caller.role)
