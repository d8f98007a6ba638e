"""The log as static files: paths, sizes and bytes of C2SP tlog-tiles v0.1.0.

    <prefix>/tile/<L>/<N>[.p/<W>]          hashes, 32 bytes each; a full tile has 256
    <prefix>/tile/entries/<N>[.p/<W>]      entries, each behind its length in two bytes

Every tile is cut from the newest signed tree, whatever its width: a partial tile that an older checkpoint needed stays
the beginning of the full one. What lies below the log's minimum index has hashes and no entries any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from audit import checkpoint, store, store_pruning
from audit.errors import BadInput, Broken, NotFound

WIDTH = 256
HEIGHT = 8
LARGEST_LEVEL = 63
LENGTH_BYTES = 2
_PATH = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class TilePath:
    """Which tile: level (None for the entries themselves), position on that level, and how many of 256."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def is_full(self) -> bool:
        """A full tile never changes; a partial one is replaced by a wider one."""
        return self.width == WIDTH

    @property
    def start(self) -> int:
        """The first hash or entry, counted on the tile's own level."""
        return self.index * WIDTH

    @property
    def end(self) -> int:
        """The first entry of the log that the full tile no longer spans."""
        return (self.index + 1) << (HEIGHT * ((self.level or 0) + 1))

    def __str__(self) -> str:
        kind = "entries" if self.level is None else str(self.level)
        suffix = "" if self.is_full else f".p/{self.width}"
        return f"tile/{kind}/{index_path(self.index)}{suffix}"


def index_path(index: int) -> str:
    """An index in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_path(path: str) -> TilePath:
    """Read what follows `tile/`; only the one spelling of a tile is taken.

    Raises:
        BadInput: another spelling, a level above 63, or a width that no partial tile has.
    """
    match = _PATH.fullmatch(path)
    if match is None or not path.isascii():
        raise _misspelt()
    level = None if match[1] == "entries" else int(match[1])
    index = int(match[2].replace("/", "").replace("x", ""))
    width = int(match[3]) if match[3] else WIDTH
    if (level or 0) > LARGEST_LEVEL or index >= 2**55 or (match[3] and width >= WIDTH):
        raise _misspelt()
    if index_path(index) != match[2]:
        raise _misspelt()
    return TilePath(level, index, width)


def tiles_of(size: int) -> list[TilePath]:
    """Every hash tile of a tree: per level the full ones and the partial one at its right edge."""
    found: list[TilePath] = []
    for level in range(LARGEST_LEVEL + 1):
        count = size >> (HEIGHT * level)
        if not count:
            break
        found += [TilePath(level, index) for index in range(count // WIDTH)]
        if count % WIDTH:
            found.append(TilePath(level, count // WIDTH, count % WIDTH))
    return found


def bundles_of(start: int, size: int) -> list[TilePath]:
    """The entry bundles that hold the entries [start, size)."""
    found = [TilePath(None, index) for index in range(start // WIDTH, size // WIDTH)]
    return [*found, TilePath(None, size // WIDTH, size % WIDTH)] if size % WIDTH and start < size else found


def hash_tile(connection: Connection, tile: TilePath) -> bytes:
    """The bytes of a hash tile.

    Raises:
        NotFound: the newest checkpoint's tree has no such tile.
        Broken: a hash that it needs is missing.
    """
    level = tile.level or 0
    _within(connection, tile, level)
    found = store.nodes_between(connection, HEIGHT * level, tile.start, tile.start + tile.width)
    if len(found) != tile.width:
        raise Broken(f"{tile}: a hash is missing; run `lauter audit verify`")
    return b"".join(bytes(found[position]) for position in sorted(found))


def entry_bundle(connection: Connection, tile: TilePath) -> bytes:
    """The bytes of an entry bundle.

    Raises:
        NotFound: the newest checkpoint's tree has no such bundle, or an entry of it was pruned.
        Broken: an entry is missing.
    """
    _within(connection, tile, 0)
    if tile.start < store_pruning.minimum(connection):
        raise NotFound(f"{tile}: entries below the log's minimum index were pruned; their hashes are kept")
    rows = store.leaves_between(connection, tile.start, tile.start + tile.width)
    if len(rows) != tile.width:
        raise Broken(f"{tile}: an entry is missing; run `lauter audit verify`")
    return b"".join(len(row.body).to_bytes(LENGTH_BYTES, "big") + row.body for row in rows)


def split_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        BadInput: it holds another number of entries, or ends within one.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise BadInput("the bundle ends within an entry")
        entries.append(data[start:at])
    if len(entries) != width:
        raise BadInput(f"the bundle holds {len(entries)} entries instead of {width}")
    return entries


def _within(connection: Connection, tile: TilePath, level: int) -> None:
    """Nothing is served that no signed tree holds."""
    note = checkpoint.latest(connection)
    size = checkpoint.note_claim(note).size if note is not None else 0
    if tile.start + tile.width > size >> (HEIGHT * level):
        raise NotFound(f"{tile}: the newest checkpoint has {size} entries and no such tile")


def _misspelt() -> BadInput:
    return BadInput(
        "a tile is called tile/LEVEL/INDEX or tile/entries/INDEX, such as tile/0/x001/x234/067, and .p/WIDTH follows "
        "a partial one"
    )
