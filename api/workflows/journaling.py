"""Copying to the journal what no restore may undo: denials, restrictions, blocked addresses, signed tree heads (ERA-3).

The worker follows ledger and log every second, each command once at its end; an erasure writes its own line before it
destroys a key (`erasing`). What was said within the last second before a home is lost is lost with it.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from audit import checkpoint, log, store_subjects
from audit.database import in_batches
from consent import ledger, store_erasure
from governance import store
from governance.errors import LogBehind
from governance.journal import BlockedRow, DeniedRow, HeadRow
from governance.vocabulary import Act, Channel, Declaration, Scope, Source

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.vocabulary import Actor

MOST = 16_384
RESTRICTED = "restricted"


def begin(house: House, *, now: datetime) -> None:
    """From now on nothing is missing in the journal; what was said before needs none, no older backup is restored."""
    if house.journal.reached() is None:
        with house.work.reading() as connection:
            seq = store_erasure.last_seq(connection)
        house.journal.begin(seq, now=now)


def follow(house: House, *, now: datetime) -> int:
    """Copy what is new; how many denials it was.

    Raises:
        LogBehind: the work database was replaced by an older copy while this process ran.
    """
    begin(house, now=now)
    total = copied = _follow(house, now)
    while copied >= MOST:
        copied = _follow(house, now)
        total += copied
    return total


def replay(house: House, subject: Subject, rows: list[DeniedRow], *, actor: Actor, now: datetime) -> int:
    """Say again for one subject what a restored ledger lacks; how many declarations it was."""
    from api.workflows.declaring import declare

    if any(row.act == RESTRICTED for row in rows):
        with house.work.writing() as connection:
            ledger.restrict(connection, subject.number, actor=actor, now=now)
    with house.work.reading() as connection:
        recorded = ledger.recorded(connection, subject.number)
    known = {_denied(subject.pseudonym, row.seq, row.declaration).digest for row in recorded}
    said = [_declaration(row) for row in rows if row.act != RESTRICTED and row.digest not in known]
    return declare(house, subject, said, actor=actor, now=now).recorded if said else 0


def by_person(house: House) -> list[tuple[bytes, list[DeniedRow]]]:
    """The journal's denials by pseudonym, each in the order they were received."""
    rows = sorted(house.journal.denied(), key=lambda row: row.pseudonym)
    return [(pseudonym, list(group)) for pseudonym, group in groupby(rows, key=lambda row: row.pseudonym)]


def _follow(house: House, now: datetime) -> int:
    """One piece; less than `MOST` when nothing more is new."""
    reached, head = house.journal.reached(), house.journal.head()
    assert reached is not None
    with house.work.reading() as connection:
        size, signed = log.size(connection), _signed(connection)
        if head is not None and size < head.size:
            raise LogBehind(size, head.size)
        if size == reached.log and (signed is None or (head is not None and head.size >= signed.size)):
            return 0
        denials = store_erasure.denials_after(connection, reached.ledger, limit=MOST)
        names = dict(_named(connection, [row.subject for row in denials]))
        rows = [_denied(names[row.subject], row.seq, row.declaration) for row in denials if row.subject in names]
        rows += _restricted(connection, reached.log)
        last = denials[-1].seq if len(denials) == MOST else store_erasure.last_seq(connection)
        addresses = house.blocklist.added_since(connection, house.journal.blocked_until() or reached.since)
    house.journal.note(rows, [BlockedRow._make(row) for row in addresses], signed, now=now)
    house.journal.set_reached(ledger=last, log=reached.log if len(denials) == MOST else size)
    return len(rows)


def _signed(connection: Connection) -> HeadRow | None:
    note = checkpoint.latest(connection)
    if note is None:
        return None
    claim = checkpoint.note_claim(note)
    return HeadRow(claim.size, claim.root)


def _named(connection: Connection, numbers: list[int]) -> list[tuple[int, bytes]]:
    wanted = sorted(set(numbers))
    found = store.pseudonyms_of(connection, wanted)
    return [(number, handle) for number, handle in zip(wanted, found, strict=True) if handle is not None]


def _denied(pseudonym: bytes, seq: int, d: Declaration) -> DeniedRow:
    channel = None if d.channel is None else d.channel.value
    return DeniedRow(
        pseudonym,
        seq,
        d.act.value,
        d.scope.value,
        d.purpose,
        channel,
        d.field,
        d.said_at,
        d.received_at,
        d.source.value,
    )


def _restricted(connection: Connection, start: int) -> list[DeniedRow]:
    """Restrictions of Article 18 GDPR; they stand in the log and on the subject, not in the ledger."""
    numbers = store_subjects.subjects_of_kind(connection, "subject:restricted", start)
    rows = []
    for part in in_batches(numbers):
        for number, pseudonym in _named(connection, part):
            row = store.subject_row(connection, number)
            if row is not None and row.restricted_at is not None:
                at, scope = row.restricted_at, Scope.GENERAL.value
                rows.append(DeniedRow(pseudonym, 0, RESTRICTED, scope, None, None, None, at, at, Source.SUBJECT.value))
    return rows


def _declaration(row: DeniedRow) -> Declaration:
    return Declaration(
        act=Act(row.act),
        scope=Scope(row.scope),
        purpose=row.purpose,
        channel=None if row.channel is None else Channel(row.channel),
        field=row.field,
        said_at=row.said_at,
        received_at=row.received_at,
        source=Source(row.source),
    )
