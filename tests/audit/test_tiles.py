"""Tiles: the paths, sizes and bytes of C2SP tlog-tiles, cut from the newest signed tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import log, merkle, tiles
from audit.database import Database
from audit.errors import BadInput, NotFound
from audit.tiles import TilePath, parse_path
from tests.audit.builders import CheckedLog, a_fact


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    """273 full and one of 112 at level 0, one full and one of 17 at level 1, one of 1 at level 2 (LOG-1)."""
    found = tiles.tiles_of(70_000)

    assert sum(tile.level == 0 and tile.is_full for tile in found) == 273
    assert [str(tile) for tile in found[273:]] == [
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]


def test_a_tree_of_256_has_one_full_tile_and_a_partial_one_above() -> None:
    """The edge of a level."""
    assert [str(tile) for tile in tiles.tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert tiles.tiles_of(0) == []


def test_an_index_is_written_in_groups_of_three() -> None:
    """As in the specification's example."""
    assert tiles.index_path(1_234_067) == "x001/x234/067"
    assert tiles.index_path(0) == "000"
    assert tiles.index_path(1_000) == "x001/000"


@given(
    st.one_of(st.none(), st.integers(0, 63)),
    st.integers(0, 2**40),
    st.integers(1, 256),
)
def test_a_path_is_read_as_it_was_written(level: int | None, index: int, width: int) -> None:
    """Both ways, for every tile."""
    tile = TilePath(level, index, width)

    assert parse_path(str(tile).removeprefix("tile/")) == tile


@pytest.mark.parametrize(
    "path",
    [
        "00/000", "64/000", "-1/000", "0/00", "0/0000", "0/x000/001", "0/001/002", "0/x001", "0/x1/002", "0/000.p/0",
        "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/-1", "0/000/", "/0/000", "entries", "entries/", "Entries/000",
        "0/٠٠٠", "0/000.p/1/2", "0/000\n", "0/%30%30%30", "data/000", "0/x001/x000", "1e0/000", "",
    ],
)  # fmt: skip
def test_another_spelling_is_refused(path: str) -> None:
    """One tile, one address: caches and mirrors rely on it."""
    with pytest.raises(BadInput):
        parse_path(path)


@pytest.fixture(scope="module")
def sizes() -> tuple[int, ...]:
    """Sizes at which the log is signed."""
    return (3, 256, 300, 700)


@pytest.fixture
def signed(work: Database, sizes: tuple[int, ...]) -> Database:
    """A log that was signed at each of the sizes."""
    checked, size = CheckedLog(work), 0
    for wanted in sizes:
        with work.writing() as connection:
            log.append(connection, [a_fact(number) for number in range(size, wanted)])
        size = wanted
        checked.check(size)
        checked.sign()
    return work


def test_the_root_of_every_signed_tree_follows_from_its_tiles(signed: Database, sizes: tuple[int, ...]) -> None:
    """Also of an older one, whose partial tiles are still served."""
    with signed.reading() as connection:
        for size in sizes:
            found = {(t.level, t.index): tiles.hash_tile(connection, t) for t in tiles.tiles_of(size)}
            leaves = [
                data[at : at + 32]
                for (level, _), data in sorted(found.items())
                if level == 0
                for at in range(0, len(data), 32)
            ]
            assert merkle.root_of_hashes(leaves) == log.root(connection, size)
            for (level, index), data in found.items():
                assert len(data) % 32 == 0
                if level == 1:
                    below = leaves[index * 65_536 :]
                    assert data[:32] == merkle.root_of_hashes(below[:256])


def test_entries_hash_to_the_leaves_beside_them(signed: Database) -> None:
    """Each behind its length in two bytes, and none longer than that can say (LOG-7)."""
    with signed.reading() as connection:
        for bundle in tiles.bundles_of(0, 700):
            leaves = tiles.hash_tile(connection, TilePath(0, bundle.index, bundle.width))
            entries = tiles.split_bundle(tiles.entry_bundle(connection, bundle), bundle.width)
            assert b"".join(map(merkle.leaf_hash, entries)) == leaves
            assert all(len(entry) <= 65_535 for entry in entries)


def test_nothing_beyond_the_newest_checkpoint_is_served(signed: Database) -> None:
    """Neither an empty tile nor one that nobody signed."""
    with signed.writing() as connection:
        log.append(connection, [a_fact(number) for number in range(50)])
        for path in ("0/002.p/189", "0/002", "0/003.p/1", "1/000.p/3", "2/000.p/1", "entries/002.p/189", "63/000.p/1"):
            tile = parse_path(path)
            with pytest.raises(NotFound):
                tiles.entry_bundle(connection, tile) if tile.level is None else tiles.hash_tile(connection, tile)


def test_bundles_after_a_size_are_those_that_bring_something_new() -> None:
    """A monitor that saw 256 entries asks for what follows."""
    assert [str(bundle) for bundle in tiles.bundles_of(256, 600)] == [
        "tile/entries/001",
        "tile/entries/002.p/88",
    ]
    assert tiles.bundles_of(600, 600) == []
    assert [str(bundle) for bundle in tiles.bundles_of(599, 600)] == ["tile/entries/002.p/88"]


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00", b"", b"\x00\x01a\x00\x01b\x00\x00"])
def test_a_bundle_that_ends_early_or_late_is_refused(data: bytes) -> None:
    """Two entries were asked for."""
    with pytest.raises(BadInput):
        tiles.split_bundle(data, 2)
