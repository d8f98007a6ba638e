"""Exports: what left or is to leave, the gate before it, and the request; never who is in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response, StreamingResponse

from api.access import Right
from api.console.contacts import CHANNELS
from api.console.counts import Condition, Counts, Step, funnel
from api.console.schemes import scheme_choices
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.pages import role_of
from api.workflows import export_requests as requests
from api.workflows import exports as releases
from governance.vocabulary import REASON_TEXT, Channel, Reason
from segmentation.export import DETAIL_LABELS
from segmentation.export_request import CONTACT_PREFIX

if TYPE_CHECKING:
    from api.workflows.export_requests import ExportState

router = APIRouter()

STATES: dict[str, tuple[str, str]] = {
    "requested": ("attention", N_("waits for approval")),
    "approved": ("attention", N_("approved, not built")),
    "built": ("ok", N_("ready to fetch")),
    "released": ("ok", N_("handed out")),
    "expired": ("withheld", N_("expired")),
    "refused": ("refused", N_("refused")),
    "declined": ("refused", N_("declined")),
}
MODES = {"pseudonyms": N_("pseudonyms of this export"), "contact_points": N_("names and addresses")}
STEPS = (
    ("requested", N_("Request")),
    ("approved", N_("Approval")),
    ("built", N_("Build")),
    ("released", N_("Fetch")),
)


@dataclass(frozen=True)
class ExportLine:
    """One export in the list."""

    number: int
    recipient: str
    country: str
    scheme: str
    purpose: str
    state: tuple[str, str]
    requested_at: datetime
    included: int | None
    built: bool


@dataclass(frozen=True)
class ExportPage:
    """One export, its manifest and its gate."""

    line: ExportLine
    requested_by: str
    approved_by: str | None
    mode: str
    pseudonymous: bool
    channel: str | None
    fields: tuple[str, ...]
    segments: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    """Word and state: done, now or later."""
    manifest: Mapping[str, object] | None
    funnel: tuple[Step, ...]
    conditions: tuple[Condition, ...]
    may_approve: bool
    own_request: bool
    may_build: bool
    may_fetch: bool
    expires_at: datetime | None


def lines(visit: Visit) -> list[ExportLine]:
    """The newest exports."""
    return [_line(visit, export) for export in requests.exports(visit.house).exports]


def export_page(visit: Visit, number: int) -> ExportPage:
    """One export as this role may see it."""
    export = requests.export_of(visit.house, number)
    wanted, manifest = export.request, export.manifest
    over = export.expires_at is not None and export.expires_at <= visit.now
    own = export.requested_by == str(visit.who.actor)
    return ExportPage(
        line=_line(visit, export),
        requested_by=role_of(export.requested_by),
        approved_by=role_of(export.approved_by) if export.approved_by else None,
        mode=MODES.get(str(wanted["mode"]), str(wanted["mode"])),
        pseudonymous=wanted["mode"] == "pseudonyms",
        channel=visit.tongue.say(CHANNELS[Channel(wanted["channel"])]) if wanted.get("channel") else None,
        fields=tuple(_field(visit, str(name)) for name in wanted["fields"]),
        segments=_segments(visit, str(wanted["scheme"]), [str(key) for key in wanted["segments"]]),
        steps=_steps(export.state),
        manifest=manifest,
        funnel=_funnel(visit, manifest),
        conditions=_conditions(visit, export),
        may_approve=export.state == "requested" and visit.who.may(Right.APPROVE_EXPORT),
        own_request=own,
        may_build=export.state in {"approved", "refused"} and visit.who.may(Right.DOWNLOAD_EXPORT),
        may_fetch=export.state in {"built", "released"} and not over and visit.who.may(Right.DOWNLOAD_EXPORT),
        expires_at=export.expires_at,
    )


def _line(visit: Visit, export: ExportState) -> ExportLine:
    wanted, manifest = export.request, export.manifest
    purpose = visit.house.catalogue.purposes.get(str(wanted["purpose"]))
    counts = Counts(visit.exact)
    return ExportLine(
        number=export.number,
        recipient=str(wanted["recipient"]["name"]),
        country=str(wanted["recipient"]["country"]),
        scheme=str(wanted["scheme"]),
        purpose=visit.tongue.pick(purpose.label) if purpose else str(wanted["purpose"]),
        state=STATES.get(export.state, ("withheld", export.state)),
        requested_at=export.requested_at,
        included=counts.see(int(manifest["included"])) if manifest else None,
        built=manifest is not None,
    )


def _field(visit: Visit, name: str) -> str:
    """The word for a field or contact detail of a request."""
    if name.startswith(CONTACT_PREFIX):
        detail = name.removeprefix(CONTACT_PREFIX)
        return visit.tongue.pick(DETAIL_LABELS[detail]) if detail in DETAIL_LABELS else detail
    field = visit.house.catalogue.fields.get(name)
    return visit.tongue.pick(field.label) if field else name


def _segments(visit: Visit, scheme: str, keys: list[str]) -> tuple[str, ...]:
    known = {key: name for choice in scheme_choices(visit) if choice.name == scheme for key, name in choice.segments}
    return tuple(known.get(key, key) for key in keys)


def _steps(state: str) -> tuple[tuple[str, str], ...]:
    order = [key for key, _ in STEPS]
    reached = order.index(state) if state in order else (len(order) if state == "expired" else 1)
    return tuple(
        (word, "done" if place <= reached else "now" if place == reached + 1 else "later")
        for place, (_, word) in enumerate(STEPS)
    )


def _funnel(visit: Visit, manifest: Mapping[str, object] | None) -> tuple[Step, ...]:
    if manifest is None:
        return ()
    say, excluded = visit.tongue.say, manifest["excluded"]
    reasons = {Reason(key): int(count) for key, count in excluded.items()} if isinstance(excluded, Mapping) else {}
    return tuple(
        funnel(
            (say("In the segments"), int(str(manifest["input"]))),
            reasons,
            REASON_TEXT,
            (say("In the file"), int(str(manifest["included"]))),
            Counts(visit.exact),
            say("Other reasons"),
        )
    )


ALWAYS_SHOWN = {"approved": "attention", "built": "attention", "price_stands": "refused"}
"""Conditions of the gate that are shown met or not, and how they look while they are not; others only when unmet."""


def _conditions(visit: Visit, export: ExportState) -> tuple[Condition, ...]:
    formats, tongue = visit.tongue.formats, visit.tongue
    found = [Condition("ok", tongue.say("Purpose, recipient and fields fit"), formats.moment(export.requested_at))]
    for one in requests.gate(visit.house, export.number, now=visit.now).conditions:
        if one.key in ALWAYS_SHOWN or not one.met:
            state = "ok" if one.met else ALWAYS_SHOWN.get(one.key, "refused")
            found.append(Condition(state, tongue.pick(one.text), ""))
    return tuple(found)


Reader = Annotated[Visit, Depends(visiting(Right.EXPORTS))]


@router.get("/exports")
def show_list(visit: Reader) -> Response:
    """The list."""
    return visit.page("exports.html", view=lines(visit))


@router.get("/exports/{number:int}")
def show(visit: Reader, number: int) -> Response:
    """One export."""
    return visit.page("export.html", view=export_page(visit, number))


@router.post("/exports/{number:int}/approve")
def approve(visit: Annotated[Visit, Depends(posting(Right.APPROVE_EXPORT))], number: int) -> Response:
    """The second person says yes."""
    requests.approve(visit.house, number, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/exports/{number}")


@router.post("/exports/{number:int}/decline")
def decline(visit: Annotated[Visit, Depends(posting(Right.APPROVE_EXPORT))], number: int) -> Response:
    """The second person says no."""
    requests.decline(visit.house, number, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/exports/{number}")


@router.post("/exports/{number:int}/build")
def build(visit: Annotated[Visit, Depends(posting(Right.DOWNLOAD_EXPORT))], number: int) -> Response:
    """Decide who is in it."""
    releases.build(visit.house, number, actor=visit.who.actor, now=visit.now)
    return visit.go(f"/console/exports/{number}")


@router.post("/exports/{number:int}/fetch")
def fetch(visit: Annotated[Visit, Depends(posting(Right.DOWNLOAD_EXPORT))], number: int) -> Response:
    """Hand it out: permission is decided once more before the first byte."""
    found = releases.download(visit.house, number, actor=visit.who.actor, now=visit.now)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"', "Content-Length": str(found.size)}
    return StreamingResponse(found.chunks(), media_type=found.media_type, headers=headers)
