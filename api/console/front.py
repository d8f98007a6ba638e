"""The first page: how much there is, which schemes live, whether the log is sound, and what wants a human."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts
from api.console.schemes import EFFECTS, SchemeLine, scheme_lines
from api.deps import Visit, posting, visiting
from audit import log
from governance.store import counts as count_people
from governance.vocabulary import EffectClass

router = APIRouter()
PLACE = "/console/corrections"


@dataclass(frozen=True)
class Task:
    """Something that wants a human."""

    kind: str
    text: str
    note: str
    path: str


@dataclass(frozen=True)
class Overview:
    """What the first page shows; counts are None where there are too few to tell."""

    contacts: int | None
    accounts: int | None
    activities: int | None
    entries: int
    live: int
    schemes: tuple[SchemeLine, ...]
    tasks: tuple[Task, ...]
    knows_data: bool


def overview(visit: Visit) -> Overview:
    """The house as this role may see it."""
    counts, knows = Counts(visit.exact), visit.who.may(Right.SEGMENTS)
    with visit.house.work.reading() as connection:
        entries, people = log.size(connection), count_people(connection)
    schemes = tuple(scheme_lines(visit)) if knows else ()
    return Overview(
        contacts=counts.see(people.contacts),
        accounts=counts.see(people.accounts),
        activities=counts.see(people.activities),
        entries=entries,
        live=sum(scheme.run is not None for scheme in schemes),
        schemes=schemes,
        tasks=tuple(_tasks(visit, schemes)),
        knows_data=knows,
    )


def _tasks(visit: Visit, schemes: tuple[SchemeLine, ...]) -> Iterator[Task]:
    say = visit.tongue.say
    if visit.web.watch.last is None and visit.who.may(Right.VERIFY):
        text, note = say("The log was not checked since the start"), say("A check takes seconds and changes nothing.")
        yield Task("attention", text, note, "/console/verify")
    if visit.who.may(Right.PERSON):
        yield from _corrections(visit)
    if visit.who.may(Right.APPROVE_SCHEME):
        yield from _waiting_versions(visit, {scheme.name: scheme.label for scheme in schemes})
    if visit.who.may(Right.EXPORTS):
        yield from _waiting_exports(visit)
    if visit.who.may(Right.PRICES):
        yield from _closed_gates(visit)
    for scheme in schemes:
        if scheme.run is None or not scheme.fresh:
            word = say("never run") if scheme.run is None else say("stale: run it again")
            yield Task("attention", scheme.label, word, f"/console/segments/{scheme.name}")


def _corrections(visit: Visit) -> Iterator[Task]:
    from api.workflows.corrections import waiting

    say, number = visit.tongue.say, visit.tongue.formats.number
    found = waiting(visit.house, now=visit.now)
    due, gone = sum(each.due for each in found), sum(each.homeless for each in found)
    stays = say("They stay in force until somebody decides.")
    if due:
        text = say("%(n)s corrections are due for review", n=number(due))
        yield Task("attention", say("A correction is due for review") if due == 1 else text, stays, PLACE)
    if gone:
        text = say("%(n)s corrections name a segment that is gone", n=number(gone))
        note = say("Until somebody decides, whoever it concerns is in no segment.")
        yield Task("refused", say("A correction names a segment that is gone") if gone == 1 else text, note, PLACE)


def _waiting_versions(visit: Visit, labels: Mapping[str, str]) -> Iterator[Task]:
    from api.workflows.activations import waiting

    say = visit.tongue.say
    for each in waiting(visit.house):
        label = labels.get(each.scheme, each.scheme)
        text = say("Version %(n)s of %(scheme)s waits for your approval", n=each.version, scheme=label)
        note = say(EFFECTS[EffectClass(each.effect_class)])
        yield Task("attention", text, note, f"/console/segments/{each.scheme}/versions/{each.version}")


def _waiting_exports(visit: Visit) -> Iterator[Task]:
    from api.workflows.export_requests import exports

    for export in exports(visit.house).exports:
        if export.state == "requested" and visit.who.may(Right.APPROVE_EXPORT):
            text = visit.tongue.say("Export X-%(n)s waits for approval", n=export.number)
            yield Task("attention", text, str(export.request["recipient"]["name"]), f"/console/exports/{export.number}")


def _closed_gates(visit: Visit) -> Iterator[Task]:
    from api.workflows.prices import policies

    for state in policies(visit.house, now=visit.now).policies:
        name = state.stored.policy.name
        if state.active is not None and state.on_hold:
            text = visit.tongue.say("Price on hold, needs a new check: %(name)s", name=name)
            yield Task("refused", text, visit.tongue.pick(state.active.gate.unmet[0].text), f"/console/prices/{name}")
        elif not state.gate.open:
            text = visit.tongue.say("Gate closed: %(name)s", name=name)
            yield Task("refused", text, visit.tongue.pick(state.gate.unmet[0].text), f"/console/prices/{name}")


def place_of(visit: Visit, wanted: str) -> str | None:
    """The page that was meant: a scheme's name, an export's number, a log entry's number; else None."""
    word = wanted.strip().replace("\u202f", "").replace(",", "").replace(".", "")
    export = re.fullmatch(r"[Xx]-?(\d{1,12})", word)
    if export and visit.who.may(Right.EXPORTS):
        return f"/console/exports/{int(export[1])}"
    if re.fullmatch(r"\d{1,15}", word) and visit.who.may(Right.LOG):
        return f"/console/log/{int(word)}"
    if visit.who.may(Right.SEGMENTS):
        lines = scheme_lines(visit)
        known = {name.casefold(): line.name for line in lines for name in (line.name, line.label)}
        if name := known.get(wanted.strip().casefold()):
            return f"/console/segments/{name}"
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
