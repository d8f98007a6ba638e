"""Making proofs: the newest checkpoint that holds the entry, the entry's path, and for a bulk act the opened row.

A proof is made from what is stored and is not checked here; `verify_proof` refuses one that does not fit.
"""

from __future__ import annotations

from sqlalchemy import Connection

from audit import checkpoint, log
from audit.batch_tree import BatchRows, inner_proof
from audit.errors import BadInput, Refused
from audit.proof import OpenedRow, Proof, write_proof


def prove_fact(connection: Connection, index: int) -> bytes:
    """The proof file of one entry.

    Raises:
        NotFound: the log has no entry of that index.
        Refused: no checkpoint holds the entry yet; sign one first.
    """
    return write_proof(_outer(connection, log.entry(connection, index)))


def prove_row(connection: Connection, index: int, position: int, rows: BatchRows) -> bytes:
    """The proof file of one row of the bulk act that entry *index* tells of.

    Raises:
        NotFound: there is no such entry, batch or row, or the row was erased.
        BadInput: the entry tells of no bulk act.
        Refused: no checkpoint holds the entry yet; sign one first.
        Broken: the row does not lead to the stored root.
    """
    entry = log.entry(connection, index)
    number = entry.body.get("batch")
    if not isinstance(number, int) or "header" not in entry.body:
        raise BadInput(f"entry {index} ({entry.kind}) tells of no bulk act, so it has no rows to open")
    inner = inner_proof(connection, number, position, rows)
    opened = OpenedRow(position, inner.opening.random, inner.opening.record, inner.path)
    return write_proof(_outer(connection, entry, opened))


def _outer(connection: Connection, entry: log.Entry, opened: OpenedRow | None = None) -> Proof:
    note = checkpoint.covering(connection, entry.index)
    if note is None:
        raise Refused(f"entry {entry.index} is in no checkpoint yet; run `lauter audit checkpoint` first")
    size = checkpoint.note_claim(note).size
    path = log.inclusion_proof(connection, entry.index, size)
    return Proof(entry.data, entry.index, tuple(path), note, opened)
