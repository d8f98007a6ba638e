"""Systems of the controller that hear of every change of a permission: registered, told, and told again (OBJ-4).

A delivery says where somebody stands at the instant it is sent, under the controller's own reference, and nothing of
who they are; a system that compares versions is never misled by a late one. It goes to a checked address alone, signed
with a secret that lies here sealed, and stands in the log once it has arrived.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from api.http_out import NotDelivered, Outward, TargetRefused
from api.workflows.blocking import KIND_OF
from consent import ledger
from consent.permission import decide_one
from governance import store, webhooks
from governance.contact_points import postal_line
from governance.errors import SealBroken
from governance.vocabulary import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.identity import Identity
    from governance.purposes import Purpose
    from governance.store_webhooks import DeliveryRow
    from governance.vocabulary import Actor
    from governance.webhooks import Webhook

EVENT = "permission.changed"


@dataclass(frozen=True)
class Added:
    """A webhook that was made; the secret is shown this once."""

    number: int
    label: str
    secret: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"webhook": self.number, "label": self.label, "secret": self.secret}


@dataclass(frozen=True)
class Webhooks:
    """Every webhook, ended ones too."""

    rows: tuple[Webhook, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"webhooks": [_shown(row) for row in self.rows]}


@dataclass(frozen=True)
class Resumed:
    """How many given-up deliveries wait again."""

    deliveries: int

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"deliveries": self.deliveries}


def outward_of(house: House) -> Outward:
    """The sender, with the hosts that the operator allows."""
    return Outward(house.settings.webhook_hosts)


def add(house: House, url: str, label: str, *, actor: Actor, now: datetime, outward: Outward | None = None) -> Added:
    """Tell the system at *url* from now on; what was said before is not sent.

    Raises:
        TargetRefused: nothing is sent there; says why.
        BadInput: the label is empty or too long.
    """
    (outward or outward_of(house)).check(url)
    secret = webhooks.new_secret()
    with house.work.writing() as connection:
        number = webhooks.next_number(connection)
        sealed = house.links.seal(_use(number), secret).encode()
        webhooks.add(connection, number, url, sealed, label, actor=actor, now=now)
    return Added(number, label.strip(), webhooks.written_secret(secret))


def end(house: House, number: int, *, actor: Actor, now: datetime) -> None:
    """Call it no more; what it has not heard yet it will not hear.

    Raises:
        WebhookUnknown: there is none of that number, or it was ended before.
    """
    with house.work.writing() as connection:
        webhooks.end(connection, number, actor=actor, now=now)


def show(house: House) -> Webhooks:
    """Every webhook and how it fares."""
    with house.work.reading() as connection:
        return Webhooks(tuple(webhooks.webhooks(connection)))


def redeliver(house: House, number: int | None = None, *, actor: Actor, now: datetime) -> Resumed:
    """Send what was given up once more, of one webhook or of all.

    Raises:
        WebhookUnknown: there is none of that number, or it was ended.
    """
    total = 0
    while True:
        with house.work.writing() as connection:
            resumed = webhooks.redeliver(connection, number, actor=actor, now=now)
        total += resumed
        if resumed < webhooks.MOST_RESUMED:
            return Resumed(total)


def announce(connection: Connection, house: House, subject: int, entry: int, *, now: datetime) -> None:  # noqa: ARG001
    """Tell every live webhook that something changed for a subject, in the transaction of the change.

    Args:
        connection: the writing transaction that appended the change to the log.
        house: not needed so far; the callers of this have it at hand.
        subject: whose permission changed.
        entry: index of the change in the log.
        now: the instant of the change.
    """
    webhooks.announce(connection, subject, entry, now=now)


def deliver(house: House, delivery: int, *, last: bool, now: datetime, outward: Outward | None = None) -> None:
    """Send one delivery; one that has arrived, or that nobody waits for, is not sent.

    Args:
        last: whether it is given up when it fails now.

    Raises:
        NotDelivered, TargetRefused: it did not arrive and is to be tried again.
        SealBroken: its secret does not open.
    """
    with house.work.reading() as connection:
        found = webhooks.to_deliver(connection, delivery)
    if found is None:
        return
    row, to = found
    body = _body(house, row, now=now)
    if body is None:
        with house.work.writing() as connection:
            webhooks.drop(connection, delivery)
        return
    headers = webhooks.headers(_secret(house, to.id, to.secret), row.event, now, body)
    try:
        status = (outward or outward_of(house)).post(to.url, body, {"Content-Type": "application/json", **headers})
    except (NotDelivered, TargetRefused) as error:
        with house.work.writing() as connection:
            webhooks.not_delivered(connection, row, error.problem, last=last, now=now)
        if last:
            return
        raise
    with house.work.writing() as connection:
        webhooks.delivered(connection, row, f"status_{status}", now=now)


def _use(number: int) -> str:
    return f"webhook {number}"


def _secret(house: House, number: int, sealed: bytes) -> bytes:
    secret = house.links.open(_use(number), sealed.decode())
    if secret is None:
        raise SealBroken("the secret of a webhook does not open: end it and add it again")
    return secret


def _body(house: House, row: DeliveryRow, *, now: datetime) -> bytes | None:
    """What is sent; None when nobody is behind the number any more."""
    with house.work.reading() as connection:
        subject = store.subject_row(connection, row.subject)
        if subject is None or subject.erased_at is not None:
            return None
        identity = house.vault.reveal([bytes(subject.pseudonym)])[0]
        if identity is None:
            return None
        data = {
            "reference": identity.reference,
            "unit": identity.unit.value,
            "state": _state(house, connection, row.subject, identity, now),
            "entry": row.entry,
            "version": ledger.version_of(connection, row.subject),
        }
    document = {"type": EVENT, "id": row.event, "timestamp": row.created_at.isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _state(house: House, connection: Connection, subject: int, identity: Identity, now: datetime) -> dict[str, Any]:
    """Per purpose whether its processing is lawful, and each of its channels by law and block list together."""
    addresses = addresses_of(identity.details)
    state: dict[str, Any] = {}
    for key, purpose in house.catalogue.purposes.items():
        channels = {
            channel.value: _open(house, connection, subject, purpose, channel, addresses.get(channel), now)
            for channel in sorted(purpose.channels)
        }
        lawful = decide_one(connection, subject, purpose, now=now).lawful
        state[key] = {"lawful": lawful, "channels": channels}
    return state


def addresses_of(details: Mapping[str, str]) -> dict[Channel, str]:
    """The address that each channel would use; a channel without one is left out."""
    known = {
        Channel.EMAIL: details.get("email"),
        Channel.PHONE: details.get("phone"),
        Channel.SMS: details.get("phone"),
        Channel.POST: postal_line(details),
    }
    return {channel: address for channel, address in known.items() if address}


def _open(
    house: House,
    connection: Connection,
    subject: int,
    purpose: Purpose,
    channel: Channel,
    address: str | None,
    now: datetime,
) -> bool:
    def blocked(subjects: Sequence[int]) -> list[bool]:
        if address is None:  # the other system may know an address that we do not
            return [False] * len(subjects)
        kind, whole = KIND_OF[channel], purpose.marketing
        found = house.blocklist.blocked(connection, kind, [address], purpose=purpose.key, everywhere=whole)
        return found * len(subjects)

    return decide_one(connection, subject, purpose, now=now, channel=channel, blocked=blocked).lawful


def _shown(row: Webhook) -> dict[str, Any]:
    parts = urlsplit(row.url)
    return {
        "webhook": row.id,
        "label": row.label,
        # What stands after the host may be a key of the other system.
        "host": f"{parts.scheme}://{parts.netloc}",
        "since": row.created_at.isoformat(),
        "ended": None if row.ended_at is None else row.ended_at.isoformat(),
        "waiting": row.waiting,
        "delivered": row.delivered,
        "failed": row.failed,
    }
