"""Keys are files: one secret of exactly 32 bytes per role and epoch, readable by their owner alone.

A key file is named `ROLE-EPOCH.key`, such as `lookup-1.key`; the highest epoch is the current one, older ones stay to
read what was written under them. No key is ever printed, derived from a password, given a default or overwritten.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from governance.errors import KeysExist, KeysInvalid

KEY_BYTES = 32
CHECK_BYTES = 16
_FILE_NAME = re.compile(r"([a-z]+)-([1-9][0-9]{0,8})\.key")
_FOREIGN_READ = stat.S_IRWXG | stat.S_IRWXO
_BLOCK_BYTES = 64  # of SHA-256, for RFC 2104
_INNER_PAD, _OUTER_PAD = 0x36, 0x5C


class KeyRole(StrEnum):
    """What a key is for; no key serves two ends (NIST SP 800-57, section 5.2)."""

    LOOKUP = "lookup"
    WRAP = "wrap"
    BLOCK = "block"
    PROTECTED = "protected"
    LOG = "log"
    SESSION = "session"
    EXPORT = "export"
    LINK = "link"


@dataclass(frozen=True)
class Key:
    """One secret with its role and epoch; `repr` never shows the secret."""

    role: KeyRole
    epoch: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyRing:
    """All keys of a house; every role has at least one."""

    keys: tuple[Key, ...]

    def current(self, role: KeyRole) -> Key:
        """The newest key of the role: what is written now is written under it."""
        return self.all(role)[0]

    def all(self, role: KeyRole) -> tuple[Key, ...]:
        """Every key of the role, newest first: what is read may have been written under any of them.

        Raises:
            KeysInvalid: there is none.
        """
        found = sorted((key for key in self.keys if key.role is role), key=lambda key: key.epoch, reverse=True)
        if not found:
            raise KeysInvalid(f"no key for {role.value}: expected {role.value}-1.key in the key folder")
        return tuple(found)

    def of_epoch(self, role: KeyRole, epoch: int) -> Key | None:
        """The key of that epoch, or None when it was destroyed."""
        return next((key for key in self.keys if key.role is role and key.epoch == epoch), None)


def create_keys(folder: Path) -> KeyRing:
    """Make a first key for every role, all of them or none (folder 0700, files 0600).

    Raises:
        KeysExist: the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise KeysExist(f"{folder} is not empty; keys are never overwritten, choose another home or keep these")
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    ring = KeyRing(tuple(_write_key(making, role, 1) for role in KeyRole))
    making.rename(folder)  # atomic: a killed init leaves no half of a key ring
    _sync_folder(folder.parent)
    return ring


def has_role(folder: Path, role: KeyRole) -> bool:
    """Whether the folder holds any key of the role."""
    return any(folder.glob(f"{role.value}-*.key"))


def add_first(folder: Path, roles: Iterable[KeyRole]) -> None:
    """Make a first key for roles that a newer version brought; the others are not touched."""
    for role in roles:
        _write_key(folder, role, 1)
    _sync_folder(folder)


def add_epoch(folder: Path, role: KeyRole) -> Key:
    """Make the next key of a role; the older ones stay until what they protect has moved."""
    newest = load_keys(folder).current(role)
    key = _write_key(folder, role, newest.epoch + 1)
    _sync_folder(folder)
    return key


def destroy(folder: Path, role: KeyRole, epoch: int) -> None:
    """Overwrite and remove the file of a key; one that is gone already changes nothing.

    On a disk that writes elsewhere than it was told (SSD, snapshots) only the disk's own encryption makes this final.
    """
    path = folder / file_name(role, epoch)
    if path.exists():
        with path.open("r+b", buffering=0) as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
            os.fsync(stream.fileno())
        path.unlink()
        _sync_folder(folder)


def load_keys(folder: Path) -> KeyRing:
    """Read every key of the folder.

    Raises:
        KeysInvalid: the folder or a role is missing, a file has another name or length, or others may read one;
            names the file and how to mend it, never its content.
    """
    if not folder.is_dir():
        raise KeysInvalid(f"no key folder at {folder}; run `lauter init` or set the home")
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeysInvalid(f"others may write to {folder}: chmod 700 {folder}")
    ring = KeyRing(tuple(_read_key(path) for path in sorted(folder.glob("*.key"))))
    for role in KeyRole:
        ring.all(role)
    return ring


def file_name(role: KeyRole, epoch: int) -> str:
    """How the file of a key is called."""
    return f"{role.value}-{epoch}.key"


def _write_key(folder: Path, role: KeyRole, epoch: int) -> Key:
    secret = secrets.token_bytes(KEY_BYTES)
    path = folder / file_name(role, epoch)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secret)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Key(role, epoch, secret)


def _read_key(path: Path) -> Key:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None or match[1] not in {role.value for role in KeyRole}:
        raise KeysInvalid(f"{path.name} is no key of ours: expected ROLE-EPOCH.key, such as lookup-1.key")
    if path.stat().st_mode & _FOREIGN_READ:
        raise KeysInvalid(f"others may use {path.name}: chmod 600 {path}")
    secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise KeysInvalid(f"{path.name} has {len(secret)} bytes instead of {KEY_BYTES}; restore it from the backup")
    return Key(KeyRole(match[1]), int(match[2]), secret)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def length_prefixed(*parts: bytes) -> bytes:
    """The parts, each behind its length in 4 bytes: no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def hkdf(secret: bytes, info: bytes, *, salt: bytes = b"", length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA-256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def derive(key: Key, info: bytes) -> bytes:
    """A key of 32 bytes for one use of *key*; different *info*, unrelated key."""
    return hkdf(key.secret, length_prefixed(b"lauter", key.role.value.encode(), info))


def check_value(key: Key) -> bytes:
    """16 bytes that tell this key from any other and nothing about it."""
    return derive(key, length_prefixed(b"key check", str(key.epoch).encode()))[:CHECK_BYTES]


def keyed_hash(secret: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under *secret* (RFC 2104) as a function for many short messages.

    Both padded key blocks are hashed once, which makes a million look-ups four times faster than `hmac.digest`.
    """
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK_BYTES else secret).ljust(_BLOCK_BYTES, b"\0")
    inner_start = hashlib.sha256(bytes(byte ^ _INNER_PAD for byte in block))
    outer_start = hashlib.sha256(bytes(byte ^ _OUTER_PAD for byte in block))

    copy_inner, copy_outer = inner_start.copy, outer_start.copy

    def authenticate(message: bytes) -> bytes:
        inner, outer = copy_inner(), copy_outer()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    return authenticate
