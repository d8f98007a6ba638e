"""The SQL of recorded grounds, of the channels they open, and of each use of a consent; rows go in as tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from audit.database import insert_rows, to_microseconds
from consent import store_ledger
from consent.channels import BUSINESS, NO_GROUNDS, Grounds
from consent.openings import Ground, GroundKind, RecordedGround, openings_of
from consent.tables import channel_use, declaration, ground, open_channel
from governance.tables import subject
from governance.vocabulary import Channel, Declaration

GROUND_COLUMNS = ("seq", "subject", "purpose", "channel", "kind", "holds", "since", "recorded_at", "evidence")
OPEN_COLUMNS = ("purpose", "subject", "customer", "presumed")
USE_COLUMNS = ("seq", "subject", "purpose", "channel", "used_at", "export")


@dataclass(frozen=True)
class Use:
    """One use of a channel."""

    purpose: str
    used_at: datetime
    export: int | None


def next_ground(connection: Connection) -> int:
    """The number of the next ground; ask under the log's lock."""
    return _next(connection, ground)


def next_use(connection: Connection) -> int:
    """The number of the next use; ask under the log's lock."""
    return _next(connection, channel_use)


def add(connection: Connection, rows: Iterable[tuple[int, RecordedGround, bytes]]) -> None:
    """Append grounds of subjects with their sealed evidence."""
    tuples = (
        (row.seq, number, row.ground.purpose, row.ground.channel.value, row.ground.kind.value, int(row.holds),
         to_microseconds(row.ground.since), to_microseconds(row.recorded_at), evidence)
        for number, row, evidence in rows
    )  # fmt: skip
    insert_rows(connection, ground, GROUND_COLUMNS, tuples)


def rows_of(connection: Connection, numbers: Sequence[int]) -> dict[int, list[RecordedGround]]:
    """The grounds recorded about each subject, oldest first; whoever has none is left out."""
    found: dict[int, list[RecordedGround]] = {}
    columns = [ground.c[name] for name in GROUND_COLUMNS[:-1]]
    for piece in _pieces(sorted(set(numbers))):
        query = select(*columns).where(ground.c.subject.in_(piece)).order_by(ground.c.subject, ground.c.seq)
        for seq, number, purpose, channel, kind, holds, since, recorded_at in connection.execute(query):
            fact = Ground(purpose, Channel(channel), GroundKind(kind), since)
            found.setdefault(number, []).append(RecordedGround(seq, fact, bool(holds), recorded_at))
    return found


def businesses_among(connection: Connection, numbers: Sequence[int]) -> set[int]:
    """Those of some subjects who are known to be a business."""
    found: set[int] = set()
    for piece in _pieces(numbers):
        match = (subject.c.id.in_(piece), subject.c.counterparty == BUSINESS)
        found.update(connection.execute(select(subject.c.id).where(*match)).scalars())
    return found


def evidence_of(connection: Connection, number: int) -> dict[int, bytes]:
    """Number of each ground of a subject → its sealed evidence."""
    rows = connection.execute(select(ground.c.seq, ground.c.evidence).where(ground.c.subject == number))
    return {row.seq: bytes(row.evidence) for row in rows}


def evidence_of_declarations(connection: Connection, seqs: Sequence[int]) -> dict[int, bytes]:
    """Number of each declaration that has evidence → the evidence, sealed."""
    found: dict[int, bytes] = {}
    for piece in _pieces(sorted(seqs)):
        match = (declaration.c.seq.in_(piece), declaration.c.evidence.is_not(None))
        rows = connection.execute(select(declaration.c.seq, declaration.c.evidence).where(*match))
        found.update((row.seq, bytes(row.evidence)) for row in rows)
    return found


def open_channels(connection: Connection, number: int, purpose: str) -> Grounds:
    """What opens channels of a purpose for one subject."""
    match = (open_channel.c.purpose == purpose, open_channel.c.subject == number)
    row = connection.execute(select(open_channel.c.customer, open_channel.c.presumed).where(*match)).one_or_none()
    return NO_GROUNDS if row is None else Grounds(row.customer, row.presumed)


def project(connection: Connection, histories: Mapping[int, Sequence[Declaration]]) -> None:
    """Put the open channels of these subjects where their grounds and their whole histories say."""
    project_rows(connection, rows_of(connection, list(histories)), histories)


def project_rows(
    connection: Connection,
    recorded: Mapping[int, Sequence[RecordedGround]],
    histories: Mapping[int, Sequence[Declaration]],
) -> None:
    """The same where the grounds have been read."""
    if not recorded:
        return
    _clear(connection, {(row.ground.purpose, number) for number, rows in recorded.items() for row in rows})
    opened = [
        (purpose, number, grounds.customer, grounds.presumed)
        for number, rows in recorded.items()
        for purpose, grounds in openings_of(rows, histories[number]).items()
    ]
    insert_rows(connection, open_channel, OPEN_COLUMNS, sorted(opened))


def rebuild_piece(connection: Connection, after: int | None) -> int | None:
    """Compute the open channels of the next subjects again; the last of them, or None when all are done."""
    if after is None:
        nobody = open_channel.c.subject.not_in(select(ground.c.subject))
        connection.execute(delete(open_channel).where(nobody))
    numbers = select(ground.c.subject).distinct().order_by(ground.c.subject).limit(store_ledger.IDS_PER_QUERY)
    if after is not None:
        numbers = numbers.where(ground.c.subject > after)
    piece = list(connection.execute(numbers).scalars())
    recorded = store_ledger.histories(connection, piece)
    project(connection, {number: [row.declaration for row in rows] for number, rows in recorded.items()})
    return piece[-1] if piece else None


def add_uses(
    connection: Connection,
    numbers: Sequence[int],
    purpose: str,
    channel: Channel,
    used_at: datetime,
    export: int | None,
) -> tuple[int, int]:
    """Append one use for each subject; the first and the last number."""
    first, at = next_use(connection), to_microseconds(used_at)
    rows = ((first + n, number, purpose, channel.value, at, export) for n, number in enumerate(numbers))
    insert_rows(connection, channel_use, USE_COLUMNS, rows)
    return first, first + len(numbers) - 1


def uses_of(connection: Connection, number: int, channel: Channel) -> list[Use]:
    """When a channel to a subject was used, oldest first."""
    match = (channel_use.c.subject == number, channel_use.c.channel == channel.value)
    rows = connection.execute(select(channel_use).where(*match).order_by(channel_use.c.used_at, channel_use.c.seq))
    return [Use(row.purpose, row.used_at, row.export) for row in rows]


def is_used(connection: Connection, number: int, purpose: str, channel: Channel, used_at: datetime) -> bool:
    """Whether that very use was recorded by hand before."""
    match = (
        channel_use.c.subject == number, channel_use.c.purpose == purpose, channel_use.c.channel == channel.value,
        channel_use.c.used_at == used_at, channel_use.c.export.is_(None),
    )  # fmt: skip
    return connection.execute(select(channel_use.c.seq).where(*match).limit(1)).first() is not None


def _clear(connection: Connection, keys: set[tuple[str, int]]) -> None:
    statement = delete(open_channel).where(
        open_channel.c.purpose == bindparam("k_purpose"), open_channel.c.subject == bindparam("k_subject")
    )
    connection.execute(statement, [{"k_purpose": purpose, "k_subject": number} for purpose, number in sorted(keys)])


def _next(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.max(table.c.seq), 0))).scalar_one()) + 1


def _pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), store_ledger.IDS_PER_QUERY):
        yield items[start : start + store_ledger.IDS_PER_QUERY]
