"""A log read from its own tables, as a monitor on the same machine does."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from audit import checkpoint, store_pruning, tiles
from audit.errors import NotFound
from audit.tiles import TilePath


@dataclass(frozen=True)
class LogTables:
    """The tables behind one reading snapshot."""

    connection: Connection

    def checkpoint(self) -> str:
        """The newest checkpoint with all its signatures."""
        note = checkpoint.latest(self.connection)
        if note is None:
            raise NotFound("nothing was signed yet: run `lauter audit checkpoint`")
        return checkpoint.witnessed(self.connection, note)

    def hashes(self, tile: TilePath) -> bytes:
        """A hash tile."""
        return tiles.hash_tile(self.connection, tile)

    def entries(self, tile: TilePath) -> bytes | None:
        """An entry bundle; None below the minimum index."""
        if tile.start < store_pruning.minimum(self.connection):
            return None
        return tiles.entry_bundle(self.connection, tile)
