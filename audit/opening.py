"""One opened row of a bulk act; pure.

The leaf of a row is SHA-256(0x00 || header || 16 random bytes || record). The header stands in the signed fact and the
random part has a fixed length, so that the bytes can be read in one way only. Whoever sees the hash learns nothing, and
opening one row opens no other.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

RANDOM_BYTES = 16
LOCATOR_BYTES = 4


class Opening(NamedTuple):
    """What is stored with a row, and all that its leaf covers besides the header."""

    position: int
    random: bytes
    record: bytes
    locator: int
    """First four bytes of the leaf hash as a big-endian number: names the row that was altered."""


def batch_leaf(header: bytes, random: bytes, record: bytes) -> bytes:
    """The leaf hash of a row."""
    return sha256(b"\x00" + header + random + record).digest()


def locator_of(leaf: bytes) -> int:
    """The number that is stored with the row."""
    return int.from_bytes(leaf[:LOCATOR_BYTES], "big")
