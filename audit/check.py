"""The stored log, checked from the inside: each row against its bytes, each node against its children, each note.

Every stored hash is compared with what stands right below it, so one altered byte is named where it lies and the rest
of the tree stays quiet; that nothing is found means that every root follows from every entry. Rows are read in parts:
memory does not grow with the log. Run it inside one reading snapshot.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from sqlalchemy import Connection

from audit import log, merkle, store, store_batches, store_pruning
from audit.errors import Broken, NotFound, ProofRefused
from audit.fact import Fact, parse_fact
from audit.findings import Finding, LogReport, at_most
from audit.note import LogVerifier
from audit.tree_head import open_checkpoint

PART = 4096


def check_log(connection: Connection, verifiers: Sequence[LogVerifier]) -> LogReport:
    """Recompute every leaf, node and checkpoint, and compare each bulk act's root with its fact."""
    try:
        size = store.read_size(connection)
    except Broken as problem:
        return LogReport(False, 0, (Finding("log_head", str(problem)),))
    findings = at_most(_all_findings(connection, size, verifiers))
    return LogReport(not findings, size, findings)


def _all_findings(connection: Connection, size: int, verifiers: Sequence[LogVerifier]) -> Iterator[Finding]:
    yield from _leaf_findings(connection, size)
    yield from _node_findings(connection, size)
    yield from _checkpoint_findings(connection, size, verifiers)
    for index in store.subjects_from(connection, size):
        yield Finding(f"log_subject of entry {index}", "the log has no such entry")


def _leaf_findings(connection: Connection, size: int) -> Iterator[Finding]:
    """Each row against its bytes; gaps and rows past the end."""
    minimum = yield from _pruning_findings(connection, size)
    for start in range(0, size, PART):
        stop = min(start + PART, size)
        rows = {row.idx: row for row in store.leaves_between(connection, start, stop)}
        for index in range(start, stop):
            if index not in rows:
                yield Finding(f"log_leaf {index}", "the entry is missing")
            elif rows[index].body or index >= minimum:
                yield from _row_findings(connection, rows[index])
    highest = store.highest_leaf(connection)
    if highest is not None and highest >= size:
        yield Finding(f"log_leaf {highest}", f"the head says {size} entries, but there are later ones")


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


def _row_findings(connection: Connection, row: store.LeafRow) -> Iterator[Finding]:
    where = f"log_leaf {row.idx}"
    if merkle.leaf_hash(row.body) != row.leaf_hash:
        yield Finding(where, "its bytes and its leaf hash do not fit")
        return
    try:
        fact = parse_fact(row.body)
    except Broken as problem:
        yield Finding(where, str(problem))
        return
    if fact.kind != row.kind:
        yield Finding(where, "the column kind is not what its bytes say")
    if fact.at != row.recorded_at:
        yield Finding(where, "the column recorded_at is not what its bytes say")
    if "batch" in fact.body and "root" in fact.body:
        yield from _bulk_findings(connection, row.idx, fact)


def _bulk_findings(connection: Connection, index: int, fact: Fact) -> Iterator[Finding]:
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


def _node_findings(connection: Connection, size: int) -> Iterator[Finding]:
    """Each node against its two children; nodes missing and nodes that no full subtree has."""
    counts = store.node_counts(connection)
    for level in range(1, max(size.bit_length(), max(counts, default=0) + 1)):
        expected = size >> level
        for start in range(0, expected, PART // 2):
            yield from _level_findings(connection, level, start, min(start + PART // 2, expected))
        _, highest = counts.get(level, (0, -1))
        if highest >= expected:
            yield Finding(f"log_node level {level}, idx {highest}", f"a log of {size} entries has no such node")


def _level_findings(connection: Connection, level: int, start: int, stop: int) -> Iterator[Finding]:
    stored = store.nodes_between(connection, level, start, stop)
    below = store.nodes_between(connection, level - 1, 2 * start, 2 * stop)
    for idx in range(start, stop):
        where = f"log_node level {level}, idx {idx}"
        left, right = below.get(2 * idx), below.get(2 * idx + 1)
        if idx not in stored:
            yield Finding(where, "the node is missing")
        elif left is not None and right is not None and merkle.node_hash(left, right) != stored[idx]:
            yield Finding(where, "it does not fit the two hashes below it")


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
