"""All SQL of erasure in this package's tables: what was ordered, what goes, and the number that stays.

A subject's row stays as a number and two instants: the ledger names it, and no number is ever given twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, delete, func, insert, or_, select, update

from audit.database import STAGING_ROWS
from governance.tables import activity, erasure, outbox, portal_link, portal_session, profile, subject, webhook_delivery


class ErasureRow(NamedTuple):
    """An erasure as it stands."""

    subject: int
    handle: bytes
    ordered_at: datetime
    ordered_by: str
    retain_until: datetime | None
    done_at: datetime | None


_ROW = tuple(erasure.c[name] for name in ErasureRow._fields)


def order(
    connection: Connection, number: int, handle: bytes, *, retain_until: datetime | None, actor: str, now: datetime
) -> None:
    """Write down the order and let everything read the subject as erased."""
    row = ErasureRow(number, handle, now, actor, retain_until, None)
    connection.execute(insert(erasure).values(**row._asdict()))
    connection.execute(update(subject).where(subject.c.id == number).values(erased_at=now, updated_at=now))


def erasure_of(connection: Connection, number: int) -> ErasureRow | None:
    """The erasure of a subject, if one was ordered."""
    row = connection.execute(select(*_ROW).where(erasure.c.subject == number)).one_or_none()
    return None if row is None else ErasureRow._make(row)


def under_way(connection: Connection) -> list[ErasureRow]:
    """Erasures that have not ended, oldest first."""
    rows = connection.execute(select(*_ROW).where(erasure.c.done_at.is_(None)).order_by(erasure.c.ordered_at))
    return [ErasureRow._make(row) for row in rows]


def done_since(connection: Connection, since: datetime) -> list[ErasureRow]:
    """Erasures that ended since then: what was on its way when they did may have arrived after them."""
    rows = connection.execute(select(*_ROW).where(erasure.c.done_at >= since).order_by(erasure.c.done_at))
    return [ErasureRow._make(row) for row in rows]


def ordered_since(connection: Connection, since: datetime) -> list[tuple[ErasureRow, bytes]]:
    """Erasures ordered since then, each with the pseudonym behind which nobody stands any more."""
    query = select(*_ROW, subject.c.pseudonym).join(subject, subject.c.id == erasure.c.subject)
    rows = connection.execute(query.where(erasure.c.ordered_at >= since).order_by(erasure.c.ordered_at))
    return [(ErasureRow._make(row[:-1]), bytes(row[-1])) for row in rows]


def finish(connection: Connection, number: int, *, now: datetime) -> bool:
    """Leave of the subject's row what the ledger needs; False when somebody else finished before."""
    bare: dict[str, Any] = {
        "account": None, "parent": None, "counterparty": "unknown", "role_mailbox": False, "minor": None,
        "contract_active": None, "informed_at": None,
    }  # fmt: skip
    connection.execute(update(subject).where(subject.c.id == number).values(**bare))
    connection.execute(update(subject).where(subject.c.account == number).values(account=None))
    connection.execute(update(subject).where(subject.c.parent == number).values(parent=None))
    open_ = update(erasure).where(erasure.c.subject == number, erasure.c.done_at.is_(None))
    return connection.execute(open_.values(done_at=now)).rowcount == 1


def address_numbers(connection: Connection, number: int) -> list[bytes]:
    """Numbers of sealed addresses that links and visits of a subject name."""
    found: set[bytes] = set()
    for table in (portal_link, portal_session):
        match = and_(table.c.subject == number, table.c.address.is_not(None))
        found.update(bytes(one) for one in connection.execute(select(table.c.address).where(match)).scalars())
    for reference in _references(connection).values():
        if reference.get("subject") == number and isinstance(reference.get("address"), str):
            found.add(bytes.fromhex(str(reference["address"])))
    return sorted(found)


class People:
    """Holder of who is here, what is known of them, and the work that concerns them."""

    holds: Mapping[str, str] = {
        "subject": "until erasure; then a number without anything else, as long as the ledger",
        "profile": "until erasure, or as long as the catalogue's retention says",
        "activity": "until erasure, or as long as the catalogue's retention says",
        "outbox": "until the work is done; what was given up, until the operator retries or the person is erased",
        "portal_link": "until used or void, hours to days",
        "portal_session": "until void, hours",
        "webhook_delivery": "until erasure",
        "erasure": "as the ledger; names nobody",
    }
    stays = frozenset({"subject", "erasure"})

    def describe(self, connection: Connection, subject: int) -> dict[str, int]:
        """Rows of each table."""
        found = {table.name: _count(connection, table, column, subject) for table, column in _COLUMNS.items()}
        deliveries = _deliveries(connection, subject)
        return found | {"outbox": len(_work(_references(connection), subject, deliveries))}

    def erase(self, connection: Connection, subject: int, *, now: datetime) -> int:  # noqa: ARG002
        """Profile, activities, waiting work, ways into the portal, deliveries."""
        days = select(activity.c.day, activity.c.seq).where(activity.c.owner == subject)
        last = connection.execute(days.order_by(activity.c.day, activity.c.seq).limit(STAGING_ROWS)).all()
        if last:
            day, seq = last[-1]
            upto = or_(activity.c.day < day, and_(activity.c.day == day, activity.c.seq <= seq))
            connection.execute(delete(activity).where(activity.c.owner == subject, upto))
            return len(last)
        work = _work(_references(connection), subject, _deliveries(connection, subject))
        gone = int(connection.execute(delete(outbox).where(outbox.c.id.in_(work))).rowcount)
        for table in (profile, portal_link, portal_session, webhook_delivery):
            gone += int(connection.execute(delete(table).where(table.c.subject == subject)).rowcount)
        return gone


_COLUMNS: Mapping[Table, str] = {
    subject: "id",
    profile: "subject",
    activity: "owner",
    portal_link: "subject",
    portal_session: "subject",
    webhook_delivery: "subject",
    erasure: "subject",
}


def _count(connection: Connection, table: Table, column: str, number: int) -> int:
    return int(connection.scalar(select(func.count()).select_from(table).where(table.c[column] == number)) or 0)


def _references(connection: Connection) -> dict[int, dict[str, Any]]:
    """What waits in the outbox: a few rows at most times, so that no index is kept for this."""
    rows = connection.execute(select(outbox.c.id, outbox.c.reference))
    return {int(row.id): json.loads(row.reference) for row in rows}


def _deliveries(connection: Connection, number: int) -> set[int]:
    found = select(webhook_delivery.c.id).where(webhook_delivery.c.subject == number)
    return set(connection.execute(found).scalars())


def _work(references: Mapping[int, Mapping[str, Any]], number: int, deliveries: set[int]) -> Sequence[int]:
    return [
        item
        for item, reference in references.items()
        if reference.get("subject") == number or reference.get("delivery") in deliveries
    ]
