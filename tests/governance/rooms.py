"""Builders of the vault, the protected store and the block list on their own."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlalchemy import MetaData

from audit.database import Database, open_database
from governance import vault
from governance.keys import Key, KeyRing, KeyRole
from governance.vault import Identity, Vault
from governance.vocabulary import Unit


def a_key_ring(epochs: int = 1, **more_epochs: int) -> KeyRing:
    """Random keys of every role in memory, with that many epochs; single roles may have more."""
    return KeyRing(
        tuple(
            Key(role, epoch, os.urandom(32))
            for role in KeyRole
            for epoch in range(1, more_epochs.get(role.value, epochs) + 1)
        )
    )


def only_epochs(ring: KeyRing, role: KeyRole, epochs: Sequence[int]) -> KeyRing:
    """The ring as it was, or will be, when the role has just these epochs."""
    return KeyRing(tuple(key for key in ring.keys if key.role is not role or key.epoch in epochs))


def a_database(url: str, metadata: MetaData) -> Database:
    """An open database with these tables."""
    database = open_database(url)
    with database.writing() as connection:
        metadata.create_all(connection)
    return database


def a_vault(url: str, ring: KeyRing | None = None) -> Vault:
    """A vault with its tables, under fresh keys."""
    return Vault(a_database(url, vault.METADATA), ring or a_key_ring())


def a_pseudonym() -> bytes:
    """16 random bytes."""
    return os.urandom(16)


def an_identity(reference: str = "K1", unit: Unit = Unit.CONTACT, **details: str) -> Identity:
    """Somebody at example.org."""
    usual = {"given_name": "Änne", "family_name": "Groß", "email": "Aenne.Gross@example.org", "phone": "030 23125001"}
    return Identity(unit, reference, usual | details)
