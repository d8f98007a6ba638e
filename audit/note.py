"""Signed notes, version 1.0.0 of C2SP signed-note, with Ed25519 keys and timestamped witness cosignatures; pure.

A signature by a known key that fails refuses the whole note; one by an unknown key is skipped and named. Every base64
string is read canonically, so that no bit of an accepted note is without meaning but for unknown signature lines.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import BadInput, ProofRefused

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_SIGNATURES = 100
_LINE_START = "\u2014 "
_HEX_ID = re.compile(r"[0-9a-f]{8}")
_SIGNATURE_BYTES = 64
_SEED_BYTES = 32
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True)
class Signature:
    """One signature line; `blob` is what follows the key ID."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def witnessed_at(self) -> datetime | None:
        """When a witness says it saw the note; none for a plain signature."""
        seconds = int.from_bytes(self.blob[:8], "big")
        if len(self.blob) != 8 + _SIGNATURE_BYTES or seconds > _LAST_SECOND:
            return None
        return datetime.fromtimestamp(seconds, tz=UTC)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}"


@dataclass(frozen=True)
class OpenedNote:
    """A note that at least one known key signed."""

    text: str
    verified: tuple[Signature, ...]
    unknown: tuple[Signature, ...]


class LogVerifier:
    """A public key in the form `name+id+base64`, of a log (Ed25519) or of a witness (cosignature/v1).

    Raises:
        BadInput: the text is not such a key, its ID does not fit, or its algorithm is unknown.
    """

    def __init__(self, vkey: str) -> None:
        name, _, rest = vkey.partition("+")
        hex_id, _, encoded = rest.partition("+")
        try:
            key = decode_base64(encoded)
        except ProofRefused as problem:
            raise BadInput(
                "verifier key: must read name+id+base64, as `lauter audit checkpoint` prints it"
            ) from problem
        if not is_key_name(name) or not _HEX_ID.fullmatch(hex_id) or len(key) != 33:
            raise BadInput("verifier key: must read name+id+base64, as `lauter audit checkpoint` prints it")
        self.name, self.algorithm, self.key_id = name, key[0], bytes.fromhex(hex_id)
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise BadInput(f"verifier key {name}: algorithm {self.algorithm:#04x} is unknown")
        if key_id(name, key) != self.key_id:
            raise BadInput(f"verifier key {name}: the ID does not belong to the key; copy the whole line again")
        self.public_key = key[1:]
        self._key = Ed25519PublicKey.from_public_bytes(self.public_key)

    @property
    def is_witness(self) -> bool:
        """True for a key that cosigns what others publish."""
        return self.algorithm == COSIGNATURE

    def verify(self, text: str, blob: bytes) -> bool:
        """True when the signature fits the text."""
        signed = text.encode()
        if self.is_witness:
            if len(blob) != 8 + _SIGNATURE_BYTES:
                return False
            seconds, blob = int.from_bytes(blob[:8], "big"), blob[8:]
            signed = b"cosignature/v1\ntime %d\n" % seconds + signed
        try:
            self._key.verify(blob, signed)
        except InvalidSignature:
            return False
        return True


def key_id(name: str, key: bytes) -> bytes:
    """First four bytes of SHA-256(name || newline || algorithm || public key)."""
    return sha256(name.encode() + b"\n" + key).digest()[:4]


def verifier_key(name: str, seed: bytes) -> str:
    """The public text form of the Ed25519 key with that 32-byte seed.

    Raises:
        BadInput: the name is no key name, or the seed has another length.
    """
    key = bytes([ED25519]) + private_key(name, seed).public_key().public_bytes_raw()
    return f"{name}+{key_id(name, key).hex()}+{encode_base64(key)}"


def sign_note(text: str, name: str, seed: bytes) -> str:
    """The text with one signature line below it.

    Raises:
        BadInput: the text does not end with a newline or has control characters, or name or seed are unfit.
    """
    if not text.endswith("\n") or _has_control(text):
        raise BadInput("a note's text ends with a newline and has no other control characters")
    private = private_key(name, seed)
    identifier = key_id(name, bytes([ED25519]) + private.public_key().public_bytes_raw())
    return f"{text}\n{signature_line(name, identifier + private.sign(text.encode()))}"


def signature_line(name: str, blob: bytes) -> str:
    """One signature line; *blob* is key ID and signature."""
    return f"{_LINE_START}{name} {encode_base64(blob)}\n"


def open_note(data: bytes | str, verifiers: Sequence[LogVerifier]) -> OpenedNote:
    """The text of a note that at least one of the verifiers' keys signed.

    Raises:
        ProofRefused: the note is malformed, a known key's signature fails, or no known key signed it.
        BadInput: two verifiers have the same name and ID.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise BadInput("verifier keys: the same name and ID is given twice")
    text, signatures = _split(data)
    verified: list[Signature] = []
    unknown: list[Signature] = []
    for signature in signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            unknown.append(signature)
        elif not verifier.verify(text, signature.blob):
            raise ProofRefused(
                f"note: the signature of {signature} does not fit the text: it was altered after signing, or forged"
            )
        else:
            verified.append(signature)
    if not verified:
        ids = ", ".join(str(signature) for signature in unknown[:5])
        raise ProofRefused(
            f"note: no signature by a known key; it bears lines of {ids}. Nothing shows tampering: ask the log's "
            "operator for the public key of that ID, for keys are rotated"
        )
    return OpenedNote(text, tuple(verified), tuple(unknown))


def _split(data: bytes | str) -> tuple[str, list[Signature]]:
    """Text and signatures, parted at the last blank line."""
    try:
        whole = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as problem:
        raise ProofRefused("note: not UTF-8") from problem
    middle = whole.rfind("\n\n")
    if middle < 0 or _has_control(whole) or not whole.endswith("\n") or middle + 2 == len(whole):
        raise ProofRefused("note: must be text, a blank line and signature lines, each ended by a newline")
    lines = whole[middle + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ProofRefused(f"note: more than {MAX_SIGNATURES} signatures")
    return whole[: middle + 1], [_signature(line) for line in lines]


def _signature(line: str) -> Signature:
    if not line.startswith(_LINE_START):
        raise ProofRefused("note: a signature line must begin with an em dash and a space")
    name, _, encoded = line[len(_LINE_START) :].partition(" ")
    blob = decode_base64(encoded)
    if not is_key_name(name) or len(blob) < 5:
        raise ProofRefused("note: a signature line must read: em dash, key name, base64 of ID and signature")
    return Signature(name, blob[:4], blob[4:])


def is_key_name(name: str) -> bool:
    """True for a text that can name a key: not empty, without a space of any kind or a plus sign."""
    return bool(name) and "+" not in name and not any(mark.isspace() for mark in name) and not _has_control(name)


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of canonical standard base64: padded, without slack bits.

    Raises:
        ProofRefused: any other text.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as problem:
        raise ProofRefused("a field is not base64") from problem
    if encode_base64(data) != text:
        raise ProofRefused("a field is not canonical base64")
    return data


def private_key(name: str, seed: bytes) -> Ed25519PrivateKey:
    """The Ed25519 key with that 32-byte seed.

    Raises:
        BadInput: the name is no key name, or the seed has another length.
    """
    if not is_key_name(name):
        raise BadInput("the name of a key must be a schema-less URL without spaces or a plus sign")
    if len(seed) != _SEED_BYTES:
        raise BadInput(f"the key has {len(seed)} bytes instead of {_SEED_BYTES}")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _has_control(text: str) -> bool:
    return any(mark < " " and mark != "\n" for mark in text)
