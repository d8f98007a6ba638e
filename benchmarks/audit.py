"""The log against bare SHA-256: append, check, one proof, memory (design 9).

    python -m benchmarks.audit 100000 1000000

Two trees are measured: the log itself (one leaf per fact) and a bulk act (one leaf per person, as a run stores it).
`bare` is one `hashlib.sha256` over each leaf's bytes, already in memory: no reading, no tree, no comparison. The check
uses every processor, as `lauter audit verify --deep` does; its time is by the clock, with the start of the processes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import measure

if TYPE_CHECKING:
    from audit.database import Database

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WIDTH = 40
STEP = 16_384
PROOFS = 200


def timed(work: Callable[[], object]) -> float:
    """Seconds by the clock: run it on a machine that does nothing else."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare(count: int) -> None:
    """The yardstick, in a process of its own; only the hashing is timed."""
    seconds, left = 0.0, count
    while left > 0:
        rows = [b"\x00" * 34 + os.urandom(16 + WIDTH) for _ in range(min(left, STEP))]
        seconds += timed(lambda rows=rows: [sha256(row).digest() for row in rows])  # type: ignore[misc]
        left -= len(rows)
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")


def bulk(count: int) -> None:
    """A bulk act in a real database: staged, checked row by row, rows opened."""
    import numpy as np

    from audit import log, prove
    from audit.batch_tree import BatchBuilder, store_batch
    from audit.checkpoint import LogSigner, sign
    from audit.fact import Fact
    from audit.parts import parts_of
    from audit.verify import check_batch
    from segmentation import store_assignments as stored

    with _database() as work:
        builder = BatchBuilder(b"\x01" * 33)

        def append() -> None:
            for start in range(0, count, STEP):
                size = min(STEP, count - start)
                randoms, records = os.urandom(16 * size), os.urandom(WIDTH * size)
                locators = builder.add(randoms, records, WIDTH)
                subjects = np.arange(start, start + size, dtype=np.int64)
                rows = stored.PackedRows(
                    1, start, WIDTH, subjects, np.zeros(size, dtype=np.int64), records, randoms, locators
                )
                with work.writing() as connection:
                    stored.stage(connection, rows)
            built = builder.finish()
            with work.writing() as connection:
                store_batch(connection, 1, stored.KIND, built)
                log.append(connection, [Fact("run:published", "engine", NOON, built.facts(1))])

        appended = timed(append)
        with work.writing() as connection:
            sign(connection, LogSigner("audit.example.test/log", b"\x01" * 32), now=NOON)
        rows = stored.AssignmentRows()
        with work.reading() as connection:

            def check() -> None:
                with parts_of(work, connection, count) as parts:
                    _nothing(check_batch(connection, 1, rows, parts))

            checked = timed(check)
            places = [number * (count // PROOFS) for number in range(PROOFS)]
            proven = timed(lambda: [prove.prove_row(connection, 0, place, rows) for place in places]) / PROOFS
    sys.stdout.write(json.dumps({"append": appended, "check": checked, "prove": proven}) + "\n")


def facts(count: int) -> None:
    """The log itself: facts appended a thousand at a time, everything checked, entries proven."""
    from audit import log, prove
    from audit.checkpoint import LogSigner, sign
    from audit.fact import Fact
    from audit.parts import parts_of
    from audit.verify import check_log, verify_proof

    signer = LogSigner("audit.example.test/log", b"\x01" * 32)
    with _database() as work:

        def append() -> None:
            for start in range(0, count, 1000):
                with work.writing() as connection:
                    made = [Fact("consent:given", "desk:4f2a", NOON, {"n": start + n}) for n in range(1000)]
                    log.append(connection, made)

        appended = timed(append)
        with work.writing() as connection:
            sign(connection, signer, now=NOON)
        with work.reading() as connection:

            def check() -> None:
                with parts_of(work, connection, count) as parts:
                    _nothing(check_log(connection, verifier=signer.verifier, parts=parts).findings)

            checked = timed(check)
            places = [number * (count // PROOFS) for number in range(PROOFS)]
            proofs: list[bytes] = []
            proven = timed(lambda: proofs.extend(prove.prove_fact(connection, place) for place in places)) / PROOFS
        verified = timed(lambda: [verify_proof(proof, [signer.vkey]) for proof in proofs]) / PROOFS
    sys.stdout.write(
        json.dumps({"append": appended, "check": checked, "prove": proven, "verify_proof": verified}) + "\n"
    )


@contextmanager
def _database() -> Iterator[Database]:
    import audit.tables
    import segmentation.tables
    from audit import log
    from audit.database import open_database

    with tempfile.TemporaryDirectory() as folder:
        work = open_database(f"sqlite:///{Path(folder) / 'work.db'}")
        with work.writing() as connection:
            for metadata in (audit.tables.METADATA, segmentation.tables.METADATA):
                metadata.create_all(connection)
            log.initialise(connection)
        yield work
        work.close()


def _nothing(findings: object) -> None:
    if findings:
        raise RuntimeError("the check found something in a log that nobody touched")


def compare(count: int) -> None:
    """Print what one size comes to."""
    yardstick = measure("-m", "benchmarks.audit", "bare", str(count)).answer["seconds"]
    for name in ("bulk", "facts"):
        found = measure("-m", "benchmarks.audit", name, str(count))
        took = found.answer
        print(
            f"{count:>10,} {name:<6} append {took['append']:8.2f} s  check {took['check']:8.2f} s = "
            f"{took['check'] / yardstick:5.2f} x bare ({yardstick:.2f} s)  prove {took['prove'] * 1000:.2f} ms"
            + (f"  verify one {took['verify_proof'] * 1000:.2f} ms" if "verify_proof" in took else "")
            + f"  peak {found.peak_mb:.0f} MB"
        )


def main() -> None:
    """Sizes as arguments, or one side of the comparison in a fresh process."""
    sides = {"bare": bare, "bulk": bulk, "facts": facts}
    if len(sys.argv) == 3 and sys.argv[1] in sides:
        sides[sys.argv[1]](int(sys.argv[2]))
        return
    for size in map(int, sys.argv[1:] or ["100000"]):
        compare(size)


if __name__ == "__main__":
    main()
