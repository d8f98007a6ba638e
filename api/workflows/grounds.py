"""Facts that open a channel, taken down by the desk, and calls that were made.

The vault resolves the reference and seals the evidence before it reaches the ledger. The proof of a consent to calls
stands in api/workflows/phone_proof.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.workflows.declaring import find
from api.workflows.phone_proof import ProofDocument, phone_proof
from consent import grounds
from consent.channels import grounds_count
from consent.errors import GroundInvalid
from consent.grounds import CUSTOMER_FACTS, Ground, GroundKind
from consent.openings import standing_grounds
from consent.permission import decide_one
from consent.store_grounds import rows_of
from governance.vocabulary import REASON_TEXT, Channel, Unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from consent.grounds import GroundsRecorded
    from governance.purposes import Purpose
    from governance.vocabulary import Actor

__all__ = [
    "Called",
    "GroundDone",
    "ProofDocument",
    "Shown",
    "check_purpose",
    "end_ground",
    "phone_proof",
    "record_call",
    "record_ground",
]


@dataclass(frozen=True)
class Shown:
    """A fact as the desk takes it down, with what shows it."""

    purpose: str
    channel: Channel
    kind: GroundKind
    since: datetime
    """When the fact arose, or ended."""
    evidence: str
    """Such as the order's number, or the version of the form; sealed."""


@dataclass(frozen=True)
class GroundDone:
    """What came of it, and what the facts for this purpose and channel come to now."""

    recorded: int
    repeated: int
    entry: int | None
    holds: tuple[str, ...]
    """The facts that hold."""
    missing: tuple[str, ...]
    """Facts of § 7(3) UWG that are not shown."""
    open: bool
    """Whether the channel may be used now, for whatever reason."""
    reason: str
    text: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return dict(vars(self)) | {"holds": list(self.holds), "missing": list(self.missing)}


@dataclass(frozen=True)
class Called:
    """A call that was made; it starts the years of its proof anew."""

    recorded: int
    repeated: int
    entry: int | None
    retain_until: str | None
    """The last day on which the proof is kept; None: there is no consent to calls on record."""
    lawful: bool
    """Whether a call is permitted now."""
    text: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return dict(vars(self))


def record_ground(
    house: House, reference: str, shown: Shown, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> GroundDone:
    """Record a fact with its evidence.

    Raises:
        NotFound: no such reference or purpose.
        GroundInvalid: evidence is missing, a date lies in the future, or the fact opens nothing there.
        PresumedForConsumer: presumed consent of somebody who is no business.
    """
    return _change(house, grounds.record, reference, shown, actor=actor, now=now, unit=unit)


def end_ground(
    house: House, reference: str, shown: Shown, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> GroundDone:
    """Record that a fact ended, or was found wrong, with what shows that.

    Raises:
        NotFound, GroundInvalid: as `record_ground`.
    """
    return _change(house, grounds.end, reference, shown, actor=actor, now=now, unit=unit)


def record_call(
    house: House,
    reference: str,
    purpose: str,
    *,
    called_at: datetime | None = None,
    actor: Actor,
    now: datetime,
    unit: Unit = Unit.CONTACT,
) -> Called:
    """Record that somebody was called for a purpose; what happened is written down, permitted or not.

    Raises:
        NotFound: no such reference or purpose.
        GroundInvalid: the call lies in the future.
    """
    wanted = house.catalogue.purpose(purpose)
    subject = find(house, reference, unit)
    with house.work.writing() as connection:
        entry = grounds.record_use(
            connection, [subject.number], purpose, Channel.PHONE, used_at=called_at or now, actor=actor, now=now
        )
    with house.work.reading() as connection:
        until = grounds.phone_proof(connection, subject.number).retain_until
        decision = decide_one(connection, subject.number, wanted, now=now, channel=Channel.PHONE)
    text = REASON_TEXT[decision.reason]
    shown_until = None if until is None else until.isoformat()
    return Called(
        int(entry is not None), int(entry is None), entry, shown_until, decision.lawful, {"de": text.de, "en": text.en}
    )


def check_purpose(purpose: Purpose, channel: Channel) -> None:
    """Refuse a fact that could open nothing.

    Raises:
        GroundInvalid: the purpose does not name the channel, is no advertising, or rests on consent.
    """
    if channel not in purpose.channels:
        raise GroundInvalid(f"{purpose.key} does not use the channel {channel.value}")
    if not purpose.marketing:
        raise GroundInvalid(f"{purpose.key} is no advertising: § 7 UWG asks nothing of it")
    if not grounds_count(purpose):
        raise GroundInvalid(f"{purpose.key} rests on consent: no fact stands in for the consent to the channel")


def _change(
    house: House,
    act: Callable[..., GroundsRecorded],
    reference: str,
    shown: Shown,
    *,
    actor: Actor,
    now: datetime,
    unit: Unit,
) -> GroundDone:
    purpose = house.catalogue.purpose(shown.purpose)
    check_purpose(purpose, shown.channel)
    if not shown.evidence.strip():
        raise GroundInvalid(f"{shown.kind.value}: evidence is missing; without it there is no fact")
    subject = find(house, reference, unit)
    ground = Ground(shown.purpose, shown.channel, shown.kind, shown.since)
    sealed = house.vault.seal_evidence([(subject.pseudonym, shown.evidence.encode())])
    with house.work.writing() as connection:
        done = act(connection, subject.number, [ground], actor=actor, now=now, evidence=sealed)
    with house.work.reading() as connection:
        return _done(connection, subject.number, purpose, shown.channel, done, now)


def _done(
    connection: Connection, number: int, purpose: Purpose, channel: Channel, done: GroundsRecorded, now: datetime
) -> GroundDone:
    holds = {
        row.ground.kind
        for row in standing_grounds(rows_of(connection, [number]).get(number, []))
        if (row.ground.purpose, row.ground.channel) == (purpose.key, channel)
    }
    decision = decide_one(connection, number, purpose, now=now, channel=channel)
    text = REASON_TEXT[decision.reason]
    return GroundDone(
        recorded=done.recorded,
        repeated=done.repeated,
        entry=done.entry,
        holds=tuple(kind.value for kind in GroundKind if kind in holds),
        missing=tuple(k.value for k in CUSTOMER_FACTS if k not in holds) if channel is not Channel.PHONE else (),
        open=decision.lawful,
        reason=decision.reason.value,
        text={"de": text.de, "en": text.en},
    )
