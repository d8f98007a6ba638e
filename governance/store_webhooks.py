"""SQL on webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from governance.tables import webhook, webhook_delivery


class WebhookRow(NamedTuple):
    """A row of `webhook`."""

    id: int
    url: str
    secret: bytes
    label: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None


class DeliveryRow(NamedTuple):
    """A row of `webhook_delivery`."""

    id: int
    webhook: int
    event: str
    entry: int
    subject: int
    created_at: datetime
    attempts: int
    delivered_at: datetime | None
    failed_at: datetime | None
    answer: str | None


class CountRow(NamedTuple):
    """How many deliveries of a webhook there are, by outcome."""

    webhook: int
    waiting: int
    delivered: int
    failed: int


def next_number(connection: Connection) -> int:
    """The number of the next webhook."""
    return int(connection.execute(select(func.coalesce(func.max(webhook.c.id), 0))).scalar_one()) + 1


def add(connection: Connection, row: WebhookRow) -> None:
    """A webhook."""
    connection.execute(insert(webhook).values(**row._asdict()))


def all_webhooks(connection: Connection) -> list[WebhookRow]:
    """Every webhook, ended ones too, the oldest first."""
    return [WebhookRow(*row) for row in connection.execute(select(webhook).order_by(webhook.c.id))]


def one_webhook(connection: Connection, number: int) -> WebhookRow | None:
    """The webhook of that number."""
    row = connection.execute(select(webhook).where(webhook.c.id == number)).one_or_none()
    return None if row is None else WebhookRow(*row)


def live(connection: Connection) -> list[int]:
    """Numbers of the webhooks that are called."""
    query = select(webhook.c.id).where(webhook.c.ended_at.is_(None)).order_by(webhook.c.id)
    return [int(number) for number in connection.execute(query).scalars()]


def end(connection: Connection, number: int, now: datetime) -> bool:
    """Call it no more; False when there is none, or it was ended before."""
    statement = update(webhook).where(webhook.c.id == number, webhook.c.ended_at.is_(None))
    return connection.execute(statement.values(ended_at=now)).rowcount == 1


def add_delivery(connection: Connection, to: int, event: str, entry: int, subject: int, now: datetime) -> int:
    """A change that is to reach a webhook; the number of the delivery."""
    values = {"webhook": to, "event": event, "entry": entry, "subject": subject, "created_at": now, "attempts": 0}
    statement = insert(webhook_delivery).values(values).returning(webhook_delivery.c.id)
    return int(connection.execute(statement).scalar_one())


def delivery(connection: Connection, number: int) -> DeliveryRow | None:
    """The delivery of that number."""
    row = connection.execute(select(webhook_delivery).where(webhook_delivery.c.id == number)).one_or_none()
    return None if row is None else DeliveryRow(*row)


def drop_delivery(connection: Connection, number: int) -> None:
    """There is nothing to deliver any more."""
    connection.execute(delete(webhook_delivery).where(webhook_delivery.c.id == number))


def drop_waiting(connection: Connection, to: int) -> None:
    """What had not reached a webhook when it was ended never will."""
    statement = delete(webhook_delivery).where(webhook_delivery.c.webhook == to)
    connection.execute(statement.where(webhook_delivery.c.delivered_at.is_(None)))


def delivered(connection: Connection, number: int, answer: str, now: datetime) -> bool:
    """It arrived; False when it had arrived before."""
    return _outcome(connection, number, {"delivered_at": now, "failed_at": None, "answer": answer})


def not_delivered(connection: Connection, number: int, answer: str, failed_at: datetime | None) -> bool:
    """It did not arrive; with *failed_at* it is given up. False when it had arrived before."""
    return _outcome(connection, number, {"failed_at": failed_at, "answer": answer})


def _outcome(connection: Connection, number: int, values: dict[str, object]) -> bool:
    table = webhook_delivery
    waiting = update(table).where(table.c.id == number, table.c.delivered_at.is_(None))
    return connection.execute(waiting.values(attempts=table.c.attempts + 1, **values)).rowcount == 1


def given_up(connection: Connection, to: int | None = None, *, limit: int | None = None) -> list[DeliveryRow]:
    """Deliveries that were given up, the oldest first; of one webhook or of all that are called."""
    table = webhook_delivery
    query = select(table).where(table.c.failed_at.is_not(None), table.c.webhook.in_(live(connection)))
    if to is not None:
        query = query.where(table.c.webhook == to)
    return [DeliveryRow(*row) for row in connection.execute(query.order_by(table.c.id).limit(limit))]


def revive(connection: Connection, numbers: Sequence[int]) -> None:
    """Given-up deliveries wait again."""
    table = webhook_delivery
    connection.execute(update(table).where(table.c.id.in_(numbers)).values(failed_at=None))


def counts(connection: Connection) -> list[CountRow]:
    """Deliveries of each webhook by outcome."""
    table = webhook_delivery.c
    arrived, failed, every = func.count(table.delivered_at), func.count(table.failed_at), func.count()
    query = select(table.webhook, every - arrived - failed, arrived, failed).group_by(table.webhook)
    return [CountRow(*row) for row in connection.execute(query)]


def newest_about(connection: Connection, subject: int) -> list[tuple[str, DeliveryRow]]:
    """Per webhook that is still called its label and the newest delivery about somebody."""
    table = webhook_delivery.c
    last = select(func.max(table.id)).where(table.subject == subject).group_by(table.webhook)
    rows = select(webhook.c.label, *table).join(webhook, webhook.c.id == table.webhook)
    rows = rows.where(table.id.in_(last), webhook.c.ended_at.is_(None))
    return [(row[0], DeliveryRow(*row[1:])) for row in connection.execute(rows.order_by(webhook.c.id))]
