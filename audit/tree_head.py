"""The text of a checkpoint (C2SP tlog-checkpoint v1.0.0) and the reading of a signed one; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import ProofRefused
from audit.merkle import HASH_BYTES
from audit.note import LogVerifier, OpenedNote, decode_base64, encode_base64, open_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """What a signed checkpoint claims: this log had that many entries under that root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The bytes that are signed, as text."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint that the log itself signed, and who else did."""

    checkpoint: Checkpoint
    note: OpenedNote


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint.

    Raises:
        ProofRefused: a line is missing or empty, the size has another form, or the root has not 32 bytes.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ProofRefused("checkpoint: must have the lines origin, size and root, none of them empty")
    origin, size, root = lines[0], lines[1], decode_base64(lines[2])
    if not _SIZE.fullmatch(size) or int(size) >= 2**63:
        raise ProofRefused("checkpoint: the size must be a decimal number without leading zeros")
    if len(root) != HASH_BYTES:
        raise ProofRefused(f"checkpoint: the root has {len(root)} bytes instead of {HASH_BYTES}")
    return Checkpoint(origin, int(size), root, tuple(lines[3:-1]))


def open_checkpoint(data: bytes | str, verifiers: Sequence[LogVerifier]) -> SignedCheckpoint:
    """A checkpoint with a verified signature of the log that it names.

    Raises:
        ProofRefused: the note does not open, or no verified key is the log's own: a witness alone is not enough.
        BadInput: two verifiers have the same name and ID.
    """
    opened = open_note(data, verifiers)
    checkpoint = parse_checkpoint(opened.text)
    logs = {(verifier.name, verifier.key_id) for verifier in verifiers if not verifier.is_witness}
    if not any((s.name, s.key_id) in logs and s.name == checkpoint.origin for s in opened.verified):
        raise ProofRefused("checkpoint: not signed by a known key of the log that it names")
    return SignedCheckpoint(checkpoint, opened)
