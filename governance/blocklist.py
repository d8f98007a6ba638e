"""The block list: addresses nobody may advertise to, as keyed hashes and nothing else; it outlives erasure (OBJ-6).

An entry is HMAC(block key, kind ‖ match form), for every purpose, or with a purpose at its end for that one alone. An
entry for every purpose may be lifted for one purpose, which is an entry too: somebody who objected to all advertising
and then asked for the newsletter gets the newsletter. When the block key changes there is no address left to hash
again, so the entry is hashed once more: HMAC(new key, HMAC(old key, …)). A check computes every pair of birth and
present epoch and every form version that may occur; all block keys are therefore kept, but whoever has only an old one
learns nothing from a list that was rotated.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, delete, select

from audit.database import Instant, in_batches, insert_rows, to_microseconds
from audit.errors import BadInput
from governance.bulk import delete_by_keys, select_by_keys
from governance.contact_points import FORM_VERSION, email_match_form, phone_match_form, postal_match_form
from governance.keys import KeyRing, KeyRole, keyed_hash, length_prefixed

METADATA = MetaData()

Kind = Literal["email", "phone", "sms", "post"]
"""What the address is used as: a number blocked for calls of one purpose may still get texts of it, and the reverse."""


Entry = tuple[bytes, int, int, int, datetime]
"""A row as it stands: hash, epoch of birth, epoch of the outermost key, form, instant."""


class Blocked(NamedTuple):
    """An address and the purpose it is blocked for; None: every one."""

    kind: Kind
    value: str
    purpose: str | None = None


class Prepared(NamedTuple):
    """An entry with its hashes: computed before a transaction, so that nobody waits for them."""

    entry: Blocked
    row: bytes
    """Its hash under the current key."""
    candidates: tuple[bytes, ...]
    """Every hash under which it may stand already."""


blocked_address = Table(
    "blocked_address",
    METADATA,
    Column(
        "hash", LargeBinary, primary_key=True, comment="nested HMAC-SHA-256 of kind, match form and purpose, if for one"
    ),
    Column("born", Integer, nullable=False, comment="epoch of the block key it was first hashed under"),
    Column("epoch", Integer, nullable=False, comment="epoch of the outermost key"),
    Column("form", SmallInteger, nullable=False, comment="version of the canonical form"),
    Column("added_at", Instant, nullable=False, comment="when it was blocked"),
    Index("blocked_address_by_epoch", "epoch"),
    Index("blocked_address_by_time", "added_at"),
    comment="Addresses nobody may advertise to; retention: as long as the objection holds, no holder: it names nobody",
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

    def add(self, connection: Connection, kind: Kind, value: str, *, now: datetime, purpose: str | None = None) -> None:
        """Block the address in every spelling, for one purpose or for all; blocking it again changes nothing.

        Raises:
            BadInput: the value is empty.
        """
        self.add_all(connection, self.prepare([Blocked(kind, value, purpose)]), now=now)

    def prepare(self, entries: Sequence[Blocked]) -> list[Prepared]:
        """Hash entries, each once.

        Raises:
            BadInput: a value is empty.
        """
        return [self._prepared(each, _message(*each) or _nothing()) for each in dict.fromkeys(entries)]

    def add_all(self, connection: Connection, entries: Sequence[Prepared], *, now: datetime) -> set[Blocked]:
        """Block many addresses at once; those come back that were blocked so already."""
        wanted = [candidate for each in entries for candidate in each.candidates]
        found = {bytes(row[0]) for row in select_by_keys(connection, blocked_address, ("hash",), "hash", wanted)}
        epoch, at = self._keys[-1].epoch, to_microseconds(now)
        before = {each.entry for each in entries if not found.isdisjoint(each.candidates)}
        rows = [(each.row, epoch, epoch, FORM_VERSION, at) for each in entries if each.entry not in before]
        insert_rows(connection, blocked_address, _COLUMNS, rows, ignore=True)
        return before

    def blocked(
        self,
        connection: Connection,
        kind: Kind,
        values: Sequence[str],
        *,
        purpose: str | None = None,
        everywhere: bool = True,
    ) -> list[bool]:
        """For each value whether it is blocked, in whatever spelling and under whatever epoch it was added.

        Args:
            purpose: what the address would be used for; None asks for entries for every purpose alone.
            everywhere: whether entries for every purpose count: they stop advertising, not an invoice.
        """
        if connection.execute(select(blocked_address.c.hash).limit(1)).first() is None:
            return [False] * len(values)
        asked = [self._asked(kind, value, purpose, everywhere=everywhere) for value in values]
        wanted = [candidate for groups in asked for group in groups for candidate in group]
        found = {bytes(row[0]) for row in select_by_keys(connection, blocked_address, ("hash",), "hash", wanted)}
        hits = [[not found.isdisjoint(group) for group in groups] for groups in asked]
        return [narrow or (wide and not lifted) for narrow, wide, lifted in hits]

    def remove(self, connection: Connection, kind: Kind, value: str, *, purpose: str | None = None) -> None:
        """Take the entry for that purpose, or the one for every purpose, out again; the others stay."""
        self._delete(connection, [_message(kind, value, purpose)])

    def lift(self, connection: Connection, kind: Kind, value: str, *, purpose: str, now: datetime) -> None:
        """Let an entry for every purpose not stop this one any more.

        Raises:
            BadInput: the value is empty.
        """
        message = _message(kind, value, purpose, lifted=True) or _nothing()
        self.add_all(connection, [self._prepared(Blocked(kind, value, purpose), message)], now=now)

    def restore(self, connection: Connection, kind: Kind, value: str, *, purposes: Sequence[str]) -> None:
        """Let an entry for every purpose stop these again."""
        self._delete(connection, [_message(kind, value, purpose, lifted=True) for purpose in purposes])

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

    def added_since(self, connection: Connection, since: datetime | None) -> list[Entry]:
        """Entries as they stand, added since then or ever: keyed hashes, so that a copy names nobody either."""
        columns = [blocked_address.c[name] for name in _COLUMNS]
        query = select(*columns) if since is None else select(*columns).where(blocked_address.c.added_at >= since)
        return [(bytes(row[0]), row[1], row[2], row[3], row[4]) for row in connection.execute(query)]

    def put_back(self, connection: Connection, rows: Sequence[Entry]) -> int:
        """Entries that a restored list lacks; how many were new."""
        stored = [(*row[:4], to_microseconds(row[4])) for row in rows]
        return insert_rows(connection, blocked_address, _COLUMNS, stored, ignore=True) if stored else 0

    def _asked(
        self, kind: Kind, value: str, purpose: str | None, *, everywhere: bool
    ) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Every hash of the entry for the purpose, of the one for every purpose, and of its being lifted."""
        narrow = self._candidates(None if purpose is None else _message(kind, value, purpose))
        wide = self._candidates(_message(kind, value, None) if everywhere else None)
        lifted = self._candidates(None if purpose is None else _message(kind, value, purpose, lifted=True))
        return list(narrow), list(wide), list(lifted) if everywhere else []

    def _prepared(self, entry: Blocked, message: bytes) -> Prepared:
        return Prepared(entry, self._hashes[-1](message), tuple(self._candidates(message)))

    def _delete(self, connection: Connection, messages: Sequence[bytes | None]) -> None:
        wanted = [candidate for message in messages for candidate in self._candidates(message)]
        delete_by_keys(connection, blocked_address, "hash", wanted)

    def _nested(self, inner: bytes, epoch: int) -> bytes:
        for key, authenticate in zip(self._keys, self._hashes, strict=True):
            if key.epoch > epoch:
                inner = authenticate(_NESTED + inner)
        return inner

    def _candidates(self, message: bytes | None) -> Iterator[bytes]:
        """Every hash under which a message may stand: each epoch of birth, nested as far as each later epoch."""
        if message is None:
            return
        for born in range(len(self._hashes)):
            candidate = self._hashes[born](message)
            yield candidate
            for authenticate in self._hashes[born + 1 :]:
                candidate = authenticate(_NESTED + candidate)
                yield candidate


def _nothing() -> bytes:
    raise BadInput("an empty address cannot be blocked")


def _message(kind: Kind, value: str, purpose: str | None, *, lifted: bool = False) -> bytes | None:
    """What is hashed, or None for nothing.

    It is the match form, or for what is no address its trimmed text, so that the same entry still hits. For every
    purpose a number is one thing, whether for calls or for texts.
    """
    form = _form(kind, value)
    if not form:
        return None
    named = "phone" if kind == "sms" and purpose is None else kind
    parts = [named.encode(), FORM_VERSION.to_bytes(2, "big"), form.encode("utf-8", "surrogatepass")]
    if purpose is not None:
        parts += [b"lifted for" if lifted else b"for", purpose.encode()]
    return length_prefixed(*parts)


def _form(kind: Kind, value: str) -> str:
    forms = {"email": email_match_form, "phone": phone_match_form, "sms": phone_match_form, "post": postal_match_form}
    return forms[kind](value) or " ".join(unicodedata.normalize("NFC", value).casefold().split())
