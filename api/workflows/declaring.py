"""The one way in for everything a person says: portal, mail, link, signal, desk, API and file all end here.

One transaction holds the declaration, its fact in the log, and the work that follows from it (block list, systems to
tell, mails to send). What the person said acts when it commits, everywhere, because every output asks the ledger
(design 6). What the vault has to do (sealing evidence, finding addresses) is done before the transaction begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api.workflows import blocking, webhooks
from audit.errors import NotFound
from consent import ledger, notices
from consent.errors import ChangedMeanwhile
from consent.store_ledger import lock_subjects
from governance import outbox, store
from governance.vocabulary import Act, Source, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.blocking import Plan
    from consent.ledger import Declared
    from governance.vault import ContactKind
    from governance.vocabulary import Actor, Declaration

GRANTS = frozenset({Act.GIVEN, Act.RENEWED, Act.OBJECTION_LIFTED, Act.FIELD_RELEASED})
PSEUDONYM_BYTES = 16
BY_OTHERS = frozenset({Source.DESK_FOR_SUBJECT, Source.CONTROLLER_API})


@dataclass(frozen=True)
class Subject:
    """Whom it is about, as the work database and the vault know them."""

    number: int
    pseudonym: bytes


@dataclass(frozen=True)
class Prepared:
    """Declarations of one subject with everything the vault had to add; ready for one transaction."""

    subject: Subject
    declarations: tuple[Declaration, ...]
    sealed: tuple[bytes | None, ...]
    """For each declaration its evidence, sealed under the subject's evidence key."""
    addresses: Plan
    """Which addresses they may put on the block list or take off it."""

    def about(self, number: int) -> Prepared:
        """The same for a subject that got its number only now, in the transaction that records it."""
        return replace(self, subject=replace(self.subject, number=number))


def find(house: House, reference: str, unit: Unit = Unit.CONTACT) -> Subject:
    """Whoever is kept under the controller's own reference.

    Raises:
        NotFound: nobody, or somebody who was erased.
    """
    handle = house.vault.find(unit, [reference])[0]
    found = [] if handle is None else of_pseudonyms(house, [handle])
    if not found:
        raise NotFound("nobody is kept under that reference; check it, and whether it is a contact or an account")
    return found[0]


def of_pseudonyms(house: House, pseudonyms: Sequence[bytes]) -> list[Subject]:
    """Those of them who are here and not erased, in the order asked for."""
    with house.work.reading() as connection:
        numbers = ledger.subjects_of(connection, pseudonyms)
    return [Subject(numbers[one], one) for one in pseudonyms if one in numbers]


def of_number(house: House, number: int) -> Subject:
    """The subject of that number.

    Raises:
        NotFound: there is none, or it was erased.
    """
    with house.work.reading() as connection:
        row = store.subject_row(connection, number)
    if row is None or row.erased_at is not None:
        raise NotFound("nobody is kept under that number any more")
    return Subject(number, bytes(row.pseudonym))


def holders_of(house: House, kind: ContactKind, address: str) -> list[Subject]:
    """Everybody who has that address or number in any spelling, and was not erased (OBJ-11)."""
    return of_pseudonyms(house, house.vault.holders_of(kind, [address])[0])


def prepare(
    house: House, subject: Subject, declarations: Sequence[Declaration], *, evidence: Sequence[bytes | None] = ()
) -> Prepared:
    """Do the vault's part: before the transaction, because no transaction spans two databases (design 5)."""
    pieces = tuple(evidence) or (None,) * len(declarations)
    given = [(subject.pseudonym, piece) for piece in pieces if piece is not None]
    sealed = iter(house.vault.seal_evidence(given)) if given else iter(())
    return Prepared(
        subject=subject,
        declarations=tuple(declarations),
        sealed=tuple(None if piece is None else next(sealed) for piece in pieces),
        addresses=blocking.plan(house, subject, declarations),
    )


def record(connection: Connection, house: House, prepared: Prepared, *, actor: Actor, now: datetime) -> Declared:
    """Record what was prepared as the last thing the caller's writing transaction does; commit right after.

    One subject per transaction: a second one would be locked while the log is, and two such transactions could wait
    for each other for ever.

    Raises:
        DeclarationInvalid, MayNotRaise, NotFound: as `consent.ledger.declare`; nothing is recorded.
    """
    _first(connection, house, now=now)
    return _record(connection, house, prepared, actor=actor, now=now)


def declare(
    house: House,
    subject: Subject,
    declarations: Sequence[Declaration],
    *,
    actor: Actor,
    now: datetime,
    evidence: Sequence[bytes | None] = (),
    expected: int | None = None,
) -> Declared:
    """Record what a subject declared, and everything that follows from it, in one transaction.

    Args:
        evidence: for each declaration its evidence in clear or None; sealed here under the subject's evidence key.
        expected: the version (`ledger.version_of`) of the state that the change rests on; None: whatever it is.

    Raises:
        DeclarationInvalid, MayNotRaise, NotFound: as `consent.ledger.declare`.
        ChangedMeanwhile: something was declared since that version.
    """
    prepared = prepare(house, subject, declarations, evidence=evidence)
    with house.work.writing() as connection:
        _first(connection, house, now=now)
        if expected is not None:
            _check_version(connection, subject.number, expected)
        return _record(connection, house, prepared, actor=actor, now=now)


def declare_unless(
    house: House,
    subject: Subject,
    declarations: Sequence[Declaration],
    already: Callable[[Sequence[Declaration]], bool],
    *,
    actor: Actor,
    now: datetime,
) -> Declared | None:
    """Declare, unless *already* says that the subject's history holds it in force; None when it does.

    Asked under the subject's lock, so that a request repeated at once is recorded once. Whoever was erased in between
    has nothing left to record: None too.
    """
    prepared = prepare(house, subject, declarations)
    with house.work.writing() as connection:
        _first(connection, house, now=now)
        if not lock_subjects(connection, [subject.number]):
            return None
        if already(ledger.history(connection, subject.number)):
            blocking.apply(connection, prepared.addresses, now=now)  # their address may be another one by now
            return None
        return _record(connection, house, prepared, actor=actor, now=now)


def _first(connection: Connection, house: House, *, now: datetime) -> None:
    """What others could wait for comes before the subject's lock, and the log's comes last: one order everywhere."""
    notices.register(connection, house.catalogue, now=now)


def _check_version(connection: Connection, number: int, expected: int) -> None:
    """Under the subject's lock: of two who read the same state only one may change it (SEC-2)."""
    lock_subjects(connection, [number])
    if ledger.version_of(connection, number) != expected:
        raise ChangedMeanwhile("something was declared since that version")


def _record(connection: Connection, house: House, prepared: Prepared, *, actor: Actor, now: datetime) -> Declared:
    number = prepared.subject.number
    done = ledger.declare(connection, number, prepared.declarations, actor=actor, now=now, evidence=prepared.sealed)
    # After the log, under its lock: who shares an address is decided in the log's order, and a mail names its entry.
    blocking.apply(connection, prepared.addresses, now=now)
    if done.entry is not None:
        _tell(connection, house, prepared, done.entry, now=now)
    return done


def _tell(connection: Connection, house: House, prepared: Prepared, entry: int, *, now: datetime) -> None:
    """The work after the commit: systems of the controller, and a mail where others spoke for the person."""
    number = prepared.subject.number
    webhooks.announce(connection, house, number, entry, now=now)
    if any(d.act in GRANTS and d.source in BY_OTHERS for d in prepared.declarations):
        outbox.put(connection, "changed", {"subject": number, "entry": entry}, now=now)
