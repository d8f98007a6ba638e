"""Changing the key-encryption key: older backups become unreadable, whoever was erased for good (ERA-3, P30D).

Every wrapped key is wrapped anew under the next key, then the older one is noted as destroyed and its file overwritten.
Nobody may run beside it: a process that knows the old key alone would read everybody as erased. Killed at any point,
the next call goes on. Copies of the older key outside the home are the operator's to destroy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.running import alone
from api.wiring import open_house
from audit import log
from audit.database import STAGING_ROWS
from audit.fact import Fact
from governance import key_checks, store_keys
from governance.keys import KeyRole, destroy
from governance.rewrapping import rewrap
from governance.vault_cipher import VaultCipher

if TYPE_CHECKING:
    from datetime import datetime

    from api.settings import Settings
    from api.wiring import House
    from governance.vocabulary import Actor


@dataclass(frozen=True)
class Rewrapped:
    """The key that wraps now."""

    epoch: int
    moved: int
    destroyed: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"epoch": self.epoch, "moved": self.moved, "destroyed": list(self.destroyed)}


def rotate_kek(settings: Settings, *, actor: Actor, now: datetime) -> Rewrapped:
    """Make the next wrap key, move everything under it, destroy the older ones.

    Raises:
        HomeInUse: a service or worker runs in this home.
    """
    with alone(settings):
        _add(settings, actor=actor, now=now)
        house = open_house(settings)
        try:
            return _move(house, actor=actor, now=now)
        finally:
            house.close()


def _add(settings: Settings, *, actor: Actor, now: datetime) -> None:
    house = open_house(settings)
    try:
        if len(house.keys.all(KeyRole.WRAP)) == 1:  # else a rotation was interrupted: go on with it
            with house.work.writing() as connection:
                key = key_checks.add_epoch(connection, settings.keys_folder, KeyRole.WRAP, now=now)
                log.append(connection, [Fact("key:added", str(actor), now, {"role": "wrap", "epoch": key.epoch})])
    finally:
        house.close()


def _move(house: House, *, actor: Actor, now: datetime) -> Rewrapped:
    moved = house.addresses.reseal()
    cipher = VaultCipher(house.keys)
    while piece := rewrap(house.vault.database, cipher, limit=STAGING_ROWS):
        moved += piece
    current, *older = house.keys.all(KeyRole.WRAP)
    for key in older:
        with house.work.writing() as connection:
            store_keys.set_destroyed(connection, key.role.value, key.epoch, now=now)
            log.append(connection, [Fact("key:destroyed", str(actor), now, {"role": "wrap", "epoch": key.epoch})])
        destroy(house.settings.keys_folder, key.role, key.epoch)
    house.vault.flush()
    return Rewrapped(current.epoch, moved, tuple(key.epoch for key in older))
