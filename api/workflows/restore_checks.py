"""What is looked at before a restore changes anything: manifest, place, keys, journal, and what the log would lose."""

from __future__ import annotations

import json
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.workflows.backup import FORMAT, MANIFEST, digest_of
from api.workflows.stores import current_version, newest_version
from audit.database import open_database
from audit.errors import BadInput, Refused
from governance.key_checks import NOTHING_RESTS_ON
from governance.keys import KeyRing, KeyRole, check_value, file_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from api.settings import Settings
    from governance.journal import HeadRow, Journal


class BackupUnfit(BadInput):
    """The folder is no backup, a file of it was altered, or it belongs to another house, version or database."""


class KeyDestroyed(Refused):
    """The backup is sealed under a key that was destroyed, or that is not here."""


class TooOldToRestore(Refused):
    """What happened since the backup is not known: the journal is missing or does not reach back to it."""


class LossNotDeclared(Refused):
    """The log would go on from an older size than one that was signed; say that you know."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, after every file was compared with it.

    Raises:
        BackupUnfit: there is none, it cannot be read, or a file is missing, altered or not named.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files: Mapping[str, Mapping[str, Any]] = manifest["files"]
        known = manifest["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupUnfit(f"{folder.name}: there is no backup with a readable {MANIFEST}") from None
    if not known:
        raise BackupUnfit(f"{MANIFEST}: another format than {FORMAT}; use the version of Lauter that wrote it")
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    for name in sorted(present ^ files.keys()):
        raise BackupUnfit(f"{name}: {'missing from the backup' if name in files else 'not named by the manifest'}")
    for name, entry in files.items():
        if digest_of(folder / name) != entry["sha256"]:
            raise BackupUnfit(f"{name}: altered since the backup was made; take another copy of it")
    return manifest


def check_place(settings: Settings, manifest: Mapping[str, Any]) -> None:
    """Kinds and versions of the databases are those of the backup."""
    for name, url in urls_of(settings).items():
        found = manifest["stores"][name]
        kind = "sqlite" if url.startswith("sqlite") else "postgresql"
        if found["kind"] != kind:
            raise BackupUnfit(f"{name}: copied from {found['kind']}, the home wants {kind}; restore into the same kind")
        if found["version"] != newest_version(name):
            raise BackupUnfit(
                f"{name}: at version {found['version']}, this code is at {newest_version(name)}; restore with Lauter "
                f"{manifest['lauter']}, then update"
            )


def check_empty(settings: Settings) -> None:
    """Nothing is overwritten."""
    for name, url in urls_of(settings).items():
        path = file_of(url)
        if path is not None:
            if path.exists():
                raise Refused(f"{path.name} is there already; restore into an empty home")
            continue
        database = open_database(url)
        try:
            if current_version(database, name) is not None:
                raise Refused(f"the {name} database has tables already; restore into an empty one")
        finally:
            database.close()
    if settings.catalogue_path.exists():
        raise Refused(f"{settings.catalogue_path.name} is there already; restore into an empty home")


def check_keys(ring: KeyRing, manifest: Mapping[str, Any]) -> None:
    """Every key that the backup needs is here; one that was destroyed makes it unreadable for good."""
    held = {file_name(key.role, key.epoch): check_value(key) for key in ring.keys}
    for name, value in manifest["keys"].items():
        if name not in held and KeyRole(name.partition("-")[0]) in NOTHING_RESTS_ON:
            continue
        if name not in held:
            raise KeyDestroyed(
                f"{name} is not here: where it was destroyed by rotation, this backup is unreadable for good; else "
                "give its folder with --keys"
            )
        if not compare_digest(held[name], bytes.fromhex(value)):
            raise KeyDestroyed(f"{name} holds another key than the house had when the backup was made")


def check_journal(journal: Journal, made_at: datetime, without_journal: bool) -> None:
    """What happened since the backup is known."""
    if without_journal:
        return
    reached = journal.reached()
    if reached is None:
        raise TooOldToRestore(
            "the journal is not here: put it where LAUTER_JOURNAL says, or say --without-journal and order the "
            "erasures since the backup again"
        )
    if reached.since > made_at:
        raise TooOldToRestore(
            f"the journal reaches back to {reached.since:%Y-%m-%d}, the backup is older: whoever was erased in between "
            "would come back"
        )


def entries_lost(head: HeadRow | None, manifest: Mapping[str, Any], declared: bool) -> int:
    """How many entries were signed after the backup; refused unless somebody declared to know."""
    size = int(manifest["log"]["size"])
    lost = 0 if head is None else max(head.size - size, 0)
    if head is not None and head.size == size and head.root.hex() != manifest["log"]["root"]:
        raise BackupUnfit("the log of the backup is not the one whose tree head the journal noted")
    if lost and not declared:
        raise LossNotDeclared(
            f"{lost} entries were signed after this backup; whoever saw a checkpoint will notice. Say --declare-loss, "
            "and the log tells of it"
        )
    return lost


def urls_of(settings: Settings) -> dict[str, str]:
    """The three databases by name."""
    return {"work": settings.database_url, "vault": settings.vault_url, "protected": settings.protected_url}


def file_of(url: str) -> Path | None:
    """The file of an embedded database; None on a server."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else None
