"""The log's own public keys over the years: which sign now, and which only verify what they once signed (LOG-10).

A new key signs beside the old one for as long as both are there, so that a verifier who knows either can check every
checkpoint of the overlap. A key that was retired verifies the past and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from audit import store_witnessing
from audit.checkpoint import LogSigner
from audit.note import LogVerifier
from audit.store_witnessing import LogKeyRow


def verifiers(connection: Connection, signer: LogSigner) -> tuple[LogVerifier, ...]:
    """Every key whose signatures stand in this log: those that sign, and the retired ones."""
    retired = [row.vkey for row in store_witnessing.log_keys(connection)]
    return tuple(LogVerifier(vkey) for vkey in dict.fromkeys((*signer.vkeys, *retired)))


def known(connection: Connection) -> list[LogKeyRow]:
    """Every noted key, oldest first; none before the first rotation."""
    return store_witnessing.log_keys(connection)


def note(connection: Connection, vkeys: Sequence[str], *, now: datetime) -> None:
    """Note public keys as the log's own."""
    for vkey in vkeys:
        store_witnessing.note_key(connection, name_of(vkey), vkey, now=now)


def retire(connection: Connection, vkey: str, *, now: datetime) -> None:
    """Nothing is signed with it any more; what it signed stays good."""
    store_witnessing.note_key(connection, name_of(vkey), vkey, now=now)
    store_witnessing.retire_key(connection, name_of(vkey), now=now)


def name_of(vkey: str) -> str:
    """Name and key ID, as a signature line and a message have it."""
    verifier = LogVerifier(vkey)
    return f"{verifier.name}+{verifier.key_id.hex()}"
