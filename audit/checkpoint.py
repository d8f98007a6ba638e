"""Signing the log: a checkpoint is a C2SP signed note of origin, size and root, under the log's Ed25519 key.

Nothing is signed twice for one size, and nothing is signed that does not begin with what was signed last: a log whose
past was altered gets no new checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from audit import log, note, store, store_witnessing
from audit.cosignature import add_lines
from audit.errors import Broken, ProofRefused
from audit.note import LogVerifier, OpenedNote, Signature, open_note
from audit.tree_head import Checkpoint, SignedCheckpoint, open_checkpoint, parse_checkpoint

__all__ = [
    "Checkpoint",
    "LogSigner",
    "LogVerifier",
    "OpenedNote",
    "Signature",
    "SignedCheckpoint",
    "covering",
    "latest",
    "open_checkpoint",
    "open_note",
    "parse_checkpoint",
    "sign",
    "witnessed",
]


@dataclass(frozen=True)
class LogSigner:
    """The log's name and the 32-byte seed of its Ed25519 key.

    Raises:
        BadInput: the name is no schema-less URL, or the seed has another length.
    """

    origin: str
    seed: bytes = field(repr=False)
    former: tuple[bytes, ...] = field(default=(), repr=False)
    """Seeds of older keys that still sign beside the current one, newest first, until they are retired (LOG-10)."""

    def __post_init__(self) -> None:
        for seed in (self.seed, *self.former):
            note.verifier_key(self.origin, seed)

    @property
    def vkey(self) -> str:
        """The public key to hand out: `name+id+base64`."""
        return note.verifier_key(self.origin, self.seed)

    @property
    def verifier(self) -> LogVerifier:
        """Checks what this key signed."""
        return LogVerifier(self.vkey)

    @property
    def vkeys(self) -> tuple[str, ...]:
        """Every public key that signs now, the current one first."""
        return tuple(note.verifier_key(self.origin, seed) for seed in (self.seed, *self.former))

    def sign_text(self, text: str) -> str:
        """The text as a signed note, with a line for every key that signs."""
        signed = note.sign_note(text, self.origin, self.seed)
        lines = [note.sign_note(text, self.origin, seed)[len(text) + 1 :] for seed in self.former]
        return signed + "".join(lines)


def sign(connection: Connection, signer: LogSigner, *, now: datetime) -> str:
    """Sign the log as it stands and store the note; the note of an earlier call for the same size is returned as it is.

    Takes the head's lock, so call it as the last step before commit.

    Raises:
        Broken: the log does not begin with what was signed before.
    """
    size = log.lock(connection)
    last = store.newest_checkpoint(connection)
    if last is not None:
        signed = _continues(connection, last, size)
        if signed == size:
            return last
    text = Checkpoint(signer.origin, size, log.root(connection, size)).text
    signed_note = signer.sign_text(text)
    store.add_checkpoint(connection, size, signed_note, now)
    return signed_note


def latest(connection: Connection) -> str | None:
    """The newest signed note, byte for byte; none before the first one."""
    return store.newest_checkpoint(connection)


def witnessed(connection: Connection, signed: str) -> str:
    """A signed note with what witnesses said about it below."""
    rows = store_witnessing.cosignatures(connection, note_claim(signed).size)
    return add_lines(signed, [row.line for row in rows])


def last_signed(connection: Connection) -> tuple[int, datetime] | None:
    """Size and instant of the newest signature; None before the first."""
    return store.newest_signature(connection)


def covering(connection: Connection, index: int) -> str | None:
    """The newest signed note whose tree holds entry *index*, if possible a witnessed one; none for a younger entry."""
    last = store.newest_checkpoint(connection)
    if last is None or note_claim(last).size <= index:
        return None
    seen = store_witnessing.newest_size(connection)
    if seen is None:
        return last
    if seen > index:  # a witnessed checkpoint shows more than a newer one without a witness
        older = store.checkpoint_at(connection, seen)
        last = older if older is not None else last
    return witnessed(connection, last)


def note_claim(text: str) -> Checkpoint:
    """What a stored note claims, its signatures unchecked.

    Raises:
        Broken: the note is malformed.
    """
    try:
        return parse_checkpoint(text[: text.rindex("\n\n") + 1])
    except (ValueError, ProofRefused) as problem:
        raise Broken("log_checkpoint: the newest note is malformed; run `lauter audit verify --deep`") from problem


def _continues(connection: Connection, last: str, size: int) -> int:
    """The size last signed, after the log was found to begin with it."""
    claim = note_claim(last)
    if claim.size > size or log.root(connection, claim.size) != claim.root:
        raise Broken(
            f"log_checkpoint size {claim.size}: the log no longer begins with what was signed; "
            "nothing is signed before `lauter audit verify --deep` is clean"
        )
    return claim.size
