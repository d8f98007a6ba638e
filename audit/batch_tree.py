"""A bulk act as one fact: one leaf per person, an RFC 6962 tree over them, and only its root in the log.

`BatchBuilder` hashes rows as they are staged and keeps one hash for 256 rows, so ten million rows need two megabytes.
The fact of the act takes `BuiltBatch.facts(number)` into its body; without it no row can be proven. Erasing a person
replaces the row by its hash (`shred`): every other proof still verifies, and nothing is left to guess (Article 17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit import merkle, store_batches
from audit.errors import BadInput, Broken, NotFound, ProofRefused
from audit.fact import FactValue
from audit.opening import LOCATOR_BYTES, RANDOM_BYTES, Opening, batch_leaf
from audit.store_batches import BatchRow

__all__ = [
    "TILE",
    "BatchBuilder",
    "BatchRow",
    "BatchRows",
    "BuiltBatch",
    "InnerProof",
    "Opening",
    "PackedRows",
    "PacksRows",
    "batch_leaf",
    "batches",
    "inner_proof",
    "shred",
    "store_batch",
]

TILE = 256
LEVELS = (8, 16)
_HEIGHT = 8

Hashes = NDArray[np.uint8]
"""One hash a row, 32 bytes wide."""


class BatchRows(Protocol):
    """Whoever stores the rows of a bulk act hands them out by position."""

    def openings(self, connection: Connection, batch: int, start: int, stop: int) -> list[Opening]:
        """The rows at positions [start, stop) in ascending order; erased ones are left out."""


class PackedRows(NamedTuple):
    """Rows without a gap, laid end to end: 16 random bytes and a record, all of one width."""

    data: bytes
    width: int
    locators: NDArray[np.int64]


@runtime_checkable
class PacksRows(Protocol):
    """Whoever can hand out many rows as one piece: a check of millions reads no row by itself."""

    def packed(self, connection: Connection, batch: int, start: int, stop: int) -> PackedRows | None:
        """The rows at positions [start, stop); None unless all are there, in order and of one form."""


@dataclass(frozen=True)
class BuiltBatch:
    """A finished tree."""

    header: bytes
    size: int
    root: bytes
    tiles: list[tuple[int, int, bytes]]
    """(level, position, hash) at levels 8 and 16; the last of a level may be a smaller subtree."""

    def facts(self, number: int) -> dict[str, FactValue]:
        """What the fact of the act must hold so that its rows can be proven: batch, size, root, header."""
        return {"batch": number, "size": self.size, "root": self.root, "header": self.header}


@dataclass(frozen=True)
class InnerProof:
    """An opened row and its path to the root that the fact holds."""

    batch: BatchRow
    opening: Opening
    path: tuple[bytes, ...]


class BatchBuilder:
    """Hashes rows in the order they come; the position of a row is the number of rows before it.

    Raises:
        BadInput: the header has more than 64 bytes and would not fit into the fact.
    """

    def __init__(self, header: bytes) -> None:
        if len(header) > 64:
            raise BadInput(f"batch header: {len(header)} bytes; at most 64, such as a version and a digest")
        self._header = header
        self._size = 0
        self._pending = np.empty((0, merkle.HASH_BYTES), dtype=np.uint8)
        self._tiles: list[bytes] = []

    def add(self, randoms: bytes, records: bytes, width: int) -> NDArray[np.uint32]:
        """Hash rows: 16 random bytes and a packed record of *width* bytes each, one after the other.

        Returns:
            The locator of each row, to be stored with it.

        Raises:
            BadInput: the lengths do not belong to the same number of rows.
        """
        count = len(randoms) // RANDOM_BYTES
        if len(randoms) != count * RANDOM_BYTES or len(records) != count * width:
            raise BadInput(f"batch rows: {len(randoms)} random and {len(records)} record bytes are not {width} a row")
        leaves = hash_rows(self._rows(randoms, records, count, width))
        self._size += count
        level = np.concatenate((self._pending, leaves))
        full = len(level) // TILE * TILE
        self._pending = level[full:].copy()
        self._tiles += as_hashes(climb(level[:full]))
        return leaves[:, :LOCATOR_BYTES].copy().view(">u4").ravel().astype(np.uint32)

    def finish(self) -> BuiltBatch:
        """The tree over all rows added so far."""
        tiles = list(self._tiles)
        if len(self._pending):
            tiles.append(merkle.root_of_hashes(as_hashes(self._pending)))
        upper = upper_tiles(tiles)
        rows = [
            (level, i, digest)
            for level, row in zip(LEVELS, (tiles, upper), strict=True)
            for i, digest in enumerate(row)
        ]
        return BuiltBatch(self._header, self._size, merkle.root_of_hashes(upper), rows)

    def _rows(self, randoms: bytes, records: bytes, count: int, width: int) -> NDArray[np.uint8]:
        prefix = np.frombuffer(b"\x00" + self._header, dtype=np.uint8)
        random_part = np.frombuffer(randoms, dtype=np.uint8).reshape(count, RANDOM_BYTES)
        record_part = np.frombuffer(records, dtype=np.uint8).reshape(count, width)
        return np.hstack((np.broadcast_to(prefix, (count, len(prefix))), random_part, record_part))


def store_batch(connection: Connection, batch: int, kind: str, built: BuiltBatch) -> None:
    """Store root and tiles of a bulk act under its number: one row for 256 leaves."""
    store_batches.add_batch(connection, BatchRow(batch, kind, built.size, built.root, built.header))
    store_batches.add_tiles(connection, batch, built.tiles)


def batches(connection: Connection) -> list[BatchRow]:
    """Every stored bulk act by number, also those not published yet."""
    return store_batches.all_batches(connection)


def shred(connection: Connection, batch: int, openings: Sequence[Opening]) -> None:
    """Keep the leaf hashes of rows that the caller erases in the same transaction.

    Raises:
        NotFound: there is no such batch.
    """
    header = store_batches.read_batch(connection, batch).header
    store_batches.add_shredded(
        connection, batch, [(row.position, batch_leaf(header, row.random, row.record)) for row in openings]
    )


def inner_proof(connection: Connection, batch: int, position: int, rows: BatchRows) -> InnerProof:
    """The path of one row to the root of its bulk act; reads 256 rows and at most 512 hashes.

    Raises:
        NotFound: there is no such batch or row, or the row was erased.
        Broken: the path does not lead to the stored root; `check_batch` names the row that was altered.
    """
    stored = store_batches.read_batch(connection, batch)
    if not 0 <= position < stored.size:
        raise NotFound(f"batch {batch} has {stored.size} rows, none at position {position}")
    opening, leaves = _tile_of_leaves(connection, stored, position, rows)
    path = merkle.path_of_hashes(leaves, position % TILE)
    tile = position // TILE
    for level, width in ((8, TILE), (16, stored.size)):
        start = tile // width * width
        above = store_batches.tiles_between(connection, batch, level, start, start + width)
        path += merkle.path_of_hashes([above[idx] for idx in sorted(above)], tile - start)
        tile //= TILE
    merkle_leaf = leaves[position % TILE]
    try:
        merkle.verify_inclusion(position, stored.size, merkle_leaf, path, stored.root)
    except ProofRefused as problem:
        raise Broken(f"batch {batch}: position {position} does not lead to the root; run a deep check") from problem
    return InnerProof(stored, opening, tuple(path))


def _tile_of_leaves(
    connection: Connection, stored: BatchRow, position: int, rows: BatchRows
) -> tuple[Opening, list[bytes]]:
    """The opened row and the leaf hashes of the 256 rows around it."""
    start = position // TILE * TILE
    stop = min(start + TILE, stored.size)
    leaves = store_batches.shredded_between(connection, stored.id, start, stop)
    openings = {row.position: row for row in rows.openings(connection, stored.id, start, stop)}
    leaves.update({row.position: batch_leaf(stored.header, row.random, row.record) for row in openings.values()})
    if position not in openings:
        raise NotFound(f"batch {stored.id}: the row at position {position} was erased")
    for wanted in range(start, stop):
        if wanted not in leaves:
            raise Broken(f"batch {stored.id}: the row at position {wanted} is missing")
    return openings[position], [leaves[idx] for idx in range(start, stop)]


def tile_hashes(leaves: Sequence[bytes]) -> list[bytes]:
    """The level-8 hashes over neighbouring leaf hashes; the last tile may be partial."""
    full = len(leaves) // TILE * TILE
    rows = np.frombuffer(b"".join(leaves[:full]), dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)
    tiles = as_hashes(climb(rows))
    return [*tiles, merkle.root_of_hashes(leaves[full:])] if full < len(leaves) else tiles


def tiles_over(leaves: Hashes) -> list[bytes]:
    """The same over leaf hashes that lie in one array."""
    full = len(leaves) // TILE * TILE
    tiles = as_hashes(climb(leaves[:full]))
    return [*tiles, merkle.root_of_hashes(as_hashes(leaves[full:]))] if full < len(leaves) else tiles


def upper_tiles(tiles: Sequence[bytes]) -> list[bytes]:
    """The level-16 hashes over level-8 hashes."""
    return [merkle.root_of_hashes(tiles[start : start + TILE]) for start in range(0, len(tiles), TILE)]


def climb(level: Hashes) -> Hashes:
    """The roots of full tiles over their leaf hashes."""
    for _ in range(_HEIGHT):
        pairs = level.reshape(-1, 2 * merkle.HASH_BYTES)
        level = hash_rows(np.hstack((np.ones((len(pairs), 1), dtype=np.uint8), pairs)))
    return level


def hash_rows(rows: NDArray[np.uint8]) -> Hashes:
    """SHA-256 of each row of bytes."""
    if not len(rows):
        return np.empty((0, merkle.HASH_BYTES), dtype=np.uint8)
    # One bytes object per row in a single call: cutting slices costs as much as hashing them.
    cut = np.frombuffer(rows.tobytes(), dtype=f"V{rows.shape[1]}").tolist()
    digests = b"".join([sha256(row).digest() for row in cut])
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)


def as_hashes(rows: Hashes) -> list[bytes]:
    """The rows as byte strings."""
    data = rows.tobytes()
    return [data[start : start + merkle.HASH_BYTES] for start in range(0, len(data), merkle.HASH_BYTES)]
