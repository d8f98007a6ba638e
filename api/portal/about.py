"""What was said before, and whom to ask: history, help, privacy notices, accessibility. All of it is read only."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.portal import shown
from api.portal.visits import Guest, Open, PortalVisit
from api.workflows import receipts
from consent.notices import notice_hash

router = APIRouter()
PER_PAGE = 50


@router.get("/history")
def history(visit: Guest) -> Response:
    """Everything the person or somebody for them declared, newest first, with its receipt and proof."""
    lines = receipts.receipts(visit.house, visit.subject).lines
    number = _page_number(visit)
    return visit.page(
        "portal/history.html",
        lines=lines[(number - 1) * PER_PAGE : number * PER_PAGE],
        number=number,
        more=len(lines) > number * PER_PAGE,
        tell=shown.Teller(visit.tongue, visit.now),
        sources=shown.OTHERS,
    )


@router.get("/help")
def help_page(visit: Open) -> Response:
    """Whom to ask, whom to complain to, and how all this works."""
    return visit.page("portal/help.html")


@router.get("/privacy")
def privacy(visit: Open) -> Response:
    """Every purpose with its notice in force, and what this portal itself does with data."""
    purposes = [
        (purpose, notice_hash(purpose.notice.text.in_language(visit.language)).hex())
        for purpose in visit.house.catalogue.purposes.values()
    ]
    return visit.page("portal/privacy.html", purposes=purposes)


@router.get("/accessibility")
def accessibility(visit: Open) -> Response:
    """What we did for accessibility, what is missing, and where to tell us (§ 12b BGG, BFSG)."""
    return visit.page("portal/accessibility.html")


def _page_number(visit: PortalVisit) -> int:
    asked = visit.request.query_params.get("page", "1")
    return min(max(int(asked), 1), 100_000) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
