"""A restore: a backup into an empty home, and then everything that it must not undo (ERA-3, GOV-6).

Nothing is served in between: a mark lies in the home until erasures, denials, restrictions and blocked addresses of the
journal were replayed. Whoever was erased since the backup is erased again; a key that was destroyed stays destroyed. A
log that is older than a signed tree head goes on only after the loss was declared, and the declaration is its first
entry (record 0015).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.migrations.environment import STORES
from api.wiring import House, open_house
from api.workflows import erasing, journaling
from api.workflows.backup import CATALOGUE, STORE_FOLDER
from api.workflows.declaring import of_pseudonyms
from api.workflows.log import sign_checkpoint
from api.workflows.restore_checks import (
    check_empty,
    check_journal,
    check_keys,
    check_place,
    entries_lost,
    file_of,
    read_manifest,
    urls_of,
)  # fmt: skip
from api.workflows.stores import migrate
from audit import log
from audit.copies import copy_in, place_sqlite
from audit.database import in_batches, open_database
from audit.errors import Broken
from audit.fact import Fact
from governance import key_checks
from governance.keys import KeyRing, file_name, load_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.settings import Settings
    from audit.fact import FactValue
    from governance.vocabulary import Actor


@dataclass(frozen=True)
class Restored:
    """What a restore brought, and what it did not bring back."""

    made_at: datetime
    log_size: int
    lost: int
    """Entries that were signed after the backup and are gone."""
    erased_again: int
    denied_again: int
    blocked_again: int

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "made_at": self.made_at.isoformat(), "log_size": self.log_size, "lost": self.lost,
            "erased_again": self.erased_again, "denied_again": self.denied_again, "blocked_again": self.blocked_again,
        }  # fmt: skip


def restore(
    settings: Settings,
    folder: Path,
    *,
    keys_from: Path | None = None,
    declare_loss: bool = False,
    without_journal: bool = False,
    actor: Actor,
    now: datetime,
) -> Restored:
    """Restore a backup into an empty home.

    Args:
        keys_from: folder of the keys; None: they lie in the home's `keys` already.
        declare_loss: entries that were signed since the backup are lost, and the log says so from here on.
        without_journal: the journal is lost too; erasures since the backup must be ordered again by hand.

    Raises:
        BackupUnfit, KeyDestroyed, TooOldToRestore, LossNotDeclared: nothing was changed.
        Refused: the home is not empty; nothing was changed.
    """
    from governance.journal import Journal

    manifest = read_manifest(folder)
    journal = Journal(settings.journal_path)
    made_at = datetime.fromisoformat(manifest["made_at"])
    check_place(settings, manifest)
    check_empty(settings)
    ring = load_keys(keys_from or settings.keys_folder)
    check_keys(ring, manifest)
    check_journal(journal, made_at, without_journal)
    lost = entries_lost(journal.head(), manifest, declare_loss)
    _put_in_place(settings, folder, ring, now)
    house = open_house(settings, restoring=True)
    try:
        _declare(house, manifest, lost, without_journal, actor, now)
        counts = _replay(house, actor, now)
        sign_checkpoint(house, now=now)
        journaling.follow(house, now=now)
    finally:
        house.close()
    settings.restoring_mark.unlink()
    return Restored(made_at, int(manifest["log"]["size"]), lost, *counts)


def _put_in_place(settings: Settings, folder: Path, ring: KeyRing, now: datetime) -> None:
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.restoring_mark.touch(mode=0o600)
    _put_keys(settings, ring)
    for name, url in urls_of(settings).items():
        path = file_of(url)
        if path is not None:
            place_sqlite(folder / STORE_FOLDER / f"{name}.db", path)
            continue
        database = open_database(url)
        try:
            migrate(database, name)
            tables = [table for metadata in STORES[name] for table in metadata.sorted_tables]
            copy_in(database, tables, folder / STORE_FOLDER, name)
        finally:
            database.close()
    settings.catalogue_path.write_bytes((folder / CATALOGUE).read_bytes())
    _note_newer_keys(settings, ring, now)


def _put_keys(settings: Settings, ring: KeyRing) -> None:
    settings.keys_folder.mkdir(exist_ok=True, mode=0o700)
    for key in ring.keys:
        path = settings.keys_folder / file_name(key.role, key.epoch)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(key.secret)


def _note_newer_keys(settings: Settings, ring: KeyRing, now: datetime) -> None:
    """Keys that were made since the backup belong to this house as well."""
    database = open_database(settings.database_url)
    try:
        with database.writing() as connection:
            key_checks.note_missing(connection, ring.keys, now=now)
    finally:
        database.close()


def _declare(
    house: House, manifest: Mapping[str, Any], lost: int, without_journal: bool, actor: Actor, now: datetime
) -> None:
    """The first entry of the restored log says from what to what it fell back."""
    size, head = int(manifest["log"]["size"]), house.journal.head()
    with house.work.reading() as connection:
        if log.root(connection, size).hex() != manifest["log"]["root"]:
            raise Broken("the restored log is not the one that the manifest names; nothing is served")
        stored = log.size(connection)
    body: dict[str, FactValue] = {
        "size": stored,
        "lost": lost,
        "signed": None if head is None or not lost else head.size,
        "signed_root": None if head is None or not lost else head.root,
        "journal": not without_journal,
    }
    house.journal.give_up_above(stored, now=now)
    with house.work.writing() as connection:
        log.append(connection, [Fact("log:restored", str(actor), now, body)])


def _replay(house: House, actor: Actor, now: datetime) -> tuple[int, int, int]:
    """Block list first, then erasures, then denials; each may be done again."""
    erased, blocked = house.journal.erased(), house.journal.blocked()
    back = 0
    for part in in_batches(blocked):
        with house.work.writing() as connection:
            back += house.blocklist.put_back(connection, part)
    again = 0
    for row in erased:
        for subject in of_pseudonyms(house, [row.pseudonym]):
            erasing.erase_subject(house, subject, actor=actor, now=now, case_until=row.retain_until)
            again += 1
        # Somebody whose work row is younger than the copy may still lie in the vault's, which is made after it.
        house.vault.erase([row.pseudonym], retain_evidence_until=row.retain_until)
        house.protected.forget([row.pseudonym])
    erasing.sweep(house, now=now)
    denied = 0
    for pseudonym, rows in journaling.by_person(house):
        for subject in of_pseudonyms(house, [pseudonym]):
            denied += journaling.replay(house, subject, rows, actor=actor, now=now)
    return again, denied, back
