"""A backup: consistent copies of the stores with a manifest, and no key beside them (ERA-3, Article 32(1)(c) GDPR).

The work database is copied first and the vault after it, for an import writes the vault first: nobody in the copy is
without an identity unless they were erased. Keys go into a folder of their own, or nowhere: a backup without the wrap
key tells nobody's name. The manifest names every file by its SHA-256, the keys by a value that tells nothing of them,
and the log by size, root and checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.migrations.environment import STORES
from api.workflows import journaling
from api.workflows.log import sign_checkpoint
from api.workflows.stores import current_version
from audit import checkpoint, log
from audit.copies import copy_out
from audit.errors import BadInput
from audit.fact import Fact
from governance.keys import check_value, file_name
from governance.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from api.wiring import House
    from audit.database import Database
    from governance.vocabulary import Actor

FORMAT = "lauter/backup/1"
MANIFEST = "manifest.json"
CATALOGUE = "catalogue.toml"
STORE_FOLDER = "stores"
PRIVATE = 0o700
_CHUNK = 1 << 20


@dataclass(frozen=True)
class BackupMade:
    """What was copied."""

    folder: str
    made_at: datetime
    files: int
    size: int
    """Bytes of all copies."""
    log_size: int
    keys: str | None
    """Where the keys were copied to; None: they were not."""

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "folder": self.folder, "made_at": self.made_at.isoformat(), "files": self.files, "bytes": self.size,
            "log_size": self.log_size, "keys": self.keys,
        }  # fmt: skip


def backup(house: House, folder: Path, *, keys_to: Path | None = None, actor: Actor, now: datetime) -> BackupMade:
    """Copy the house into an empty folder while others go on working.

    Raises:
        BadInput: a folder is not empty, cannot be made, or the keys would lie inside the backup.
    """
    if keys_to is not None and _inside(keys_to, folder):
        raise BadInput("the keys would lie inside the backup: whoever finds it could read everything; keep them apart")
    _empty_folder(folder)
    with house.work.writing() as connection:
        log.append(connection, [Fact("backup:made", str(actor), now, {"stores": len(STORES)})])
    sign_checkpoint(house, now=now)
    journaling.follow(house, now=now)
    (folder / STORE_FOLDER).mkdir(mode=PRIVATE)
    stores = {name: _copied(database, name, folder) for name, database in stores_of(house).items()}
    shutil.copyfile(house.settings.catalogue_path, folder / CATALOGUE)
    manifest = _manifest(house, folder, stores, now)
    _write_manifest(folder, manifest)
    if keys_to is not None:
        _copy_keys(house, keys_to)
    sizes = [int(entry["bytes"]) for entry in manifest["files"].values()]
    where = None if keys_to is None else str(keys_to)
    return BackupMade(str(folder), now, len(sizes), sum(sizes), int(manifest["log"]["size"]), where)


def stores_of(house: House) -> dict[str, Database]:
    """The three databases in the order they are copied."""
    return {"work": house.work, "vault": house.vault.database, "protected": house.protected.database}


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    running = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            running.update(chunk)
    return running.hexdigest()


def _copied(database: Database, name: str, folder: Path) -> dict[str, Any]:
    tables = [table for metadata in STORES[name] for table in metadata.sorted_tables]
    copy_out(database, tables, folder / STORE_FOLDER, name)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    return {"kind": kind, "version": current_version(database, name)}


def _manifest(house: House, folder: Path, stores: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    with house.work.reading() as connection:
        note = checkpoint.latest(connection)
    assert note is not None  # signed a moment ago
    claim = checkpoint.note_claim(note)
    keys = {file_name(key.role, key.epoch): check_value(key).hex() for key in house.keys.keys}
    return {
        "format": FORMAT,
        "lauter": VERSION,
        "made_at": now.isoformat(),
        "stores": dict(stores),
        "keys": keys,
        "log": {"size": claim.size, "root": claim.root.hex(), "checkpoint": note},
        "files": {
            str(path.relative_to(folder)): {"sha256": digest_of(path), "bytes": path.stat().st_size}
            for path in _files(folder)
        },
    }


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Last: a folder without a manifest is no backup, whatever else lies in it."""
    unfinished = folder / f".{MANIFEST}.part"
    with unfinished.open("w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=2, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(folder / MANIFEST)


def _copy_keys(house: House, target: Path) -> None:
    _empty_folder(target)
    for key in house.keys.keys:
        name = file_name(key.role, key.epoch)
        descriptor = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key.secret)


def _empty_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        folder.chmod(PRIVATE)
        filled = any(folder.iterdir())
    except OSError:
        raise BadInput(f"{folder.name}: the folder cannot be made; choose another") from None
    if filled:
        raise BadInput(f"{folder.name}: the folder is not empty; a backup overwrites nothing")


def _inside(inner: Path, outer: Path) -> bool:
    return inner.resolve().is_relative_to(outer.resolve())
