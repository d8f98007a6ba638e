"""Builders and fakes of the log's tests: facts, keys, a bulk act in memory, and the check that follows each step."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from audit import checkpoint, log, merkle
from audit.batch_tree import BatchBuilder, BuiltBatch, Opening
from audit.checkpoint import LogSigner
from audit.database import Database
from audit.fact import Fact, FactValue
from audit.verify import check_log

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIGNER = LogSigner("audit.example.test/log1", b"\x01" * 32)
HEADER = b"\x01" + bytes(range(32))
WIDTH = 20


def a_fact(number: int = 0, *, subjects: tuple[int, ...] = (), **body: FactValue) -> Fact:
    """A fact that no other test tells of."""
    return Fact("consent:withdrawn", "desk:4f2a", NOON, {"number": number, **body}, subjects)


def a_witness(name: str, seed: bytes) -> tuple[Ed25519PrivateKey, str, bytes]:
    """A witness's private key, public text form and key ID (C2SP tlog-cosignature v1)."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = b"\x04" + private.public_key().public_bytes_raw()
    identifier = sha256(name.encode() + b"\n" + key).digest()[:4]
    return private, f"{name}+{identifier.hex()}+{base64.b64encode(key).decode()}", identifier


def cosigned(note: str, name: str, seed: bytes, seconds: int) -> str:
    """The note with a witness's line below the log's."""
    private, _, identifier = a_witness(name, seed)
    text = note[: note.rindex("\n\n") + 1]
    blob = private.sign(b"cosignature/v1\ntime %d\n" % seconds + text.encode())
    line = base64.b64encode(identifier + seconds.to_bytes(8, "big") + blob).decode()
    return f"{note}\u2014 {name} {line}\n"


@dataclass
class CheckedLog:
    """A log that is verified as a whole after each step, against everything that was ever seen of it."""

    database: Database
    roots: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.database.writing() as connection:
            log.initialise(connection)
        self.check(0)

    def append(self, *facts: Fact) -> int:
        """Append in one transaction, and check."""
        with self.database.writing() as connection:
            first = log.append(connection, facts)
        self.check(first + len(facts))
        return first

    def sign(self) -> str:
        """Sign a checkpoint, and check."""
        with self.database.writing() as connection:
            note = checkpoint.sign(connection, SIGNER, now=NOON)
        self.check(max(self.roots))
        return note

    def check(self, size: int) -> None:
        """The log has this size, is as it was written, and begins with each tree seen before."""
        with self.database.reading() as connection:
            report = check_log(connection, verifier=SIGNER.verifier)
            assert report.findings == ()
            assert report.ok
            assert report.size == log.size(connection) == size
            entries = log.entries(connection, limit=size or 1)
            assert [entry.index for entry in entries] == list(range(size))[::-1]
            root = log.root(connection)
            assert root == merkle.root_of([entry.data for entry in reversed(entries)])
            self.roots[size] = root
            for old, old_root in self.roots.items():
                assert log.root(connection, old) == old_root
                merkle.verify_consistency(old, size, log.consistency_proof(connection, old, size), old_root, root)
            for entry in entries[:5]:
                path = log.inclusion_proof(connection, entry.index, size)
                merkle.verify_inclusion(entry.index, size, entry.leaf_hash, path, root)


@dataclass
class RowsInMemory:
    """Holds the rows of one bulk act as segmentation holds assignments."""

    rows: dict[int, Opening] = field(default_factory=dict)
    reads: int = 0

    def openings(self, connection: Connection, batch: int, start: int, stop: int) -> list[Opening]:
        """The rows at [start, stop)."""
        found = [self.rows[position] for position in sorted(self.rows) if start <= position < stop]
        self.reads += len(found)
        return found


def a_batch(size: int, *, step: int = 1000, width: int = WIDTH) -> tuple[BuiltBatch, RowsInMemory]:
    """A bulk act of *size* rows, hashed *step* at a time."""
    builder, rows = BatchBuilder(HEADER), RowsInMemory()
    for start in range(0, size, step):
        numbers = range(start, min(start + step, size))
        randoms = [sha256(b"random %d" % n).digest()[:16] for n in numbers]
        records = [n.to_bytes(width, "big") for n in numbers]
        locators = builder.add(b"".join(randoms), b"".join(records), width).tolist()
        for n, random, record, locator in zip(numbers, randoms, records, locators, strict=True):
            rows.rows[n] = Opening(n, random, record, locator)
    return builder.finish(), rows
