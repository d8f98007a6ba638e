"""Addresses of people who are not in yet: where a link or a double opt-in was sent, sealed, and only for as long.

A link to the portal or a newsletter request knows an address before it knows a person. The address lies here, beside
the identities, under a random number that the work database may hold; it goes when the link or the request is void
(Article 5(1)(e) GDPR). Nothing below `api` may import this module.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, delete, insert, select, update

from audit.database import Database, Instant
from governance.contact_points import email_match_form
from governance.errors import SealBroken
from governance.keys import KeyRing, KeyRole, derive
from governance.sealing import seal, unseal
from governance.vault import METADATA

NUMBER_BYTES = 16
_INFO = b"address of a visitor"

sealed_address = Table(
    "sealed_address",
    METADATA,
    Column("number", LargeBinary, primary_key=True, comment="16 random bytes; the work database names it so"),
    Column("epoch", Integer, nullable=False, comment="epoch of the wrap key"),
    Column("sealed", LargeBinary, nullable=False, comment="the address, AES-256-GCM"),
    Column("expires_at", Instant, nullable=False, comment="goes then at the latest"),
    Index("sealed_address_by_expiry", "expires_at"),
    comment="Where links and confirmations were sent; retention: until void, holder: the vault",
)


class Addresses:
    """Keeps, opens and forgets addresses of visitors."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = {key.epoch: derive(key, _INFO) for key in keys.all(KeyRole.WRAP)}
        self._epoch = max(self._keys)

    def keep(self, address: str, *, expires_at: datetime) -> bytes:
        """Seal an address until then; the random number it goes by."""
        number = os.urandom(NUMBER_BYTES)
        sealed = seal(self._keys[self._epoch], address.encode(), number)
        row = {"number": number, "epoch": self._epoch, "sealed": sealed, "expires_at": expires_at}
        with self._database.writing() as connection:
            connection.execute(insert(sealed_address), row)
        return number

    def open(self, number: bytes) -> str | None:
        """The address, or None when it was forgotten.

        Raises:
            SealBroken: it was altered, or its key is gone.
        """
        query = select(sealed_address.c.epoch, sealed_address.c.sealed).where(sealed_address.c.number == number)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.epoch not in self._keys:
            raise SealBroken("an address is sealed under a wrap key that is gone")
        return unseal(self._keys[row.epoch], row.sealed, number).decode()

    def prolong(self, number: bytes, *, expires_at: datetime) -> None:
        """Keep it until then: a session goes on with the address its link was sent to."""
        statement = update(sealed_address).where(sealed_address.c.number == number).values(expires_at=expires_at)
        with self._database.writing() as connection:
            connection.execute(statement)

    def forget(self, numbers: Sequence[bytes]) -> None:
        """Forget some of them now; one that is not here changes nothing."""
        with self._database.writing() as connection:
            for number in numbers:
                connection.execute(delete(sealed_address).where(sealed_address.c.number == number))

    def forget_value(self, address: str) -> int:
        """Forget an address wherever it lies here, in any spelling; how often it did. A few rows at most times."""
        wanted = email_match_form(address)
        with self._database.reading() as connection:
            rows = connection.execute(select(*sealed_address.c["number", "epoch", "sealed"])).all()
        found = [
            bytes(row.number)
            for row in rows
            if row.epoch in self._keys
            and email_match_form(unseal(self._keys[row.epoch], row.sealed, bytes(row.number)).decode()) == wanted
        ]
        self.forget(found)
        return len(found)

    def reseal(self) -> int:
        """Seal what lies under an older key under the current one; how many. A few rows at most times."""
        with self._database.writing() as connection:
            older = select(sealed_address).where(sealed_address.c.epoch != self._epoch)
            rows = connection.execute(older).all()
            for row in rows:
                number, key = bytes(row.number), self._keys.get(row.epoch)
                if key is None:
                    raise SealBroken("an address is sealed under a wrap key that is gone")
                sealed = seal(self._keys[self._epoch], unseal(key, row.sealed, number), number)
                change = update(sealed_address).where(sealed_address.c.number == number)
                connection.execute(change.values(epoch=self._epoch, sealed=sealed))
        return len(rows)

    def forget_void(self, *, now: datetime) -> int:
        """Forget every address whose time is over; how many."""
        with self._database.writing() as connection:
            return int(connection.execute(delete(sealed_address).where(sealed_address.c.expires_at <= now)).rowcount)
