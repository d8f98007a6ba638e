"""Opaque tokens: what a link in a mail or in an export carries, sealed, and read back by whoever holds the key.

A token is AES-256-GCM under a key derived from the link key for one use; it tells nothing to who has it, a changed bit
voids it, and a token of one use is worthless for another. Older epochs of the key keep opening old links (PSE-4): an
unsubscribe link in a mail of last year still works. Single-use links are another thing: they are random, and only
their hash is kept (`new_secret`, `secret_hash`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

from governance.errors import SealBroken
from governance.keys import KeyRing, KeyRole, derive
from governance.sealing import seal, unseal

SECRET_BYTES = 20
"""160 random bits; 128 are asked for (SEC-11)."""


def new_secret() -> str:
    """A random single-use token for an address bar."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """What is kept of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Links:
    """Seals and opens tokens."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys.all(KeyRole.LINK)

    def seal(self, use: str, content: bytes) -> str:
        """A token for one use, such as `unsubscribe`; another one each time."""
        key = self._keys[0]
        sealed = seal(derive(key, use.encode()), content, use.encode())
        return base64.urlsafe_b64encode(bytes([key.epoch & 0xFF]) + sealed).decode().rstrip("=")

    def open(self, use: str, token: str) -> bytes | None:
        """What it carries, or None when it was not made here for this use."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        for key in self._keys:
            if raw and key.epoch & 0xFF == raw[0]:
                try:
                    return unseal(derive(key, use.encode()), raw[1:], use.encode())
                except SealBroken:
                    continue
        return None
