"""One door to a database: SQLite for a single machine, PostgreSQL for production.

Every writing session takes its lock at once: a deferred SQLite transaction that reads and then writes fails without
waiting when another one committed in between. Instants are stored as microseconds since 1970 in UTC, so that both
databases order and compare them alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Dialect, Engine, Table, create_engine, event
from sqlalchemy.types import TypeDecorator

from audit.instants import EPOCH, from_microseconds, to_microseconds

__all__ = [
    "BUSY_TIMEOUT_MS",
    "EPOCH",
    "STAGING_ROWS",
    "Database",
    "Instant",
    "from_microseconds",
    "in_batches",
    "insert_rows",
    "open_database",
    "to_microseconds",
]

T = TypeVar("T")

BUSY_TIMEOUT_MS = 30_000
STAGING_ROWS = 16_384
"""Most rows one writing transaction may stage: an objection must never wait for a bulk act."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as integer microseconds since 1970-01-01T00:00Z."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """What is stored."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """What was meant."""
        return None if value is None else from_microseconds(value)


@dataclass(frozen=True)
class Database:
    """An engine and the two ways to use it."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot for as long as the block lasts; nothing can be written."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(lauter_begin="BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that commits when the block ends and leaves nothing when it raises."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                yield connection

    def flush(self) -> bool:
        """Empty SQLite's write-ahead log: what was deleted stands in it until then.

        Returns:
            False when a reader held it back: try again later. On PostgreSQL this is the operator's VACUUM: True.
        """
        if not self.is_sqlite:
            return True
        with self.engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")  # nobody waits half a minute for a run that is being read
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            cursor.close()
        return not busy

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a database by its SQLAlchemy URL (`sqlite:///path` or `postgresql+psycopg://…`)."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, pool_pre_ping=True)
    return Database(engine)


def _make_private(_dialect: Any, _record: Any, arguments: tuple[Any, ...], _options: Any) -> None:
    """Make a missing file readable by its owner alone; SQLite gives its write-ahead log the same rights."""
    name = str(arguments[0]) if arguments else ":memory:"
    if name in {"", ":memory:"} or name.startswith("file:"):
        return
    with suppress(OSError):  # what hinders us hinders SQLite too, and it says so
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, never by the driver
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=FULL",
        "secure_delete=ON",
        "temp_store=MEMORY",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("lauter_begin", "BEGIN IMMEDIATE"))


def insert_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    *,
    ignore: bool = False,
) -> int:
    """Insert many rows as plain tuples, already in the form the database stores (instants as integers).

    COPY on PostgreSQL, prepared tuples on SQLite. Rows whose key exists already are skipped with *ignore*.

    Returns:
        The number of rows written.
    """
    if connection.dialect.name == "sqlite":
        return _insert_sqlite(connection, table, columns, rows, ignore)
    return _insert_postgres(connection, table, columns, rows, ignore)


def _quoted(columns: Sequence[str]) -> str:
    """Column names as SQL takes them, reserved words such as natural included."""
    return ", ".join(f'"{column}"' for column in columns)


def _insert_sqlite(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], ignore: bool
) -> int:
    verb = "INSERT OR IGNORE" if ignore else "INSERT"
    marks = ", ".join("?" * len(columns))
    statement = f'{verb} INTO "{table.name}" ({_quoted(columns)}) VALUES ({marks})'
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(statement, rows)  # type: ignore[arg-type]  # sqlite3 takes any iterable: rows can stream
        return int(cursor.rowcount)
    finally:
        cursor.close()


def _insert_postgres(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], ignore: bool
) -> int:
    names = _quoted(columns)
    cursor = connection.connection.cursor()
    try:
        target = f'"{table.name}"'
        if ignore:
            target = f'"incoming_{table.name}"'
            cursor.execute(f'CREATE TEMP TABLE {target} (LIKE "{table.name}") ON COMMIT DROP')
        written = 0
        with cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                written += 1
        if ignore:
            copied = f"SELECT {names} FROM {target}"  # noqa: S608  # names come from table definitions only
            cursor.execute(f'INSERT INTO "{table.name}" ({names}) {copied} ON CONFLICT DO NOTHING')
            written = int(cursor.rowcount)
            cursor.execute(f"DROP TABLE {target}")
        return written
    finally:
        cursor.close()


def in_batches(items: Iterable[T], size: int = STAGING_ROWS) -> Iterator[list[T]]:
    """The items in lists of at most *size*, in order."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
