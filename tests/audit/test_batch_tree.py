"""A bulk act has one leaf per person: opening one opens no other, and erasing one leaves every other proof standing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from audit import batch_tree, log, merkle, tables
from audit.batch_tree import TILE, BatchBuilder, Opening, batch_leaf
from audit.database import Database
from audit.errors import BadInput, Broken, NotFound
from audit.opening import locator_of
from audit.verify import check_batch, check_log
from tests.audit.builders import HEADER, SIGNER, WIDTH, CheckedLog, RowsInMemory, a_batch, a_fact

BATCH = 3


def stored(work: Database, size: int) -> RowsInMemory:
    """A stored bulk act of that many rows."""
    built, rows = a_batch(size)
    with work.writing() as connection:
        batch_tree.store_batch(connection, BATCH, "assignment", built)
    return rows


def found(work: Database, rows: RowsInMemory) -> list[str]:
    """The findings of a check of all rows, as text."""
    with work.reading() as connection:
        return [str(finding) for finding in check_batch(connection, BATCH, rows)]


def leaves(rows: RowsInMemory) -> list[bytes]:
    """The leaf hashes, by definition."""
    return [batch_leaf(HEADER, row.random, row.record) for row in rows.rows.values()]


def test_the_leaf_of_a_row_never_changes() -> None:
    """SHA-256(0x00 || header || 16 random bytes || record), design 7: golden value."""
    leaf = batch_leaf(b"\x01" + bytes(32), bytes(range(16)), b"record")

    assert leaf == merkle.leaf_hash(b"\x01" + bytes(32) + bytes(range(16)) + b"record")
    assert leaf.hex() == "3f854ead9734f20f4fcb23f420a3140dda3eab3ac3006250202809411d75f75e"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1200), st.integers(1, 700))
def test_a_batch_hashed_in_parts_has_the_root_of_rfc_6962(size: int, step: int) -> None:
    """However the rows come in; with locators and one tile for 256 rows."""
    built, rows = a_batch(size, step=step)

    assert built.size == size
    assert built.root == merkle.root_of_hashes(leaves(rows))
    assert [row.locator for row in rows.rows.values()] == [locator_of(leaf) for leaf in leaves(rows)]
    assert len([tile for tile in built.tiles if tile[0] == 8]) == math.ceil(size / TILE)
    assert built.facts(9) == {"batch": 9, "size": size, "root": built.root, "header": HEADER}


@pytest.mark.parametrize("size", [65_536, 65_537, 66_000])
def test_a_batch_of_more_than_one_upper_tile_has_the_same_root(size: int) -> None:
    """Level 16 begins with the 65,537th row."""
    built, rows = a_batch(size, step=16_384)

    assert built.root == merkle.root_of_hashes(leaves(rows))
    assert [tile[1] for tile in built.tiles if tile[0] == 16] == list(range(math.ceil(size / 65_536)))


def test_rows_whose_bytes_do_not_add_up_are_refused() -> None:
    """Half a row would shift all that follow."""
    builder = BatchBuilder(HEADER)
    for randoms, records in ((bytes(15), bytes(WIDTH)), (bytes(16), bytes(WIDTH - 1)), (bytes(32), bytes(WIDTH))):
        with pytest.raises(BadInput):
            builder.add(randoms, records, WIDTH)
    with pytest.raises(BadInput):
        BatchBuilder(bytes(65))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_every_row_leads_to_the_root(work: Database, size: int) -> None:
    """Each proof reads one tile of rows, not all."""
    rows = stored(work, size)
    with work.reading() as connection:
        for position in {0, size // 2, size - 1}:
            rows.reads = 0
            proof = batch_tree.inner_proof(connection, BATCH, position, rows)

            assert rows.reads <= TILE
            assert proof.opening == rows.rows[position]
            assert list(proof.path) == merkle.path_of_hashes(leaves(rows), position)
            leaf = batch_leaf(HEADER, proof.opening.random, proof.opening.record)
            merkle.verify_inclusion(position, size, leaf, proof.path, proof.batch.root)


def test_a_row_beyond_the_first_upper_tile_leads_to_the_root(sqlite_work: Database) -> None:
    """Three steps: rows, level 8, level 16."""
    rows = stored(sqlite_work, 66_000)
    with sqlite_work.reading() as connection:
        for position in (0, 65_535, 65_536, 65_999):
            path = batch_tree.inner_proof(connection, BATCH, position, rows).path
            assert list(path) == merkle.path_of_hashes(leaves(rows), position)
    assert found(sqlite_work, rows) == []


def test_an_erased_row_leaves_every_other_proof_standing(work: Database) -> None:
    """Erasure replaces the row by its hash: nothing is left to guess, nothing else breaks (Article 17, ERA-2)."""
    rows = stored(work, 600)
    gone = [rows.rows[position] for position in (4, 5, 300)]
    with work.writing() as connection:
        batch_tree.shred(connection, BATCH, gone)
        batch_tree.shred(connection, BATCH, gone)
    for opening in gone:
        del rows.rows[opening.position]

    assert found(work, rows) == []
    with work.reading() as connection:
        for position in (3, 6, 299, 599):
            batch_tree.inner_proof(connection, BATCH, position, rows)
        with pytest.raises(NotFound, match="erased"):
            batch_tree.inner_proof(connection, BATCH, 4, rows)


def test_what_is_not_there_is_not_found(work: Database) -> None:
    """No batch, no row."""
    rows = stored(work, 10)
    with work.writing() as connection:
        for batch, position in ((BATCH, 10), (BATCH, -1), (99, 0)):
            with pytest.raises(NotFound):
                batch_tree.inner_proof(connection, batch, position, rows)
        with pytest.raises(NotFound):
            check_batch(connection, 99, rows)
        with pytest.raises(NotFound):
            batch_tree.shred(connection, 99, [])
        assert [batch.id for batch in batch_tree.batches(connection)] == [BATCH]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda row: row._replace(record=b"\xff" + row.record[1:]), id="record"),
        pytest.param(lambda row: row._replace(random=bytes(16)), id="random"),
        pytest.param(lambda row: row._replace(locator=row.locator ^ 1), id="locator"),
    ],
)
def test_an_altered_row_is_named_by_its_position(work: Database, change: Any) -> None:
    """Four bytes beside each row are enough to say which one (D6)."""
    rows = stored(work, 600)
    rows.rows[417] = change(rows.rows[417])

    assert found(work, rows) == ["batch 3, position 417: its bytes and its locator do not fit"]


def test_a_proof_over_an_altered_neighbour_is_refused(work: Database) -> None:
    """The path leads elsewhere, and the message says what to do."""
    rows = stored(work, 600)
    rows.rows[417] = rows.rows[417]._replace(random=bytes(16))
    with work.reading() as connection, pytest.raises(Broken, match="deep"):
        batch_tree.inner_proof(connection, BATCH, 400, rows)
    del rows.rows[417]
    with work.reading() as connection, pytest.raises(Broken, match="position 417 is missing"):
        batch_tree.inner_proof(connection, BATCH, 400, rows)


def test_a_row_rewritten_with_its_locator_is_found_in_its_tile(work: Database) -> None:
    """Whoever recomputes the locator as well still faces the tile."""
    rows = stored(work, 600)
    record = bytes(WIDTH)
    leaf = batch_leaf(HEADER, bytes(16), record)
    rows.rows[417] = Opening(417, bytes(16), record, locator_of(leaf))

    assert found(work, rows)[0] == "batch 3, tile 8/1: it does not fit the rows 256 to 511"


def test_missing_repeated_and_additional_rows_are_named(work: Database) -> None:
    """One row for each position, and none past the end."""
    rows = stored(work, 600)
    del rows.rows[417]
    rows.rows[600] = rows.rows[599]._replace(position=600)
    rows.rows[20] = rows.rows[19]

    named = found(work, rows)

    assert any(finding.startswith("batch 3, position 417: the row is missing") for finding in named)
    assert any(finding.startswith("batch 3, position 20: the row is missing") for finding in named)
    assert any(finding.startswith("batch 3, position 19: two rows") for finding in named)
    assert any("past its 600 positions" in finding for finding in named)


@pytest.mark.parametrize(
    ("level", "idx", "named"),
    [
        (8, 1, ["batch 3, tile 8/1: it does not fit the rows 256 to 511"]),
        (16, 0, ["batch 3, tile 16/0: it does not fit the tiles below it"]),
    ],
)
def test_an_altered_or_lost_tile_is_named(work: Database, level: int, idx: int, named: list[str]) -> None:
    """The rows are right, so the finding is the tile alone."""
    rows = stored(work, 600)
    tile = tables.batch_tile.c
    with work.writing() as connection:
        connection.execute(update(tables.batch_tile).where(tile.level == level, tile.idx == idx).values(hash=bytes(32)))
    assert found(work, rows) == named
    with work.writing() as connection:
        connection.execute(delete(tables.batch_tile).where(tile.level == level, tile.idx == idx))
    assert found(work, rows) == named


def test_a_lost_tile_over_an_altered_row_says_so(work: Database) -> None:
    """Nothing is recomputed from what is known to be wrong."""
    rows = stored(work, 600)
    rows.rows[417] = rows.rows[417]._replace(random=bytes(16))
    with work.writing() as connection:
        connection.execute(delete(tables.batch_tile))

    assert found(work, rows)[-1] == "batch 3: a tile is missing, so its root cannot be recomputed"


@pytest.mark.parametrize(("column", "value"), [("root", bytes(32)), ("size", 599), ("header", b"\x02" + HEADER[1:])])
def test_an_altered_batch_row_no_longer_fits_its_rows_nor_its_fact(work: Database, column: str, value: Any) -> None:
    """The signed fact holds size, root and header (design 7)."""
    checked = CheckedLog(work)
    built, rows = a_batch(600)
    with work.writing() as connection:
        batch_tree.store_batch(connection, BATCH, "assignment", built)
        log.append(connection, [a_fact(1, **built.facts(BATCH))])
    checked.check(1)
    assert found(work, rows) == []
    with work.writing() as connection:
        connection.execute(update(tables.batch).values({column: value}))

    assert found(work, rows)
    with work.reading() as connection:
        report = check_log(connection, verifier=SIGNER.verifier)
    assert [str(finding) for finding in report.findings] == [f"batch 3: the column {column} is not what entry 0 says"]


def test_a_fact_without_its_batch_is_named(work: Database) -> None:
    """The fact cannot be unsaid, so the rows it tells of have to be there."""
    built, _ = a_batch(10)
    with work.writing() as connection:
        log.initialise(connection)
        log.append(connection, [a_fact(1, **built.facts(BATCH))])

    with work.reading() as connection:
        report = check_log(connection, verifier=SIGNER.verifier)
        assert connection.execute(select(tables.batch)).all() == []
    assert [str(finding) for finding in report.findings] == ["batch 3: entry 0 tells of it, but it is missing"]
