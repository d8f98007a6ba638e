"""The page of an address that several people have: stop advertising to it, or show who you are.

Whoever reads the mail of an address may stop advertising to it for everybody who has it (OBJ-11). What anybody of them
allowed or bought is shown to nobody here.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from api.console.forms import Mistake
from api.i18n import N_
from api.portal.visits import AskedTooOften, Open, OpenPost, PortalVisit
from api.security import NotSignedIn
from api.workflows import portal
from governance.vocabulary import Text

router = APIRouter()
HOME, PREFERENCES = "/portal/address", "/portal/preferences"
NOT_THEIRS = N_("This is neither a customer number nor a code that belongs to this address.")


@dataclass(frozen=True)
class Line:
    """One purpose that advertises by e-mail."""

    key: str
    label: Text
    stopped: bool


@router.get("/address")
def show(visit: Open) -> Response:
    """Which advertising still goes to the address."""
    return visit.go(PREFERENCES) if visit.known is not None else _page(visit)


@router.post("/address/stop")
def stop(visit: OpenPost) -> Response:
    """Stop all of it, or one purpose; it acts on everybody who has the address."""
    address = _address(visit)
    _count(visit)
    purpose = visit.form.get("purpose", "")
    portal.stop(visit.house, address, [purpose] if purpose else None, now=visit.now)
    return visit.go(f"{HOME}?stopped=1")


@router.post("/address/who")
def say_who(visit: OpenPost) -> Response:
    """Show who of the holders one is, by customer number or by the code of a letter."""
    _address(visit)
    _count(visit)
    session = visit.session
    if session is None or not portal.say_who(visit.house, session, visit.form.get("who", "")[:200], now=visit.now):
        return _page(visit, 404, Mistake("who", visit.tongue.say(NOT_THEIRS)))
    return visit.go(PREFERENCES)


def _page(visit: PortalVisit, status: int = 200, *mistakes: Mistake) -> Response:
    address, purposes = _address(visit), visit.house.catalogue.purposes
    lines = [Line(each.purpose, purposes[each.purpose].label, each.stopped) for each in _stops(visit, address)]
    done = visit.request.query_params.get("stopped") == "1"
    return visit.page(
        "portal/address.html", status, mistakes=list(mistakes), address=address, lines=lines, stopped=done
    )


def _stops(visit: PortalVisit, address: str) -> tuple[portal.Stopped, ...]:
    return portal.stop_page(visit.house, address)


def _address(visit: PortalVisit) -> str:
    """The address that the visitor showed to read.

    Raises:
        NotSignedIn: nobody came in, or by no address.
    """
    address = None if visit.session is None else portal.proven_address(visit.house, visit.session)
    if address is None:
        raise NotSignedIn
    return address


def _count(visit: PortalVisit) -> None:
    if visit.session is not None and visit.guards.writes.take(visit.session.cookie, now=visit.now):
        raise AskedTooOften
