"""The log: facts in the order of one lock, under an RFC 6962 tree; nothing is ever changed or taken out.

The head row is locked as the last step before commit, and the index of an entry comes from it, never from a sequence:
a transaction that rolls back leaves no gap, and the order of indexes is the order of commits. Hold the lock briefly:
stage everything else first. Entries, nodes and head are written in the caller's transaction, so that a decision and
its entry commit together or not at all (LOG-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from audit import merkle, store, store_pruning
from audit.errors import NotFound
from audit.fact import Fact, FactValue, parse_fact
from audit.instants import to_microseconds
from audit.merkle import Coordinate

PRUNED = "log:pruned"
"""The entry that tells of a new minimum index."""
LARGEST = 2**63 - 1
"""Largest number a column holds; whoever asks for more asks for nothing there is."""


@dataclass(frozen=True)
class Entry:
    """One entry as it stands in the log."""

    index: int
    kind: str
    actor: str
    at: datetime
    body: Mapping[str, FactValue]
    data: bytes
    """The canonical bytes that the leaf hash covers."""
    leaf_hash: bytes


def initialise(connection: Connection) -> None:
    """Make the head of an empty log; a log that exists stays as it is."""
    store.make_head(connection)


def lock(connection: Connection) -> int:
    """Take the head's lock now and return the size: for a release that must decide under it."""
    return store.lock_head(connection)


def size(connection: Connection) -> int:
    """Number of entries this transaction sees; under a reading snapshot it is the watermark of what was read."""
    return store.read_size(connection)


def append(connection: Connection, facts: Sequence[Fact]) -> int:
    """Append facts as the last step before commit; holds the head's lock until the transaction ends.

    Returns:
        The index of the first one; the others follow without a gap. Without facts, the next index.

    Raises:
        FactRefused: a fact has more than 65,535 bytes; nothing is written.
        Broken: the log has no head, or a stored hash that the tree needs is missing.
    """
    bodies = [fact.encode() for fact in facts]  # before the lock: others wait for it
    hashes = [merkle.leaf_hash(body) for body in bodies]
    first = store.lock_head(connection)
    if not facts:
        return first
    store.add_leaves(
        connection,
        [
            (first + offset, fact.kind, body, digest, to_microseconds(fact.at))
            for offset, (fact, body, digest) in enumerate(zip(facts, bodies, hashes, strict=True))
        ],
    )
    edge = _right_edge(connection, first)
    store.add_nodes(connection, list(_new_nodes(first, hashes, edge)))
    store.add_subjects(
        connection, [(subject, first + offset) for offset, fact in enumerate(facts) for subject in set(fact.subjects)]
    )
    store.write_size(connection, first + len(facts))
    return first


def entries(
    connection: Connection,
    *,
    before: int | None = None,
    limit: int = 50,
    kind: str | None = None,
    subject: int | None = None,
) -> list[Entry]:
    """At most *limit* entries, newest first, from below *before*; of one kind or about one subject if given."""
    before = None if before is None else min(before, LARGEST)
    rows = store.newest_leaves(connection, before=before, limit=limit, kind=kind, subject=subject)
    return [_entry(row) for row in rows]


def kinds_between(connection: Connection, start: int, stop: int) -> dict[str, int]:
    """How many of the entries [start, stop) are of each kind."""
    return store.kinds_between(connection, start, stop)


def entry(connection: Connection, index: int) -> Entry:
    """One entry.

    Raises:
        NotFound: the log has no entry of that index, or its bytes were pruned.
        Broken: its stored bytes are not a fact.
    """
    rows = store.leaves_between(connection, index, index + 1) if 0 <= index < LARGEST else []
    if not rows:
        raise NotFound(f"the log has no entry {index}")
    if not rows[0].body and index < store_pruning.minimum(connection):
        raise NotFound(f"entry {index} was pruned by the written policy; only its hash is kept")
    return _entry(rows[0])


def root(connection: Connection, size: int | None = None) -> bytes:
    """The root over the first *size* entries, or over all.

    Raises:
        NotFound: the log has fewer entries.
    """
    return _range_hashes(connection, [(0, _known(connection, size))])[0]


def inclusion_proof(connection: Connection, index: int, size: int) -> list[bytes]:
    """The path that proves entry *index* in the tree of the first *size* entries, lowest hash first.

    Raises:
        NotFound: the log has fewer entries.
        ProofRefused: the index is not below the size.
    """
    return _range_hashes(connection, merkle.inclusion_ranges(index, _known(connection, size)))


def consistency_proof(connection: Connection, old: int, new: int) -> list[bytes]:
    """The hashes that prove that the first *new* entries begin with the first *old* ones.

    Raises:
        NotFound: the log has fewer than *new* entries.
        ProofRefused: the old size is larger than the new one.
    """
    return _range_hashes(connection, merkle.consistency_ranges(old, _known(connection, new)))


def _entry(row: store.LeafRow) -> Entry:
    fact = parse_fact(row.body)
    return Entry(row.idx, fact.kind, fact.actor, fact.at, fact.body, row.body, row.leaf_hash)


def _known(connection: Connection, size: int | None) -> int:
    stored = store.read_size(connection)
    if size is not None and not 0 <= size <= stored:
        raise NotFound(f"the log has {stored} entries, not {size}")
    return stored if size is None else size


def _range_hashes(connection: Connection, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The subtree hash of each range, with one read for all of them."""
    cover = [merkle.full_subtrees(start, stop) for start, stop in ranges]
    hashes = iter(store.hashes_at(connection, [coordinate for part in cover for coordinate in part]))
    return [merkle.fold([next(hashes) for _ in part]) for part in cover]


def _right_edge(connection: Connection, size: int) -> dict[Coordinate, bytes]:
    """The stored left partners that new entries are going to complete: one for each binary one of *size*."""
    wanted: list[Coordinate] = [(level, (size >> level) - 1) for level in range(size.bit_length()) if size >> level & 1]
    return dict(zip(wanted, store.hashes_at(connection, wanted), strict=True))


def _new_nodes(
    size: int, hashes: Sequence[bytes], edge: Mapping[Coordinate, bytes]
) -> Iterator[tuple[int, int, bytes]]:
    """The nodes that become full when *hashes* follow a tree of *size* leaves."""
    level, current = 0, list(hashes)
    while current:
        start = size >> level
        if start & 1:
            current.insert(0, edge[(level, start - 1)])
        current = [merkle.node_hash(current[i], current[i + 1]) for i in range(0, len(current) - 1, 2)]
        level += 1
        yield from ((level, (start >> 1) + offset, digest) for offset, digest in enumerate(current))
