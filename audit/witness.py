"""A witness: it cosigns a checkpoint only if it begins with the last one it saw of that log (C2SP tlog-witness).

Whoever shall not have to trust the log's operator runs it elsewhere. It knows public keys, sizes and roots, no entry.
Check and persistence are one transaction, on disk before the answer leaves: two requests at once, or a machine that
dies in between, cannot make it cosign two histories. What shows two of them is kept as evidence, never cosigned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from audit import merkle, witness_state
from audit.cosignature import Cosigner, Submission, parse_submission
from audit.database import Database, open_database
from audit.errors import BadInput, ProofRefused
from audit.note import LogVerifier, signature_line
from audit.tree_head import SignedCheckpoint, open_checkpoint, parse_checkpoint
from audit.witness_state import Seen

KEY_FILE = "witness.key"
STATE_FILE = "witness.db"
KEY_BYTES = 32
LARGEST_REQUEST = 65_536
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What the witness answers."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


@dataclass(frozen=True)
class Witness:
    """A witness with its key, its state and the public keys of the logs that it knows.

    Raises:
        BadInput: a key is that of a witness, or the same key is given twice.
    """

    cosigner: Cosigner
    state: Database
    logs: tuple[LogVerifier, ...]
    known: dict[str, tuple[LogVerifier, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len({(log.name, log.key_id) for log in self.logs}) != len(self.logs):
            raise BadInput("verifier keys: the same log key is given twice")
        if any(log.is_witness for log in self.logs):
            raise BadInput("verifier keys: a log's key is wanted, and this one is a witness's")
        names = {log.name for log in self.logs}
        known = {name: tuple(log for log in self.logs if log.name == name) for name in names}
        object.__setattr__(self, "known", known)

    def add_checkpoint(self, body: bytes, *, now: datetime) -> Answer:
        """Answer one request of the protocol; what is cosigned is on disk when this returns."""
        try:
            submission = parse_submission(body)
            claim = parse_checkpoint(submission.note[: submission.note.rindex("\n\n") + 1])
        except (BadInput, ProofRefused, ValueError):
            return Answer(400, "the body is not old size, consistency proof, blank line, checkpoint\n")
        verifiers = self.known.get(claim.origin)
        if verifiers is None:
            return Answer(404, "this witness does not know the log\n")
        try:
            opened = open_checkpoint(submission.note, verifiers)
        except ProofRefused:
            return Answer(403, "no signature by a key of this log that the witness trusts\n")
        if submission.old > opened.checkpoint.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        with self.state.writing() as connection:
            return self._decide(connection, submission, opened, now)

    def _decide(
        self, connection: Connection, submission: Submission, opened: SignedCheckpoint, now: datetime
    ) -> Answer:
        """Compare with the last one and remember this one, in one transaction."""
        head, note = opened.checkpoint, _trusted(opened)
        last = witness_state.last_seen(connection, head.origin)
        size, root = (last.size, last.root) if last else (0, merkle.EMPTY_ROOT)
        if submission.old != size:
            return _conflict(size)
        if head.size == size and head.root != root:
            witness_state.keep_evidence(connection, head, note, certain=True, now=now)
            return _conflict(size)
        try:
            if size == 0 and submission.proof:
                raise ProofRefused("nothing is proven from an empty tree")
            merkle.verify_consistency(size, head.size, submission.proof, root, head.root)
        except ProofRefused:
            witness_state.keep_evidence(connection, head, note, certain=False, now=now)
            return Answer(422, "the consistency proof does not verify\n")
        witness_state.remember(connection, Seen(head.origin, head.size, head.root, note, now))
        return Answer(200, self.cosigner.cosign(head.text, now=now))


def open_witness(folder: Path, name: str, logs: Sequence[str]) -> Witness:
    """The witness whose key and memory lie in a folder; both are made when there are none (0700, 0600).

    Raises:
        BadInput: a key cannot be read, a name is none, or the memory of a witness whose key is there is missing: a
            witness that forgot what it cosigned must not cosign again under the same key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, memory = folder / KEY_FILE, folder / STATE_FILE
    verifiers = tuple(map(LogVerifier, logs))
    if key.exists() and not memory.exists():
        raise BadInput(f"{STATE_FILE} is missing beside {KEY_FILE}: restore it, or begin anew with another folder")
    state = open_database(f"sqlite:///{memory}")
    with state.writing() as connection:
        witness_state.METADATA.create_all(connection)
    return Witness(Cosigner(name, _seed(key)), state, verifiers)


def _seed(path: Path) -> bytes:
    """The 32 random bytes of the key, made once."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, os.urandom(KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise BadInput(f"others may use {path.name}: chmod 600 it")
    return path.read_bytes()


def _trusted(opened: SignedCheckpoint) -> str:
    """The note with the lines of trusted keys alone: others anybody can add, and they would be kept here for ever."""
    lines = [signature_line(one.name, one.key_id + one.blob) for one in opened.note.verified]
    return f"{opened.note.text}\n{''.join(dict.fromkeys(lines))}"


def _conflict(size: int) -> Answer:
    return Answer(409, f"{size}\n", SIZE_TYPE)
