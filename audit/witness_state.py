"""What a witness remembers: per log the last checkpoint it cosigned, and what it refused although the log signed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, Table, Text, delete, func, insert, select

from audit.database import Instant
from audit.tree_head import Checkpoint

METADATA = MetaData()
MOST_EVIDENCE = 100
"""Refused checkpoints that are kept for one log: two are proof enough, and nobody fills our disk."""

seen = Table(
    "seen",
    METADATA,
    Column("origin", Text, primary_key=True, comment="the log"),
    Column("size", BigInteger, nullable=False, comment="of the last cosigned checkpoint"),
    Column("root", LargeBinary, nullable=False, comment="of the last cosigned checkpoint"),
    Column("note", Text, nullable=False, comment="that checkpoint, byte for byte"),
    Column("seen_at", Instant, nullable=False, comment="when, UTC"),
    comment="The last checkpoint of each log that this witness cosigned",
)
evidence = Table(
    "evidence",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the checkpoint's text"),
    Column("origin", Text, nullable=False, comment="the log"),
    Column("note", Text, nullable=False, comment="a checkpoint that the log signed and that does not follow"),
    Column("seen_at", Instant, nullable=False, comment="when, UTC"),
    comment="Signed checkpoints that fit no history this witness cosigned",
)


@dataclass(frozen=True)
class Seen:
    """The last checkpoint of a log."""

    origin: str
    size: int
    root: bytes
    note: str
    seen_at: datetime


def last_seen(connection: Connection, origin: str) -> Seen | None:
    """What was cosigned last for a log."""
    row = connection.execute(select(seen).where(seen.c.origin == origin)).one_or_none()
    return Seen(row.origin, row.size, row.root, row.note, row.seen_at) if row else None


def remember(connection: Connection, row: Seen) -> None:
    """Put a checkpoint in the place of the one before it."""
    connection.execute(delete(seen).where(seen.c.origin == row.origin))
    values = {"origin": row.origin, "size": row.size, "root": row.root, "note": row.note, "seen_at": row.seen_at}
    connection.execute(insert(seen).values(values))


def keep_evidence(connection: Connection, head: Checkpoint, note: str, *, certain: bool, now: datetime) -> None:
    """Keep what shows two histories (*certain*), or came without a proof that it follows.

    Anybody can send an honest checkpoint with a false proof, so such ones never take the place of a certain one.
    """
    digest = sha256(head.text.encode()).digest()
    if connection.execute(select(evidence.c.digest).where(evidence.c.digest == digest)).first() is not None:
        return
    mine = evidence.c.origin == head.origin
    count = connection.execute(select(func.count()).where(mine)).scalar_one()
    if count >= MOST_EVIDENCE and certain:
        oldest = select(evidence.c.digest).where(mine).order_by(evidence.c.seen_at, evidence.c.digest).limit(1)
        connection.execute(delete(evidence).where(evidence.c.digest == oldest.scalar_subquery()))
    if count < MOST_EVIDENCE or certain:
        connection.execute(insert(evidence).values(digest=digest, origin=head.origin, note=note, seen_at=now))


def kept_evidence(connection: Connection, origin: str) -> list[str]:
    """Every note that was kept about a log, oldest first."""
    query = select(evidence.c.note).where(evidence.c.origin == origin).order_by(evidence.c.seen_at, evidence.c.digest)
    return list(connection.execute(query).scalars())
