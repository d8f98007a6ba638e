"""Erasing somebody everywhere, in an order that survives a crash between any two steps (Article 17 GDPR, design 5).

1. intent: fact, block list and mark in one transaction of the work database; from here on everything reads the person
   as erased, and no restore brings them back once the journal has it;
2. vault: waiting mails and addresses, then the identity key, at once; the evidence key where no law keeps it;
3. work: every holder's rows, assignments down to their hashes; attributes in the protected store;
4. completion: what is left of the subject's row, the receipt in the log; then the write-ahead logs are emptied.

No transaction spans two databases, so every step may be done again; `sweep` goes on with what a killed process left.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from api.workflows import blocking, journaling
from api.workflows.declaring import Subject, find
from audit import log
from audit.database import to_microseconds
from audit.errors import NotFound
from audit.fact import Fact
from consent import channel_uses, ledger
from consent import store_erasure as consent_erasure
from consent.decision import LAW_ZONE
from consent.store_ledger import lock_subjects
from governance import store, store_erasure
from governance.contact_points import email_match_form
from governance.identity import Identity, encode_identity
from governance.journal import ErasedRow
from governance.retained import KEPT_DETAILS
from governance.store_erasure import ErasureRow
from governance.vocabulary import ENGINE, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor

HANDLE_BYTES = 16
LATECOMERS = timedelta(days=1)
"""So long after an erasure rows are looked for again: an import that began before it may have ended after it."""
STEPS = ("intent", "journal", "addresses", "vault", "work", "protected", "completion")
"""In this order; between any two of them a process may die."""


@dataclass(frozen=True)
class Erased:
    """The receipt of an erasure: its name in the log, and what is kept and for how long."""

    handle: bytes
    ordered_at: datetime
    evidence_until: datetime | None
    kept: dict[str, int]
    """Rows that stay, by table: numbers without a person, as evidence or because a recipient must be told."""
    overwritten: bool
    """SQLite's write-ahead logs were emptied; False: a reader held one back, the sweeper tries again."""

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        until = None if self.evidence_until is None else self.evidence_until.isoformat()
        return {
            "handle": self.handle.hex(), "ordered_at": self.ordered_at.isoformat(), "evidence_until": until,
            "kept": self.kept, "overwritten": self.overwritten,
        }  # fmt: skip


def _quiet(_step: str) -> None:
    pass


def erase(
    house: House,
    reference: str,
    *,
    unit: Unit = Unit.CONTACT,
    actor: Actor,
    now: datetime,
    case_until: datetime | None = None,
    after: Callable[[str], None] = _quiet,
) -> Erased:
    """Erase whoever is kept under the controller's own reference.

    Args:
        unit: whether the reference is a contact's or an account's.
        case_until: a pending case needs the evidence until then (Article 17(3)(e) GDPR).
        after: told each step that is done.

    Raises:
        NotFound: nobody, or somebody who was erased; the answer is the same for both.
    """
    return erase_subject(house, find(house, reference, unit), actor=actor, now=now, case_until=case_until, after=after)


def erase_subject(
    house: House,
    subject: Subject,
    *,
    actor: Actor,
    now: datetime,
    case_until: datetime | None = None,
    after: Callable[[str], None] = _quiet,
) -> Erased:
    """The same for a subject that was found already, as the portal and the desk have them.

    Raises:
        NotFound: they were erased already.
    """
    row = _order(house, subject, actor=actor, now=now, case_until=case_until)
    after("intent")
    return finish(house, row, now=now, after=after)


def finish(house: House, row: ErasureRow, *, now: datetime, after: Callable[[str], None] = _quiet) -> Erased:
    """Do everything that follows an order; doing it again changes nothing."""
    pseudonym = _pseudonym(house, row.subject)
    journaling.begin(house, now=now)
    house.journal.note_erased([ErasedRow(pseudonym, row.handle, row.ordered_at, row.retain_until)])
    after("journal")
    if row.retain_until is not None:
        _retain_whose(house, row.subject, pseudonym)
    _forget_addresses(house, row.subject, pseudonym)
    after("addresses")
    house.vault.erase([pseudonym], retain_evidence_until=row.retain_until)
    after("vault")
    empty(house, row.subject, now=now)
    after("work")
    house.protected.forget([pseudonym])
    after("protected")
    _complete(house, row, now=now)
    after("completion")
    return Erased(row.handle, row.ordered_at, row.retain_until, remains(house, row.subject), flush(house))


def sweep(house: House, *, now: datetime) -> int:
    """Finish what a killed process left, and take out what arrived after an erasure; how many erasures were finished.

    Also destroys evidence whose time is over, and empties the write-ahead logs.
    """
    with house.work.reading() as connection:
        unfinished, done = store_erasure.under_way(connection), store_erasure.done_since(connection, now - LATECOMERS)
    for row in unfinished:
        finish(house, row, now=now)
    for row in done:
        empty(house, row.subject, now=now)
    destroyed = house.vault.destroy_due_evidence(now=now)
    house.retained.drop_without_key()
    if destroyed:
        with house.work.writing() as connection:
            log.append(connection, [Fact("evidence:destroyed", str(ENGINE), now, {"keys": destroyed})])
    if unfinished or done or destroyed:
        flush(house)
    return len(unfinished)


def empty(house: House, number: int, *, now: datetime) -> int:
    """Remove every holder's rows about an erased subject, in transactions that keep nobody waiting; how many."""
    total = 0
    for holder in house.holders:
        while True:
            with house.work.writing() as connection:
                gone = holder.erase(connection, number, now=now)
            total += gone
            if not gone:
                break
    return total


def remains(house: House, number: int) -> dict[str, int]:
    """Rows that are still there about a subject, by table; tables without any are left out."""
    found: dict[str, int] = {}
    with house.work.reading() as connection:
        for holder in house.holders:
            found |= {table: rows for table, rows in holder.describe(connection, number).items() if rows}
    return found


def flush(house: House) -> bool:
    """Empty the write-ahead logs of every store; False when a reader held one back."""
    emptied = [store.flush() for store in (house.work, house.vault.database, house.protected.database)]
    return all(emptied)


def _order(house: House, subject: Subject, *, actor: Actor, now: datetime, case_until: datetime | None) -> ErasureRow:
    """The intent: fact, block list and mark commit together, before any key is touched."""
    with house.work.reading() as connection:
        history = ledger.history(connection, subject.number)
        retain_until = _retain_until(connection, subject.number, case_until, now)
    plan = blocking.plan(house, subject, history)
    handle = os.urandom(HANDLE_BYTES)
    body = {"handle": handle, "evidence_until": None if retain_until is None else to_microseconds(retain_until)}
    with house.work.writing() as connection:
        if not lock_subjects(connection, [subject.number]):
            raise NotFound("nobody is kept under that number any more")
        blocking.apply(connection, plan, now=now)
        store_erasure.order(connection, subject.number, handle, retain_until=retain_until, actor=str(actor), now=now)
        log.append(connection, [Fact("subject:erasure_ordered", str(actor), now, body, (subject.number,))])
    return ErasureRow(subject.number, handle, now, str(actor), retain_until, None)


def _retain_until(connection: Connection, number: int, case_until: datetime | None, now: datetime) -> datetime | None:
    """The instant up to which evidence must open: § 7a UWG, or a case; None when nothing asks for it any more."""
    last_day = channel_uses.phone_proof(connection, number).retain_until
    law = None if last_day is None else datetime.combine(last_day + timedelta(days=1), time.min, LAW_ZONE)
    wanted = [until for until in (law, case_until) if until is not None and until > now]
    return max(wanted, default=None)


def _retain_whose(house: House, number: int, pseudonym: bytes) -> None:
    """Whose a proof of calls is goes under the evidence key: else nobody could produce the proof (§ 7a(3) UWG)."""
    identity = house.vault.reveal([pseudonym])[0]
    with house.work.reading() as connection:
        called = bool(channel_uses.phone_proof(connection, number).grants)
    if identity is not None and called:
        details = {key: value for key, value in identity.details.items() if key in KEPT_DETAILS}
        kept = Identity(identity.unit, identity.reference, details)
        [sealed] = house.vault.seal_evidence([(pseudonym, encode_identity(kept))])
        house.retained.keep(pseudonym, kept, sealed)


def _forget_addresses(house: House, number: int, pseudonym: bytes) -> None:
    """Sealed addresses of links and requests, and mails in the outbox folder; needs the identity, so it comes first."""
    with house.work.reading() as connection:
        numbers = store_erasure.address_numbers(connection, number)
        numbers += consent_erasure.address_numbers(connection, number)
    house.addresses.forget(numbers)
    identity = house.vault.reveal([pseudonym])[0]
    email = "" if identity is None else identity.details.get("email", "")
    if email and house.vault.holders_of("email", [email])[0] == [pseudonym]:
        house.addresses.forget_value(email)
        for path in _mails_to(house.settings.outbox_folder, email):
            path.unlink(missing_ok=True)


def _mails_to(folder: Path, address: str) -> Iterator[Path]:
    """Mails in the outbox folder whose recipient has this address; a house with a mail server has none."""
    wanted = email_match_form(address)
    for path in sorted(folder.glob("*.eml")) if folder.is_dir() else ():
        to = message_from_bytes(path.read_bytes(), policy=policy.default)["To"]
        if to is not None and wanted in {email_match_form(one.addr_spec) for one in to.addresses}:
            yield path


def _complete(house: House, row: ErasureRow, *, now: datetime) -> None:
    """The receipt; whoever comes second adds none."""
    body = {
        "handle": row.handle,
        "identity_key": "destroyed",
        "evidence_key": "destroyed" if row.retain_until is None else "restricted",
        "evidence_until": None if row.retain_until is None else to_microseconds(row.retain_until),
    }
    with house.work.writing() as connection:
        if store_erasure.finish(connection, row.subject, now=now):
            log.append(connection, [Fact("subject:erased", row.ordered_by, now, body)])


def _pseudonym(house: House, number: int) -> bytes:
    with house.work.reading() as connection:
        found = store.pseudonyms_of(connection, [number])[0]
    if found is None:
        raise NotFound("nobody was ever kept under that number")
    return found
