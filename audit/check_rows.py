"""The rows of a bulk act, checked from the inside: rows against locators, tiles against rows, root against tiles.

A row that was altered is named by its position: the locator beside it no longer fits. Where a whole tile and its rows
were rewritten together, the tile above them, the root or the signed fact does not fit. Rows are read in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlalchemy import Connection

from audit import merkle, store_batches
from audit.batch_tree import TILE, BatchRows, upper_tiles
from audit.findings import Finding, at_most
from audit.opening import Opening, batch_leaf, locator_of
from audit.store_batches import BatchRow

PART = 64 * TILE


def check_batch(connection: Connection, batch: int, rows: BatchRows) -> tuple[Finding, ...]:
    """Recompute every row and tile of a bulk act.

    Raises:
        NotFound: there is no such batch.
    """
    return at_most(_all_findings(connection, store_batches.read_batch(connection, batch), rows))


def _all_findings(connection: Connection, batch: BatchRow, rows: BatchRows) -> Iterator[Finding]:
    tiles: list[bytes | None] = []
    for start in range(0, batch.size, PART):
        yield from _part_findings(connection, batch, rows, start, tiles)
    if any(True for _ in rows.openings(connection, batch.id, batch.size, 2**62)):
        yield Finding(f"batch {batch.id}", f"there are rows past its {batch.size} positions")
    yield from _upper_findings(connection, batch, tiles)


def _part_findings(
    connection: Connection, batch: BatchRow, rows: BatchRows, start: int, tiles: list[bytes | None]
) -> Iterator[Finding]:
    """Check the rows and tiles of one part; append the hash of each tile that the rest can rely on."""
    stop = min(start + PART, batch.size)
    openings = rows.openings(connection, batch.id, start, stop)
    leaves: dict[int, bytes] = store_batches.shredded_between(connection, batch.id, start, stop)
    suspects = set(range(start, stop)) - leaves.keys()
    suspects.difference_update([row.position for row in openings])
    for position in sorted(suspects):
        yield Finding(_where(batch, position), "the row is missing, and no hash of an erased row stands for it")
    for row in openings:
        leaf = batch_leaf(batch.header, row.random, row.record)
        if locator_of(leaf) != row.locator:
            suspects.add(row.position)
            yield Finding(_where(batch, row.position), "its bytes and its locator do not fit")
        leaves[row.position] = leaf
    yield from _repeated(batch, openings)
    stored = store_batches.tiles_between(connection, batch.id, 8, start // TILE, -(-stop // TILE))
    for first in range(start, stop, TILE):
        positions = range(first, min(first + TILE, stop))
        named = not suspects.isdisjoint(positions)
        found = None if named else merkle.root_of_hashes([leaves[position] for position in positions])
        kept = stored.get(first // TILE)
        if found is not None and found != kept:
            yield Finding(
                f"batch {batch.id}, tile 8/{first // TILE}",
                f"it does not fit the rows {positions[0]} to {positions[-1]}",
            )
        tiles.append(found or kept)


def _repeated(batch: BatchRow, openings: Sequence[Opening]) -> Iterator[Finding]:
    for before, row in pairwise(openings):
        if row.position <= before.position:
            yield Finding(_where(batch, row.position), "two rows stand at one position, or rows are out of order")


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
