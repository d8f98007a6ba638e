"""Take in a file from a browser: by a stored mapping or one proposed for it, tried first, and told row by row.

The file is read as it arrives and never kept; a row that fails is told by number, column and reason, never by value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import security
from api.access import Right
from api.console.forms import Mistake, refused
from api.console.multipart import PostedForm
from api.deps import Visit, visiting
from api.i18n import N_
from api.routes.imports import Kind, importer
from api.routes.upload import body_of, mapping_names, mapping_of
from audit.errors import LauterError
from governance.vocabulary import Text

router = APIRouter()

KINDS: dict[Kind, str] = {
    Kind.CONTACTS: N_("Contacts"),
    Kind.ACCOUNTS: N_("Companies"),
    Kind.ACTIVITIES: N_("Orders and other acts"),
    Kind.CONSENTS: N_("Consents"),
    Kind.ATTRIBUTES: N_("Attributes for the price check"),
}
ACTS: dict[str, str] = {
    "preview": N_("Try it: say what would happen, write nothing"),
    "import": N_("Take it in"),
    "suggest": N_("Propose a mapping for this file"),
}
WRITTEN = "-"
"""In place of a stored mapping's name: the one written in the form."""
COUNTS: dict[str, str] = {
    "rows": N_("Rows"),
    "created": N_("New"),
    "updated": N_("Changed"),
    "given": N_("Consents given"),
    "denied": N_("Refused or withdrawn"),
    "unknown": N_("Unknown, so no"),
    "other": N_("Asked, not answered"),
    "unchanged": N_("Unchanged"),
    "refused": N_("Would have raised what was denied"),
    "failed": N_("Failed"),
    "skipped": N_("Repeated in the file"),
    "blocked": N_("On the block list"),
    "cells_left_out": N_("Addresses left out"),
    "dropped_columns": N_("Columns dropped while reading"),
}
ALWAYS_SHOWN = frozenset({"rows", "failed", "dropped_columns"})
MOST_ROWS = 100
UNTOUCHED = {"kind": Kind.CONTACTS.value, "mapping": "", "text": "", "act": "preview"}
"""The form before anybody chose; nothing is written unless somebody says so."""


@dataclass(frozen=True)
class FailedRow:
    """A row that was not taken, or not in full."""

    row: int
    column: str
    mend: Text


@dataclass(frozen=True)
class ReportView:
    """What an import did, or would do."""

    kind: str
    dry_run: bool
    counts: tuple[tuple[str, int], ...]
    found: tuple[str, ...]
    ambiguous: tuple[Text, ...]
    rows: tuple[FailedRow, ...]
    more: int


@dataclass(frozen=True)
class FormView:
    """The form, with what was chosen before; the file must be chosen again, for nobody kept it."""

    kinds: Mapping[Kind, str]
    acts: Mapping[str, str]
    mappings: tuple[str, ...]
    ticked: Mapping[str, str]


def report_view(report: Mapping[str, Any]) -> ReportView:
    """A report of any kind, as `to_json` tells it."""
    listed = [*report.get("errors", ()), *report.get("notes", ())]
    more = report.get("errors_not_listed", 0) + report.get("notes_not_listed", 0) + max(0, len(listed) - MOST_ROWS)
    counts = ((word, int(report[key])) for key, word in COUNTS.items() if report.get(key) or key in ALWAYS_SHOWN)
    detected = report["detected"]
    return ReportView(
        kind=KINDS[Kind(report["kind"])],
        dry_run=report["dry_run"],
        counts=tuple(counts),
        found=tuple(str(value) for key, value in detected.items() if isinstance(value, str)),
        ambiguous=tuple(Text(each["de"], each["en"]) for each in detected["ambiguous"]),
        rows=tuple(FailedRow(one["row"], one["column"], Text(**one["mend"])) for one in listed[:MOST_ROWS]),
        more=more,
    )


def _form(visit: Visit, status: int = 200, mistakes: list[Mistake] | None = None, **ticked: str) -> Response:
    return visit.page("imports.html", status, form=form_view(visit, **ticked), mistakes=mistakes or [])


def form_view(visit: Visit, **ticked: str) -> FormView:
    """The form as it was filled in, but for what *ticked* says."""
    names = mapping_names(visit.house.settings.home)
    return FormView(KINDS, ACTS, names, {**UNTOUCHED, **visit.form, **ticked})


def _mapping(visit: Visit) -> str | None:
    chosen = visit.form.get("mapping", "")
    if chosen == WRITTEN:
        return visit.form.get("text") or None
    return mapping_of(visit.house.settings.home, chosen or None, None)


def _mistakes(visit: Visit, text: str | None) -> list[Mistake]:
    say, form, found = visit.tongue.say, visit.form, list[Mistake]()
    if form.get("kind") not in {kind.value for kind in Kind}:
        found.append(Mistake("kind", say("Kind of file: choose what it holds")))
    if form.get("act") not in ACTS:
        found.append(Mistake("act", say("What shall happen: choose one")))
    if text is None and form.get("act") != "suggest" and form.get("kind") != Kind.CONSENTS.value:
        found.append(Mistake("mapping", say("Mapping: choose a stored one, or write one below")))
    return found


def _answer(visit: Visit, posted: PostedForm) -> Response:
    """Do what was asked; the file is read here and nowhere else."""
    from api.workflows.imports import suggest_mapping

    text = _mapping(visit)
    if mistakes := _mistakes(visit, text):
        return _form(visit, 422, mistakes)
    if visit.form["act"] == "suggest":
        proposed = suggest_mapping(visit.house, posted.file()).text
        return _form(visit, text=proposed, mapping=WRITTEN, act="preview")
    dry_run = visit.form["act"] == "preview"
    take = importer(Kind(visit.form["kind"]))
    report = take(visit.house, posted.file(), text, actor=visit.who.actor, now=visit.now, dry_run=dry_run)
    form = form_view(visit, act="import")
    return visit.page("import_report.html", view=report_view(report.to_json()), form=form, mistakes=[])


Steward = Annotated[Visit, Depends(visiting(Right.IMPORT))]


@router.get("/imports")
def show(visit: Steward) -> Response:
    """The form."""
    return _form(visit)


@router.post("/imports")
def take_in(visit: Steward, request: Request) -> Response:
    """Read the form's fields, prove that the form is ours, then read its file."""
    posted = PostedForm(body_of(request), request.headers.get("content-type", ""))
    try:
        visit = replace(visit, form=posted.read_fields())
        security.check_form(request, visit.web.form_key, visit.who.session, visit.form.get("token", ""))
        return _answer(visit, posted)
    except security.FormNotOurs:
        raise
    except LauterError as error:
        return _form(visit, 422, refused(visit, error))
    finally:
        posted.drain()
