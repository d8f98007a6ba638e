"""Moving the vault's keys under the current wrap key: what stands wrapped under an older one goes with it (ERA-3)."""

from __future__ import annotations

from sqlalchemy import select

from audit.database import Database
from governance.errors import SealBroken
from governance.vault import evidence_key, sealed_identity
from governance.vault_cipher import VaultCipher


def rewrap(database: Database, cipher: VaultCipher, *, limit: int) -> int:
    """Wrap at most *limit* keys of each kind under the current wrap key; 0 when all are.

    Raises:
        SealBroken: a row was altered, or the key that it is wrapped under is gone.
    """
    moved = 0
    for table, role in ((sealed_identity, b"identity"), (evidence_key, b"evidence")):
        column = table.c
        older = select(column.pseudonym, column.wrap_epoch, column.wrapped_key)
        with database.writing() as connection:
            rows = connection.execute(older.where(column.wrap_epoch != cipher.wrap_epoch).limit(limit)).all()
            for row in rows:
                pseudonym = bytes(row.pseudonym)
                wrapped = cipher.rewrap(pseudonym, role, row.wrap_epoch, bytes(row.wrapped_key))
                if wrapped is None:
                    raise SealBroken("a key is wrapped under a wrap key that is gone")
                change = table.update().where(column.pseudonym == pseudonym)
                connection.execute(change.values(wrap_epoch=cipher.wrap_epoch, wrapped_key=wrapped))
        moved += len(rows)
    return moved
