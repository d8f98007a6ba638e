"""One question of another system, asked before each use: may this person be used for this purpose, over this channel?

The answer is the decision of this instant and nothing else of the person: a system that asks before it sends needs no
copy of what people declared, and cannot act on an old one (OBJ-3). It is no view of somebody's data and no fact of the
log; a release of many is an export, which is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.workflows.blocking import KIND_OF
from api.workflows.export_powers import address_of
from audit.errors import NotFound
from consent.single import decide_about
from governance.vocabulary import REASON_TEXT, Decision, Reason, Unit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.purposes import Purpose
    from governance.vocabulary import Channel

GONE = "nobody is kept under that reference; check it, and whether it is a contact or an account"


@dataclass(frozen=True)
class Answer:
    """Lawful or not, and why, in words the person may read."""

    decision: Decision

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        text = REASON_TEXT[self.decision.reason]
        return {
            "lawful": self.decision.lawful,
            "reason": self.decision.reason.value,
            "text": {"de": text.de, "en": text.en},
        }


def decide(
    house: House, reference: str, purpose: str, channel: Channel | None, *, now: datetime, unit: Unit = Unit.CONTACT
) -> Answer:
    """Whether somebody may be used for a purpose now; with a channel also § 7 UWG and the block list.

    Raises:
        NotFound: no such reference, or no such purpose.
        PermissionUnavailable: what the person declared cannot be read.
    """
    wanted = house.catalogue.purpose(purpose)
    handle = house.vault.find(unit, [reference])[0]
    if handle is None:
        raise NotFound(GONE)
    address = None if channel is None else _address(house, handle, channel)
    with house.work.reading() as connection:
        blocked = _blocked(house, connection, wanted, channel, address)
        found = decide_about(connection, handle, wanted, now=now, channel=channel, blocked=blocked)
    if found.reason is Reason.ERASED:
        raise NotFound(GONE)
    if found.lawful and channel is not None and not address:
        found = Decision(False, Reason.NO_CONTACT_POINT)
    return Answer(found)


def _address(house: House, handle: bytes, channel: Channel) -> str:
    identity = house.vault.reveal([handle])[0]
    return "" if identity is None else address_of(channel, identity.details)


def _blocked(
    house: House, connection: Connection, purpose: Purpose, channel: Channel | None, address: str | None
) -> Callable[[Sequence[int]], list[bool]] | None:
    if channel is None or not address:
        return None
    kind = KIND_OF[channel]

    def blocked(_subjects: Sequence[int]) -> list[bool]:
        return house.blocklist.blocked(connection, kind, [address], purpose=purpose.key, everywhere=purpose.marketing)

    return blocked
