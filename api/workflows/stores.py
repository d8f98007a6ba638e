"""Bring the three databases to the version of this code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from api.migrations.environment import STORES, own_tables_only, version_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from audit.database import Database

FOLDER = Path(__file__).parent.parent / "migrations"


def migrate(database: Database, store: str) -> None:
    """Upgrade *store* to the newest version; does nothing when it is there already."""
    with database.writing() as connection:
        command.upgrade(_config(connection, store), "head")


def current_version(database: Database, store: str) -> str | None:
    """The version the database is at; None before the first migration."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": version_table(store)})
        return context.get_current_revision()


def newest_version(store: str) -> str | None:
    """The version this code expects."""
    return ScriptDirectory(str(FOLDER / store)).get_current_head()


def differences(database: Database, store: str) -> list[str]:
    """What a new migration would have to change; empty when tables and migrations agree."""
    with database.reading() as connection:
        options = {"version_table": version_table(store), "include_name": own_tables_only(store)}
        context = MigrationContext.configure(connection, opts=options)
        metadata: Any = list(STORES[store])  # a list is taken as well; the annotation there says less
        return [str(change) for change in compare_metadata(context, metadata)]


def make_version(database: Database, store: str, message: str) -> None:
    """Write a new migration script from the difference; for developers."""
    with database.writing() as connection:
        command.revision(_config(connection, store), message=message, autogenerate=True)


def _config(connection: Connection, store: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER / store))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
