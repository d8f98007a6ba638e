"""Webhooks: systems of the controller that hear of every change of a permission, signed and until they have heard it.

The signature follows Standard Webhooks 1.0: HMAC-SHA-256 over id, time of the attempt and body, under a secret that
the system got once. What is delivered is where somebody stands when it is sent, with the version of it, so that a late
or repeated delivery does no harm. Rows name a subject by its number and an answer by a token, never more.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from audit import log
from audit.errors import BadInput
from audit.fact import Fact, FactValue
from governance import outbox, store_webhooks
from governance.errors import WebhookUnknown
from governance.store_webhooks import CountRow, DeliveryRow, WebhookRow
from governance.vocabulary import ENGINE, Actor

KIND = "webhook"
"""Kind of the outbox item of one delivery."""
SECRET_PREFIX = "whsec_"  # noqa: S105  # the mark of such a secret, not one
SECRET_BYTES = 32
LONGEST_LABEL = 80
MOST_RESUMED = 5_000


@dataclass(frozen=True)
class Webhook:
    """One system and how it fares."""

    id: int
    url: str = field(repr=False)
    label: str
    created_at: datetime
    ended_at: datetime | None
    waiting: int
    delivered: int
    failed: int


@dataclass(frozen=True)
class Heard:
    """Whether one system has heard of somebody's last change."""

    label: str
    changed_at: datetime
    delivered_at: datetime | None
    failed_at: datetime | None


def new_secret() -> bytes:
    """The random bytes that one webhook is signed with."""
    return secrets.token_bytes(SECRET_BYTES)


def written_secret(secret: bytes) -> str:
    """The secret as the receiving system takes it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, event: str, moment: datetime, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = f"{event}.{int(moment.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, sha256)).decode()


def headers(secret: bytes, event: str, moment: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a delivery."""
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature(secret, event, moment, body),
    }


def next_number(connection: Connection) -> int:
    """The number the next webhook gets; under the log's lock, so that two never get the same."""
    log.lock(connection)
    return store_webhooks.next_number(connection)


def add(
    connection: Connection, number: int, url: str, sealed: bytes, label: str, *, actor: Actor, now: datetime
) -> None:
    """Note a system that is told from now on; last in its transaction.

    Raises:
        BadInput: the label is empty or too long.
    """
    shown = label.strip()
    if not 1 <= len(shown) <= LONGEST_LABEL or not shown.isprintable():
        raise BadInput(f"a webhook needs a label of 1 to {LONGEST_LABEL} characters that says what it is, such as CRM")
    store_webhooks.add(connection, WebhookRow(number, url, sealed, shown, now, str(actor), None))
    log.append(connection, [Fact("webhook:added", str(actor), now, {"webhook": number})])


def end(connection: Connection, number: int, *, actor: Actor, now: datetime) -> None:
    """Call a webhook no more, from this instant; what waits for it goes. Last in its transaction.

    Raises:
        WebhookUnknown: there is none of that number, or it was ended before.
    """
    if not store_webhooks.end(connection, number, now):
        raise WebhookUnknown("there is no webhook of that number that is still called")
    store_webhooks.drop_waiting(connection, number)
    log.append(connection, [Fact("webhook:ended", str(actor), now, {"webhook": number})])


def webhooks(connection: Connection) -> list[Webhook]:
    """Every webhook, ended ones too, with how many deliveries wait, arrived and were given up."""
    counted = {row.webhook: row for row in store_webhooks.counts(connection)}
    found = []
    for row in store_webhooks.all_webhooks(connection):
        count = counted.get(row.id, CountRow(row.id, 0, 0, 0))
        found.append(Webhook(row.id, row.url, row.label, row.created_at, row.ended_at, *count[1:]))
    return found


def announce(connection: Connection, subject: int, entry: int, *, now: datetime) -> int:
    """Tell every live webhook of a change, in the transaction of the change; to how many.

    Args:
        entry: index of the change in the log.
    """
    live = store_webhooks.live(connection)
    for number in live:
        event = f"msg_{secrets.token_hex(16)}"
        delivery = store_webhooks.add_delivery(connection, number, event, entry, subject, now)
        outbox.put(connection, KIND, {"delivery": delivery, "webhook": number}, now=now)
    return len(live)


def to_deliver(connection: Connection, delivery: int) -> tuple[DeliveryRow, WebhookRow] | None:
    """A delivery that has not arrived, and where it goes; None when there is nothing to do any more."""
    row = store_webhooks.delivery(connection, delivery)
    to = None if row is None or row.delivered_at else store_webhooks.one_webhook(connection, row.webhook)
    return None if row is None or to is None or to.ended_at else (row, to)


def drop(connection: Connection, delivery: int) -> None:
    """Nobody is there any more whom the delivery was about."""
    store_webhooks.drop_delivery(connection, delivery)


def delivered(connection: Connection, delivery: DeliveryRow, answer: str, *, now: datetime) -> None:
    """It arrived: one fact per delivery, for it disclosed where somebody stands. Last in its transaction."""
    if store_webhooks.delivered(connection, delivery.id, answer, now):
        body = {"webhook": delivery.webhook, "delivery": delivery.id, "entry": delivery.entry}
        log.append(connection, [Fact("webhook:delivered", str(ENGINE), now, body, (delivery.subject,))])


def not_delivered(connection: Connection, delivery: DeliveryRow, answer: str, *, last: bool, now: datetime) -> None:
    """It did not arrive, by a token; after the last attempt it is given up, which is a fact."""
    failed_at = now if last else None
    if store_webhooks.not_delivered(connection, delivery.id, answer, failed_at) and last:
        body: dict[str, FactValue] = {"webhook": delivery.webhook, "delivery": delivery.id, "entry": delivery.entry}
        body |= {"answer": answer}
        log.append(connection, [Fact("webhook:failed", str(ENGINE), now, body, (delivery.subject,))])


def redeliver(connection: Connection, number: int | None, *, actor: Actor, now: datetime) -> int:
    """Send what was given up once more, of one webhook or of all; how many, at most `MOST_RESUMED` in one transaction.

    Raises:
        WebhookUnknown: there is none of that number, or it was ended.
    """
    if number is not None and number not in store_webhooks.live(connection):
        raise WebhookUnknown("there is no webhook of that number that is still called")
    rows = store_webhooks.given_up(connection, number, limit=MOST_RESUMED)
    for row in rows:
        outbox.put(connection, KIND, {"delivery": row.id, "webhook": row.webhook}, now=now)
        store_webhooks.revive(connection, [row.id])
    if rows:
        body: dict[str, FactValue] = {"webhook": number, "deliveries": len(rows)}
        log.append(connection, [Fact("webhook:resumed", str(actor), now, body)])
    return len(rows)


def failed_count(connection: Connection) -> int:
    """How many deliveries of live webhooks were given up."""
    return len(store_webhooks.given_up(connection))


def heard(connection: Connection, subject: int) -> list[Heard]:
    """Which systems were told of somebody's last change, and whether they have heard it (UX-5)."""
    rows = store_webhooks.newest_about(connection, subject)
    return [Heard(label, row.created_at, row.delivered_at, row.failed_at) for label, row in rows]
