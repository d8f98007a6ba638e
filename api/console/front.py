"""The first page: how much there is, which schemes live, whether the log is sound, and what wants a human."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.deps import Visit, posting, visiting
from audit import log

router = APIRouter()


@dataclass(frozen=True)
class Task:
    """Something that wants a human."""

    kind: str
    text: str
    note: str
    path: str


@dataclass(frozen=True)
class Overview:
    """What the first page shows; counts are None where this role sees no data."""

    contacts: int | None
    accounts: int | None
    entries: int
    schemes: tuple[object, ...]
    tasks: tuple[Task, ...]
    knows_data: bool


def overview(visit: Visit) -> Overview:
    """One snapshot of the house, in the counts this role may see."""
    knows = visit.who.may(Right.SEGMENTS)
    with visit.house.work.reading() as connection:
        entries = log.size(connection)
    counts = Counts(visit.exact)
    return Overview(counts.see(0), counts.see(0), entries, (), (), knows)


def place_of(visit: Visit, wanted: str) -> str | None:
    """The page of a log entry's number, or None."""
    digits = wanted.replace("\u202f", "").replace(",", "").replace(".", "").strip()
    if digits.isdigit() and len(digits) < 16 and visit.who.may(Right.LOG):
        return f"/console/log/{int(digits)}"
    return None


@router.get("")
def show(visit: Annotated[Visit, Depends(visiting(Right.OVERVIEW))]) -> Response:
    """The overview."""
    return visit.page("overview.html", view=overview(visit))


@router.post("/find")
def find(visit: Annotated[Visit, Depends(posting(Right.OVERVIEW))]) -> Response:
    """On to what was meant; what was typed is in no address and no answer."""
    path = place_of(visit, visit.form.get("q", ""))
    return visit.go(path) if path else visit.page("not_found.html", 404)


@router.get("/help")
def show_help(visit: Annotated[Visit, Depends(visiting(None))]) -> Response:
    """Words and roles."""
    return visit.page("help.html")
