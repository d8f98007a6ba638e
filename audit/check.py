"""The stored log, checked from the inside: each row against its bytes, each node against its children, each note.

Every stored hash is compared with what stands right below it, so one altered byte is named where it lies and the rest
of the tree stays quiet; that nothing is found means that every root follows from every entry. Rows are read in parts:
memory does not grow with the log. Run it inside one reading snapshot.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from audit import log, merkle, store, store_batches, store_pruning
from audit.batch_tree import hash_rows
from audit.errors import Broken, NotFound, ProofRefused
from audit.fact import Entry, parse_fact, read_entry
from audit.findings import Finding, LogReport, at_most
from audit.note import LogVerifier
from audit.parts import InTurn, Parts
from audit.tree_head import open_checkpoint

PART = 4096
TASK = 16 * PART
"""Entries that one process checks at a time."""


def check_log(connection: Connection, verifiers: Sequence[LogVerifier], parts: Parts | None = None) -> LogReport:
    """Recompute every leaf, node and checkpoint, and compare each bulk act's root with its fact."""
    try:
        size = store.read_size(connection)
    except Broken as problem:
        return LogReport(False, 0, (Finding("log_head", str(problem)),))
    findings = at_most(_all_findings(connection, size, verifiers, parts or InTurn(connection)))
    return LogReport(not findings, size, findings)


def _all_findings(
    connection: Connection, size: int, verifiers: Sequence[LogVerifier], parts: Parts
) -> Iterator[Finding]:
    yield from _leaf_findings(connection, size, parts)
    yield from _node_findings(connection, size, parts)
    yield from _checkpoint_findings(connection, size, verifiers)
    for index in store.subjects_from(connection, size):
        yield Finding(f"log_subject of entry {index}", "the log has no such entry")


def _leaf_findings(connection: Connection, size: int, parts: Parts) -> Iterator[Finding]:
    """Each row against its bytes; gaps and rows past the end."""
    minimum = yield from _pruning_findings(connection, size)
    row = store_pruning.newest(connection)
    known = row.minimum if row else 0
    tasks = ((start, min(start + TASK, size), minimum, known) for start in range(0, size, TASK))
    for found in parts.each(_entries_of_task, tasks):
        yield from found
    highest = store.highest_leaf(connection)
    if highest is not None and highest >= size:
        yield Finding(f"log_leaf {highest}", f"the head says {size} entries, but there are later ones")


def _entries_of_task(connection: Connection, start: int, stop: int, minimum: int, known: int) -> tuple[Finding, ...]:
    """Entries [start, stop). *known* is the minimum index that was looked at; one set since counts as well."""
    row = store_pruning.newest(connection)
    least = row.minimum if row and row.minimum != known else minimum
    return at_most(
        finding
        for at in range(start, stop, PART)
        for finding in _entry_findings(connection, at, min(at + PART, stop), least)
    )


def _entry_findings(connection: Connection, start: int, stop: int, minimum: int) -> Iterator[Finding]:
    rows = store.stored_leaves(connection, start, stop)
    missing = set(range(start, stop)) - {row[0] for row in rows} if len(rows) != stop - start else set()
    for index in sorted(missing):
        yield Finding(f"log_leaf {index}", "the entry is missing")
    for row in rows:
        if row[2] or row[0] >= minimum:
            yield from _row_findings(connection, *row)


def _pruning_findings(connection: Connection, size: int) -> Generator[Finding, None, int]:
    """The minimum index, if an entry of the log tells of it: below it an entry may have no bytes."""
    row = store_pruning.newest(connection)
    if row is None:
        return 0
    told = store.leaves_between(connection, row.fact, row.fact + 1)
    try:
        fact = parse_fact(told[0].body) if told else None
    except Broken:
        fact = None
    if fact is None or fact.kind != log.PRUNED or fact.body.get("minimum") != row.minimum or row.minimum > size:
        yield Finding(f"log_pruning minimum {row.minimum}", "no entry of the log tells of it")
        return 0
    return row.minimum


def _row_findings(
    connection: Connection, index: int, kind: str, body: bytes, leaf_hash: bytes, recorded_at: int
) -> Iterator[Finding]:
    if not isinstance(body, bytes) or merkle.leaf_hash(body) != leaf_hash:
        yield Finding(f"log_leaf {index}", "its bytes and its leaf hash do not fit")
        return
    try:
        entry = read_entry(body)
    except Broken as problem:
        yield Finding(f"log_leaf {index}", str(problem))
        return
    if entry.kind != kind:
        yield Finding(f"log_leaf {index}", "the column kind is not what its bytes say")
    if entry.at != recorded_at:
        yield Finding(f"log_leaf {index}", "the column recorded_at is not what its bytes say")
    if "batch" in entry.body and "root" in entry.body:
        yield from _bulk_findings(connection, index, entry)


def _bulk_findings(connection: Connection, index: int, fact: Entry) -> Iterator[Finding]:
    """The stored root of a bulk act against the fact that published it."""
    number = fact.body["batch"]
    if not isinstance(number, int):
        return
    try:
        stored = store_batches.read_batch(connection, number)
    except NotFound:
        yield Finding(f"batch {number}", f"entry {index} tells of it, but it is missing")
        return
    for name, value in (("size", stored.size), ("root", stored.root), ("header", stored.header)):
        if fact.body.get(name) != value:
            yield Finding(f"batch {number}", f"the column {name} is not what entry {index} says")


def _node_findings(connection: Connection, size: int, parts: Parts) -> Iterator[Finding]:
    """Each node against its two children; nodes missing and nodes that no full subtree has."""
    counts = store.node_counts(connection)
    levels = range(1, max(size.bit_length(), max(counts, default=0) + 1))
    tasks = (
        (level, start, min(start + TASK, size >> level)) for level in levels for start in range(0, size >> level, TASK)
    )
    for found in parts.each(_nodes_of_task, tasks):
        yield from found
    for level in levels:
        _, highest = counts.get(level, (0, -1))
        if highest >= size >> level:
            yield Finding(f"log_node level {level}, idx {highest}", f"a log of {size} entries has no such node")


def _nodes_of_task(connection: Connection, level: int, start: int, stop: int) -> tuple[Finding, ...]:
    return at_most(
        finding
        for at in range(start, stop, PART)
        for finding in _level_findings(connection, level, at, min(at + PART, stop))
    )


def _level_findings(connection: Connection, level: int, start: int, stop: int) -> Iterator[Finding]:
    stored = store.nodes_between(connection, level, start, stop)
    below = store.nodes_between(connection, level - 1, 2 * start, 2 * stop)
    if _all_fit(stored, below, start, stop):
        return
    for idx in range(start, stop):
        where = f"log_node level {level}, idx {idx}"
        left, right = below.get(2 * idx), below.get(2 * idx + 1)
        if idx not in stored:
            yield Finding(where, "the node is missing")
        elif left is not None and right is not None and _above(left, right) != stored[idx]:
            yield Finding(where, "it does not fit the two hashes below it")


def _above(left: bytes, right: bytes) -> bytes | None:
    """The hash over two others; none where something else than bytes was stored."""
    return merkle.node_hash(left, right) if isinstance(left, bytes) and isinstance(right, bytes) else None


def _all_fit(stored: Mapping[int, bytes], below: Mapping[int, bytes], start: int, stop: int) -> bool:
    """Whether every node is there and fits: asked of all at once, for nearly always they do. Both are in order."""
    if len(stored) != stop - start or len(below) != 2 * len(stored):
        return False
    if not all(isinstance(digest, bytes) for digest in (*below.values(), *stored.values())):
        return False  # SQLite keeps whatever type somebody wrote
    pairs = np.frombuffer(b"".join(below.values()), dtype=np.uint8)
    if len(pairs) != 64 * len(stored):
        return False
    nodes = np.hstack((np.ones((len(stored), 1), dtype=np.uint8), pairs.reshape(-1, 64)))
    return hash_rows(nodes).tobytes() == b"".join(stored.values())


def _checkpoint_findings(connection: Connection, size: int, verifiers: Sequence[LogVerifier]) -> Iterator[Finding]:
    """Each signed note: its signature, its size, and the root that follows from the entries now."""
    above = -1
    while notes := store.checkpoints(connection, above=above):
        for signed_size, note in notes:
            reason = _checkpoint_problem(connection, size, signed_size, note, verifiers)
            if reason:
                yield Finding(f"log_checkpoint size {signed_size}", reason)
            above = signed_size


def _checkpoint_problem(
    connection: Connection, size: int, signed_size: int, note: str, verifiers: Sequence[LogVerifier]
) -> str | None:
    try:
        head = open_checkpoint(note, verifiers).checkpoint
        if head.size != signed_size:
            return "the note signs another size"
        if head.size > size:
            return f"it signs more entries than the {size} that the log has"
        if log.root(connection, head.size) != head.root:
            return "the root that was signed does not follow from the entries"
    except (ProofRefused, Broken) as problem:
        return str(problem)
    return None
