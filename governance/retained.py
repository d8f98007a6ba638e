"""Whose a retained proof is: name and number of an erased person, for the authority alone (§ 7a UWG, Art. 18(2) GDPR).

The proof of a consent to calls outlives the erasure by up to five years; kept without anything to find it by it could
not be produced. So name, number and reference lie here, sealed under the evidence key and found by keyed hashes; they
are opened for that proof and nothing else, and are unreadable with the key's end. Nothing below `api` may import this.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, delete, insert, or_, select

from audit.database import Database
from governance.identity import Identity
from governance.keys import KeyRing
from governance.vault import METADATA, evidence_key
from governance.vault_cipher import VaultCipher
from governance.vocabulary import Unit

KEPT_DETAILS = ("given_name", "family_name", "company_name", "phone")
"""Without them the authority could not assign the document."""

retained_identity = Table(
    "retained_identity",
    METADATA,
    Column("pseudonym", LargeBinary, primary_key=True, comment="16 random bytes"),
    Column("reference_hash", LargeBinary, nullable=False, comment="16 bytes of HMAC over unit and reference"),
    Column("phone_hash", LargeBinary, comment="16 bytes of HMAC over the phone's match form"),
    Column("sealed", LargeBinary, nullable=False, comment="name, number and reference under the evidence key"),
    Index("retained_identity_by_reference", "reference_hash"),
    Index("retained_identity_by_phone", "phone_hash"),
    comment="Whose a proof of § 7a UWG is after erasure; retention: with its evidence key, holder: the vault",
)


class Retained:
    """Keeps, finds and lets go."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._cipher = VaultCipher(keys)

    def keep(self, pseudonym: bytes, identity: Identity, sealed: bytes) -> None:
        """Keep what was sealed, under today's look-up key; doing it again changes nothing."""
        phone = identity.details.get("phone", "")
        row = {
            "pseudonym": pseudonym,
            "reference_hash": self._cipher.reference_hashes(identity.unit, identity.reference)[0],
            "phone_hash": next(iter(self._cipher.contact_hashes("phone", phone)), None) if phone else None,
            "sealed": sealed,
        }
        with self._database.writing() as connection:
            connection.execute(delete(retained_identity).where(retained_identity.c.pseudonym == pseudonym))
            connection.execute(insert(retained_identity), row)

    def find(self, unit: Unit, *, reference: str = "", phone: str = "") -> list[tuple[bytes, bytes]]:
        """Pseudonym and sealed identity of those who had that reference or number when they were erased."""
        references = self._cipher.reference_hashes(unit, reference) if reference else []
        phones = self._cipher.contact_hashes("phone", phone) if phone else []
        table = retained_identity.c
        match = or_(table.reference_hash.in_(references), table.phone_hash.in_(phones))
        query = select(table.pseudonym, table.sealed).where(match).order_by(table.pseudonym)
        with self._database.reading() as connection:
            return [(bytes(row.pseudonym), bytes(row.sealed)) for row in connection.execute(query)]

    def drop_without_key(self) -> int:
        """Let go what no key opens any more; how many."""
        keys = select(evidence_key.c.pseudonym)
        with self._database.writing() as connection:
            statement = delete(retained_identity).where(retained_identity.c.pseudonym.not_in(keys))
            return int(connection.execute(statement).rowcount)
