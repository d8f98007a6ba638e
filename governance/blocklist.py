"""The block list: addresses nobody may write to, as keyed hashes and nothing else; it outlives erasure (OBJ-6).

An entry is HMAC(block key, kind ‖ match form). When the block key changes there is no address left to hash again, so
the entry is hashed once more: HMAC(new key, HMAC(old key, …)). A check computes every pair of birth and present epoch
and every form version that may occur; all block keys are therefore kept, but whoever has only an old one learns
nothing from a list that was rotated.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, delete, select

from audit.database import Instant, in_batches, insert_rows, to_microseconds
from audit.errors import BadInput
from governance.bulk import select_by_keys
from governance.contact_points import FORM_VERSION, email_match_form, phone_match_form
from governance.keys import KeyRing, KeyRole, keyed_hash, length_prefixed

METADATA = MetaData()

Kind = Literal["email", "phone"]

blocked_address = Table(
    "blocked_address",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, comment="nested HMAC-SHA-256 of kind and match form"),
    Column("born", Integer, nullable=False, comment="epoch of the block key it was first hashed under"),
    Column("epoch", Integer, nullable=False, comment="epoch of the outermost key"),
    Column("form", SmallInteger, nullable=False, comment="version of the canonical form"),
    Column("added_at", Instant, nullable=False, comment="when it was blocked"),
    Index("blocked_address_by_epoch", "epoch"),
    comment="Addresses nobody may write to; retention: as long as the objection holds, no holder: it names nobody",
    sqlite_with_rowid=False,
)

_NESTED = b"lauter block list, nested\0"
"""Stands before an inner hash; an address behind length prefixes never begins so."""

_COLUMNS = ("hash", "born", "epoch", "form", "added_at")


class BlockList:
    """Adds, asks and rotates; holds the block keys, never an address."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = tuple(reversed(keys.all(KeyRole.BLOCK)))
        self._hashes = tuple(keyed_hash(key.secret) for key in self._keys)

    def add(self, connection: Connection, kind: Kind, value: str, *, now: datetime) -> None:
        """Block the address in every spelling; blocking it again changes nothing.

        Raises:
            BadInput: the value is empty.
        """
        message = _message(kind, value)
        if message is None:
            raise BadInput("an empty address cannot be blocked")
        if self.blocked(connection, kind, [value])[0]:
            return
        epoch = self._keys[-1].epoch
        row = (self._hashes[-1](message), epoch, epoch, FORM_VERSION, to_microseconds(now))
        insert_rows(connection, blocked_address, _COLUMNS, [row], ignore=True)

    def blocked(self, connection: Connection, kind: Kind, values: Sequence[str]) -> list[bool]:
        """For each value whether it is blocked, in whatever spelling and under whatever epoch it was added."""
        if connection.execute(select(blocked_address.c.hash).limit(1)).first() is None:
            return [False] * len(values)
        candidates = [list(self._candidates(kind, value)) for value in values]
        wanted = [candidate for group in candidates for candidate in group]
        found = {bytes(row[0]) for row in select_by_keys(connection, blocked_address, ("hash",), "hash", wanted)}
        return [not found.isdisjoint(group) for group in candidates]

    def rotate(self, connection: Connection, *, limit: int) -> int:
        """Hash at most *limit* entries once more, up to the current block key.

        Returns:
            How many were moved; 0 means that all are under the current key.
        """
        current = self._keys[-1].epoch
        query = select(blocked_address).where(blocked_address.c.epoch != current).limit(limit)
        rows = connection.execute(query).all()
        moved = [
            (self._nested(bytes(row.hash), row.epoch), row.born, current, row.form, to_microseconds(row.added_at))
            for row in rows
        ]
        for batch in in_batches(rows, 500):
            connection.execute(delete(blocked_address).where(blocked_address.c.hash.in_([row.hash for row in batch])))
        insert_rows(connection, blocked_address, _COLUMNS, moved, ignore=True)
        return len(rows)

    def _nested(self, inner: bytes, epoch: int) -> bytes:
        for key, authenticate in zip(self._keys, self._hashes, strict=True):
            if key.epoch > epoch:
                inner = authenticate(_NESTED + inner)
        return inner

    def _candidates(self, kind: Kind, value: str) -> Iterator[bytes]:
        """Every hash under which the value may stand: each epoch of birth, nested as far as each later epoch."""
        message = _message(kind, value)
        if message is None:
            return
        for born in range(len(self._hashes)):
            candidate = self._hashes[born](message)
            yield candidate
            for authenticate in self._hashes[born + 1 :]:
                candidate = authenticate(_NESTED + candidate)
                yield candidate


def _message(kind: Kind, value: str) -> bytes | None:
    """What is hashed: the match form, or for what is no address its trimmed text, so that the same entry still hits."""
    form = email_match_form(value) if kind == "email" else phone_match_form(value)
    if form is None:
        form = " ".join(unicodedata.normalize("NFC", value).casefold().split())
    return (
        length_prefixed(kind.encode(), FORM_VERSION.to_bytes(2, "big"), form.encode("utf-8", "surrogatepass"))
        if form
        else None
    )
