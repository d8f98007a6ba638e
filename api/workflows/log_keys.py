"""Changing the key that signs the log: a new one signs beside the old, then the old one is retired (LOG-10).

Both acts are entries of the log, with the public key's ID. What an older key signed stays verifiable for ever: its
public key is kept and published when its secret is destroyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit import log, log_keys
from audit.errors import BadInput, NotFound
from audit.fact import Fact, FactValue
from audit.note import LogVerifier, verifier_key
from governance import key_checks, store_keys
from governance.keys import Key, KeyRole, file_name

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.vocabulary import Actor


@dataclass(frozen=True)
class LogKeys:
    """The log's public keys, as whoever verifies needs them: newest first."""

    signing: tuple[str, ...]
    retired: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"signing": list(self.signing), "retired": list(self.retired)}


def list_keys(house: House) -> LogKeys:
    """Every public key whose signatures stand in this log."""
    with house.work.reading() as connection:
        noted = log_keys.known(connection)
    retired = tuple(row.vkey for row in reversed(noted) if row.retired_at is not None)
    return LogKeys(house.signer.vkeys, retired)


def rotate(house: House, *, actor: Actor, now: datetime) -> LogKeys:
    """Make the next key. From now on every checkpoint is signed by both, also by services that run already."""
    with house.work.writing() as connection:
        key = key_checks.add_epoch(connection, house.settings.keys_folder, KeyRole.LOG, now=now)
        vkey = verifier_key(house.signer.origin, key.secret)
        log_keys.note(connection, (*reversed(house.signer.vkeys), vkey), now=now)
        log.append(connection, [_fact("log:key_added", vkey, key.epoch, actor, now)])
    return list_keys(house)


def retire(house: House, epoch: int, *, actor: Actor, now: datetime) -> LogKeys:
    """End a key: nothing is signed with it any more, and its file is destroyed.

    A second call after a kill destroys what the first one left.

    Raises:
        NotFound: there is no log key of that epoch.
        BadInput: it is the newest one; rotate first.
    """
    keys: tuple[Key, ...] = house.keys.all(KeyRole.LOG)
    ended = next((key for key in keys if key.epoch == epoch), None)
    if ended is None:
        raise NotFound(f"there is no {file_name(KeyRole.LOG, epoch)}; `lauter keys list` shows the log's keys")
    if ended == keys[0]:
        raise BadInput("this is the newest key of the log; run `lauter keys rotate log` first")
    vkey = verifier_key(house.signer.origin, ended.secret)
    with house.work.writing() as connection:
        log_keys.retire(connection, vkey, now=now)
        store_keys.set_destroyed(connection, KeyRole.LOG.value, epoch, now=now)
        log.append(connection, [_fact("log:key_retired", vkey, epoch, actor, now)])
    (house.settings.keys_folder / file_name(KeyRole.LOG, epoch)).unlink()
    found = list_keys(house)
    return LogKeys(tuple(other for other in found.signing if other != vkey), found.retired)


def _fact(kind: str, vkey: str, epoch: int, actor: Actor, now: datetime) -> Fact:
    verifier = LogVerifier(vkey)
    body: dict[str, FactValue] = {"epoch": epoch, "id": verifier.key_id.hex(), "key": verifier.public_key}
    return Fact(kind, str(actor), now, body)
