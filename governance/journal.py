"""The journal: what a backup must not undo, kept outside every backup (ERA-3, GOV-6).

An erasure is written here before the first key is destroyed; what people refused, which addresses are blocked and the
newest signed tree head follow within a second. After a restore all of it is replayed before anything is served, so that
nobody comes back who was erased and no yes stands that was taken back. A file of its own, on another disk if it is to
survive the home; it holds pseudonyms, keyed hashes and tree heads, nobody's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from audit.database import Database, Instant, from_microseconds, insert_rows, open_database, to_microseconds
from governance.keys import length_prefixed

KEPT_FOR = timedelta(days=90)
"""No backup is restored that is older: what happened since would no longer be known."""
_SLACK = timedelta(minutes=10)
"""A blocked address carries the instant of its request, which may commit after a later one."""

METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

erased = Table(
    "erased",
    METADATA,
    Column("pseudonym", LargeBinary, primary_key=True, comment="whose; nobody stands behind it any more"),
    Column("handle", LargeBinary, nullable=False, comment="the erasure's name in the log"),
    Column("ordered_at", Instant, nullable=False, comment="when"),
    Column("retain_until", Instant, comment="evidence opens until then"),
)
denied = Table(
    "denied",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of pseudonym and content"),
    Column("pseudonym", LargeBinary, nullable=False, comment="who"),
    Column("seq", _NUMBER, nullable=False, comment="number in the ledger it was copied from"),
    Column("act", Text, nullable=False, comment="refused, withdrawn, objected, field_withheld, restricted"),
    Column("scope", Text, nullable=False, comment="against what"),
    Column("purpose", Text, comment="purpose key"),
    Column("channel", Text, comment="channel"),
    Column("field", Text, comment="catalogue field"),
    Column("said_at", Instant, nullable=False, comment="when it was said"),
    Column("received_at", Instant, nullable=False, comment="when it reached us"),
    Column("source", Text, nullable=False, comment="from whom"),
)
blocked = Table(
    "blocked",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="as on the block list"),
    Column("born", Integer, nullable=False, comment="as there"),
    Column("epoch", Integer, nullable=False, comment="as there"),
    Column("form", SmallInteger, nullable=False, comment="as there"),
    Column("added_at", Instant, nullable=False, comment="as there"),
)
tree_head = Table(
    "tree_head",
    METADATA,
    Column("size", _NUMBER, primary_key=True, autoincrement=False, comment="signed tree size"),
    Column("root", LargeBinary, primary_key=True, comment="signed root; two of one size only after a declared loss"),
    Column("noted_at", Instant, nullable=False, comment="when it was copied"),
    Column("lost_at", Instant, comment="given up by a declared restore: the log goes on from an older size"),
)
reach = Table(
    "reach",
    METADATA,
    Column("name", Text, primary_key=True, comment="ledger, log or since"),
    Column("value", _NUMBER, nullable=False, comment="last declaration, log size, or instant it reaches back to"),
)


class ErasedRow(NamedTuple):
    """Somebody who was erased."""

    pseudonym: bytes
    handle: bytes
    ordered_at: datetime
    retain_until: datetime | None


class DeniedRow(NamedTuple):
    """Something that was refused, taken back or objected to."""

    pseudonym: bytes
    seq: int
    act: str
    scope: str
    purpose: str | None
    channel: str | None
    field: str | None
    said_at: datetime
    received_at: datetime
    source: str

    @property
    def digest(self) -> bytes:
        """The same thing has the same digest whatever number the ledger gives it."""
        said = (self.act, self.scope, self.purpose or "", self.channel or "", self.field or "", self.source)
        times = (to_microseconds(self.said_at), to_microseconds(self.received_at))
        parts = [self.pseudonym, *(part.encode() for part in said), *(str(at).encode() for at in times)]
        return hashlib.sha256(length_prefixed(*parts)).digest()


class BlockedRow(NamedTuple):
    """An entry of the block list, as it stands there."""

    hash: bytes
    born: int
    epoch: int
    form: int
    added_at: datetime


class Reached(NamedTuple):
    """How far the journal reaches."""

    since: datetime
    """Back to here nothing is missing."""
    ledger: int
    """Last declaration that was looked at."""
    log: int
    """Size of the log then."""


class HeadRow(NamedTuple):
    """A signed tree head that somebody may have seen."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Journal:
    """Writes and reads the file; it is made when something is written first."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.exists()

    def note_erased(self, rows: Iterable[ErasedRow]) -> None:
        """Durable when it returns; noting somebody again changes nothing."""
        tuples = [(r.pseudonym, r.handle, to_microseconds(r.ordered_at), _us(r.retain_until)) for r in rows]
        self._put([(erased, ErasedRow._fields, tuples)])

    def note(
        self, denials: Iterable[DeniedRow], addresses: Iterable[BlockedRow], head: HeadRow | None, *, now: datetime
    ) -> None:
        """Copy what the ledger, the block list and the log say; what is here already stays as it is."""
        at = to_microseconds(now)
        said = [
            (r.digest, *r[:7], to_microseconds(r.said_at), to_microseconds(r.received_at), r.source) for r in denials
        ]
        hashes = [(*r[:4], to_microseconds(r.added_at)) for r in addresses]
        heads = [] if head is None else [(head.size, head.root, at)]
        self._put(
            [
                (denied, ("digest", *DeniedRow._fields), said),
                (blocked, BlockedRow._fields, hashes),
                (tree_head, ("size", "root", "noted_at"), heads),
            ]
        )

    def begin(self, seq: int, *, now: datetime) -> None:
        """The journal reaches back to now and to that declaration, unless it reaches further."""
        self._put([(reach, ("name", "value"), [("since", to_microseconds(now)), ("ledger", seq)])])

    def reached(self) -> Reached | None:
        """How far it reaches; None: nothing was ever written."""
        found = {name: int(value) for name, value in self._rows(select(reach.c.name, reach.c.value))}
        if "since" not in found:
            return None
        return Reached(from_microseconds(found["since"]), found.get("ledger", 0), found.get("log", 0))

    def set_reached(self, *, ledger: int, log: int) -> None:
        """Go on from there next time."""
        with self._database() as database, database.writing() as connection:
            connection.execute(delete(reach).where(reach.c.name.in_(("ledger", "log"))))
            connection.execute(insert(reach), [{"name": "ledger", "value": ledger}, {"name": "log", "value": log}])

    def blocked_until(self) -> datetime | None:
        """From when on the block list is to be copied."""
        found = self._rows(select(func.max(blocked.c.added_at)))
        return None if not found or found[0][0] is None else found[0][0] - _SLACK

    def erased(self) -> list[ErasedRow]:
        """Everybody who was erased, oldest first."""
        columns = [erased.c[name] for name in ErasedRow._fields]
        return [ErasedRow._make(row) for row in self._rows(select(*columns).order_by(erased.c.ordered_at))]

    def denied(self) -> list[DeniedRow]:
        """Everything that was refused, oldest first."""
        columns = [denied.c[name] for name in DeniedRow._fields]
        return [DeniedRow._make(row) for row in self._rows(select(*columns).order_by(denied.c.received_at))]

    def blocked(self) -> list[BlockedRow]:
        """Every blocked address."""
        return [BlockedRow._make(row) for row in self._rows(select(*[blocked.c[name] for name in BlockedRow._fields]))]

    def head(self) -> HeadRow | None:
        """The largest signed tree head that nobody gave up."""
        columns = [tree_head.c[name] for name in HeadRow._fields]
        query = select(*columns).where(tree_head.c.lost_at.is_(None)).order_by(tree_head.c.size.desc()).limit(1)
        found = self._rows(query)
        return HeadRow._make(found[0]) if found else None

    def give_up_above(self, size: int, *, now: datetime) -> None:
        """A restore was declared: tree heads beyond *size* are lost; the ledger is copied from its start again."""
        if not self.exists:
            return
        beyond = tree_head.update().where(tree_head.c.size > size, tree_head.c.lost_at.is_(None))
        with self._database() as database, database.writing() as connection:
            connection.execute(beyond.values(lost_at=now))
            connection.execute(delete(reach).where(reach.c.name != "since"))

    def prune(self, *, now: datetime) -> int:
        """Forget what no backup that may still be restored could undo; how many rows."""
        before = now - KEPT_FOR
        if not self.exists:
            return 0
        old = (erased.c.ordered_at < before, denied.c.received_at < before, tree_head.c.noted_at < before)
        with self._database() as database, database.writing() as connection:
            newest = select(func.max(tree_head.c.size)).scalar_subquery()
            gone = int(connection.execute(delete(erased).where(old[0])).rowcount)
            gone += int(connection.execute(delete(denied).where(old[1])).rowcount)
            gone += int(connection.execute(delete(tree_head).where(old[2], tree_head.c.size != newest)).rowcount)
            since = reach.update().where(reach.c.name == "since", reach.c.value < to_microseconds(before))
            connection.execute(since.values(value=to_microseconds(before)))
        return gone

    def _rows(self, query: Any) -> list[Any]:
        if not self.exists:
            return []
        with self._database() as database, database.reading() as connection:
            return list(connection.execute(query).all())

    def _put(self, parts: Iterable[tuple[Table, tuple[str, ...], list[tuple[Any, ...]]]]) -> None:
        wanted = [part for part in parts if part[2]]
        if not wanted:
            return
        with self._database() as database, database.writing() as connection:
            METADATA.create_all(connection)
            for table, columns, rows in wanted:
                insert_rows(connection, table, columns, rows, ignore=True)

    def _database(self) -> _Opened:
        return _Opened(open_database(f"sqlite:///{self.path}"))


@dataclass(frozen=True)
class _Opened:
    """The file, open for one act: nobody holds it when a restore replaces the home."""

    database: Database

    def __enter__(self) -> Database:
        return self.database

    def __exit__(self, *_: object) -> None:
        self.database.close()


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)
