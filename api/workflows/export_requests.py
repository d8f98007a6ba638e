"""Ask for an export, and let a second person approve it (XPT-1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.activations import check_still_assessed, running_definition
from api.workflows.price_gates import export_refusal
from audit import log
from audit.errors import NotFound, Refused
from audit.fact import Fact, FactValue
from governance.release_export import ExportFacts, export_gate
from governance.transfers import current_transfers
from governance.vocabulary import Actor, EffectClass, Role
from segmentation import membership, store_exports
from segmentation.definitions import Segment
from segmentation.errors import SegmentUnknown
from segmentation.export_build import Chosen
from segmentation.export_request import ExportRequest, parse_request
from segmentation.freshness import check_fresh
from segmentation.membership import Live
from segmentation.store_exports import ExportRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.release import Gate


LARGEST_NUMBER = 2**31 - 1
"""Largest that the column holds."""


class ExportUnknown(NotFound):
    """There is no export of that number."""


class ApprovalRefused(Refused):
    """Whoever asked for an export cannot approve it, and none is approved twice."""


@dataclass(frozen=True)
class ExportState:
    """One export as the faces show it: never who is in it."""

    number: int
    state: str
    request: dict[str, Any]
    requested_at: datetime
    requested_by: str
    approved_by: str | None
    manifest: dict[str, Any] | None
    expires_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "export": self.number,
            "state": self.state,
            "request": self.request,
            "requested_at": self.requested_at.isoformat(),
            "requested_by": self.requested_by,
            "approved_by": self.approved_by,
            "manifest": self.manifest,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


@dataclass(frozen=True)
class ExportList:
    """The newest exports."""

    exports: tuple[ExportState, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"exports": [export.to_json() for export in self.exports]}


@dataclass(frozen=True)
class Source:
    """The live run an export draws from."""

    live: Live
    chosen: Chosen


def request(house: House, text: str, *, actor: Actor, now: datetime) -> ExportState:
    """Store a request for an export; nothing leaves yet.

    Raises:
        DocumentInvalid, FieldNotPermitted, ChannelRefused, RecipientRefused: see `parse_request`.
        NeverRun, SegmentUnknown, PurposeMismatch: the scheme cannot give what is asked for.
    """
    wanted = parse_request(text, house.catalogue, current_transfers(), today=house.today(now))
    with house.work.writing() as connection:
        source_of(house, connection, wanted, now=now)
        log.lock(connection)
        number = store_exports.add(connection, wanted.document, actor=str(actor), now=now)
        body: dict[str, FactValue] = {
            "export": number,
            "scheme": wanted.scheme,
            "purpose": wanted.purpose.key,
            "mode": wanted.mode.value,
            "country": wanted.recipient.country,
            "role": wanted.recipient.role.value,
            "request": wanted.digest,
        }
        log.append(connection, [Fact("export:requested", str(actor), now, body)])
        return _state(known(connection, number))


def approve(house: House, number: int, *, actor: Actor, now: datetime) -> ExportState:
    """Approve a request; a second person does it.

    At the command line the operator may approve what the operator asked for, in a house of one: the log says that
    nobody else looked, and so does the gate (GOV-7).

    Raises:
        ApprovalRefused: the actor asked for it, or it is not waiting for approval.
    """
    with house.work.writing() as connection:
        row = _waiting(connection, number, actor)
        store_exports.approve(connection, number, actor=str(actor))
        body: dict[str, FactValue] = {"export": number, "alone": row.requested_by == str(actor)}
        log.append(connection, [Fact("export:approved", str(actor), now, body)])
        return _state(known(connection, number))


def decline(house: House, number: int, *, actor: Actor, now: datetime) -> ExportState:
    """Say no to a request; it ends there, and another one may be made.

    Raises:
        ApprovalRefused: the actor asked for it, or it is not waiting for approval.
    """
    with house.work.writing() as connection:
        _waiting(connection, number, actor)
        store_exports.set_state(connection, number, store_exports.DECLINED)
        log.append(connection, [Fact("export:declined", str(actor), now, {"export": number})])
        return _state(known(connection, number))


def _waiting(connection: Connection, number: int, actor: Actor) -> ExportRow:
    """A request that this actor may decide about, locked."""
    log.lock(connection)  # before the export's row, as everywhere: two locks, one order
    row = known(connection, number, lock=True)
    if row.state != store_exports.REQUESTED:
        raise ApprovalRefused(f"export {number} is {row.state}, not waiting for approval")
    if row.requested_by == str(actor) and actor.role is not Role.OPERATOR:
        raise ApprovalRefused(f"export {number} needs the decision of somebody who did not request it")
    return row


def exports(house: House, limit: int = 50) -> ExportList:
    """The newest exports with their manifests."""
    with house.work.reading() as connection:
        return ExportList(tuple(_state(row) for row in store_exports.newest(connection, limit)))


def export_of(house: House, number: int) -> ExportState:
    """One export."""
    with house.work.reading() as connection:
        return _state(known(connection, number))


def gate(house: House, number: int, *, now: datetime) -> Gate:
    """What an export still lacks before it may be downloaded, every condition listed.

    Raises:
        ExportUnknown: there is none of that number.
    """
    with house.work.reading() as connection:
        row = known(connection, number)
    document = json.loads(row.document)
    facts = ExportFacts(
        requested_by=row.requested_by,
        approved_by=row.approved_by,
        built=row.state in (store_exports.BUILT, store_exports.RELEASED),
        small_cells=row.state == store_exports.REFUSED,
        expires_at=row.expires_at,
        country=document["recipient"]["country"],
        ground=document["recipient"].get("ground"),
        price=_price(house, document, now),
    )
    purpose = house.catalogue.purpose(document["purpose"])
    return export_gate(facts, purpose, current_transfers(), now=now, today=house.today(now))


def _price(house: House, document: dict[str, Any], now: datetime) -> bool | None:
    """Whether the prices that hang on the export stand; None when none can."""
    purpose = house.catalogue.purpose(document["purpose"])
    if purpose.effect is not EffectClass.PRICE:
        return None
    with house.work.reading() as connection:
        return export_refusal(house, connection, document["scheme"], purpose, now=now) is None


def source_of(house: House, connection: Connection, wanted: ExportRequest, *, now: datetime) -> Source:
    """The live run behind a request and the segments it names.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown, PurposeMismatch: the scheme cannot give what is asked for.
        NotActivated: it was switched off.
        StaleSegment: its result is too old, or of another version than the active one.
        AssessmentMissing: a price or a contract hangs on it, and its assessment is over.
    """
    running_definition(connection, wanted.scheme)
    live = membership.live(connection, wanted.scheme)
    check_fresh(connection, wanted.scheme, house.catalogue.controller, now=now)
    live.check_purpose(wanted.purpose)
    check_still_assessed(house, wanted.purpose, wanted.purpose.effect, now=now)
    return Source(live, Chosen(live.unit, _chosen(wanted, live.model.segments)))


def known(connection: Connection, number: int, *, lock: bool = False) -> ExportRow:
    """The export of that number.

    Raises:
        ExportUnknown: there is none.
    """
    found = store_exports.get(connection, number, lock=lock) if 0 < number <= LARGEST_NUMBER else None
    return found or _unknown(number)


def parsed(house: House, row: ExportRow, now: datetime) -> ExportRequest:
    """The stored request, judged again by today's catalogue and list of countries."""
    return parse_request(row.document, house.catalogue, current_transfers(), today=house.today(now))


def _chosen(wanted: ExportRequest, segments: tuple[Segment, ...]) -> dict[int, Segment]:
    numbers = {segment.key: number for number, segment in enumerate(segments)}
    for key in wanted.segments:
        if key not in numbers:
            raise SegmentUnknown(wanted.scheme, key)
    return {numbers[key]: segments[numbers[key]] for key in wanted.segments}


def _state(row: ExportRow) -> ExportState:
    manifest = dict(row.manifest) if row.manifest is not None else None
    document: dict[str, Any] = json.loads(row.document)
    return ExportState(
        row.id, row.state, document, row.requested_at, row.requested_by, row.approved_by, manifest, row.expires_at
    )


def _unknown(number: int) -> ExportRow:
    raise ExportUnknown(f"there is no export {number}; `lauter export list` shows those there are")
