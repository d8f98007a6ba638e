"""Entries have no gaps and no other order than that of their commits, and whoever alters a byte is found out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import log, merkle, store, tables
from audit.database import Database, open_database
from audit.errors import Broken, FactRefused, NotFound, ProofRefused
from audit.fact import Fact
from audit.verify import check_log
from tests.audit.builders import NOON, SIGNER, CheckedLog, a_fact


def test_each_step_leaves_a_log_that_verifies_as_a_whole(work: Database) -> None:
    """One by one, many at once, none at all, and signed in between."""
    checked = CheckedLog(work)

    assert checked.append(a_fact(0)) == 0
    assert checked.append() == 1
    assert checked.append(*(a_fact(number) for number in range(6))) == 1
    checked.sign()
    assert checked.append(a_fact(8)) == 7
    assert checked.append(*(a_fact(number) for number in range(40))) == 8
    checked.sign()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=8))
def test_the_stored_tree_is_the_recomputed_one(steps: list[int]) -> None:
    """However the entries came in: every node, every path, every consistency proof."""
    database = open_database("sqlite://")
    with database.writing() as connection:
        tables.METADATA.create_all(connection)
    checked = CheckedLog(database)
    for count in steps:
        checked.append(*(a_fact(number) for number in range(count)))
    with database.reading() as connection:
        size = log.size(connection)
        leaves = [row.leaf_hash for row in store.leaves_between(connection, 0, size)]
        for index in range(size):
            path = log.inclusion_proof(connection, index, size)
            assert path == merkle.path_of_hashes(leaves, index)
            merkle.verify_inclusion(index, size, leaves[index], path, log.root(connection))
    database.close()


def test_entries_are_read_newest_first_by_kind_and_by_subject(work: Database) -> None:
    """The officer's view pages backwards; the way to a person stands outside the hashed bytes (LOG-13)."""
    checked = CheckedLog(work)
    checked.append(a_fact(0, subjects=(7,)), Fact("run:published", "engine", NOON), a_fact(2, subjects=(7, 8, 7)))

    with work.reading() as connection:
        assert [entry.index for entry in log.entries(connection, limit=2)] == [2, 1]
        assert [entry.index for entry in log.entries(connection, before=2, limit=1)] == [1]
        assert [entry.index for entry in log.entries(connection, kind="consent:withdrawn")] == [2, 0]
        assert [entry.index for entry in log.entries(connection, subject=7)] == [2, 0]
        assert [entry.index for entry in log.entries(connection, subject=8, before=2)] == []
        entry = log.entry(connection, 2)
        assert (entry.kind, entry.actor, entry.at, entry.body) == (
            "consent:withdrawn",
            "desk:4f2a",
            NOON,
            {"number": 2},
        )
        assert entry.leaf_hash == merkle.leaf_hash(entry.data)


def test_what_is_not_there_is_not_found(work: Database) -> None:
    """Asking past the end is an answer, not a crash."""
    checked = CheckedLog(work)
    checked.append(a_fact())
    with work.reading() as connection:
        for ask in (
            lambda: log.entry(connection, 1),
            lambda: log.root(connection, 2),
            lambda: log.inclusion_proof(connection, 0, 2),
            lambda: log.consistency_proof(connection, 1, 2),
        ):
            with pytest.raises(NotFound):
                ask()
        with pytest.raises(ProofRefused):
            log.inclusion_proof(connection, 1, 1)
        with pytest.raises(ProofRefused):
            log.consistency_proof(connection, 2, 1)


def test_an_index_beyond_every_column_is_not_there_either(work: Database) -> None:
    """Whatever a caller writes into an address is an answer, never a fault."""
    CheckedLog(work).append(a_fact(0))
    with work.reading() as connection:
        for index in (2**63 - 1, 10**30, -1, -(10**30)):
            with pytest.raises(NotFound):
                log.entry(connection, index)
        assert len(log.entries(connection, before=10**30)) == 1


def test_a_log_is_initialised_once(work: Database) -> None:
    """A second `init` keeps what is there; without a head nothing is appended."""
    with work.writing() as connection, pytest.raises(Broken, match="log_head"):
        log.append(connection, [a_fact()])
    with work.reading() as connection:
        assert not check_log(connection, verifier=SIGNER.verifier).ok
    checked = CheckedLog(work)
    checked.append(a_fact())
    with work.writing() as connection:
        log.initialise(connection)
    checked.check(1)


def test_a_transaction_that_fails_leaves_no_entry_and_no_gap(work: Database) -> None:
    """A decision and its entry commit together or not at all (LOG-4)."""
    checked = CheckedLog(work)
    checked.append(a_fact(0))

    def fail() -> None:
        with work.writing() as connection:
            assert log.append(connection, [a_fact(1, subjects=(3,)), a_fact(2)]) == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    checked.check(1)
    assert checked.append(a_fact(3)) == 1


def test_a_fact_that_is_too_long_leaves_nothing_of_its_neighbours(work: Database) -> None:
    """All facts of a call, or none."""
    checked = CheckedLog(work)
    with pytest.raises(FactRefused), work.writing() as connection:
        log.append(connection, [a_fact(0), a_fact(items=["x" * 80] * 900)])

    checked.check(0)


KILLED = """
import os, signal, sys
from audit import log
from audit.database import open_database
from tests.audit.builders import a_fact
with open_database(sys.argv[1]).writing() as connection:
    log.append(connection, [a_fact(number) for number in range(500)])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_before_commit_leaves_nothing(work: Database) -> None:
    """kill -9 between append and commit: the log is as before, and the next attempt works."""
    checked = CheckedLog(work)
    checked.append(a_fact(0))
    url = work.engine.url.render_as_string(hide_password=False)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url],
        cwd=Path(__file__).parents[2],
        env=os.environ,
        capture_output=True,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    checked.check(1)
    assert checked.append(a_fact(1)) == 1


def test_many_writers_at_once_leave_no_gap(work: Database) -> None:
    """The head's lock is the order of events; failed writers take no number with them (A3)."""
    checked = CheckedLog(work)

    def write(writer: int) -> list[int]:
        indexes = []
        for step in range(12):
            try:
                with work.writing() as connection:
                    indexes.append(log.append(connection, [a_fact(writer, step=step)] * (1 + step % 3)))
                    if step % 4 == 3:
                        raise RuntimeError
            except RuntimeError:
                indexes.pop()
        return indexes

    with ThreadPoolExecutor(4) as pool:
        indexes = [index for taken in pool.map(write, range(4)) for index in taken]

    assert len(set(indexes)) == 4 * 9
    with work.reading() as connection:
        size = log.size(connection)
    assert size == 4 * sum(1 + step % 3 for step in range(12) if step % 4 != 3)
    checked.check(size)


def test_the_lock_can_be_taken_before_deciding(work: Database) -> None:
    """A release decides under the lock, and nobody gets an index in between (design 7)."""
    checked = CheckedLog(work)
    checked.append(a_fact(0))

    with work.writing() as connection:
        assert log.lock(connection) == 1
        assert log.append(connection, [a_fact(1)]) == 1
    checked.check(2)
