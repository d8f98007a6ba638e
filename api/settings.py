"""Where the home lies and which databases it uses; read from the environment once, at the edge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Everything an operator can set outside the catalogue.

    Database URLs may hold a password: they never appear in a message or a `repr`.
    """

    home: Path
    """Folder of keys, catalogue and, by default, the embedded databases."""
    database_url: str = field(repr=False)
    vault_url: str = field(repr=False)
    protected_url: str = field(repr=False)
    origin: str = "lauter.localhost/log"
    """Name of the log in its checkpoints: schema-less, without a trailing slash (C2SP tlog-checkpoint)."""
    public_url: str = "http://127.0.0.1:8080"
    """Where browsers reach the service."""

    @property
    def keys_folder(self) -> Path:
        """Folder of the key files."""
        return self.home / "keys"

    @property
    def catalogue_path(self) -> Path:
        """The catalogue of purposes and fields that the controller edits."""
        return self.home / "catalogue.toml"


def read_settings(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> Settings:
    """Settings from `--home` or `LAUTER_HOME`, `LAUTER_DATABASE_URL`, `LAUTER_VAULT_URL`, `LAUTER_PROTECTED_URL`.

    Without a URL the store is an SQLite file in the home. On PostgreSQL the protected store shares the vault's
    server unless it is given its own URL.
    """
    folder = home or Path(environment.get("LAUTER_HOME", "lauter-home"))
    vault_url = environment.get("LAUTER_VAULT_URL") or f"sqlite:///{folder / 'vault.db'}"
    protected_default = f"sqlite:///{folder / 'protected.db'}" if vault_url.startswith("sqlite") else vault_url
    return Settings(
        home=folder,
        database_url=environment.get("LAUTER_DATABASE_URL") or f"sqlite:///{folder / 'work.db'}",
        vault_url=vault_url,
        protected_url=environment.get("LAUTER_PROTECTED_URL") or protected_default,
        origin=environment.get("LAUTER_ORIGIN", "lauter.localhost/log"),
        public_url=environment.get("LAUTER_PUBLIC_URL", "http://127.0.0.1:8080"),
    )
