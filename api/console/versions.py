"""The versions of a scheme: which one runs, what changed, who asked and who decided; the officer's yes or no."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.forms import Mistake, refused
from api.console.preview_view import PreviewPage, preview_page
from api.console.schemes import EFFECTS, KINDS, UNITS
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import activations, previews
from api.workflows.activation_results import ActivationState, Versions
from api.workflows.stored_definitions import stored_definition
from audit.errors import LauterError
from governance.vocabulary import Text
from segmentation import store_activation
from segmentation.store import DefinitionRow
from segmentation.version_words import ADDED, CHANGED, REMOVED, Difference, differences

if TYPE_CHECKING:
    from sqlalchemy import Connection

router = APIRouter()

STATES: dict[str, tuple[str, str]] = {
    "active": ("ok", N_("active")),
    "requested": ("attention", N_("waits for approval")),
    "refused": ("refused", N_("refused")),
    "superseded": ("withheld", N_("was active")),
    "withdrawn": ("withheld", N_("withdrawn")),
    "draft": ("withheld", N_("draft")),
}
CHANGES = {ADDED: N_("new"), REMOVED: N_("gone"), CHANGED: N_("changed")}

Reader = Annotated[Visit, Depends(visiting(Right.SEGMENTS))]
Poster = Annotated[Visit, Depends(posting(Right.DEFINE))]
Officer = Annotated[Visit, Depends(posting(Right.APPROVE_SCHEME))]


@dataclass(frozen=True)
class VersionLine:
    """One version in the list."""

    number: int
    state: tuple[str, str]
    active: bool
    defined_at: datetime
    defined_by: str
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


@dataclass(frozen=True)
class VersionsPage:
    """All versions of a scheme, and what changed between two of them."""

    name: str
    label: str
    standing: Versions
    lines: tuple[VersionLine, ...]
    old: int | None
    new: int | None
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class VersionPage:
    """One version: what it would give now, and what it changes."""

    name: str
    label: str
    number: int
    standing: Versions
    line: VersionLine
    preview: PreviewPage | None
    problem: Mistake | None
    against: int | None
    changes: tuple[tuple[str, str], ...]
    document: str
    own: bool
    """Whoever looks wrote it or asked for it, so somebody else has to decide."""


def versions_page(visit: Visit, name: str, old: int | None, new: int | None) -> VersionsPage:
    """The versions as this role may see them.

    Raises:
        SchemeUnknown, VersionUnknown: there is none.
    """
    with visit.house.work.reading() as connection:
        standing = activations.versions_of(connection, name)
        rows = {row.version: row for row in store_activation.versions(connection, name)}
        after = new if new in rows else standing.newest
        before = old if old in rows else _before(standing, after)
        changes = _changes(visit, connection, rows.get(before or 0), rows[after])
        label = visit.tongue.pick(stored_definition(visit.house, connection, rows[standing.newest]).definition.label)
    lines = tuple(_line(row, standing) for row in rows.values())
    return VersionsPage(name, label, standing, lines, before, after, changes)


def version_page(visit: Visit, name: str, number: int) -> VersionPage:
    """One version as this role may see it.

    Raises:
        SchemeUnknown, VersionUnknown: there is none.
    """
    with visit.house.work.reading() as connection:
        standing = activations.versions_of(connection, name)
        row = activations.version_row(connection, name, number)
        against = _before(standing, number)
        other = store_activation.version_of(connection, name, against) if against else None
        changes = _changes(visit, connection, other, row)
        label = visit.tongue.pick(stored_definition(visit.house, connection, row).definition.label)
    shown, problem = None, None
    try:
        found = previews.preview(visit.house, row.document, actor=visit.who.actor, now=visit.now)
        shown = preview_page(visit, found) if found.outlook else None
    except LauterError as error:
        problem = refused(visit, error)[0]
    waiting = standing.waiting
    own = str(visit.who.actor) in {row.created_by, waiting.requested_by if waiting else ""}
    document = json.dumps(json.loads(row.document), ensure_ascii=False, indent=2)
    line = _line(row, standing)
    return VersionPage(name, label, number, standing, line, shown, problem, against, changes, document, own)


def _before(standing: Versions, number: int) -> int | None:
    """What a version is compared with: the active one, or the one before it."""
    if standing.active is not None and standing.active != number:
        return standing.active
    return number - 1 or None


def _line(row: DefinitionRow, standing: Versions) -> VersionLine:
    state: ActivationState | None = next((each for each in standing.history if each.version == row.version), None)
    return VersionLine(
        number=row.version,
        state=STATES[state.state if state else "draft"],
        active=standing.active == row.version,
        defined_at=row.created_at,
        defined_by=role_of(row.created_by),
        decided_at=state.decided_at if state else None,
        decided_by=role_of(state.decided_by) if state and state.decided_by else None,
        note=state.note if state else None,
    )


def _changes(
    visit: Visit, connection: Connection, old: DefinitionRow | None, new: DefinitionRow
) -> tuple[tuple[str, str], ...]:
    if old is None:
        return ()
    before, after = (stored_definition(visit.house, connection, row).definition for row in (old, new))
    found: tuple[Difference, ...] = differences(before, after, _names(visit))
    return tuple((CHANGES[each.kind], visit.tongue.pick(each.text)) for each in found)


def _names(visit: Visit) -> dict[str, Text]:
    """Purposes, effects and kinds as people know them."""
    tongues = visit.web.tongues
    words = {each.value: word for each, word in (*EFFECTS.items(), *KINDS.items(), *UNITS.items())}
    told = {key: Text(tongues["de"].say(word), tongues["en"].say(word)) for key, word in words.items()}
    return told | {key: purpose.label for key, purpose in visit.house.catalogue.purposes.items()}


@router.get("/segments/{name}/versions")
def show_all(visit: Reader, name: str, old: int | None = None, new: int | None = None) -> Response:
    """All versions."""
    return visit.page("versions.html", view=versions_page(visit, name, old, new))


@router.get("/segments/{name}/versions/{number:int}")
def show(visit: Reader, name: str, number: int) -> Response:
    """One version."""
    return visit.page("version.html", view=version_page(visit, name, number), mistakes=[])


@router.post("/segments/{name}/versions/{number:int}/activate")
def activate(visit: Poster, name: str, number: int) -> Response:
    """Make it the one that runs, or ask for approval; an older one goes back."""
    found = previews.preview_version(visit.house, name, number, actor=visit.who.actor, now=visit.now)
    told = json.dumps(found.rounded(), ensure_ascii=False)
    activations.request(visit.house, name, actor=visit.who.actor, now=visit.now, version=number, preview=told)
    return visit.go(f"/console/segments/{name}/versions")


@router.post("/segments/{name}/versions/withdraw")
def withdraw(visit: Poster, name: str) -> Response:
    """Take back the request that waits."""
    activations.withdraw(visit.house, name, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/segments/{name}/versions")


@router.post("/segments/{name}/versions/deactivate")
def deactivate(visit: Poster, name: str) -> Response:
    """Switch the scheme off."""
    activations.deactivate(visit.house, name, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/segments/{name}/versions")


@router.post("/segments/{name}/versions/{number:int}/decide")
def decide(visit: Officer, name: str, number: int) -> Response:
    """The officer's yes or no."""
    answer, note = visit.form.get("answer", ""), visit.form.get("note", "")
    request = visit.form.get("request", "")
    mistakes = (
        [] if answer in {"yes", "no"} else [Mistake("answer", visit.tongue.say("Choose one of the two answers."))]
    )
    if answer == "no" and not note:
        mistakes.append(Mistake("note", visit.tongue.say("Say what would have to change.")))
    if not mistakes:
        try:
            activations.decide(
                visit.house,
                name,
                approve=answer == "yes",
                note=note,
                actor=visit.who.actor,
                now=visit.now,
                number=int(request) if request.isdigit() and len(request) < 12 else None,
            )
        except LauterError as error:
            mistakes = refused(visit, error)
    if mistakes:
        return visit.page("version.html", 422, view=version_page(visit, name, number), mistakes=mistakes)
    return visit.go(f"/console/segments/{name}/versions")
