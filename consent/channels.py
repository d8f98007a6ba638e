"""May this person be addressed this way? § 7 UWG as a table; pure.

The gate of the channel and the gate of the processing are two: passing one never passes the other (UWG-6). What § 7 UWG
denies, no legitimate interest allows, and what opens a channel makes no processing lawful. E-mail and text messages
need express consent from consumers and businesses alike (§ 7(2) no. 2), or every fact of the exception for existing
customers (§ 7(3)). A call needs express consent from a consumer; a business may be called on presumed consent with a
recorded reason (§ 7(2) no. 1). Post rests on the processing unless somebody objected. An unknown counterparty counts as
consumer (UWG-7), any objection wins, and what is missing permits nothing. A shared mailbox changes nothing here (T30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from consent.decision import objection_reason
from consent.standing import PERMITTING_STATES, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Channel, Decision, LegalBasis, Reason

if TYPE_CHECKING:
    from governance.purposes import Purpose

CONSUMER, BUSINESS, UNKNOWN = "consumer", "business", "unknown"
"""Whom a message addresses; whatever else is read counts as consumer."""


class Opening(StrEnum):
    """What can open a channel for advertising."""

    EXPRESS_CONSENT = "express_consent"
    """Given for this channel, in force, and documented where it is for calls (§ 7a UWG)."""
    EXISTING_CUSTOMER = "existing_customer"
    """§ 7(3) UWG: address from a sale, own similar goods, no objection, clear notice then and at each use."""
    PRESUMED_CONSENT = "presumed_consent"
    """§ 7(2) no. 1 UWG: presumed for a recorded reason."""
    NO_OBJECTION = "no_objection"
    """Nothing but the processing itself."""


_WRITTEN = frozenset({Opening.EXPRESS_CONSENT, Opening.EXISTING_CUSTOMER})
_CALLED = frozenset({Opening.EXPRESS_CONSENT})
_POSTED = frozenset({Opening.NO_OBJECTION})

TABLE: Mapping[tuple[Channel, str], frozenset[Opening]] = {
    (Channel.EMAIL, CONSUMER): _WRITTEN,
    (Channel.EMAIL, BUSINESS): _WRITTEN,
    (Channel.EMAIL, UNKNOWN): _WRITTEN,
    (Channel.SMS, CONSUMER): _WRITTEN,
    (Channel.SMS, BUSINESS): _WRITTEN,
    (Channel.SMS, UNKNOWN): _WRITTEN,
    (Channel.PHONE, CONSUMER): _CALLED,
    (Channel.PHONE, BUSINESS): _CALLED | {Opening.PRESUMED_CONSENT},
    (Channel.PHONE, UNKNOWN): _CALLED,
    (Channel.POST, CONSUMER): _POSTED,
    (Channel.POST, BUSINESS): _POSTED,
    (Channel.POST, UNKNOWN): _POSTED,
}
"""What each channel may be opened by; one of them suffices."""


@dataclass(frozen=True)
class Grounds:
    """Channels of one purpose that recorded facts open without express consent, as bit masks (`CHANNEL_BITS`)."""

    customer: int = 0
    """Every fact of § 7(3) UWG is shown."""
    presumed: int = 0
    """A reason for presumed consent is recorded."""


NO_GROUNDS = Grounds()


def openings(channel: Channel, counterparty: str) -> frozenset[Opening]:
    """What may open the channel towards such a counterparty; one that nobody knows is a consumer."""
    return TABLE.get((channel, counterparty), TABLE[channel, CONSUMER])


def grounds_count(purpose: Purpose) -> bool:
    """Whether recorded facts may open a channel of the purpose at all.

    Not where the purpose itself rests on consent: people were told that they are asked, channel by channel, and no
    basis stands in for a consent that was not given (PRI-9, CON-3).
    """
    return purpose.basis is not LegalBasis.CONSENT


def refusal(purpose: Purpose, channel: Channel, standing: Standing, objections: Objections) -> Reason | None:
    """Why the channel is closed whatever might open it, or None: nobody said no.

    What is no advertising (an invoice) stops only where the purpose does not name the channel or the subject refused
    it; an objection to marketing does not stop it.
    """
    if channel not in purpose.channels:
        return Reason.CHANNEL_NOT_PERMITTED
    if standing.channels_denied & CHANNEL_BITS[channel]:
        return Reason.CHANNEL_REFUSED
    if not purpose.marketing:
        return None
    return Reason.OBJECTED if standing.objected else objection_reason(purpose, objections, standing.granted_at)


def channel_decision(
    processing: Decision,
    purpose: Purpose,
    channel: Channel,
    counterparty: str,
    standing: Standing,
    objections: Objections,
    grounds: Grounds,
    *,
    now: datetime,
) -> Decision:
    """The decision for *channel*: the processing decision, narrowed by § 7 UWG and by what the subject said.

    A message that is no advertising needs nothing that opens the channel.
    """
    if not processing.lawful:
        return processing
    if reason := refusal(purpose, channel, standing, objections):
        return Decision(False, reason)
    if not purpose.marketing:
        return processing
    bit = CHANNEL_BITS[channel]
    by_facts = grounds_count(purpose) and objections.marketing_at is None and objections.general_at is None
    shown = {
        Opening.EXPRESS_CONSENT: standing.effective_state(now) in PERMITTING_STATES and bool(standing.channels & bit),
        Opening.EXISTING_CUSTOMER: by_facts and bool(grounds.customer & bit),
        Opening.PRESUMED_CONSENT: by_facts and bool(grounds.presumed & bit),
        Opening.NO_OBJECTION: True,
    }
    opened = any(shown[opening] for opening in openings(channel, counterparty))
    return processing if opened else Decision(False, Reason.NO_EXPRESS_CONSENT)
