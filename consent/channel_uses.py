"""The proof of consents to calls: each grant, each use, and for how long both are kept (§ 7a UWG, CON-11).

A use starts the five years anew, so uses are recorded as they happen: by the release of a list of numbers, or by hand.
Withdrawing ends the calls and not the proof; what is kept as proof opens no channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from audit import log
from audit.database import to_microseconds
from audit.errors import NotFound
from audit.fact import Fact, FactValue
from consent import store_grounds, store_ledger
from consent.decision import LAW_ZONE
from consent.declarations import CONSENT_ACTS
from consent.errors import GroundInvalid
from consent.replay import DENIALS, effective_at
from consent.store_grounds import Use
from consent.store_ledger import Recorded
from governance.deadlines import add_duration
from governance.vocabulary import Actor, Channel

KEPT_FOR = "P5Y"
"""§ 7a(2) UWG: five years from the grant, and again from each use."""


@dataclass(frozen=True)
class PhoneProof:
    """Everything that shows what somebody consented to on the phone; evidence is still sealed."""

    grants: tuple[Recorded, ...]
    """Consents to calls as they were declared, oldest first."""
    denials: tuple[Recorded, ...]
    """Refusals, withdrawals and objections about calls."""
    uses: tuple[Use, ...]
    retain_until: date | None
    """The last day of § 7a(2) UWG, included; None without a consent."""


def stage_use(
    connection: Connection,
    subjects: Sequence[int],
    purpose: str,
    channel: Channel,
    *,
    used_at: datetime,
    export: int | None = None,
    actor: Actor,
    now: datetime,
) -> Fact | None:
    """Keep a use of the channel to these subjects; the fact that belongs into the log, or None when nobody was used.

    For an act that appends its own fact: both go in one `log.append`, the last thing before the commit.

    Raises:
        GroundInvalid: the use lies in the future.
    """
    in_the_past(used_at, now, "the use of a channel")
    if not subjects:
        return None
    log.lock(connection)
    first, last = store_grounds.add_uses(connection, subjects, purpose, channel, used_at, export)
    body: dict[str, FactValue] = {
        "purpose": purpose, "channel": channel.value, "export": export, "uses": len(subjects), "first": first,
        "last": last, "used_at": to_microseconds(used_at),
    }  # fmt: skip
    return Fact("channel:used", str(actor), now, body, tuple(subjects))


def record_use(
    connection: Connection,
    subjects: Sequence[int],
    purpose: str,
    channel: Channel,
    *,
    used_at: datetime,
    export: int | None = None,
    actor: Actor,
    now: datetime,
) -> int | None:
    """Record a use of the channel to these subjects, as the last thing its transaction does; the index of its fact.

    One that was recorded by hand before changes nothing: None.

    Raises:
        GroundInvalid: the use lies in the future.
        NotFound: one of them is not here any more.
    """
    if len(store_ledger.lock_subjects(connection, subjects)) < len(set(subjects)):
        raise NotFound("nobody is kept under that number any more")
    new = [
        number
        for number in dict.fromkeys(subjects)
        if export is not None or not store_grounds.is_used(connection, number, purpose, channel, used_at)
    ]
    fact = stage_use(connection, new, purpose, channel, used_at=used_at, export=export, actor=actor, now=now)
    return None if fact is None else log.append(connection, [fact])


def phone_proof(connection: Connection, subject: int) -> PhoneProof:
    """Grants, denials and uses of somebody's consents to calls, whatever the purpose, and how long they are kept."""
    recorded = store_ledger.histories(connection, [subject])[subject]
    about = [each for each in recorded if each.declaration.channel is Channel.PHONE]
    grants = tuple(each for each in about if each.declaration.act in CONSENT_ACTS)
    uses = tuple(store_grounds.uses_of(connection, subject, Channel.PHONE))
    moments = [effective_at(each.declaration) for each in grants] + [use.used_at for use in uses]
    until = retained_until(moments) if grants else None
    return PhoneProof(grants, tuple(each for each in about if each.declaration.act in DENIALS), uses, until)


def retained_until(moments: Sequence[datetime]) -> date | None:
    """The last day that proof of a consent is kept, counted on the calendar from the latest grant or use."""
    if not moments:
        return None
    return add_duration(max(moments).astimezone(LAW_ZONE).date(), KEPT_FOR)


def in_the_past(moment: datetime, now: datetime, what: str) -> None:
    """Refuse what cannot have happened yet.

    Raises:
        GroundInvalid: it lies in the future, or has no time zone.
    """
    if moment.tzinfo is None or moment > now:
        raise GroundInvalid(f"{what}: lies in the future or has no time zone; give the time it really happened")
