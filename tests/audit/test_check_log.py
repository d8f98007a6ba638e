"""Whoever alters a byte of the stored log, cuts it short or signs another one is found out, and told where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, update

from audit import log, merkle, store, tables
from audit.checkpoint import LogSigner
from audit.database import Database
from audit.errors import Broken
from audit.verify import check_log
from tests.audit.builders import NOON, SIGNER, CheckedLog, a_fact


def found(work: Database) -> list[str]:
    """The findings of a whole check, as text."""
    with work.reading() as connection:
        report = check_log(connection, verifier=SIGNER.verifier)
    assert report.ok == (not report.findings)
    return [str(finding) for finding in report.findings]


def flip(data: Any) -> Any:
    """The value with its first byte altered."""
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(
    ("table", "key", "column", "named"),
    [
        (tables.log_leaf, {"idx": 5}, "body", "log_leaf 5:"),
        (tables.log_leaf, {"idx": 5}, "leaf_hash", "log_leaf 5:"),
        (tables.log_leaf, {"idx": 10}, "body", "log_leaf 10:"),
        (tables.log_leaf, {"idx": 10}, "leaf_hash", "log_leaf 10:"),
        (tables.log_node, {"level": 1, "idx": 2}, "hash", "log_node level 1, idx 2:"),
        (tables.log_node, {"level": 3, "idx": 0}, "hash", "log_node level 3, idx 0:"),
    ],
)
def test_a_flipped_byte_is_named(
    sqlite_work: Database, table: Table, key: dict[str, int], column: str, named: str
) -> None:
    """Row, node or hash: the first finding says which one (LOG-11)."""
    checked = CheckedLog(sqlite_work)
    checked.append(*(a_fact(number) for number in range(11)))
    checked.sign()
    match = [table.c[name] == value for name, value in key.items()]
    with sqlite_work.writing() as connection:
        old = connection.execute(select(table.c[column]).where(*match)).scalar_one()
        connection.execute(update(table).where(*match).values({column: flip(old)}))

    assert found(sqlite_work)[0].startswith(named)


def test_every_byte_of_every_row_counts(sqlite_work: Database) -> None:
    """Each byte of each body, leaf hash and node: altered alone, it is found."""
    checked = CheckedLog(sqlite_work)
    checked.append(*(a_fact(number) for number in range(3)))
    checked.sign()
    for table, columns in ((tables.log_leaf, ("body", "leaf_hash")), (tables.log_node, ("hash",))):
        with sqlite_work.reading() as connection:
            rows = connection.execute(select(table)).mappings().all()
        for row in rows:
            match = [column == row[column.name] for column in table.primary_key]
            for column in columns:
                for at in range(len(row[column])):
                    altered = bytearray(row[column])
                    altered[at] ^= 0x80
                    with sqlite_work.writing() as connection:
                        connection.execute(update(table).where(*match).values({column: bytes(altered)}))
                    assert found(sqlite_work)
                with sqlite_work.writing() as connection:
                    connection.execute(update(table).where(*match).values({column: row[column]}))
    assert found(sqlite_work) == []


LEAF, NODE = tables.log_leaf, tables.log_node
FORK = SIGNER.sign_text("audit.example.test/log1\n7\n" + "A" * 43 + "=\n")
STRANGER = LogSigner("x.example", b"5" * 32).sign_text("x\n")


def rewrite_a_row(connection: Connection) -> None:
    body = a_fact(99).encode()
    values = {"body": body, "leaf_hash": merkle.leaf_hash(body)}
    connection.execute(update(LEAF).where(LEAF.c.idx == 10).values(values))


ATTACKS: dict[str, tuple[Callable[[Connection], object], str]] = {
    "row and hash rewritten together": (rewrite_a_row, "log_checkpoint size 11: the root"),
    "another kind": (
        lambda c: c.execute(update(LEAF).where(LEAF.c.idx == 3).values(kind="run:published")),
        "log_leaf 3: the column kind",
    ),
    "another time": (
        lambda c: c.execute(update(LEAF).where(LEAF.c.idx == 3).values(recorded_at=NOON.replace(year=2027))),
        "log_leaf 3: the column recorded_at",
    ),
    "a row deleted": (lambda c: c.execute(delete(LEAF).where(LEAF.c.idx == 3)), "log_leaf 3: the entry is missing"),
    "a node deleted": (
        lambda c: c.execute(delete(NODE).where(NODE.c.level == 2, NODE.c.idx == 1)),
        "log_node level 2, idx 1: the node is missing",
    ),
    "a node too many": (
        lambda c: c.execute(insert(NODE), {"level": 9, "idx": 0, "hash": bytes(32)}),
        "log_node level 9, idx 0: a log of 11",
    ),
    "the head says fewer": (lambda c: store.write_size(c, 10), "log_leaf 10: the head says 10"),
    "the head says more": (lambda c: store.write_size(c, 12), "log_leaf 11: the entry is missing"),
    "a subject of no entry": (lambda c: store.add_subjects(c, [(1, 11)]), "log_subject of entry 11"),
    "a fork was signed": (lambda c: store.add_checkpoint(c, 7, FORK, NOON), "log_checkpoint size 7: the root"),
    "a note in the wrong row": (
        lambda c: store.add_checkpoint(c, 7, store.newest_checkpoint(c) or "", NOON),
        "log_checkpoint size 7: the note signs another size",
    ),
    "a note by another key": (
        lambda c: c.execute(update(tables.log_checkpoint).values(note=STRANGER)),
        "log_checkpoint size 11: note: no signature",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_stored_log_is_named(sqlite_work: Database, name: str) -> None:
    """Whoever holds the database but not the key is found out, and where (LOG-1, T25, T26)."""
    attack, named = ATTACKS[name]
    checked = CheckedLog(sqlite_work)
    checked.append(*(a_fact(number) for number in range(11)))
    checked.sign()
    with sqlite_work.writing() as connection:
        attack(connection)

    assert any(finding.startswith(named) for finding in found(sqlite_work)), found(sqlite_work)


def test_a_truncated_log_no_longer_fits_its_checkpoint(sqlite_work: Database) -> None:
    """Rows, nodes and head cut back together: the signature remembers (T26)."""
    checked = CheckedLog(sqlite_work)
    checked.append(*(a_fact(number) for number in range(11)))
    checked.sign()
    with sqlite_work.writing() as connection:
        connection.execute(delete(tables.log_leaf).where(tables.log_leaf.c.idx == 10))
        store.write_size(connection, 10)

    assert found(sqlite_work) == ["log_checkpoint size 11: it signs more entries than the 10 that the log has"]


def test_a_rewritten_table_does_not_fill_the_report(sqlite_work: Database) -> None:
    """The first findings are enough to know."""
    checked = CheckedLog(sqlite_work)
    checked.append(*(a_fact(number) for number in range(150)))
    with sqlite_work.writing() as connection:
        connection.execute(update(tables.log_leaf).values(body=b"x"))

    assert len(found(sqlite_work)) == 101


def test_checkpoints_of_a_former_key_still_verify(sqlite_work: Database) -> None:
    """Rotation adds a key and unsigns nothing (LOG-10)."""
    checked = CheckedLog(sqlite_work)
    checked.append(a_fact(0))
    checked.sign()
    with sqlite_work.reading() as connection:
        new = LogSigner("audit.example.test/log2", b"\x07" * 32).verifier
        assert check_log(connection, verifier=new, former=[SIGNER.verifier]).ok
        assert not check_log(connection, verifier=new).ok


def test_a_missing_node_stops_an_append(sqlite_work: Database) -> None:
    """A tree that cannot be continued is not guessed at."""
    checked = CheckedLog(sqlite_work)
    checked.append(a_fact(0), a_fact(1))
    with sqlite_work.writing() as connection:
        connection.execute(delete(tables.log_node))

    with pytest.raises(Broken, match="level 1, idx 0"), sqlite_work.writing() as connection:
        log.append(connection, [a_fact(2), a_fact(3)])
