"""The ledger: what people declared, in the order it arrived, never changed; and where they stand by it.

A declaration, what it changes in the projections, and its fact in the log commit together or not at all (LOG-4). The
same content twice changes nothing. Declarations of one subject wait for one another; the log's lock is taken after
everything has been computed, and the numbers of declarations follow the order of commits (OBJ-10). The projections can
be dropped and computed again at any time, with the same outcome (Article 7(1) GDPR).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from audit import log
from audit.database import STAGING_ROWS
from audit.errors import NotFound
from audit.fact import Fact, FactValue
from consent import rebuilding, store_grounds
from consent import store_ledger as store
from consent.decision import state_of
from consent.declarations import BULK_KIND, FACT_KIND, check, content, fact_of
from consent.errors import DeclarationInvalid, MayNotRaise
from consent.replay import is_denied, position_of
from consent.standing import Standing
from consent.store_ledger import Recorded
from governance.vocabulary import Act, Actor, Declaration

_ENTRIES = 200
_ONE_BY_ONE = 16
"""Beyond so many subjects their histories are read back and replayed as columns."""
DENIED_ADVICE = "ask the subject to declare it, or attach evidence of the subject's own later act"


@dataclass(frozen=True)
class Declared:
    """What came of some declarations."""

    recorded: int
    repeated: int
    entry: int | None
    """Index of the first entry in the log; None when everything was a repetition."""


@dataclass(frozen=True)
class BulkDeclared:
    """What came of a bulk act; positions count the entries handed in, from 0."""

    recorded: int
    repeated: tuple[int, ...]
    refused: tuple[int, ...]
    """Grants of something that was denied: nothing but the subject's own later act raises that."""
    missing: tuple[int, ...]
    """Entries about somebody who is not here any more."""
    entry: int | None


@dataclass(frozen=True)
class Entry:
    """A declaration about somebody, with its evidence sealed already."""

    subject: int
    declaration: Declaration
    evidence: bytes | None = None


def declare(
    connection: Connection,
    subject: int,
    declarations: Sequence[Declaration],
    *,
    actor: Actor,
    now: datetime,
    evidence: Sequence[bytes | None] = (),
) -> Declared:
    """Record what one subject declared, as the last thing its transaction does.

    Args:
        connection: a `Database.writing()` transaction; commit right after.
        subject: whose.
        declarations: what was declared.
        actor: who records it.
        now: the instant of the act of recording.
        evidence: for each declaration its sealed evidence or None; sealed under the subject's evidence key.

    Raises:
        DeclarationInvalid: a date lies in the future, a part is missing, or evidence is announced but not there.
        MayNotRaise: a grant of something denied that is not the subject's own later act; nothing is recorded.
        NotFound: there is no such subject.
    """
    sealed = tuple(evidence) or (None,) * len(declarations)
    entries = [Entry(subject, d, part) for d, part in zip(declarations, sealed, strict=True)]
    outcome = _take_in(connection, entries, now=now)
    if outcome.missing:
        raise NotFound("nobody is kept under that number any more")
    if outcome.refused:
        act = declarations[outcome.refused[0]].act.value
        raise MayNotRaise(f"{act}: this was denied before; {DENIED_ADVICE} (Articles 7(3) and 21 GDPR)")
    if not outcome.new:
        return Declared(0, len(outcome.repeated), None)
    rows = _write(connection, outcome, batch=None)
    facts = [fact_of(row.seq, subject, row.declaration, actor=actor, now=now) for row in rows]
    return Declared(len(rows), len(outcome.repeated), log.append(connection, facts))


def bulk_declare(
    connection: Connection, entries: Sequence[Entry], *, batch: int, actor: Actor, now: datetime
) -> BulkDeclared:
    """Record declarations of many subjects as one act with one fact, at most `STAGING_ROWS` of them.

    Args:
        connection: a `Database.writing()` transaction; commit right after.
        entries: who declared what; repetitions, refused and missing ones are told apart, the rest is recorded.
        batch: the `import_record` that brings them.
        actor: who imports.
        now: the instant of the import.

    Raises:
        DeclarationInvalid: an entry cannot have been declared; nothing is recorded.
    """
    if len(entries) > STAGING_ROWS:
        raise ValueError(f"at most {STAGING_ROWS} declarations in one transaction")
    outcome = _take_in(connection, entries, now=now)
    entry: int | None = None
    if outcome.new:
        rows = _write(connection, outcome, batch=batch)
        entry = log.append(connection, [_bulk_fact(rows, batch, actor, now)])
    return BulkDeclared(
        len(outcome.new), tuple(outcome.repeated), tuple(outcome.refused), tuple(outcome.missing), entry
    )


def restrict(connection: Connection, subject: int, *, actor: Actor, now: datetime) -> bool:
    """Restrict processing of somebody's data (Article 18 GDPR); False when it is restricted already.

    Raises:
        NotFound: there is no such subject.
    """
    if not store.lock_subjects(connection, [subject]):
        raise NotFound("nobody is kept under that number any more")
    if not store.restrict(connection, subject, now):
        return False
    log.append(connection, [Fact("subject:restricted", str(actor), now, {"article": 18}, (subject,))])
    return True


def history(connection: Connection, subject: int) -> list[Declaration]:
    """Everything a subject declared, in the order of arrival."""
    return histories(connection, [subject])[subject]


def recorded(connection: Connection, subject: int) -> list[Recorded]:
    """Everything a subject declared, each with its number; the newest last."""
    return store.histories(connection, [subject])[subject]


def recorded_of(connection: Connection, subjects: Sequence[int]) -> dict[int, list[Recorded]]:
    """The same for several subjects."""
    return store.histories(connection, list(dict.fromkeys(subjects)))


def version_of(connection: Connection, subject: int) -> int:
    """Number of the newest declaration about a subject, 0 when there is none: it changes with each one."""
    return store.latest_seq(connection, subject)


def entry_of(connection: Connection, seq: int) -> int | None:
    """Index of the log entry that a declaration was recorded by; for an imported one the entry of its piece.

    None when there is no such declaration, or the log no longer says whom the entry is about.
    """
    return entries_of(connection, [seq]).get(seq)


def entries_of(connection: Connection, seqs: Sequence[int]) -> dict[int, int]:
    """The same for several declarations at once; what has no entry is left out."""
    found: dict[int, int] = {}
    for seq, row in store.declarations_of(connection, seqs).items():
        kind = FACT_KIND[row.declaration.act] if row.batch is None else BULK_KIND
        index = _entry_index(connection, kind, row)
        if index is not None:
            found[seq] = index
    return found


def _entry_index(connection: Connection, kind: str, row: Recorded) -> int | None:
    before: int | None = None
    while page := log.entries(connection, before=before, limit=_ENTRIES, kind=kind, subject=row.subject):
        for entry in page:
            if entry.body.get("declaration") == row.seq or _spans(entry.body, row.seq):
                return entry.index
        before = page[-1].index
    return None


def _spans(body: Mapping[str, FactValue], seq: int) -> bool:
    first, last = body.get("first"), body.get("last")
    return isinstance(first, int) and isinstance(last, int) and first <= seq <= last


def state_at(connection: Connection, subject: int, purpose: str, at: datetime) -> Standing:
    """Where a subject stood for a purpose at *at*, by what had been received then (Article 7(1) GDPR)."""
    return state_of(history(connection, subject), purpose=purpose, now=at)


@dataclass
class _Outcome:
    new: list[Entry]
    repeated: list[int]
    refused: list[int]
    missing: list[int]
    before: dict[int, list[Recorded]]


def _take_in(connection: Connection, entries: Sequence[Entry], *, now: datetime) -> _Outcome:
    """Sort the entries out under the subjects' locks; nothing is written."""
    for entry in entries:
        check(entry.declaration, now=now)
        if entry.declaration.has_evidence is not (entry.evidence is not None):
            raise DeclarationInvalid(f"{entry.declaration.act.value}: has_evidence and the evidence handed in differ")
    here = store.lock_subjects(connection, [entry.subject for entry in entries])
    before = store.histories(connection, sorted(here))
    known = {number: [row.declaration for row in rows] for number, rows in before.items()}
    contents = {number: {content(d) for d in history} for number, history in known.items()}
    outcome = _Outcome([], [], [], [], before)
    for position, entry in enumerate(entries):
        if entry.subject not in here:
            outcome.missing.append(position)
        elif content(entry.declaration) in contents[entry.subject]:
            outcome.repeated.append(position)
        elif is_denied(known[entry.subject], entry.declaration):
            outcome.refused.append(position)
        else:
            known[entry.subject].append(entry.declaration)
            contents[entry.subject].add(content(entry.declaration))
            outcome.new.append(entry)
    return outcome


def _write(connection: Connection, outcome: _Outcome, *, batch: int | None) -> list[Recorded]:
    """Append the new declarations and move the projections of their subjects; under the log's lock."""
    concerned = {entry.subject for entry in outcome.new}
    log.lock(connection)
    first = store.next_seq(connection)
    rows = [Recorded(first + n, entry.subject, entry.declaration, batch) for n, entry in enumerate(outcome.new)]
    store.add(connection, zip(rows, (entry.evidence for entry in outcome.new), strict=True))
    after = {number: list(outcome.before[number]) for number in concerned}
    for row in rows:
        after[row.subject].append(row)
    _project(connection, after)
    return rows


def _project(connection: Connection, recorded: dict[int, list[Recorded]]) -> None:
    if len(recorded) > _ONE_BY_ONE:
        rebuilding.project(connection, sorted(recorded))
    else:
        positions = {number: position_of(row.declaration for row in rows) for number, rows in recorded.items()}
        store.write_positions(connection, positions, recorded)
    store_grounds.project(connection, {number: [row.declaration for row in rows] for number, rows in recorded.items()})


def _bulk_fact(rows: Sequence[Recorded], batch: int, actor: Actor, now: datetime) -> Fact:
    acts = [row.declaration.act for row in rows]
    body: dict[str, int] = {"import": batch, "rows": len(rows), "first": rows[0].seq, "last": rows[-1].seq}
    body |= {act.value: acts.count(act) for act in Act if act in acts}
    return Fact(BULK_KIND, str(actor), now, body, tuple(sorted({row.subject for row in rows})))


def subjects_of(connection: Connection, handles: Sequence[bytes]) -> dict[bytes, int]:
    """The subject behind each pseudonym; whoever was erased or never imported has none."""
    return store.numbers_of(connection, handles)


def histories(connection: Connection, subjects: Sequence[int]) -> dict[int, list[Declaration]]:
    """Everything that each of some subjects declared, in the order of arrival."""
    rows = store.histories(connection, list(dict.fromkeys(subjects)))
    return {number: [row.declaration for row in recorded] for number, recorded in rows.items()}
