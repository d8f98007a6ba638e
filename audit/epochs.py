"""Pruning by written policy: entries past their time lose their bytes, their hashes stay (C2SP tlog-tiles, LOG-12).

First the new minimum index becomes part of the log, with its entry, in one transaction; then the bytes go in small
steps, which can be repeated. Every root, every later proof and every checkpoint is what it was; an entry that was
pruned can still be shown by whoever kept its proof file. Without a policy nothing is pruned: the caller brings it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from audit import checkpoint, log, store_pruning
from audit.database import STAGING_ROWS
from audit.errors import Refused
from audit.fact import Fact
from audit.store_pruning import PruningRow
from audit.tiles import WIDTH


def minimum(connection: Connection) -> int:
    """Entries below this index have no bytes any more, or are losing them."""
    return store_pruning.minimum(connection)


def next_minimum(connection: Connection, *, before: datetime, keep_from: int | None = None) -> int:
    """The minimum index that pruning up to an instant leads to; the present one when nothing is old enough.

    Whole bundles of 256 only, nothing that no checkpoint holds, and nothing from *keep_from* on: what is still in use.
    """
    present, note = minimum(connection), checkpoint.latest(connection)
    signed = checkpoint.note_claim(note).size if note is not None else 0
    first_kept = store_pruning.first_since(connection, before)
    bounds = [signed, *(bound for bound in (first_kept, keep_from) if bound is not None)]
    return max(present, min(bounds) // WIDTH * WIDTH)


def raise_minimum(connection: Connection, wanted: int, *, policy: str, actor: str, now: datetime) -> int:
    """Make a new minimum index part of the log, as the last step before commit.

    Args:
        connection: a writing transaction.
        wanted: the new minimum, as `next_minimum` gives it.
        policy: the written rule as a token, such as P3Y.
        actor: who asked for it.
        now: when.

    Returns:
        The index of the entry that tells of it.

    Raises:
        Refused: there is nothing to prune.
    """
    present = minimum(connection)
    if wanted <= present:
        raise Refused(f"nothing to prune: the minimum index is {present} already, and whole bundles of {WIDTH} go")
    fact = Fact(log.PRUNED, actor, now, {"minimum": wanted, "before": present, "keep": policy})
    index = log.append(connection, [fact])
    store_pruning.add(connection, PruningRow(wanted, index, now))
    return index


def empty_some(connection: Connection, *, limit: int = STAGING_ROWS) -> int:
    """Take the bytes of at most *limit* entries below the minimum index; 0 when none is left."""
    return store_pruning.empty(connection, minimum(connection), limit=limit)
