"""Whether the key files are the keys of this house: a wrong one is refused before anything is read or written under it.

A file of the right length with other bytes in it would open nothing and find nobody: a block list that never matches
again lets everybody through. So a value derived from each key is noted in the work database when the key is made, and
compared whenever the house is opened. A key that nobody noted is as wrong as one with another value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hmac import compare_digest
from pathlib import Path

from sqlalchemy import Connection

from governance import keys, store_keys
from governance.errors import KeysInvalid
from governance.keys import Key, KeyRing, KeyRole, check_value, file_name
from governance.store_keys import CheckRow

NOTHING_RESTS_ON = frozenset({KeyRole.LOG, KeyRole.SESSION})
"""An older key of these roles opens nothing that is stored: a backup can do without it."""


def verify(connection: Connection, ring: KeyRing) -> None:
    """Refuse a ring that is not the one this house was made with.

    Raises:
        KeysInvalid: a file holds another key, was never noted, or is missing; names the file, never its content.
    """
    _compare(ring.keys, store_keys.known(connection))


def settle(connection: Connection, folder: Path, *, now: datetime) -> tuple[KeyRing, tuple[KeyRole, ...]]:
    """Make the keys that were never there and note them; for `lauter init` alone.

    A role is new only if it has neither a file nor a note: a key that was lost is never replaced by a fresh one.

    Returns:
        The ring, and the roles that got their first key.

    Raises:
        KeysInvalid: as in `verify`, and for what `load_keys` refuses.
    """
    known = store_keys.known(connection)
    noted = {row.role for row in known}
    new = tuple(role for role in KeyRole if role not in noted and not keys.has_role(folder, role))
    if len(new) == len(KeyRole):
        keys.create_keys(folder)
    elif new and folder.is_dir():
        keys.add_first(folder, new)
    ring = keys.load_keys(folder)
    _compare((key for key in ring.keys if key.role in noted), known)
    note(connection, (key for key in ring.keys if key.role not in noted), now=now)
    return ring, new


def add_epoch(connection: Connection, folder: Path, role: KeyRole, *, now: datetime) -> Key:
    """Make the next key of a role and note it.

    The file comes first: killed before the commit, it is a key that nobody noted, and under which nothing was written.
    """
    key = keys.add_epoch(folder, role)
    note(connection, [key], now=now)
    return key


def note(connection: Connection, made: Iterable[Key], *, now: datetime) -> None:
    """Note keys as belonging to this house."""
    for key in made:
        store_keys.add(connection, key.role.value, key.epoch, check_value(key), now=now)


def note_missing(connection: Connection, held: Iterable[Key], *, now: datetime) -> None:
    """Note keys that were made or ended since the backup whose notes were restored; for `lauter restore` alone."""
    ring = {(key.role.value, key.epoch): key for key in held}
    noted = {(row.role, row.epoch) for row in store_keys.known(connection)}
    note(connection, [key for name, key in ring.items() if name not in noted], now=now)
    for role, epoch in noted - ring.keys():
        if KeyRole(role) in NOTHING_RESTS_ON:
            store_keys.set_destroyed(connection, role, epoch, now=now)


def _compare(held: Iterable[Key], known: Iterable[CheckRow]) -> None:
    expected = {(row.role, row.epoch): row for row in known}
    for key in held:
        row = expected.pop((key.role.value, key.epoch), None)
        if row is None:
            raise KeysInvalid(
                f"{file_name(key.role, key.epoch)} is no key of this house. If its making was interrupted, remove it: "
                "nothing was written under it. If the database is an older copy, restore the newer one"
            )
        if not compare_digest(row.value, check_value(key)):
            raise KeysInvalid(
                f"{file_name(key.role, key.epoch)} holds another key than the one this house uses; restore the file "
                "from the backup"
            )
    for row in expected.values():
        if row.destroyed_at is None:
            raise KeysInvalid(f"{row.role}-{row.epoch}.key is missing; restore it from the backup")
