"""AES-256-GCM with a random 96-bit nonce in front (NIST SP 800-38D); pure but for the randomness.

One key seals at most 2³² values, the bound for random nonces: ten million people, each wrapped anew every month, reach
it after three years, and the wrap key changes every 30 days.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.errors import SealBroken

NONCE_BYTES = 12
TAG_BYTES = 16


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Nonce, ciphertext and tag; opens only with the same key and the same associated data."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The plaintext.

    Raises:
        SealBroken: altered, moved to another row, or sealed under another key.
    """
    return unseal_with(AESGCM(key), sealed, associated)


def unseal_with(cipher: AESGCM, sealed: bytes, associated: bytes) -> bytes:
    """The same with a cipher made before, for many values under one key."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealBroken("a sealed value is shorter than its nonce and tag")
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except InvalidTag:
        raise SealBroken("a sealed value does not open: altered, moved, or sealed under another key") from None
