"""All SQL of erasure in this package's tables: projections and requests go, the ledger stays as the number of nobody.

What was declared, by act, purpose, channel and time, is kept as the proof that it was honoured (Articles 5(2) and
7(1) GDPR); the evidence beside it cannot be opened once its key is destroyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Table, delete, func, select

from consent import store_ledger
from consent.replay import DENIALS
from consent.store_ledger import Recorded
from consent.tables import (
    channel_use,
    confirmation,
    declaration,
    ground,
    objection,
    open_channel,
    standing,
    withheld,
)

_ABOUT: tuple[Table, ...] = (
    declaration,
    standing,
    objection,
    withheld,
    ground,
    channel_use,
    confirmation,
    open_channel,
)


class Consents:
    """Holder of what people declared and where they stand."""

    holds: Mapping[str, str] = {
        "declaration": "as long as what was declared must be shown: act, purpose, channel, time; evidence by its key",
        "standing": "until erasure; computed from the ledger",
        "objection": "until erasure; computed from the ledger",
        "withheld": "until erasure; computed from the ledger",
        "ground": "as the ledger; evidence by its key",
        "channel_use": "five years from the last use (§ 7a UWG)",
        "confirmation": "until confirmed or void, days",
        "open_channel": "until erasure; computed from the ledger",
    }
    stays = frozenset({"declaration", "ground", "channel_use"})

    def describe(self, connection: Connection, subject: int) -> dict[str, int]:
        """Rows of each table."""
        return {
            table.name: int(
                connection.scalar(select(func.count()).select_from(table).where(table.c.subject == subject)) or 0
            )
            for table in _ABOUT
        }

    def erase(self, connection: Connection, subject: int, *, now: datetime) -> int:  # noqa: ARG002
        """Projections and requests nobody confirmed; found by what the ledger says the subject spoke about."""
        history = [row.declaration for row in store_ledger.histories(connection, [subject])[subject]]
        grounds = connection.execute(select(ground.c.purpose).where(ground.c.subject == subject).distinct()).scalars()
        spoken = {d.purpose for d in history if d.purpose is not None}
        fields = {(d.purpose or "", d.field) for d in history if d.field is not None}
        gone = _delete(connection, objection, subject) + _delete(connection, confirmation, subject)
        gone += sum(_delete(connection, standing, subject, purpose=one) for one in spoken)
        gone += sum(_delete(connection, withheld, subject, purpose=one, field=field) for one, field in fields)
        return gone + sum(_delete(connection, open_channel, subject, purpose=one) for one in grounds.all())


def address_numbers(connection: Connection, number: int) -> list[bytes]:
    """Numbers of the sealed addresses that a subject's open requests name."""
    found = select(confirmation.c.address).where(confirmation.c.subject == number).distinct()
    return [bytes(one) for one in connection.execute(found).scalars()]


def denials_after(connection: Connection, seq: int, *, limit: int) -> list[Recorded]:
    """The next declarations that took something away, in the order of arrival."""
    acts = [act.value for act in sorted(DENIALS)]
    query = select(declaration.c.seq).where(declaration.c.seq > seq, declaration.c.act.in_(acts))
    seqs = list(connection.execute(query.order_by(declaration.c.seq).limit(limit)).scalars())
    found = store_ledger.declarations_of(connection, seqs)
    return [found[one] for one in seqs]


def last_seq(connection: Connection) -> int:
    """Number of the newest declaration; 0 in an empty ledger."""
    return int(connection.scalar(select(func.coalesce(func.max(declaration.c.seq), 0))) or 0)


def _delete(connection: Connection, table: Table, subject: int, **match: str) -> int:
    statement = delete(table).where(table.c.subject == subject)
    for column, value in match.items():
        statement = statement.where(table.c[column] == value)
    return int(connection.execute(statement).rowcount)
