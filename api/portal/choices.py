"""The two things a browser may remember for its reader: language and appearance."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import Response

from api import security
from api.deps import LANGUAGE, THEME
from api.i18n import LANGUAGES
from api.pages import THEMES
from api.portal.visits import OpenPost, way_back

router = APIRouter()
A_YEAR = int(timedelta(days=365).total_seconds())


@router.post("/language")
def choose_language(visit: OpenPost) -> Response:
    """Remember the language."""
    response = visit.go(way_back(visit.form.get("back", "")))
    if visit.form.get("language") in LANGUAGES:
        security.set_cookie(response, LANGUAGE, visit.form["language"], https=visit.web.https, seconds=A_YEAR)
    return response


@router.post("/theme")
def choose_theme(visit: OpenPost) -> Response:
    """Remember light, dark, or as the device has it."""
    response = visit.go(way_back(visit.form.get("back", "")))
    if visit.form.get("theme") in THEMES:
        security.set_cookie(response, THEME, visit.form["theme"], https=visit.web.https, seconds=A_YEAR)
    return response
