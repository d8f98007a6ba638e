"""A consistent copy of one database's tables, and back: for backups.

SQLite is copied page by page by its own backup interface, in one read transaction; writers go on. PostgreSQL is copied
table by table with COPY within one snapshot, so that no other program is needed. A copy goes back into an empty
database only, and of the same kind.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Table

from audit.database import Database
from audit.errors import Refused

_CHUNK = 1 << 20


def copy_out(database: Database, tables: Iterable[Table], folder: Path, name: str) -> list[Path]:
    """Write the copy below *folder*; the files it consists of."""
    if database.is_sqlite:
        return [_copy_sqlite(database, folder / f"{name}.db")]
    inside = folder / name
    inside.mkdir(mode=0o700)
    return list(_copy_postgres(database, tables, inside))


def copy_in(database: Database, tables: Iterable[Table], folder: Path, name: str) -> None:
    """Read the copy back, in one transaction; on SQLite put the file in place before (`place_sqlite`).

    Raises:
        Refused: a table holds rows already.
    """
    if database.is_sqlite:
        return
    with database.writing() as connection:
        cursor = connection.connection.cursor()
        for table in tables:
            cursor.execute(f'SELECT 1 FROM "{table.name}" LIMIT 1')  # noqa: S608
            if cursor.fetchone() is not None:
                raise Refused(f"{table.name} holds rows already; a backup goes into an empty database only")
            columns = _columns(table)
            path = folder / name / f"{table.name}.copy"
            with path.open("rb") as stream, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
                while chunk := stream.read(_CHUNK):
                    copy.write(chunk)
            for column in table.columns:
                if column.autoincrement is True or column.identity is not None:
                    highest = f'SELECT max("{column.name}") FROM "{table.name}"'  # noqa: S608
                    cursor.execute(
                        f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', '{column.name}'), highest) "  # noqa: S608
                        f"FROM ({highest}) AS numbers (highest) WHERE highest IS NOT NULL"
                    )
        cursor.close()


def place_sqlite(source: Path, target: Path) -> None:
    """Put a copied file where the database is to lie, whole or not at all; nothing is overwritten.

    Raises:
        Refused: there is a database already.
    """
    if target.exists():
        raise Refused(f"{target.name} is there already; a backup goes into an empty home only")
    unfinished = target.with_name(f".{target.name}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream, source.open("rb") as given:
        while chunk := given.read(_CHUNK):
            stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(target)


def _copy_sqlite(database: Database, target: Path) -> Path:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with database.engine.connect() as connection, closing(sqlite3.connect(target)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file: no write-ahead log beside it
    return target


def _copy_postgres(database: Database, tables: Iterable[Table], folder: Path) -> Iterator[Path]:
    with database.reading() as connection:
        cursor = connection.connection.cursor()
        for table in tables:
            path = folder / f"{table.name}.copy"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            statement = f'COPY "{table.name}" ({_columns(table)}) TO STDOUT'
            with os.fdopen(descriptor, "wb") as stream, cursor.copy(statement) as copy:
                for chunk in copy:
                    stream.write(chunk)
            yield path
        cursor.close()


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)
