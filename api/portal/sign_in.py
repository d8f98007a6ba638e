"""Coming in without an account: by a link in a mail, a code from a letter, or asking for such a letter (UX-6, ACC-6).

Every address and every reference gets the same answer, whether it is held or not. The page of a link shows a button:
mail scanners look at links and never press one (T16).
"""

from __future__ import annotations

from hashlib import sha256

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api import security
from api.console.forms import Mistake
from api.deps import LANGUAGE
from api.i18n import LANGUAGES, N_
from api.portal.visits import VISIT, AskedTooOften, Open, OpenPost, PortalVisit
from api.throttle import Throttle
from api.workflows import portal
from api.workflows.portal import NoAddress

router = APIRouter()
NOT_AN_ADDRESS = N_("Please write an e-mail address, such as name@example.org.")
CODE_IS_VOID = N_("This code does not open anything. It may have been used, or its time is over.")
REFERENCE_IS_MISSING = N_("Please write your customer number.")
ENTER, PREFERENCES = "/enter/{secret}", "/portal/preferences"


@router.get("")
def door(visit: Open) -> Response:
    """The ways in, or on to where a visit under way belongs."""
    return visit.go(_home(visit)) if visit.session else _door(visit)


@router.post("/link")
def ask_for_link(visit: OpenPost) -> Response:
    """Send a link to whoever holds the address; the answer is the same for everybody."""
    address = visit.form.get("address", "")[:320]
    _count(visit, visit.guards.addresses, address)
    try:
        portal.ask_for_link(visit.house, address, visit.language, now=visit.now)
    except NoAddress:
        return _door(visit, 422, Mistake("address", visit.tongue.say(NOT_AN_ADDRESS)))
    return visit.go("/portal/sent")


@router.get("/sent")
def sent(visit: Open) -> Response:
    """What happens now; says nothing of whether anything does."""
    return visit.page("portal/sent.html", letter=False)


@router.post("/letter")
def ask_for_letter(visit: OpenPost) -> Response:
    """Ask the desk for a letter with a code; the answer is the same for everybody."""
    reference = visit.form.get("reference", "")[:200]
    if not reference:
        return _door(visit, 422, Mistake("reference", visit.tongue.say(REFERENCE_IS_MISSING)))
    _count(visit, visit.guards.addresses, reference)
    portal.ask_for_letter(visit.house, reference, now=visit.now)
    return visit.go("/portal/letter-asked")


@router.get("/letter-asked")
def letter_asked(visit: Open) -> Response:
    """What happens now; says nothing of whether anything does."""
    return visit.page("portal/sent.html", letter=True)


@router.post("/code")
def enter_by_code(visit: OpenPost) -> Response:
    """Come in with the code of a letter."""
    _count(visit, visit.guards.sources, visit.source)
    response = _enter(visit, visit.form.get("code", "")[:100])
    return response or _door(visit, 404, Mistake("code", visit.tongue.say(CODE_IS_VOID)))


@router.get(ENTER)
def show_button(visit: Open, secret: str) -> Response:
    """The button of a link; showing it changes nothing."""
    link = portal.look(visit.house, secret, now=visit.now)
    if link is None:
        return visit.page("portal/link_void.html", 404)
    return visit.page("portal/enter.html", link=link, asked=visit.request.query_params.get("language", ""))


@router.post(ENTER)
def enter(visit: OpenPost, secret: str) -> Response:
    """Press it: the link is used up, the visit begins."""
    _count(visit, visit.guards.sources, visit.source)
    return _enter(visit, secret) or visit.page("portal/link_void.html", 404)


@router.post("/sign-out")
def sign_out(visit: OpenPost) -> Response:
    """End the visit here and now."""
    if visit.session is not None:
        portal.leave(visit.house, visit.session, now=visit.now)
    response = visit.go("/portal/signed-out")
    security.drop_cookie(response, VISIT, https=visit.web.https)
    return response


@router.get("/signed-out")
def signed_out(visit: Open) -> Response:
    """The ways in again, and that the visit has ended."""
    return visit.go(_home(visit)) if visit.session else _door(visit, left=True)


def _door(visit: PortalVisit, status: int = 200, *mistakes: Mistake, left: bool = False) -> Response:
    return visit.page("portal/door.html", status, mistakes=list(mistakes), left=left)


def _home(visit: PortalVisit) -> str:
    return PREFERENCES if visit.known is not None else "/portal/address"


def _enter(visit: PortalVisit, secret: str) -> RedirectResponse | None:
    cookie = portal.enter(visit.house, secret, now=visit.now)
    if cookie is None:
        return None
    response = RedirectResponse("/portal", 303)
    security.set_cookie(response, VISIT, cookie, https=visit.web.https)
    if visit.form.get("language") in LANGUAGES and not _has_language(visit):
        security.set_cookie(response, LANGUAGE, visit.form["language"], https=visit.web.https)
    return response


def _has_language(visit: PortalVisit) -> bool:
    return security.read_cookie(visit.request, LANGUAGE, https=visit.web.https) in LANGUAGES


def _count(visit: PortalVisit, throttle: Throttle, key: str) -> None:
    """One more attempt, per source and per what is asked about; known or not makes no difference.

    Raises:
        AskedTooOften: too many within the hour.
    """
    hashed = sha256(key.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()
    if throttle is not visit.guards.sources and visit.guards.sources.take(visit.source, now=visit.now):
        raise AskedTooOften
    if throttle.take(hashed if throttle is not visit.guards.sources else visit.source, now=visit.now):
        raise AskedTooOften
