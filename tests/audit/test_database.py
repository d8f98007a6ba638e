"""The door to the database behaves alike on SQLite and PostgreSQL."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from audit import tables
from audit.database import Database, from_microseconds, insert_rows, open_database, to_microseconds

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def test_an_instant_survives_the_round_trip(work: Database) -> None:
    """Microseconds and the time zone come back as they went in."""
    with work.writing() as connection:
        connection.execute(tables.log_checkpoint.insert(), {"size": 1, "note": "n", "signed_at": NOON})

    with work.reading() as connection:
        assert connection.execute(select(tables.log_checkpoint.c.signed_at)).scalar_one() == NOON


def test_a_naive_datetime_is_refused() -> None:
    """Without a zone nobody can say which came first."""
    with pytest.raises(ValueError, match="time zone"):
        to_microseconds(datetime(2026, 1, 1))
    assert from_microseconds(to_microseconds(NOON)) == NOON


def test_a_repeated_bulk_insert_can_skip_what_exists(work: Database) -> None:
    """The second identical import writes no row."""
    rows = [(1, i, bytes([i])) for i in range(5)]
    with work.writing() as connection:
        assert insert_rows(connection, tables.log_node, ("level", "idx", "hash"), rows, ignore=True) == 5
    with work.writing() as connection:
        assert insert_rows(connection, tables.log_node, ("level", "idx", "hash"), rows, ignore=True) == 0


def test_a_failed_session_leaves_nothing(work: Database) -> None:
    """Half a transaction is no transaction."""

    def fail() -> None:
        with work.writing() as connection:
            insert_rows(connection, tables.log_node, ("level", "idx", "hash"), [(1, 1, b"x")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with work.reading() as connection:
        assert connection.execute(select(tables.log_node)).all() == []


def test_a_reading_session_cannot_write_and_keeps_its_snapshot(work: Database) -> None:
    """What a run reads is one instant, whatever is committed meanwhile."""
    with work.reading() as reader:
        assert reader.execute(select(tables.log_node)).all() == []
        with work.writing() as writer:
            insert_rows(writer, tables.log_node, ("level", "idx", "hash"), [(1, 1, b"x")])
        assert reader.execute(select(tables.log_node)).all() == []


def test_only_the_owner_can_read_an_embedded_database(tmp_path: Path) -> None:
    """The file and its write-ahead log, whatever the umask (Article 32(1)(b) GDPR)."""
    previous = os.umask(0)
    try:
        database = open_database(f"sqlite:///{tmp_path / 'private.db'}")
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE t (a INTEGER)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(previous)

    assert modes["private.db"] == 0o600
    assert set(modes.values()) == {0o600}
    assert len(modes) > 1
