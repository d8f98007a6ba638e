"""May this person be addressed this way? The core of § 7 UWG as a table; pure.

The gate of the channel and the gate of the processing are two: passing one never passes the other (UWG-6). E-mail and
text messages need express consent from consumers and businesses alike (§ 7(2) no. 2); a call needs it from a consumer,
and the presumed consent of a business needs a documented reason that this house cannot hold yet, so the answer is no
(§ 7(2) no. 1). Post rests on the processing unless somebody objects. An unknown counterparty counts as consumer
(UWG-7), any objection wins, and what is missing permits nothing. A shared mailbox changes nothing here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from consent.decision import objection_reason
from consent.standing import PERMITTING_STATES, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Channel, Decision, Reason

if TYPE_CHECKING:
    from governance.purposes import Purpose


class Requirement(StrEnum):
    """What a channel asks for before it may carry advertising."""

    EXPRESS_CONSENT = "express_consent"
    NO_OBJECTION = "no_objection"


TABLE: dict[tuple[Channel, str], Requirement] = {
    (Channel.EMAIL, "consumer"): Requirement.EXPRESS_CONSENT,
    (Channel.EMAIL, "business"): Requirement.EXPRESS_CONSENT,
    (Channel.SMS, "consumer"): Requirement.EXPRESS_CONSENT,
    (Channel.SMS, "business"): Requirement.EXPRESS_CONSENT,
    (Channel.PHONE, "consumer"): Requirement.EXPRESS_CONSENT,
    (Channel.PHONE, "business"): Requirement.EXPRESS_CONSENT,
    (Channel.POST, "consumer"): Requirement.NO_OBJECTION,
    (Channel.POST, "business"): Requirement.NO_OBJECTION,
}


def requirement(channel: Channel, counterparty: str) -> Requirement:
    """What the law asks for; an unknown counterparty is a consumer."""
    return TABLE[channel, "business" if counterparty == "business" else "consumer"]


def channel_decision(
    processing: Decision,
    purpose: Purpose,
    channel: Channel,
    counterparty: str,
    standing: Standing,
    objections: Objections,
    *,
    now: datetime,
) -> Decision:
    """The decision for *channel*: the processing decision, narrowed by § 7 UWG and by what the subject said.

    A message that is no advertising (an invoice) needs no consent of its own, but a channel the purpose does not name
    and a channel the subject refused stay closed.
    """
    if not processing.lawful:
        return processing
    denied = Decision(False, Reason.CHANNEL_NOT_PERMITTED)
    bit = CHANNEL_BITS[channel]
    if channel not in purpose.channels or standing.channels_denied & bit:
        return denied
    if not purpose.marketing:
        return processing
    if standing.objected:
        return Decision(False, Reason.OBJECTED)
    if reason := objection_reason(purpose, objections, standing.granted_at):
        return Decision(False, reason)
    if requirement(channel, counterparty) is Requirement.NO_OBJECTION:
        return processing
    consented = standing.effective_state(now) in PERMITTING_STATES and bool(standing.channels & bit)
    return processing if consented else denied
