"""The rows of a bulk act, checked from the inside: rows against locators, tiles against rows, root against tiles.

A row that was altered is named by its position: the locator beside it no longer fits. Where a whole tile and its rows
were rewritten together, the tile above them, the root or the signed fact does not fit. Rows are read in parts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from operator import itemgetter

import numpy as np
from sqlalchemy import Connection

from audit import merkle, store_batches
from audit.batch_tree import TILE, BatchRows, PacksRows, hash_rows, tile_hashes, tiles_over, upper_tiles
from audit.findings import Finding, at_most
from audit.opening import LOCATOR_BYTES, Opening
from audit.parts import InTurn, Parts
from audit.store_batches import BatchRow

PART = 64 * TILE


def check_batch(connection: Connection, batch: int, rows: BatchRows, parts: Parts | None = None) -> tuple[Finding, ...]:
    """Recompute every row and tile of a bulk act.

    Raises:
        NotFound: there is no such batch.
    """
    found = store_batches.read_batch(connection, batch)
    return at_most(_all_findings(connection, found, rows, parts or InTurn(connection)))


def _all_findings(connection: Connection, batch: BatchRow, rows: BatchRows, parts: Parts) -> Iterator[Finding]:
    tiles: list[bytes | None] = []
    for found, below in parts.each(_part, _ranges(batch, rows)):
        yield from found
        tiles += below
    if any(True for _ in rows.openings(connection, batch.id, batch.size, 2**62)):
        yield Finding(f"batch {batch.id}", f"there are rows past its {batch.size} positions")
    yield from _upper_findings(connection, batch, tiles)


def _ranges(batch: BatchRow, rows: BatchRows) -> Iterator[tuple[BatchRow, BatchRows, int, int]]:
    return ((batch, rows, start, min(start + PART, batch.size)) for start in range(0, batch.size, PART))


def _part(
    connection: Connection, batch: BatchRow, rows: BatchRows, start: int, stop: int
) -> tuple[tuple[Finding, ...], list[bytes | None]]:
    """Findings of one part, and the hash of each tile that the rest can rely on."""
    tiles: list[bytes | None] = []
    return at_most(_part_findings(connection, batch, rows, start, stop, tiles)), tiles


def _part_findings(
    connection: Connection, batch: BatchRow, rows: BatchRows, start: int, stop: int, tiles: list[bytes | None]
) -> Iterator[Finding]:
    """Check the rows and tiles of one part; append the hash of each tile that the rest can rely on."""
    computed: list[bytes | None] = [*_packed_tiles(connection, batch, rows, start, stop)]
    if not computed:
        computed = yield from _opened_tiles(connection, batch, rows, range(start, stop))
    stored = store_batches.tiles_between(connection, batch.id, 8, start // TILE, start // TILE + len(computed))
    for idx, found in enumerate(computed, start // TILE):
        kept = stored.get(idx)
        tiles.append(found or kept)
        if found is not None and found != kept:
            last = min((idx + 1) * TILE, stop) - 1
            yield Finding(f"batch {batch.id}, tile 8/{idx}", f"it does not fit the rows {idx * TILE} to {last}")


def _packed_tiles(connection: Connection, batch: BatchRow, rows: BatchRows, start: int, stop: int) -> list[bytes]:
    """The tiles over rows that all fit their locators; none when anything is amiss, which then is looked at closely."""
    found = rows.packed(connection, batch.id, start, stop) if isinstance(rows, PacksRows) else None
    if found is None:
        return []
    prefix = np.frombuffer(b"\x00" + batch.header, dtype=np.uint8)
    body = np.frombuffer(found.data, dtype=np.uint8).reshape(stop - start, found.width)
    leaves = hash_rows(np.hstack((np.broadcast_to(prefix, (len(body), len(prefix))), body)))
    if not np.array_equal(leaves[:, :LOCATOR_BYTES].copy().view(">u4").ravel(), found.locators):
        return []
    return tiles_over(leaves)


def _opened_tiles(
    connection: Connection, batch: BatchRow, rows: BatchRows, positions: range
) -> Generator[Finding, None, list[bytes | None]]:
    """The same row by row: whatever does not fit is named by its position."""
    start, stop = positions.start, positions.stop
    openings = rows.openings(connection, batch.id, start, stop)
    prefix = b"\x00" + batch.header
    digests = [sha256(prefix + random + record).digest() for _, random, record, _ in openings]
    computed: list[bytes | None] = []
    if _all_fit(range(start, stop), openings, digests):
        computed += tile_hashes(digests)
    else:
        shredded = store_batches.shredded_between(connection, batch.id, start, stop)
        suspects = yield from _suspects(batch, range(start, stop), openings, digests, shredded)
        leaves = shredded | {row.position: digest for row, digest in zip(openings, digests, strict=True)}
        computed += _unsuspected_tiles(range(start, stop), leaves, suspects)
    return computed


def _all_fit(positions: range, openings: Sequence[Opening], digests: Sequence[bytes]) -> bool:
    """Whether every position has its row and every locator fits: asked of whole columns, for nearly always they do."""
    if len(openings) != len(positions):
        return False
    found = np.fromiter(map(itemgetter(0), openings), np.int64, len(openings))
    locators = np.fromiter(map(itemgetter(3), openings), np.int64, len(openings))
    if not np.array_equal(found, np.arange(positions.start, positions.stop)):
        return False
    heads = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, merkle.HASH_BYTES)[:, :LOCATOR_BYTES]
    return np.array_equal(heads.copy().view(">u4").ravel(), locators)


def _misfits(openings: Sequence[Opening], digests: Sequence[bytes]) -> set[int]:
    """Positions of rows whose locator is not that of their leaf hash."""
    return {
        position
        for (position, _, _, locator), digest in zip(openings, digests, strict=True)
        if int.from_bytes(digest[:LOCATOR_BYTES], "big") != locator
    }


def _suspects(
    batch: BatchRow,
    positions: range,
    openings: Sequence[Opening],
    digests: Sequence[bytes],
    shredded: Mapping[int, bytes],
) -> Generator[Finding, None, set[int]]:
    """Name each row that is missing or altered, and return their positions."""
    missing = set(positions) - shredded.keys() - {row.position for row in openings}
    for position in sorted(missing):
        yield Finding(_where(batch, position), "the row is missing, and no hash of an erased row stands for it")
    misfits = _misfits(openings, digests)
    for position in sorted(misfits):
        yield Finding(_where(batch, position), "its bytes and its locator do not fit")
    for before, row in pairwise(openings):
        if row.position <= before.position:
            yield Finding(_where(batch, row.position), "two rows stand at one position, or rows are out of order")
    return missing | misfits


def _unsuspected_tiles(positions: range, leaves: Mapping[int, bytes], suspects: set[int]) -> Iterator[bytes | None]:
    """The hash of each tile, or nothing for a tile with a row that was named already."""
    for first in positions[::TILE]:
        inside = range(first, min(first + TILE, positions.stop))
        if suspects.isdisjoint(inside):
            yield merkle.root_of_hashes([leaves[position] for position in inside])
        else:
            yield None


def _upper_findings(connection: Connection, batch: BatchRow, tiles: Sequence[bytes | None]) -> Iterator[Finding]:
    """Level 16 and the root, from the tiles below them."""
    known = [tile for tile in tiles if tile is not None]
    if len(known) != len(tiles):
        yield Finding(f"batch {batch.id}", "a tile is missing, so its root cannot be recomputed")
        return
    computed = upper_tiles(known)
    stored = store_batches.tiles_between(connection, batch.id, 16, 0, len(computed) + 1)
    for idx, digest in enumerate(computed):
        if stored.get(idx) != digest:
            yield Finding(f"batch {batch.id}, tile 16/{idx}", "it does not fit the tiles below it")
    if merkle.root_of_hashes(computed) != batch.root:
        yield Finding(f"batch {batch.id}", "the column root does not follow from its rows")


def _where(batch: BatchRow, position: int) -> str:
    return f"batch {batch.id}, position {position}"
