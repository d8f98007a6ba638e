"""The log for those who read and check it: entries, checkpoints, the proof of one assignment, verification.

A proof file names nobody, but it opens one person's record; making one is reading personal data and is a fact itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import DataError, OperationalError

from audit import checkpoint, log, log_keys
from audit.batch_tree import batches
from audit.errors import NotFound, ProofRefused
from audit.fact import Fact
from audit.findings import at_most
from audit.note import LogVerifier
from audit.parts import parts_of
from audit.policy import parse_policy
from audit.prove import prove_row
from audit.sealed import MAGIC
from audit.verify import Finding, check_batch, check_log, verify_papers, verify_proof
from governance.store import subject_of
from governance.vocabulary import Unit
from segmentation import store, store_assignments
from segmentation.integrity import check_assignments, check_models

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from audit.parts import Parts
    from governance.vocabulary import Actor


@dataclass(frozen=True)
class LogPage:
    """Entries, newest first; `next_before` continues, None at the end."""

    entries: tuple[dict[str, Any], ...]
    size: int
    next_before: int | None

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"entries": list(self.entries), "size": self.size, "next_before": self.next_before}


@dataclass(frozen=True)
class CheckpointFound:
    """The newest signed checkpoint."""

    note: str
    log_key: str

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"note": self.note, "log_key": self.log_key}


@dataclass(frozen=True)
class ProofMade:
    """A proof file and what is needed to check it."""

    data: bytes
    index: int
    size: int
    log_key: str

    def to_json(self) -> dict[str, Any]:
        """Everything but the file itself."""
        return {"index": self.index, "size": self.size, "log_key": self.log_key, "bytes": len(self.data)}


@dataclass(frozen=True)
class Verification:
    """Whether everything fits, and each thing that does not, by name."""

    ok: bool
    size: int
    summary: str
    findings: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    proof: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        document: dict[str, Any] = {
            "ok": self.ok,
            "size": self.size,
            "summary": self.summary,
            "findings": list(self.findings),
            "notes": list(self.notes),
        }
        return document if self.proof is None else {**document, "proof": self.proof}


def sign_checkpoint(house: House, *, now: datetime) -> None:
    """Sign the log as it stands; nothing happens when it has not grown since."""
    with house.work.reading() as connection:
        size, last = log.size(connection), checkpoint.latest(connection)
    if size and (last is None or checkpoint.note_claim(last).size < size):
        with house.work.writing() as connection:
            checkpoint.sign(connection, house.signer, now=now)


def newest_checkpoint(house: House) -> CheckpointFound:
    """The newest signed checkpoint, byte for byte.

    Raises:
        NotFound: nothing was signed yet, because the log is empty.
    """
    with house.work.reading() as connection:
        signed = checkpoint.latest(connection)
        note = None if signed is None else checkpoint.witnessed(connection, signed)
    if note is None:
        raise NotFound("the log is empty, so there is no checkpoint yet")
    return CheckpointFound(note, house.signer.vkey)


def read_log(
    house: House, *, kind: str | None = None, before: int | None = None, limit: int = 50, subject: int | None = None
) -> LogPage:
    """Entries, newest first; of one kind or about one subject if given."""
    with house.work.reading() as connection:
        found = log.entries(connection, before=before, limit=limit, kind=kind, subject=subject)
        size = log.size(connection)
    more = found[-1].index if len(found) == limit and found[-1].index > 0 else None
    return LogPage(tuple(entry_to_json(entry) for entry in found), size, more)


def entry_to_json(entry: log.Entry) -> dict[str, Any]:
    """An entry for the eye: bytes in hexadecimal."""
    return {
        "index": entry.index,
        "kind": entry.kind,
        "actor": entry.actor,
        "at": entry.at.isoformat(timespec="seconds"),
        "body": {key: _readable(value) for key, value in entry.body.items()},
        "leaf_hash": entry.leaf_hash.hex(),
    }


def prove_assignment(house: House, scheme: str, reference: str, *, actor: Actor, now: datetime) -> ProofMade:
    """Prove where somebody was put by the live run of a scheme.

    Raises:
        NotFound: no such scheme, run, reference or assignment.
    """
    with house.work.reading() as connection:
        unit = scheme_unit(connection, scheme)
    pseudonym = house.vault.find(unit, [reference])[0]
    with house.work.reading() as connection:
        subject = subject_behind(connection, pseudonym)
    return prove_subject(house, scheme, subject, actor=actor, now=now)


def prove_subject(house: House, scheme: str, subject: int, *, actor: Actor, now: datetime) -> ProofMade:
    """The same for a subject that was found already."""
    with house.work.writing() as connection:
        live = store.live_run(connection, scheme)
        row = store_assignments.assignment_of(connection, live.id, subject) if live else None
        run = store.run_of(connection, row.run) if row else None  # the record may stand in an earlier run of the chain
        if row is None or run is None or run.fact is None:
            raise NotFound(f"{scheme}: the live run holds no assignment of this person")
        if checkpoint.covering(connection, run.fact) is None:
            checkpoint.sign(connection, house.signer, now=now)
        data = prove_row(connection, run.fact, row.position, store_assignments.AssignmentRows())
        size = log.size(connection)
        log.append(
            connection, [Fact("assignment:proven", str(actor), now, {"scheme": scheme, "run": run.id}, (subject,))]
        )
    return ProofMade(data, run.fact, size, house.signer.vkey)


def scheme_unit(connection: Connection, scheme: str) -> Unit:
    """Whether a scheme assigns contacts or accounts.

    Raises:
        NotFound: no such scheme.
    """
    row = store.latest_definition(connection, scheme)
    if row is None:
        raise NotFound(f"there is no scheme {scheme!r}; `lauter segment list` shows them")
    return Unit(json.loads(row.document)["unit"])


def subject_behind(connection: Connection, pseudonym: bytes | None) -> int:
    """The work database's number of a pseudonym.

    Raises:
        NotFound: the reference is not held, or was erased; the answer is the same for both.
    """
    subject = subject_of(connection, [pseudonym])[0] if pseudonym is not None else None
    if subject is None:
        raise NotFound("nobody is held under this reference")
    return subject


def verify_file(data: bytes, keys: str | Sequence[str], *, policy: bytes | None = None) -> Verification:
    """Verify a proof file, or sealed papers with every proof in them, with nothing but public keys or a policy.

    No database, no network.

    Raises:
        BadInput: a key or the policy cannot be read.
    """
    trusted = None if policy is None else parse_policy(policy)
    given = [keys] if isinstance(keys, str) else keys
    try:
        papers = verify_papers(data, given, policy=trusted) if data.startswith(MAGIC) else None
        proof = papers.seal if papers else verify_proof(data, given, policy=trusted)
    except ProofRefused as problem:
        return Verification(False, 0, "The proof is refused.", ({"where": "proof", "what": str(problem)},))
    notes = tuple(f"signature by an unknown key, not checked: {line}" for line in proof.unknown)
    if papers is not None:
        notes = (
            f"{len(papers.files)} papers are those that were sealed; {papers.proofs} proofs among them hold",
            *notes,
        )
    return Verification(True, proof.checkpoint.size, proof.statement, notes=notes, proof=proof.to_json())


def verify_home(house: House, *, deep: bool = False) -> Verification:
    """Recompute the log; with *deep* also every model and every assignment row, naming what was altered."""
    try:
        with house.work.reading() as connection:
            keys = former_keys(connection, house)
            with parts_of(house.work, connection, _length(connection, deep=deep)) as parts:
                report = check_log(connection, verifier=house.signer.verifier, former=keys, parts=parts)
                findings = [*report.findings, *(at_most(_deep(connection, parts)) if deep else ())]
    except (OperationalError, DataError, sqlite3.OperationalError, psycopg.DataError):  # also straight from the driver
        unreadable = {"where": "work database", "what": "a value is of another type than was written"}
        return Verification(False, 0, "A row cannot be read.", (unreadable,))
    told = tuple({"where": finding.where, "what": finding.what} for finding in findings)
    scope = "entries, nodes, checkpoints, models and assignment rows" if deep else "entries, nodes and checkpoints"
    summary = f"{report.size} entries; {scope} " + ("fit." if not told else "were checked.")
    return Verification(report.ok and not told, report.size, summary, told)


def former_keys(connection: Connection, house: House) -> list[LogVerifier]:
    """Every key of the log but the current one: those that still sign, and the retired ones."""
    return [key for key in log_keys.verifiers(connection, house.signer) if key.key_id != house.signer.verifier.key_id]


def own_keys(house: House) -> list[str]:
    """The public keys whose signatures stand in this log, the current one first."""
    with house.work.reading() as connection:
        noted = [row.vkey for row in log_keys.known(connection)]
    return list(dict.fromkeys((*house.signer.vkeys, *noted)))


def _length(connection: Connection, *, deep: bool) -> int:
    """How many entries and rows there are to check."""
    kept = (batch for batch in batches(connection) if deep and batch.kind == store_assignments.KIND)
    return log.size(connection) + sum(batch.size for batch in kept)


def _deep(connection: Connection, parts: Parts) -> Iterator[Finding]:
    yield from check_models(connection)
    yield from check_assignments(connection)
    rows = store_assignments.AssignmentRows()
    for batch in batches(connection):
        if batch.kind == store_assignments.KIND:
            yield from check_batch(connection, batch.id, rows, parts)


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [_readable(item) for item in value] if isinstance(value, tuple) else value
