"""The facts that open a channel without express consent, and when they have ended; pure.

§ 7(3) UWG needs all of its facts at once, each with evidence: the address came from the customer on a sale; the
advertising is for own similar goods; a clear notice of the right to object stood at the collection and stands at each
use; and nobody objected. The last one is no fact to record: it is read from what the subject declared. Any no to the
channel, to the purpose, to marketing or to everything ends the exception for good, and presumed consent with it; after
it only an express consent opens the channel again, whatever is recorded later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.channels import Grounds
from consent.replay import DENIALS, FIELD_ACTS
from governance.vocabulary import CHANNEL_BITS, Channel, Declaration, Scope


class GroundKind(StrEnum):
    """A fact of § 7(3) UWG, or the reason for presumed consent of § 7(2) no. 1 UWG."""

    ADDRESS_FROM_SALE = "address_from_sale"
    OWN_SIMILAR_GOODS = "own_similar_goods"
    NOTICE_AT_COLLECTION = "notice_at_collection"
    NOTICE_AT_EACH_USE = "notice_at_each_use"
    PRESUMED_CONSENT = "presumed_consent"


CUSTOMER_FACTS = (
    GroundKind.ADDRESS_FROM_SALE,
    GroundKind.OWN_SIMILAR_GOODS,
    GroundKind.NOTICE_AT_COLLECTION,
    GroundKind.NOTICE_AT_EACH_USE,
)
OPENS: dict[GroundKind, frozenset[Channel]] = {
    **dict.fromkeys(CUSTOMER_FACTS, frozenset({Channel.EMAIL, Channel.SMS})),
    GroundKind.PRESUMED_CONSENT: frozenset({Channel.PHONE}),
}
"""The channels a fact can help to open; elsewhere it means nothing."""
STOPS_ADVERTISING = (Scope.MARKETING, Scope.GENERAL)


@dataclass(frozen=True)
class Ground:
    """One fact about somebody, for one purpose and channel."""

    purpose: str
    channel: Channel
    kind: GroundKind
    since: datetime
    """When the fact arose."""


@dataclass(frozen=True)
class RecordedGround:
    """A fact as it was recorded, or its end."""

    seq: int
    ground: Ground
    holds: bool
    recorded_at: datetime


def standing_grounds(rows: Iterable[RecordedGround]) -> list[RecordedGround]:
    """The facts that hold now: of each kind, purpose and channel the latest counts, and its end at the same instant.

    The order of arrival does not matter: a file that brings an old fact again opens nothing that ended since.
    """
    newest: dict[tuple[str, Channel, GroundKind], RecordedGround] = {}
    for row in sorted(rows, key=lambda row: (row.ground.since, not row.holds, row.seq)):
        newest[row.ground.purpose, row.ground.channel, row.ground.kind] = row
    return [row for row in newest.values() if row.holds]


def openings_of(rows: Iterable[RecordedGround], history: Sequence[Declaration]) -> dict[str, Grounds]:
    """Per purpose the channels that somebody's facts open, by everything they ever declared; sparse."""
    kinds: dict[tuple[str, Channel], set[GroundKind]] = {}
    for row in standing_grounds(rows):
        kinds.setdefault((row.ground.purpose, row.ground.channel), set()).add(row.ground.kind)
    found: dict[str, Grounds] = {}
    for (purpose, channel), shown in sorted(kinds.items()):
        if is_ended(history, purpose, channel):
            continue
        bit, before = CHANNEL_BITS[channel], found.get(purpose, Grounds())
        customer = bit if shown.issuperset(CUSTOMER_FACTS) else 0
        presumed = bit if GroundKind.PRESUMED_CONSENT in shown else 0
        found[purpose] = Grounds(before.customer | customer, before.presumed | presumed)
    return {purpose: grounds for purpose, grounds in found.items() if grounds != Grounds()}


def is_ended(history: Iterable[Declaration], purpose: str, channel: Channel) -> bool:
    """Whether the subject ever said no to this use of the channel."""
    return any(_stops(d, purpose, channel) for d in history)


def _stops(d: Declaration, purpose: str, channel: Channel) -> bool:
    if d.act not in DENIALS or d.act in FIELD_ACTS:
        return False
    if d.scope is Scope.PURPOSE:
        return d.purpose == purpose and d.channel in (None, channel)
    return d.scope in STOPS_ADVERTISING
