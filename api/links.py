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
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.errors import SealBroken
from governance.keys import KeyRing, KeyRole, derive, keyed_hash, length_prefixed
from governance.sealing import NONCE_BYTES, seal, unseal

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
        return _written(bytes([key.epoch & 0xFF]) + sealed)

    def sealer(self, use: str) -> Callable[[bytes, bytes], str]:
        """A function of content and context that gives the same token for the same two each time; `open` reads it.

        For files that are rendered twice and compared. The nonce is 96 bits of HMAC-SHA-256, under a key of its own,
        over both: as good as random for every other content or context, so the bound of `governance.sealing` holds for
        both kinds of tokens together, and a repeated nonce comes with the very same message, which tells nothing new.
        What it does tell, that two tokens are equal, is kept within a context: give 16 random bytes that stand for one
        row of one file.
        """
        key = self._keys[0]
        cipher = AESGCM(derive(key, use.encode()))
        nonce_of = keyed_hash(derive(key, length_prefixed(b"synthetic nonce", use.encode())))
        epoch, associated = bytes([key.epoch & 0xFF]), use.encode()

        def seal_same(content: bytes, context: bytes) -> str:
            nonce = nonce_of(length_prefixed(context, content))[:NONCE_BYTES]
            return _written(epoch + nonce + cipher.encrypt(nonce, content, associated))

        return seal_same

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


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
