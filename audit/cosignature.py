"""Cosignatures, version 1 of C2SP tlog-cosignature v1.0.1: a witness says when it saw a checkpoint; pure.

A witness that cosigns a checkpoint states that it is the largest of this log that it has seen by then, and that it
begins with every other one it cosigned. The time is the witness's own: an entry cannot have been added later than the
first cosigned checkpoint that holds it (LOG-9).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audit.errors import BadInput, ProofRefused
from audit.merkle import HASH_BYTES
from audit.note import (
    COSIGNATURE,
    LogVerifier,
    Signature,
    decode_base64,
    encode_base64,
    key_id,
    open_note,
    private_key,
    signature_line,
)

MOST_PROOF_LINES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Cosigner:
    """A witness's name and the 32-byte seed of its Ed25519 key.

    Raises:
        BadInput: the name is no key name, or the seed has another length.
    """

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        private_key(self.name, self.seed)

    @property
    def key(self) -> bytes:
        """Algorithm byte and public key."""
        return bytes([COSIGNATURE]) + private_key(self.name, self.seed).public_key().public_bytes_raw()

    @property
    def vkey(self) -> str:
        """The public key to hand out: `name+id+base64`."""
        return f"{self.name}+{key_id(self.name, self.key).hex()}+{encode_base64(self.key)}"

    def cosign(self, text: str, *, now: datetime) -> str:
        """The signature line over the text of a checkpoint."""
        seconds = int(now.timestamp())
        signature = private_key(self.name, self.seed).sign(signed_bytes(text, seconds))
        return signature_line(self.name, key_id(self.name, self.key) + seconds.to_bytes(8, "big") + signature)


@dataclass(frozen=True)
class Submission:
    """What a log asks a witness: the size it last cosigned, the proof from there, and the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str


def signed_bytes(text: str, seconds: int) -> bytes:
    """What a cosignature of that time signs."""
    return b"cosignature/v1\ntime %d\n" % seconds + text.encode()


def write_submission(submission: Submission) -> bytes:
    """The body of an add-checkpoint request."""
    lines = [f"old {submission.old}", *map(encode_base64, submission.proof), ""]
    return ("\n".join(lines) + "\n" + submission.note).encode()


def parse_submission(body: bytes) -> Submission:
    """Read the body of an add-checkpoint request; nothing of it is verified yet.

    Raises:
        BadInput: it has another form.
    """
    try:
        head, blank, note = body.decode("utf-8").partition("\n\n")
        lines = head.split("\n")
        proof = tuple(map(decode_base64, lines[1:]))
    except (UnicodeDecodeError, ProofRefused) as problem:
        raise BadInput("the body is not old size, base64 hashes, a blank line and a checkpoint") from problem
    match = _OLD.fullmatch(lines[0])
    if match is None or not blank or not note:
        raise BadInput("the body must begin with the line 'old SIZE', and a blank line goes before the checkpoint")
    if len(proof) > MOST_PROOF_LINES or any(len(digest) != HASH_BYTES for digest in proof):
        raise BadInput(f"a consistency proof has at most {MOST_PROOF_LINES} hashes of {HASH_BYTES} bytes")
    return Submission(int(match[1]), proof, note)


def accepted_lines(note: str, answer: str, witnesses: Sequence[LogVerifier]) -> tuple[tuple[Signature, str], ...]:
    """The lines of a witness's answer that known witnesses signed over this very checkpoint; others are ignored.

    Raises:
        ProofRefused: the answer is no signature lines, a known key's signature fails, or no known key signed.
    """
    text = note[: note.rindex("\n\n") + 1]
    opened = open_note(f"{text}\n{answer}", witnesses)
    found = [signature for signature in opened.verified if signature.witnessed_at is not None]
    return tuple((signature, signature_line(signature.name, signature.key_id + signature.blob)) for signature in found)


def add_lines(note: str, lines: Sequence[str]) -> str:
    """The note with more signature lines below it; one that stands there already is not repeated."""
    return note + "".join(line for line in lines if line not in note)
