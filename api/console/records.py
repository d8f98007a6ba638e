"""Records the law asks for, made from what is in force: read, compared with an earlier day, taken along as files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.deps import Visit, visiting
from api.i18n import N_
from api.workflows import records as workflow
from api.workflows.paper_pdf import paper_pdf
from api.workflows.papers import ABOUT_A_SCHEME, PaperKind, paper_of
from api.workflows.segments import schemes
from audit.errors import BadInput, NotFound

if TYPE_CHECKING:
    from api.workflows.records import RecordChanges
    from governance.papers import Paper

router = APIRouter()

Reader = Annotated[Visit, Depends(visiting(Right.RECORDS))]

NAMES: dict[PaperKind, str] = {
    PaperKind.PROCESSING: N_("Record of processing activities"),
    PaperKind.AI: N_("Inventory of AI systems"),
    PaperKind.EVIDENCE: N_("Evidence"),
    PaperKind.IMPACT: N_("Impact assessment"),
}
FORMS = {"pdf": "application/pdf", "json": "application/json"}
SINCE = timedelta(days=90)
"""How far back changes are told unless a day is named."""


@dataclass(frozen=True)
class SchemeRecords:
    """A scheme and what is open in its records."""

    name: str
    label: str
    missing: int
    to_judge: int


@dataclass(frozen=True)
class PaperView:
    """One record on its page."""

    path: str
    name: str
    paper: Paper
    changes: RecordChanges | None


@router.get("/records")
def show_list(visit: Reader) -> Response:
    """Every record with what is open in it."""
    house, now = visit.house, visit.now
    rows = [
        SchemeRecords(
            state.scheme,
            state.label[visit.tongue.language],
            len(paper_of(house, PaperKind.EVIDENCE, state.scheme, now=now).open_lines),
            len(paper_of(house, PaperKind.IMPACT, state.scheme, now=now).open_lines),
        )
        for state in schemes(house).schemes
    ]
    whole = [
        (kind, NAMES[kind], len(paper_of(house, kind, now=now).open_lines))
        for kind in (PaperKind.PROCESSING, PaperKind.AI)
    ]
    return visit.page("records.html", whole=whole, rows=rows)


@router.get("/records/{kind}")
def show(visit: Reader, kind: str, since: str = "") -> Response:
    """A record about the whole house."""
    wanted = _kind(kind)
    told = _changes(visit, since) if wanted is PaperKind.PROCESSING else None
    return _page(visit, wanted, None, told)


@router.get("/records/{kind}/file.{form}")
def download(visit: Reader, kind: str, form: str) -> Response:
    """The same as a file."""
    return _file(visit, _kind(kind), None, form)


@router.get("/records/{kind}/{scheme}")
def show_of_scheme(visit: Reader, kind: str, scheme: str) -> Response:
    """A record about one scheme."""
    return _page(visit, _kind(kind), scheme, None)


@router.get("/records/{kind}/{scheme}/file.{form}")
def download_of_scheme(visit: Reader, kind: str, scheme: str, form: str) -> Response:
    """The same as a file."""
    return _file(visit, _kind(kind), scheme, form)


def _kind(word: str) -> PaperKind:
    if word not in set(PaperKind):
        raise NotFound("there is no such record")
    return PaperKind(word)


def _page(visit: Visit, kind: PaperKind, scheme: str | None, changes: RecordChanges | None) -> Response:
    paper = paper_of(visit.house, kind, scheme, now=visit.now)
    path = f"/console/records/{kind.value}" + (f"/{scheme}" if kind in ABOUT_A_SCHEME else "")
    return visit.page("record.html", view=PaperView(path, NAMES[kind], paper, changes))


def _changes(visit: Visit, since: str) -> RecordChanges:
    day = visit.house.today(visit.now) - SINCE
    if since:
        try:
            day = date.fromisoformat(since)
        except ValueError:
            raise BadInput("A day is written like 2026-11-22.") from None
    return workflow.record_changes(visit.house, day, now=visit.now)


def _file(visit: Visit, kind: PaperKind, scheme: str | None, form: str) -> Response:
    if form not in FORMS:
        raise NotFound("a record comes as pdf or json")
    paper, language = paper_of(visit.house, kind, scheme, now=visit.now), visit.tongue.language
    if form == "pdf":
        data = paper_pdf(paper, visit.tongue, now=visit.now)
    else:
        data = json.dumps(paper.to_json(language), ensure_ascii=False, indent=2).encode()
    name = "-".join(part for part in (kind.value, scheme, language) if part)
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(data, media_type=FORMS[form], headers=disposition)
