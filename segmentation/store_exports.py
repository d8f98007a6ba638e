"""All SQL of exports: requests, manifests and the recipient ledger (Articles 15(1)(c), 19 and 30 GDPR)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from audit.database import STAGING_ROWS, in_batches, insert_rows
from consent import relations
from consent import store as consent_store
from consent.relations import REASONS
from governance.bulk import select_by_keys
from governance.tables import subject
from governance.vocabulary import Channel, Reason
from segmentation.tables import export, export_row

if TYPE_CHECKING:
    from governance.purposes import Purpose

REQUESTED, APPROVED, BUILT, RELEASED, EXPIRED, REFUSED, DECLINED = (
    "requested",
    "approved",
    "built",
    "released",
    "expired",
    "refused",
    "declined",
)
KEYS_PER_QUERY = 10_000

Ids = NDArray[np.int64]


class ExportRow(NamedTuple):
    """One export as it stands."""

    id: int
    document: str
    state: str
    requested_at: datetime
    requested_by: str
    approved_by: str | None
    manifest: Mapping[str, Any] | None
    expires_at: datetime | None
    build: bytes | None


def add(connection: Connection, document: str, *, actor: str, now: datetime) -> int:
    """Store a request.

    Returns:
        Its number.
    """
    number = int(connection.scalar(select(func.coalesce(func.max(export.c.id), 0))) or 0) + 1
    row = {"id": number, "document": document, "state": REQUESTED, "requested_at": now, "requested_by": actor}
    connection.execute(insert(export).values(**row))
    return number


def get(connection: Connection, number: int, *, lock: bool = False) -> ExportRow | None:
    """One export; with *lock* nobody else changes it until the transaction ends."""
    query = select(export).where(export.c.id == number)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _row(row)


def newest(connection: Connection, limit: int = 50) -> list[ExportRow]:
    """The newest exports first."""
    rows = connection.execute(select(export).order_by(export.c.id.desc()).limit(limit))
    return [_row(row) for row in rows]


def all_exports(connection: Connection) -> Iterator[ExportRow]:
    """Every export, oldest first."""
    for row in connection.execute(select(export).order_by(export.c.id)):
        yield _row(row)


def approve(connection: Connection, number: int, *, actor: str) -> None:
    """Note the second person."""
    connection.execute(update(export).where(export.c.id == number).values(state=APPROVED, approved_by=actor))


def set_state(connection: Connection, number: int, state: str) -> None:
    """Move an export on."""
    connection.execute(update(export).where(export.c.id == number).values(state=state))


def set_build(connection: Connection, number: int, mark: bytes) -> None:
    """Note which build works on an export from now on."""
    connection.execute(update(export).where(export.c.id == number).values(build=mark))


def set_built(connection: Connection, number: int, manifest: Mapping[str, Any], *, expires_at: datetime) -> None:
    """Keep the manifest of a finished build; the file itself is never kept."""
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    values = {"state": BUILT, "manifest": text, "expires_at": expires_at}
    connection.execute(update(export).where(export.c.id == number).values(**values))


def drop_ledger(connection: Connection, number: int) -> bool:
    """Delete at most one staging of an export's ledger; False when none was left. Never of one that was released."""
    some = select(export_row.c.subject).where(export_row.c.export == number).order_by(export_row.c.subject)
    last = connection.execute(some.limit(STAGING_ROWS)).scalars().all()
    if not last:
        return False
    connection.execute(delete(export_row).where(export_row.c.export == number, export_row.c.subject <= last[-1]))
    return True


def stage_ledger(connection: Connection, number: int, rows: Iterable[tuple[int, bytes]]) -> int:
    """Write who is in an export under which pseudonym of that export alone."""
    tuples = ((number, person, pseudonym) for person, pseudonym in rows)
    return insert_rows(connection, export_row, ("export", "subject", "pseudonym"), tuples)


def ledger(connection: Connection, number: int) -> dict[int, bytes]:
    """Subject → pseudonym of an export, ascending by subject."""
    query = select(export_row.c.subject, export_row.c.pseudonym).where(export_row.c.export == number)
    rows = connection.execute(query.order_by(export_row.c.subject))
    return {int(person): bytes(pseudonym) for person, pseudonym in rows}


def released(connection: Connection, *, before: int) -> list[ExportRow]:
    """Exports that reached somebody, other than this one."""
    query = select(export).where(export.c.state == RELEASED, export.c.id != before).order_by(export.c.id)
    return [_row(row) for row in connection.execute(query)]


def ledger_subjects(connection: Connection, number: int) -> Ids:
    """Who is in an export, ascending."""
    query = select(export_row.c.subject).where(export_row.c.export == number).order_by(export_row.c.subject)
    return np.array(connection.execute(query).scalars().all(), dtype=np.int64)


def exports_of(connection: Connection, person: int) -> list[ExportRow]:
    """Exports that a person left the house in, oldest first (Article 15(1)(c) GDPR)."""
    match = (export_row.c.export == export.c.id) & (export_row.c.subject == person)
    query = select(export).join(export_row, match).where(export.c.state == RELEASED).order_by(export.c.id)
    return [_row(row) for row in connection.execute(query)]


def contacts_of(connection: Connection, accounts: Ids) -> tuple[Ids, Ids]:
    """Contacts of these accounts, ascending, and beside each its account."""
    pairs: list[tuple[int, int]] = []
    for part in in_batches(accounts.tolist(), KEYS_PER_QUERY):
        query = select(subject.c.id, subject.c.account).where(subject.c.account.in_(part), subject.c.unit == "contact")
        pairs += [(int(contact), int(account)) for contact, account in connection.execute(query)]
    pairs.sort()
    columns = np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)
    return columns[:, 0].copy(), columns[:, 1].copy()


def accounts_of(connection: Connection, contacts: Ids) -> Ids:
    """The companies of these contacts, ascending."""
    found: set[int] = set()
    for part in in_batches(contacts.tolist(), KEYS_PER_QUERY):
        query = select(subject.c.account).where(subject.c.id.in_(part), subject.c.account.is_not(None)).distinct()
        found.update(int(account) for account in connection.execute(query).scalars())
    return np.array(sorted(found), dtype=np.int64)


def pseudonyms_of(connection: Connection, subjects: Sequence[int]) -> dict[int, bytes]:
    """The house's own pseudonyms, with which the vault can be asked; they never leave it."""
    found: dict[int, bytes] = {}
    for part in in_batches(subjects, KEYS_PER_QUERY):
        query = select(subject.c.id, subject.c.pseudonym).where(subject.c.id.in_(part))
        found.update((int(number), bytes(pseudonym)) for number, pseudonym in connection.execute(query))
    return found


def subject_of(connection: Connection, pseudonym: bytes) -> int | None:
    """The subject behind a pseudonym of the house."""
    rows = select_by_keys(connection, subject, ("id", "pseudonym"), "pseudonym", [pseudonym])
    return next((int(row[0]) for row in rows), None)


def reasons(
    connection: Connection, subjects: Ids, purpose: Purpose, *, now: datetime, channel: Channel | None
) -> dict[int, Reason]:
    """The reason of each subject's decision; whoever is not here any more was erased."""
    decisions = relations.decisions(purpose, now=now, channel=channel)
    ids, codes = consent_store.decided_for(connection, decisions, subjects)
    found = {int(one): REASONS[int(code)] for one, code in zip(ids, codes, strict=True) if code >= 0}
    return {one: found.get(one, Reason.ERASED) for one in subjects.tolist()}


def _row(row: Row[Any]) -> ExportRow:
    manifest = None if row.manifest is None else json.loads(row.manifest)
    build = None if row.build is None else bytes(row.build)
    return ExportRow(
        row.id, row.document, row.state, row.requested_at, row.requested_by, row.approved_by, manifest, row.expires_at,
        build,
    )  # fmt: skip
