"""The vault: who is behind a pseudonym. The only place that knows; nothing below `api` may import it.

Each person has a random identity key, wrapped under the house's wrap key; name, addresses and reference are sealed
under it, and destroying it erases the person. Evidence of consent is sealed under a second key, which outlives erasure
until its retention ends (Article 17(3)(e) GDPR). People are found by keyed hashes of reference, e-mail and phone, never
by plain or salted ones (PSE-2). The cryptography stands in vault_cipher.py, the SQL here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    select,
)
from sqlalchemy import Identity as Numbered

from audit.database import Database, Instant, in_batches, insert_rows
from governance.bulk import delete_by_keys, select_by_keys
from governance.errors import AlreadyHeld, NotHeld, SealBroken
from governance.identity import IDENTITY_FIELDS, Identity
from governance.keys import KeyRing
from governance.sealing import seal, unseal
from governance.vault_cipher import SealedRow, VaultCipher, evidence_data
from governance.vocabulary import Unit

__all__ = ["IDENTITY_FIELDS", "METADATA", "ContactKind", "Identity", "Vault"]

ContactKind = Literal["email", "phone"]

METADATA = MetaData()

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

sealed_identity = Table(
    "sealed_identity",
    METADATA,
    Column(
        "id", _NUMBER, Numbered(), primary_key=True, comment="order of arrival: rows lie together, indexes stay small"
    ),
    Column("pseudonym", LargeBinary, nullable=False, comment="16 random bytes, the same as in the work database"),
    Column("epoch", Integer, nullable=False, comment="epoch of the look-up key of the hashes and the fingerprint"),
    Column("form", SmallInteger, nullable=False, comment="version of the match forms behind the hashes"),
    Column("wrap_epoch", Integer, nullable=False, comment="epoch of the wrap key"),
    Column("wrapped_key", LargeBinary, nullable=False, comment="identity key, AES-256-GCM under the wrap key"),
    Column("sealed", LargeBinary, nullable=False, comment="identity, AES-256-GCM under its own key"),
    Column("fingerprint", LargeBinary, nullable=False, comment="16 bytes of HMAC over the identity: has it changed?"),
    Column("reference_hash", LargeBinary, nullable=False, comment="16 bytes of HMAC over unit and reference"),
    Column("email_hash", LargeBinary, comment="16 bytes of HMAC over the e-mail's match form"),
    Column("phone_hash", LargeBinary, comment="16 bytes of HMAC over the phone's match form"),
    Index("sealed_identity_by_pseudonym", "pseudonym", unique=True),
    Index("sealed_identity_by_reference", "reference_hash", unique=True),
    Index("sealed_identity_by_email", "email_hash"),
    Index("sealed_identity_by_phone", "phone_hash"),
    comment="Who is behind a pseudonym; retention: until erasure, holder: the vault",
)

evidence_key = Table(
    "evidence_key",
    METADATA,
    Column("pseudonym", LargeBinary, primary_key=True, comment="16 random bytes"),
    Column("wrap_epoch", Integer, nullable=False, comment="epoch of the wrap key"),
    Column("wrapped_key", LargeBinary, nullable=False, comment="evidence key, AES-256-GCM under the wrap key"),
    Column("retain_until", Instant, comment="set by erasure: opens until then, destroyed after"),
    Index("evidence_key_by_retention", "retain_until"),
    comment="Keys of sealed evidence; retention: until retain_until after erasure, holder: the vault",
    sqlite_with_rowid=False,
)

_CHECKED = 100
_KEEP_INDEXES_IN_MEMORY = "PRAGMA cache_size=-65536"  # 64 MiB: random keys touch every page of four indexes
_EVIDENCE = ("pseudonym", "wrap_epoch", "wrapped_key")


class Vault:
    """Finds, stores, reveals and erases identities; whoever is not held reads as erased.

    Writing methods cut their work into transactions of at most `audit.database.STAGING_ROWS` people: each is stored
    whole or not at all, and the ones before a failure stay.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self.database = database
        self._cipher = VaultCipher(keys)

    def find(self, unit: Unit, references: Sequence[str]) -> list[bytes | None]:
        """For each customer or account reference the pseudonym it is held under, or None."""
        return self._find([self._cipher.reference_hashes(unit, reference) for reference in references])

    def holders_of(self, kind: ContactKind, values: Sequence[str]) -> list[list[bytes]]:
        """For each address or number the pseudonyms of all who have it, in any spelling; nobody has a garbled one."""
        candidates = [self._cipher.contact_hashes(kind, value) for value in values]
        found = self._holders(f"{kind}_hash", candidates)
        return [sorted({held for hash_ in group for held in found.get(hash_, ())}) for group in candidates]

    def store(self, new: Sequence[tuple[bytes, Identity]]) -> None:
        """Seal new identities under the pseudonyms given (16 random bytes each).

        Raises:
            AlreadyHeld: a pseudonym or reference is held already.
            IdentityInvalid: a detail outside IDENTITY_FIELDS, or an empty reference.
        """
        for batch in in_batches(new):
            rows = self._cipher.seal_identities(batch)
            with self._conflicts_named(), self.database.writing() as connection:
                if self.database.is_sqlite:
                    connection.exec_driver_sql(_KEEP_INDEXES_IN_MEMORY)
                insert_rows(connection, sealed_identity, SealedRow._fields, rows)

    def update(self, held: Sequence[tuple[bytes, Identity]]) -> None:
        """Seal anew who is held already, under a fresh identity key each: the old values go with the old key.

        Raises:
            NotHeld: one of them is not held.
            AlreadyHeld: a reference belongs to somebody else.
            IdentityInvalid: as in `store`.
        """
        for batch in in_batches(dict(held).items()):
            rows = self._cipher.seal_identities(batch)
            with self._conflicts_named(), self.database.writing() as connection:
                known = delete_by_keys(connection, sealed_identity, "pseudonym", [row.pseudonym for row in rows])
                if known != len(rows):
                    raise NotHeld(f"{len(rows) - known} of {len(rows)} pseudonyms are not held; store them instead")
                insert_rows(connection, sealed_identity, SealedRow._fields, rows)

    def changed(self, pairs: Sequence[tuple[bytes, Identity]]) -> list[bool]:
        """Whether each identity differs from what is held, by keyed fingerprint: nothing is unsealed.

        Somebody not held counts as changed.
        """
        rows = self._select(sealed_identity, ("pseudonym", "fingerprint"), [pseudonym for pseudonym, _ in pairs])
        held = dict(rows)
        return [held.get(pseudonym) not in self._cipher.fingerprints(identity) for pseudonym, identity in pairs]

    def reveal(self, pseudonyms: Sequence[bytes]) -> list[Identity | None]:
        """Who is behind the pseudonyms; None for whoever was erased or never held.

        Raises:
            SealBroken: a row was altered or moved.
        """
        columns = ("pseudonym", "wrap_epoch", "wrapped_key", "sealed")
        held = {row[0]: row for row in self._select(sealed_identity, columns, pseudonyms)}
        return [self._cipher.open_identity(*held[one]) if one in held else None for one in pseudonyms]

    def seal_evidence(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Seal pieces of evidence, each under the evidence key of its pseudonym; the key is made when first needed.

        Raises:
            NotHeld: a pseudonym has neither an identity nor an evidence key.
        """
        keys = self._evidence_keys(sorted({pseudonym for pseudonym, _ in pairs}))
        return [seal(keys[pseudonym], evidence, evidence_data(pseudonym)) for pseudonym, evidence in pairs]

    def open_evidence(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes | None]:
        """Open (pseudonym, sealed evidence); None where the key was destroyed.

        Raises:
            SealBroken: a piece was altered, or belongs to somebody else.
        """
        keys = self._held_evidence_keys([pseudonym for pseudonym, _ in pairs])
        opened: list[bytes | None] = []
        for pseudonym, sealed in pairs:
            key = keys.get(pseudonym)
            opened.append(None if key is None else unseal(key, sealed, evidence_data(pseudonym)))
        return opened

    def erase(self, pseudonyms: Sequence[bytes], *, retain_evidence_until: datetime | None) -> None:
        """Destroy identity keys, sealed identities and look-ups at once; evidence opens until the instant given.

        None destroys the evidence too. Erasing again, or whoever was never held, changes nothing; a later instant
        never shortens or extends one set before.
        """
        for batch in in_batches(sorted(set(pseudonyms))):
            with self.database.writing() as connection:
                delete_by_keys(connection, sealed_identity, "pseudonym", batch)
                if retain_evidence_until is None:
                    delete_by_keys(connection, evidence_key, "pseudonym", batch)
                else:
                    _retain(connection, batch, retain_evidence_until)

    def destroy_due_evidence(self, *, now: datetime) -> int:
        """Destroy the evidence keys whose retention has ended.

        Returns:
            How many were destroyed.
        """
        due = evidence_key.c.retain_until <= now
        with self.database.writing() as connection:
            return int(connection.execute(evidence_key.delete().where(due)).rowcount)

    def held(self, pseudonyms: Sequence[bytes]) -> list[bool]:
        """Whether each pseudonym has an identity here: the sweeper's question about orphans."""
        known = {row[0] for row in self._select(sealed_identity, ("pseudonym",), pseudonyms)}
        return [pseudonym in known for pseudonym in pseudonyms]

    def check(self) -> list[str]:
        """What is wrong, in words for the operator: keys that are missing, and whether the newest rows open."""
        findings = []
        with self.database.reading() as connection:
            for table, column, live in (
                (sealed_identity, "epoch", self._cipher.lookup_epochs),
                (sealed_identity, "wrap_epoch", self._cipher.wrap_epochs),
                (evidence_key, "wrap_epoch", self._cipher.wrap_epochs),
            ):
                used = set(connection.execute(select(table.c[column]).distinct()).scalars())
                findings += [f"{table.name}.{column} {epoch}: key missing" for epoch in sorted(used - live)]
            newest = select(sealed_identity.c.pseudonym).order_by(sealed_identity.c.id.desc()).limit(_CHECKED)
            pseudonyms = list(connection.execute(newest).scalars())
        try:
            self.reveal(pseudonyms)
        except SealBroken as error:
            findings.append(f"sealed_identity, among the newest {_CHECKED}: {error}")
        return findings

    def flush(self) -> bool:
        """Move what was erased out of SQLite's write-ahead log, too (C5).

        Returns:
            False when a reader held it back: try again later. On PostgreSQL this is the operator's VACUUM: True.
        """
        return self.database.flush()

    def _find(self, candidates: Sequence[Sequence[bytes]]) -> list[bytes | None]:
        """The pseudonym under one of each reference's hashes; a reference has one at most."""
        wanted = list({hash_ for group in candidates for hash_ in group})
        found = dict(self._select(sealed_identity, ("reference_hash", "pseudonym"), wanted, key="reference_hash"))
        if not found:
            return [None] * len(candidates)
        return [next(filter(None, map(found.get, group)), None) for group in candidates]

    def _holders(self, column: str, candidates: Sequence[Sequence[bytes]]) -> dict[bytes, list[bytes]]:
        """Look-up hash → pseudonyms."""
        wanted = list({hash_ for group in candidates for hash_ in group})
        found: dict[bytes, list[bytes]] = {}
        for hash_, pseudonym in self._select(sealed_identity, (column, "pseudonym"), wanted, key=column):
            found.setdefault(hash_, []).append(pseudonym)
        return found

    def _select(
        self, table: Table, columns: Sequence[str], wanted: Sequence[bytes], *, key: str = "pseudonym"
    ) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            return list(select_by_keys(connection, table, columns, key, wanted))

    def _held_evidence_keys(self, pseudonyms: Sequence[bytes]) -> dict[bytes, bytes]:
        opened = {}
        for row in self._select(evidence_key, _EVIDENCE, list(set(pseudonyms))):
            key = self._cipher.open_evidence_key(*row)
            if key is not None:
                opened[row[0]] = key
        return opened

    def _evidence_keys(self, pseudonyms: Sequence[bytes]) -> dict[bytes, bytes]:
        """The evidence key of each, made and committed where there was none."""
        keys = self._held_evidence_keys(pseudonyms)
        missing = [pseudonym for pseudonym in pseudonyms if pseudonym not in keys]
        strangers = self.held(missing).count(False)
        if strangers:
            raise NotHeld(f"{strangers} pseudonyms have no identity here; store them before their evidence")
        for batch in in_batches(missing):
            rows = [self._cipher.new_evidence_key(pseudonym) for pseudonym in batch]
            with self.database.writing() as connection:
                insert_rows(connection, evidence_key, _EVIDENCE, rows, ignore=True)
        # Read back: somebody else may have made one of them in between, and the first one counts.
        return keys | self._held_evidence_keys(missing)

    @contextmanager
    def _conflicts_named(self) -> Iterator[None]:
        try:
            yield
        except self.database.engine.dialect.loaded_dbapi.IntegrityError:
            raise AlreadyHeld("a pseudonym or reference of the batch is held already; ask `find` first") from None


def _retain(connection: Connection, pseudonyms: Sequence[bytes], until: datetime) -> None:
    statement = evidence_key.update().where(evidence_key.c.retain_until.is_(None))
    for part in in_batches(pseudonyms, 500):
        connection.execute(statement.where(evidence_key.c.pseudonym.in_(part)).values(retain_until=until))
