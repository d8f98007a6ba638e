"""All SQL of the log itself: head, leaves, nodes, subjects, checkpoints; rows go in, and nothing is ever rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, update

from audit.database import insert_rows, to_microseconds
from audit.errors import BadInput, Broken
from audit.merkle import Coordinate
from audit.tables import log_checkpoint, log_head, log_leaf, log_node, log_subject

_NODES_PER_QUERY = 200


class LeafRow(NamedTuple):
    """One row of the log as it is stored."""

    idx: int
    kind: str
    body: bytes
    leaf_hash: bytes
    recorded_at: datetime


def make_head(connection: Connection) -> None:
    """Make the head row of an empty log; an existing one stays."""
    insert_rows(connection, log_head, ("id", "size"), [(1, 0)], ignore=True)


def lock_head(connection: Connection) -> int:
    """Lock the head row until the transaction ends and return the size (an SQLite writer holds its lock already)."""
    return _size(connection, select(log_head.c.size).where(log_head.c.id == 1).with_for_update())


def read_size(connection: Connection) -> int:
    """The size as this transaction sees it, without a lock."""
    return _size(connection, select(log_head.c.size).where(log_head.c.id == 1))


def _size(connection: Connection, statement: Select[Any]) -> int:
    size: int | None = connection.execute(statement).scalar_one_or_none()
    if size is None:
        raise Broken("log_head: the head row is missing; `lauter init` makes it, a lost one must come from a backup")
    return size


def write_size(connection: Connection, size: int) -> None:
    """Set the number of entries; the caller holds the head's lock."""
    connection.execute(update(log_head).where(log_head.c.id == 1).values(size=size))


def add_leaves(connection: Connection, rows: Iterable[tuple[int, str, bytes, bytes, int]]) -> None:
    """Add rows (idx, kind, body, leaf hash, microseconds)."""
    insert_rows(connection, log_leaf, ("idx", "kind", "body", "leaf_hash", "recorded_at"), rows)


def add_nodes(connection: Connection, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Add rows (level, idx, hash) of full subtrees."""
    if rows:
        insert_rows(connection, log_node, ("level", "idx", "hash"), rows)


def add_subjects(connection: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Add rows (subject, idx)."""
    if rows:
        insert_rows(connection, log_subject, ("subject", "idx"), rows)


def hashes_at(connection: Connection, coordinates: Sequence[Coordinate]) -> list[bytes]:
    """The stored hashes of full subtrees, in the order asked for; level 0 are the leaves.

    Raises:
        Broken: one of them is missing.
    """
    found: dict[Coordinate, bytes] = {}
    leaves = sorted({idx for level, idx in coordinates if level == 0})
    nodes = sorted({coordinate for coordinate in coordinates if coordinate[0] > 0})
    for chunk in _chunks(leaves):
        statement = select(log_leaf.c.idx, log_leaf.c.leaf_hash).where(log_leaf.c.idx.in_(chunk))
        found.update({(0, idx): digest for idx, digest in connection.execute(statement)})
    for part in _chunks(nodes):
        # An IN over pairs would scan the table on SQLite; this form seeks each key. Integers only, so no parameters.
        match = " OR ".join(f"(level = {level:d} AND idx = {idx:d})" for level, idx in part)
        rows = connection.exec_driver_sql(f"SELECT level, idx, hash FROM log_node WHERE {match}")  # noqa: S608
        found.update({(level, idx): digest for level, idx, digest in rows})
    for level, idx in coordinates:
        if (level, idx) not in found:
            raise Broken(f"log_node level {level}, idx {idx}: the hash is missing; run `lauter audit verify --deep`")
    return [found[coordinate] for coordinate in coordinates]


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _NODES_PER_QUERY] for start in range(0, len(items), _NODES_PER_QUERY))


def newest_leaves(
    connection: Connection, *, before: int | None, limit: int, kind: str | None, subject: int | None
) -> list[LeafRow]:
    """At most *limit* rows with an index below *before*, newest first."""
    statement = _leaves().where(log_leaf.c.body != b"").order_by(log_leaf.c.idx.desc()).limit(limit)
    if before is not None:
        statement = statement.where(log_leaf.c.idx < before)
    if kind is not None:
        statement = statement.where(log_leaf.c.kind == kind)
    if subject is not None:
        about = select(log_subject.c.idx).where(log_subject.c.subject == subject)
        statement = statement.where(log_leaf.c.idx.in_(about))
    return [LeafRow._make(row) for row in connection.execute(statement)]


def kinds_between(connection: Connection, start: int, stop: int) -> dict[str, int]:
    """How many of the rows [start, stop) are of each kind."""
    leaf = log_leaf.c
    counted = select(leaf.kind, func.count()).where(leaf.idx >= start, leaf.idx < stop).group_by(leaf.kind)
    return {row[0]: int(row[1]) for row in connection.execute(counted)}


def leaves_between(connection: Connection, start: int, stop: int) -> list[LeafRow]:
    """The rows [start, stop) in order."""
    statement = _leaves().where(log_leaf.c.idx >= start, log_leaf.c.idx < stop).order_by(log_leaf.c.idx)
    return [LeafRow._make(row) for row in connection.execute(statement)]


def stored_leaves(connection: Connection, start: int, stop: int) -> Sequence[tuple[int, str, bytes, bytes, int]]:
    """The rows [start, stop) in order, just as they are stored: a check of millions makes nothing else of them."""
    statement = f"SELECT idx, kind, body, leaf_hash, recorded_at FROM log_leaf WHERE {_between(start, stop)}"  # noqa: S608
    return _fetch(connection, statement)


def _between(start: int, stop: int) -> str:
    return f"idx >= {start:d} AND idx < {stop:d} ORDER BY idx"


def _fetch(connection: Connection, statement: str) -> Sequence[tuple[Any, ...]]:
    cursor = connection.exec_driver_sql(statement).cursor
    return cursor.fetchall() if cursor is not None else []


def _leaves() -> Select[Any]:
    leaf = log_leaf.c
    return select(leaf.idx, leaf.kind, leaf.body, leaf.leaf_hash, leaf.recorded_at)


def nodes_between(connection: Connection, level: int, start: int, stop: int) -> dict[int, bytes]:
    """The stored hashes [start, stop) of one level by position, ascending; level 0 are the leaves."""
    which = f"log_node WHERE level = {level:d} AND" if level else "log_leaf WHERE"
    column = "hash" if level else "leaf_hash"
    return dict(_fetch(connection, f"SELECT idx, {column} FROM {which} {_between(start, stop)}"))  # noqa: S608


def node_counts(connection: Connection) -> dict[int, tuple[int, int]]:
    """Number of nodes and highest position, by level."""
    node = log_node.c
    rows = connection.execute(select(node.level, func.count(), func.max(node.idx)).group_by(node.level))
    return {level: (count, highest) for level, count, highest in rows}


def subjects_from(connection: Connection, start: int) -> list[int]:
    """Positions from *start* on that `log_subject` names; there should be none past the end."""
    found = select(log_subject.c.idx).where(log_subject.c.idx >= start).distinct().order_by(log_subject.c.idx)
    return list(connection.execute(found).scalars())


def highest_leaf(connection: Connection) -> int | None:
    """The highest index that a row has; none in an empty log."""
    highest: int | None = connection.execute(select(func.max(log_leaf.c.idx))).scalar_one()
    return highest


def add_checkpoint(connection: Connection, size: int, note: str, signed_at: datetime) -> None:
    """Store a signed note."""
    row = (size, note, to_microseconds(signed_at))
    insert_rows(connection, log_checkpoint, ("size", "note", "signed_at"), [row])


def checkpoint_at(connection: Connection, size: int) -> str | None:
    """The note signed for exactly that size."""
    return connection.execute(select(log_checkpoint.c.note).where(log_checkpoint.c.size == size)).scalar_one_or_none()


def newest_signature(connection: Connection) -> tuple[int, datetime] | None:
    """Size and instant of the newest signed note."""
    table = log_checkpoint.c
    row = connection.execute(select(table.size, table.signed_at).order_by(table.size.desc()).limit(1)).one_or_none()
    return (int(row.size), row.signed_at) if row else None


def newest_checkpoint(connection: Connection) -> str | None:
    """The note with the largest size."""
    statement = select(log_checkpoint.c.note).order_by(log_checkpoint.c.size.desc()).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def checkpoints(connection: Connection, *, above: int = -1, limit: int = 1000) -> list[tuple[int, str]]:
    """Signed sizes above *above* in ascending order with their notes, at most *limit*."""
    statement = select(log_checkpoint.c.size, log_checkpoint.c.note).where(log_checkpoint.c.size > above)
    return [(size, note) for size, note in connection.execute(statement.order_by(log_checkpoint.c.size).limit(limit))]


def append_only_ddl(dialect: str) -> list[str]:
    """DDL that makes entries, nodes, checkpoints and cosignatures append-only: UPDATE and DELETE fail, whoever asks.

    SQLite would also delete by INSERT OR REPLACE, and PostgreSQL by TRUNCATE; both fail too. The head row and
    `log_subject` stay changeable: the one counts, the other dies with the person. The bytes of an entry can go once it
    lies below the minimum index of `log_pruning`, which an entry tells of (decision 0014).

    Raises:
        BadInput: a dialect other than sqlite and postgresql.
    """
    if dialect == "sqlite":
        return [statement for table, key in _APPEND_ONLY.items() for statement in _sqlite_triggers(table, key)]
    if dialect == "postgresql":
        function = (
            "CREATE OR REPLACE FUNCTION lauter_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
        )
        pruning = (
            "CREATE OR REPLACE FUNCTION lauter_prune_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF {_PRUNED.format(empty=_EMPTY_BYTEA)} THEN RETURN NEW; END IF; "
            "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
        )
        return [function, pruning, *(trigger for table in _APPEND_ONLY for trigger in _postgres_triggers(table))]
    raise BadInput(f"append-only triggers: no DDL for {dialect}; sqlite and postgresql are known")


_APPEND_ONLY = {
    "log_leaf": ("idx",),
    "log_node": ("level", "idx"),
    "log_checkpoint": ("size",),
    "log_cosignature": ("size", "key", "witnessed_at"),
    "log_pruning": ("minimum",),
}
_PRUNED = (
    "{empty} AND NEW.idx = OLD.idx AND NEW.kind = OLD.kind AND NEW.leaf_hash = OLD.leaf_hash "
    "AND NEW.recorded_at = OLD.recorded_at AND OLD.idx < (SELECT coalesce(max(minimum), 0) FROM log_pruning)"
)
"""The one change of an entry that is let through: its bytes go, below the minimum index, and nothing else changes."""
_EMPTY_BLOB, _EMPTY_BYTEA = "NEW.body = x''", "NEW.body = ''::bytea"


def _sqlite_triggers(table: str, key: Sequence[str]) -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    pruning = f"WHEN NOT ({_PRUNED.format(empty=_EMPTY_BLOB)}) " if table == "log_leaf" else ""
    yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {pruning}{refuse}"
    yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}"
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    exists = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  # names from the constant above
    yield f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {exists} {refuse}"


def _postgres_triggers(table: str) -> Iterator[str]:
    pruned = table == "log_leaf"
    events = "BEFORE DELETE OR TRUNCATE" if pruned else "BEFORE UPDATE OR DELETE OR TRUNCATE"
    how = "FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()"
    yield f"CREATE TRIGGER {table}_append_only {events} ON {table} {how}"
    if pruned:
        row = "FOR EACH ROW EXECUTE FUNCTION lauter_prune_only()"
        yield f"CREATE TRIGGER {table}_prune_only BEFORE UPDATE ON {table} {row}"
