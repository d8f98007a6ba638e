"""Builders: a complete home in one line, without magic."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from api.settings import Settings
from api.wiring import House, open_house
from audit import log
from audit.database import open_database
from governance import blocklist, key_checks, protected, vault
from governance.keys import create_keys
from tests.conftest import WORK_TABLES

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def default_catalogue() -> str:
    """The catalogue that `lauter init` writes."""
    return resources.files("governance").joinpath("purposes.toml").read_text(encoding="utf-8")


def a_house(tmp_path: Path, database_url: str | None = None, catalogue_text: str | None = None) -> House:
    """A home with keys, catalogue and empty stores; the work database where *database_url* says."""
    settings = Settings(
        home=tmp_path,
        database_url=database_url or f"sqlite:///{tmp_path / 'work.db'}",
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        protected_url=f"sqlite:///{tmp_path / 'protected.db'}",
    )
    ring = create_keys(settings.keys_folder)
    settings.catalogue_path.write_text(catalogue_text or default_catalogue(), encoding="utf-8")
    work = open_database(settings.database_url)
    with work.writing() as connection:
        for metadata in (*WORK_TABLES, blocklist.METADATA):
            metadata.create_all(connection)
        log.initialise(connection)
        key_checks.note(connection, ring.keys, now=NOON)
    work.close()
    for url, metadata in ((settings.vault_url, vault.METADATA), (settings.protected_url, protected.METADATA)):
        store = open_database(url)
        with store.writing() as connection:
            metadata.create_all(connection)
        store.close()
    return open_house(settings)
