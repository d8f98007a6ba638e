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
    smtp_url: str = field(default="", repr=False)
    """`smtp://[user:password@]host[:port]`, `smtps://…` for TLS at once; empty: mails go to the outbox folder."""
    mail_from: str = ""
    """Address that mails come from; empty: the controller's."""
    unsubscribe_address: str = ""
    """Address of the mailto form of List-Unsubscribe; empty: mails carry the https form alone."""
    maildir: Path | None = None
    """Maildir in which mails to that address arrive; None: nobody reads them here."""
    webhook_hosts: frozenset[str] = frozenset()
    """Hosts that webhooks may call although they are private or this machine itself."""
    journal: Path | None = None
    """Where erasures and denials are noted outside every backup; None: `journal.db` in the home."""

    log_policy: Path | None = None
    """Which witnesses are asked to cosign the log, as a C2SP tlog-policy file; None: `log.policy` in the home."""

    @property
    def log_policy_path(self) -> Path:
        """The policy of the log's witnesses; without the file nobody is asked."""
        return self.log_policy or self.home / "log.policy"

    @property
    def outbox_folder(self) -> Path:
        """Where mails lie when there is no mail server."""
        return self.home / "outbox"

    @property
    def journal_path(self) -> Path:
        """The journal's file."""
        return self.journal or self.home / "journal.db"

    @property
    def restoring_mark(self) -> Path:
        """While this file lies there, nothing but a restore opens the home."""
        return self.home / "RESTORING"

    @property
    def keys_folder(self) -> Path:
        """Folder of the key files."""
        return self.home / "keys"

    @property
    def catalogue_path(self) -> Path:
        """The catalogue of purposes and fields that the controller edits."""
        return self.home / "catalogue.toml"


def read_settings(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> Settings:
    """Settings from `--home` or `LAUTER_HOME`, `LAUTER_DATABASE_URL` and the other variables of docs/operations.md.

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
        smtp_url=environment.get("LAUTER_SMTP_URL", ""),
        mail_from=environment.get("LAUTER_MAIL_FROM", ""),
        unsubscribe_address=environment.get("LAUTER_UNSUBSCRIBE_ADDRESS", ""),
        maildir=Path(environment["LAUTER_MAILDIR"]) if environment.get("LAUTER_MAILDIR") else None,
        journal=Path(environment["LAUTER_JOURNAL"]) if environment.get("LAUTER_JOURNAL") else None,
        log_policy=Path(environment["LAUTER_LOG_POLICY"]) if environment.get("LAUTER_LOG_POLICY") else None,
        webhook_hosts=frozenset(environment.get("LAUTER_WEBHOOK_HOSTS", "").replace(",", " ").split()),
    )
