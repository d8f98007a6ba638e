"""Verification: a proof file without database and network, and the stored log and its bulk acts from the inside.

What a proof shows is inclusion: this fact, or this row, was recorded before that checkpoint and has not been changed.
It does not show that nothing else was recorded; and that two people see the same log is shown by a witness's
cosignature only, so a proof without one says so.

    python -m audit.verify FILE (--vkey KEY [--vkey KEY …] | --policy POLICY) [--json]

exits 0 when the proof verifies, 1 when it is refused and 2 when it cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audit import merkle, sealed
from audit.errors import BadInput, Broken, LauterError, ProofRefused
from audit.fact import Fact, FactValue, parse_fact
from audit.findings import Finding, LogReport
from audit.note import LogVerifier
from audit.opening import batch_leaf
from audit.policy import Policy, parse_policy
from audit.proof import OpenedRow, parse_proof
from audit.sealed import VerifiedPapers
from audit.tree_head import Checkpoint, SignedCheckpoint, open_checkpoint

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from audit.batch_tree import BatchRows
    from audit.parts import Parts

__all__ = ["Finding", "LogReport", "VerifiedProof", "check_batch", "check_log", "main", "verify_papers", "verify_proof"]


@dataclass(frozen=True)
class VerifiedProof:
    """A proof that holds, and exactly what it shows."""

    checkpoint: Checkpoint
    index: int
    fact: Fact
    opened: OpenedRow | None
    signed_by: tuple[str, ...]
    """Keys of the log whose signatures were verified."""
    witnessed_by: tuple[str, ...]
    """Witnesses whose cosignatures were verified."""
    unknown: tuple[str, ...]
    """Signature lines by keys that were not given; they prove nothing and were not checked."""
    witnessed_at: datetime | None = None
    """When the earliest of those witnesses saw the checkpoint: nothing in it was added later (LOG-9)."""
    quorum: str | None = None
    """The quorum of the policy that was met; none when no policy was given."""

    @property
    def statement(self) -> str:
        """What is shown and what is not, in one sentence each."""
        what = f"entry {self.index}" if self.opened is None else f"row {self.opened.position} of entry {self.index}"
        shown = (
            f"The {what} ({self.fact.kind}) was recorded in the log {self.checkpoint.origin} "
            f"before its checkpoint of {self.checkpoint.size} entries and has not been changed. "
            "This does not show that nothing else was recorded. "
        )
        if self.witnessed_by and self.witnessed_at:
            when = self.witnessed_at.isoformat(timespec="seconds")
            return shown + f"Witnessed by {', '.join(self.witnessed_by)}, first at {when}."
        return shown + "No witness signed it: that others see the same log is not shown."

    def to_json(self) -> dict[str, object]:
        """The same as one JSON document; bytes are hexadecimal."""
        opened = self.opened and {
            "position": self.opened.position,
            "random": self.opened.random.hex(),
            "record": self.opened.record.hex(),
        }
        return {
            "ok": True,
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
            "index": self.index,
            "kind": self.fact.kind,
            "actor": self.fact.actor,
            "at": self.fact.at.isoformat(),
            "body": {key: _readable(value) for key, value in self.fact.body.items()},
            "opened": opened,
            "signed_by": list(self.signed_by),
            "witnessed_by": list(self.witnessed_by),
            "witnessed_at": self.witnessed_at and self.witnessed_at.isoformat(),
            "quorum": self.quorum,
            "unknown_signatures": list(self.unknown),
            "statement": self.statement,
        }


def verify_proof(data: bytes, vkeys: Sequence[str], *, policy: Policy | None = None) -> VerifiedProof:
    """Verify a `.lauter-proof` file against the public keys of the log and, if known, of witnesses.

    Args:
        data: the file.
        vkeys: keys to trust; older ones of the log beside the current one, for keys are rotated.
        policy: more keys, and how many witnesses must have signed.

    Raises:
        ProofRefused: the file is not a proof, any step from the row to the signature does not hold, or the witnesses
            are fewer than the policy asks for.
        BadInput: a key cannot be read.
    """
    proof = parse_proof(data)
    verifiers = [LogVerifier(vkey) for vkey in dict.fromkeys((*vkeys, *(policy.vkeys if policy else ())))]
    signed = open_checkpoint(proof.checkpoint, verifiers)
    head = signed.checkpoint
    merkle.verify_inclusion(proof.index, head.size, merkle.leaf_hash(proof.fact), proof.path, head.root)
    try:
        fact = parse_fact(proof.fact)
    except Broken as problem:
        raise ProofRefused("proof: the entry is in the log, but is not a fact that this version can read") from problem
    if proof.opened is not None:
        _verify_opened(proof.opened, fact.body)
    by_log, by_witness, unknown = _signers(signed, verifiers)
    if policy is not None and not policy.is_met(frozenset(by_witness)):
        raise ProofRefused(
            f"policy: the quorum {policy.quorum} is not met; {len(by_witness)} known witness(es) signed the checkpoint"
        )
    times = [s.witnessed_at for s in signed.note.verified if str(s) in by_witness and s.witnessed_at]
    seen, quorum = min(times, default=None), policy.quorum if policy else None
    return VerifiedProof(head, proof.index, fact, proof.opened, by_log, by_witness, unknown, seen, quorum)


def verify_papers(data: bytes, vkeys: Sequence[str], *, policy: Policy | None = None) -> VerifiedPapers[VerifiedProof]:
    """Verify a ZIP file of papers whose list was sealed in the log, with every proof in it. See `audit.sealed`.

    Raises:
        ProofRefused: it is no such file, or anything in it was swapped, added or left out; names the file.
        BadInput: a key cannot be read.
    """
    return sealed.open_papers(data, lambda proof: verify_proof(proof, vkeys, policy=policy))


def _verify_opened(opened: OpenedRow, body: Mapping[str, FactValue]) -> None:
    """The row leads to the root in the fact; header and size are taken from the fact, not from the file."""
    header, size, root = body.get("header"), body.get("size"), body.get("root")
    if not isinstance(header, bytes) or not isinstance(size, int) or not isinstance(root, bytes):
        raise ProofRefused("proof: it opens a row, but the fact tells of no bulk act")
    leaf = batch_leaf(header, opened.random, opened.record)
    merkle.verify_inclusion(opened.position, size, leaf, opened.path, root)


def _signers(
    signed: SignedCheckpoint, verifiers: Sequence[LogVerifier]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    witnesses = {(verifier.name, verifier.key_id) for verifier in verifiers if verifier.is_witness}
    logs = tuple(str(s) for s in signed.note.verified if (s.name, s.key_id) not in witnesses)
    seen = tuple(str(s) for s in signed.note.verified if (s.name, s.key_id) in witnesses)
    return logs, seen, tuple(str(s) for s in signed.note.unknown)


def check_log(
    connection: Connection,
    *,
    verifier: LogVerifier,
    former: Sequence[LogVerifier] = (),
    parts: Parts | None = None,
) -> LogReport:
    """Recompute every leaf, node and checkpoint of the stored log; *former* keys signed before the current one.

    Memory is bounded by a part of the log, not by its length. See `audit.check`; *parts* as `audit.parts` has them.
    """
    from audit import check

    return check.check_log(connection, (verifier, *former), parts)


def check_batch(connection: Connection, batch: int, rows: BatchRows, parts: Parts | None = None) -> tuple[Finding, ...]:
    """Recompute every row and tile of a bulk act and name by position what was altered. See `audit.check_rows`.

    With *parts* of several processes *rows* is sent to each of them, so it must hold no connection.

    Raises:
        NotFound: there is no such batch.
    """
    from audit import check_rows

    return check_rows.check_batch(connection, batch, rows, parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m audit.verify`."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.verify",
        description="Verify a .lauter-proof file, or a ZIP file of sealed papers, offline.",
    )
    parser.add_argument("file", type=Path, help="the proof, or the papers")
    parser.add_argument("--vkey", action="append", default=[], help="public key of the log or of a witness")
    parser.add_argument("--policy", type=Path, help="C2SP tlog-policy file: logs, witnesses, quorum")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    given = parser.parse_args(arguments)
    if not given.vkey and given.policy is None:
        parser.error("give --vkey or --policy: a proof by an unknown key proves nothing")
    try:
        policy = parse_policy(given.policy.read_bytes()) if given.policy else None
        data = given.file.read_bytes()
        papers = verify_papers(data, given.vkey, policy=policy) if data.startswith(sealed.MAGIC) else None
        proof = papers.seal if papers else verify_proof(data, given.vkey, policy=policy)
    except (LauterError, OSError) as problem:
        reason = "the file cannot be read" if isinstance(problem, OSError) else str(problem)
        if given.json:
            sys.stdout.write(json.dumps({"ok": False, "reason": reason}) + "\n")
        else:
            sys.stderr.write(f"refused: {reason}\n")
        return 2 if isinstance(problem, BadInput | OSError) else 1
    told = proof.to_json() | ({"files": list(papers.files), "proofs": papers.proofs} if papers else {})
    sys.stdout.write(json.dumps(told) + "\n" if given.json else _sentences(proof, papers))
    return 0


def _sentences(proof: VerifiedProof, papers: VerifiedPapers[VerifiedProof] | None) -> str:
    lines = [proof.statement, f"Signed by {', '.join(proof.signed_by)}."]
    if papers:
        lines.append(f"{len(papers.files)} papers are those that were sealed; {papers.proofs} proofs among them hold.")
    if proof.unknown:
        lines.append(f"Not checked, because their keys were not given: {', '.join(proof.unknown)}.")
    return "\n".join(lines) + "\n"


def _readable(value: FactValue) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return [_readable(item) for item in value] if isinstance(value, tuple) else value


if __name__ == "__main__":
    sys.exit(main())
