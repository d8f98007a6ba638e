"""The list of entries: filtered by time, kind, purpose, scheme, role and person; searches that somebody keeps.

The person is known by the stand-in of this session, so that no address names them; a kept search never holds one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.log import KINDS, Line, line_of
from api.console.person import found
from api.deps import Visit, posting, visiting
from api.pages import ROLE_NAMES
from api.workflows.log_search import Wanted, search
from audit import log
from audit.errors import NotFound
from governance import store_views
from governance.store_views import SavedView
from segmentation import store

router = APIRouter()
PAGE = 50
LONGEST_NAME = 60

Reader = Annotated[Visit, Depends(visiting(Right.LOG))]
Keeper = Annotated[Visit, Depends(posting(Right.LOG))]


@dataclass(frozen=True)
class LogPage:
    """A page of the list, with what it was filtered by."""

    lines: tuple[Line, ...]
    kinds: tuple[tuple[str, str], ...]
    purposes: tuple[tuple[str, str], ...]
    schemes: tuple[str, ...]
    roles: tuple[tuple[str, str], ...]
    wanted: Wanted
    query: str
    """The filters as an address has them; the person is not among them."""
    person: str
    """Stand-in of the person, of this session alone; empty: everybody."""
    views: tuple[SavedView, ...]
    size: int
    older: int | None
    newest: bool


def log_page(visit: Visit, wanted: Wanted, person: str, before: int | None) -> LogPage:
    """At most fifty entries from below *before* that fit."""
    hits = search(visit.house, wanted, before=before, limit=PAGE)
    with visit.house.work.reading() as connection:
        size = log.size(connection)
        schemes = tuple(row.scheme for row in store.latest_definitions(connection))
        views = tuple(store_views.views_of(connection, str(visit.who.actor)))
    say, purposes = visit.tongue.say, visit.house.catalogue.purposes
    return LogPage(
        lines=tuple(line_of(entry) for entry in hits.entries),
        kinds=tuple(sorted(KINDS.items(), key=lambda pair: say(pair[1]).casefold())),
        purposes=tuple((key, visit.tongue.pick(purpose.label)) for key, purpose in purposes.items()),
        schemes=schemes,
        roles=tuple((role.value, name) for role, name in ROLE_NAMES.items()),
        wanted=wanted,
        query=_query(wanted),
        person=person,
        views=views,
        size=size,
        older=hits.older,
        newest=before is None,
    )


def wanted_of(visit: Visit, asked: Mapping[str, str]) -> tuple[Wanted, str]:
    """What to look for, and the person's stand-in; what the house does not know is no filter."""
    person, subject = asked.get("person", ""), None
    if person:
        try:
            subject = found(visit, person).subject
        except NotFound:
            person = ""
    with visit.house.work.reading() as connection:
        schemes = {row.scheme for row in store.latest_definitions(connection)}
    wanted = Wanted(
        kind=_one_of(asked, "kind", KINDS),
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", "")),
        purpose=_one_of(asked, "purpose", visit.house.catalogue.purposes),
        scheme=_one_of(asked, "scheme", schemes),
        role=_one_of(asked, "role", {role.value for role in ROLE_NAMES}),
        subject=subject,
    )
    return wanted, person


def _one_of(asked: Mapping[str, str], name: str, known: Collection[str]) -> str:
    word = asked.get(name, "")
    return word if word in known else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _query(wanted: Wanted) -> str:
    given = {
        "kind": wanted.kind,
        "since": wanted.since.isoformat() if wanted.since else "",
        "until": wanted.until.isoformat() if wanted.until else "",
        "purpose": wanted.purpose,
        "scheme": wanted.scheme,
        "role": wanted.role,
    }
    return urlencode({key: value for key, value in given.items() if value})


@router.get("/log")
def show_log(visit: Reader, before: int | None = None) -> Response:
    """The list."""
    wanted, person = wanted_of(visit, visit.request.query_params)
    return visit.page("log.html", view=log_page(visit, wanted, person, before))


@router.post("/log/views")
def keep_view(visit: Keeper) -> Response:
    """Keep a search under a name, for oneself."""
    wanted, _ = wanted_of(visit, visit.form)
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    if name:
        with visit.house.work.writing() as connection:
            store_views.add_view(connection, str(visit.who.actor), name, _query(wanted), now=visit.now)
    return visit.go(f"/console/log?{_query(wanted)}")


@router.post("/log/views/{number:int}/drop")
def drop_view(visit: Keeper, number: int) -> Response:
    """Forget a search of one's own."""
    with visit.house.work.writing() as connection:
        store_views.drop_view(connection, str(visit.who.actor), number)
    return visit.go("/console/log")
