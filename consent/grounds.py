"""Facts that open a channel without express consent; recorded, never changed.

A fact, the channels it opens and its entry in the log commit together or not at all. Each fact has its evidence, sealed
before it arrives here; without evidence there is no fact (§ 7(3) and § 7(2) no. 1 UWG). The proof of consents to calls
stands beside it, in consent/channel_uses.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from audit import log
from audit.database import STAGING_ROWS, Database, to_microseconds
from audit.errors import NotFound
from audit.fact import Fact
from consent import store_grounds, store_ledger
from consent.channel_uses import PhoneProof, in_the_past, phone_proof, record_use, retained_until, stage_use
from consent.errors import GroundInvalid, PresumedForConsumer
from consent.openings import CUSTOMER_FACTS, OPENS, Ground, GroundKind, RecordedGround
from governance.vocabulary import Actor

__all__ = [
    "CUSTOMER_FACTS",
    "Ground",
    "GroundEntry",
    "GroundKind",
    "GroundsImported",
    "GroundsRecorded",
    "PhoneProof",
    "bulk_record",
    "end",
    "phone_proof",
    "rebuild",
    "rebuild_at_once",
    "record",
    "record_use",
    "retained_until",
    "stage_use",
]


@dataclass(frozen=True)
class GroundsRecorded:
    """What came of some facts."""

    recorded: int
    repeated: int
    entry: int | None
    """Index of the first entry in the log; None when everything was a repetition."""


@dataclass(frozen=True)
class GroundEntry:
    """A fact about somebody with its sealed evidence."""

    subject: int
    ground: Ground
    evidence: bytes


@dataclass(frozen=True)
class GroundsImported:
    """What came of a bulk act; positions count the entries handed in, from 0."""

    recorded: int
    repeated: tuple[int, ...]
    refused: tuple[int, ...]
    """Presumed consent of somebody who is no business."""
    missing: tuple[int, ...]
    """Facts about somebody who is not here any more."""
    entry: int | None


def record(
    connection: Connection,
    subject: int,
    grounds: Sequence[Ground],
    *,
    actor: Actor,
    now: datetime,
    evidence: Sequence[bytes],
) -> GroundsRecorded:
    """Record facts about one subject, as the last thing its transaction does; the same fact twice changes nothing.

    Args:
        connection: a `Database.writing()` transaction; commit right after.
        evidence: for each fact its evidence, sealed under the subject's evidence key.

    Raises:
        GroundInvalid: evidence is missing, a date lies in the future, or the fact opens nothing on that channel.
        PresumedForConsumer: presumed consent of somebody who is no business.
        NotFound: there is no such subject.
    """
    return _one(connection, subject, grounds, evidence, holds=True, actor=actor, now=now)


def end(
    connection: Connection,
    subject: int,
    grounds: Sequence[Ground],
    *,
    actor: Actor,
    now: datetime,
    evidence: Sequence[bytes],
) -> GroundsRecorded:
    """Record that facts ended or were found wrong at their `since`; what arose later still counts.

    Args:
        evidence: for each what shows it, sealed.

    Raises:
        GroundInvalid, NotFound: as `record`.
    """
    return _one(connection, subject, grounds, evidence, holds=False, actor=actor, now=now)


def bulk_record(
    connection: Connection, entries: Sequence[GroundEntry], *, batch: int, actor: Actor, now: datetime
) -> GroundsImported:
    """Record facts about many subjects as one act with one fact in the log, at most `STAGING_ROWS` of them.

    Args:
        connection: a `Database.writing()` transaction; commit right after.
        batch: the `import_record` that brings them.

    Raises:
        GroundInvalid: an entry makes no sense; nothing is recorded.
    """
    if len(entries) > STAGING_ROWS:
        raise ValueError(f"at most {STAGING_ROWS} grounds in one transaction")
    taken = _take_in(connection, entries, holds=True, now=now)
    index: int | None = None
    if taken.new:
        rows = _write(connection, taken, holds=True, now=now)
        body = {"import": batch, "rows": len(rows), "first": rows[0].seq, "last": rows[-1].seq}
        subjects = tuple(sorted({entry.subject for entry in taken.new}))
        index = log.append(connection, [Fact("grounds:imported", str(actor), now, body, subjects)])
    return GroundsImported(len(taken.new), tuple(taken.repeated), tuple(taken.refused), tuple(taken.missing), index)


def rebuild(work: Database) -> None:
    """Compute again what the facts open, a piece of subjects per transaction, each under the log's lock."""
    after: int | None = None
    while True:
        with work.writing() as connection:
            log.lock(connection)
            after = store_grounds.rebuild_piece(connection, after)
        if after is None:
            return


def rebuild_at_once(connection: Connection) -> None:
    """The same within the caller's transaction, which nobody else can write beside."""
    after = store_grounds.rebuild_piece(connection, None)
    while after is not None:
        after = store_grounds.rebuild_piece(connection, after)


@dataclass
class _Taken:
    new: list[GroundEntry]
    repeated: list[int]
    refused: list[int]
    missing: list[int]
    before: dict[int, list[RecordedGround]]


def _one(
    connection: Connection,
    subject: int,
    grounds: Sequence[Ground],
    evidence: Sequence[bytes],
    *,
    holds: bool,
    actor: Actor,
    now: datetime,
) -> GroundsRecorded:
    entries = [GroundEntry(subject, ground, piece) for ground, piece in zip(grounds, evidence, strict=True)]
    taken = _take_in(connection, entries, holds=holds, now=now)
    if taken.missing:
        raise NotFound("nobody is kept under that number any more")
    if taken.refused:
        raise PresumedForConsumer("presumed consent is for calls to a business; this is a consumer, or nobody knows")
    if not taken.new:
        return GroundsRecorded(0, len(taken.repeated), None)
    rows = _write(connection, taken, holds=holds, now=now)
    facts = [_fact(row, subject, actor, now) for row in rows]
    return GroundsRecorded(len(rows), len(taken.repeated), log.append(connection, facts))


def _take_in(connection: Connection, entries: Sequence[GroundEntry], *, holds: bool, now: datetime) -> _Taken:
    """Sort the entries out under the subjects' locks; nothing is written."""
    for entry in entries:
        _check(entry, now)
    numbers = [entry.subject for entry in entries]
    here = store_ledger.lock_subjects(connection, numbers)
    businesses = store_grounds.businesses_among(connection, sorted(here))
    recorded = store_grounds.rows_of(connection, sorted(here))
    known = {(number, row.ground) for number, rows in recorded.items() for row in rows if row.holds is holds}
    taken = _Taken([], [], [], [], recorded)
    for position, entry in enumerate(entries):
        presumed = holds and entry.ground.kind is GroundKind.PRESUMED_CONSENT
        if entry.subject not in here:
            taken.missing.append(position)
        elif presumed and entry.subject not in businesses:
            taken.refused.append(position)
        elif (entry.subject, entry.ground) in known:
            taken.repeated.append(position)
        else:
            known.add((entry.subject, entry.ground))
            taken.new.append(entry)
    return taken


def _check(entry: GroundEntry, now: datetime) -> None:
    ground = entry.ground
    in_the_past(ground.since, now, ground.kind.value)
    if not entry.evidence:
        raise GroundInvalid(f"{ground.kind.value}: evidence is missing; without it there is no fact")
    if ground.channel not in OPENS[ground.kind]:
        known = ", ".join(sorted(channel.value for channel in OPENS[ground.kind]))
        raise GroundInvalid(f"{ground.kind.value} opens nothing on {ground.channel.value}; it is for {known}")


def _write(connection: Connection, taken: _Taken, *, holds: bool, now: datetime) -> list[RecordedGround]:
    """Append the facts and move what they open; under the log's lock."""
    entries = taken.new
    declared = store_ledger.histories(connection, sorted({entry.subject for entry in entries}))
    log.lock(connection)
    first = store_grounds.next_ground(connection)
    rows = [RecordedGround(first + n, entry.ground, holds, now) for n, entry in enumerate(entries)]
    store_grounds.add(
        connection, ((entry.subject, row, entry.evidence) for entry, row in zip(entries, rows, strict=True))
    )
    recorded = {number: list(taken.before.get(number, ())) for number in declared}
    for entry, row in zip(entries, rows, strict=True):
        recorded[entry.subject].append(row)
    histories = {number: [each.declaration for each in said] for number, said in declared.items()}
    store_grounds.project_rows(connection, recorded, histories)
    return rows


def _fact(row: RecordedGround, subject: int, actor: Actor, now: datetime) -> Fact:
    body = {
        "ground": row.seq,
        "fact": row.ground.kind.value,
        "purpose": row.ground.purpose,
        "channel": row.ground.channel.value,
        "since": to_microseconds(row.ground.since),
    }
    return Fact("ground:recorded" if row.holds else "ground:ended", str(actor), now, body, (subject,))
