"""The officer's page: what happened since the last look, alarms, and how the house stands, area by area."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.log import KINDS
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import alarms as alarm_workflow
from api.workflows import compliance as workflow
from api.workflows.compliance import Area, News
from governance.alarms import Alarm, AlarmKind

if TYPE_CHECKING:
    from api.workflows.compliance import Matter

router = APIRouter()

Reader = Annotated[Visit, Depends(visiting(Right.COMPLIANCE))]
Posted = Annotated[Visit, Depends(posting(Right.COMPLIANCE))]
Answerable = Annotated[Visit, Depends(posting(Right.ACKNOWLEDGE))]

AREAS: dict[Area, str] = {
    Area.ASSESSMENTS: N_("Assessments"),
    Area.SCHEMES: N_("Segmentations"),
    Area.CORRECTIONS: N_("Corrections"),
    Area.PRICES: N_("Prices"),
    Area.EXPORTS: N_("Exports"),
    Area.LOG: N_("Log"),
}
MOST_KINDS = 12


@dataclass(frozen=True)
class AlarmLine:
    """An alarm in words."""

    key: str
    text: str
    note: str
    path: str
    at: datetime


@dataclass(frozen=True)
class ComplianceView:
    """Everything on the page."""

    news: News
    kinds: tuple[tuple[str, str, int], ...]
    alarms: tuple[AlarmLine, ...]
    areas: tuple[tuple[str, str, tuple[Matter, ...]], ...]
    wanting: int


@router.get("/compliance")
def show(visit: Reader) -> Response:
    """How the house stands."""
    found = workflow.compliance(visit.house, now=visit.now)
    news = workflow.news(visit.house, visit.who.actor)
    areas = tuple(
        (area.value, name, tuple(one for one in found.matters if one.area is area)) for area, name in AREAS.items()
    )
    kinds = tuple((kind, KINDS.get(kind, kind), count) for kind, count in news.kinds[:MOST_KINDS])
    alarms = tuple(_line(visit, alarm) for alarm in found.alarms)
    wanting = sum(one.kind != "ok" for one in found.matters) + len(alarms)
    return visit.page("compliance.html", view=ComplianceView(news, kinds, alarms, areas, wanting))


@router.post("/compliance/seen")
def seen(visit: Posted) -> Response:
    """What happened up to here is known."""
    size = visit.form.get("size", "")
    workflow.mark_seen(visit.house, visit.who.actor, int(size) if size.isdecimal() else 0, now=visit.now)
    return visit.go("/console/compliance")


@router.post("/compliance/acknowledge")
def acknowledge(visit: Answerable) -> Response:
    """Somebody looked at an alarm; that is a fact."""
    alarm_workflow.acknowledge(visit.house, visit.form.get("alarm", ""), actor=visit.who.actor, now=visit.now)
    return visit.go("/console/compliance")


def _line(visit: Visit, alarm: Alarm) -> AlarmLine:
    say, number = visit.tongue.say, visit.tongue.formats.number
    role = say(role_of(alarm.subject))
    if alarm.kind is AlarmKind.MANY_READS:
        text = say("%(n)s people looked up within an hour", n=number(alarm.count))
        note = say("by one account of %(role)s; the limit is %(limit)s", role=role, limit=number(int(alarm.limit)))
        path = f"/console/log?kind=subject%3Alooked_up&role={alarm.subject.partition(':')[0]}"
    elif alarm.kind is AlarmKind.ALWAYS_YES:
        text = say("%(n)s %% of decisions were a yes", n=number(alarm.count))
        note = say("by one account of %(role)s; the limit is %(limit)s %%", role=role, limit=number(int(alarm.limit)))
        path = f"/console/log?role={alarm.subject.partition(':')[0]}"
    else:
        text = say("Export X-%(n)s holds %(count)s people", n=alarm.subject, count=number(alarm.count))
        note = say("more than the usual for this recipient, %(limit)s", limit=number(int(alarm.limit)))
        path = f"/console/exports/{alarm.subject}"
    return AlarmLine(alarm.key, text, note, path, alarm.at)
