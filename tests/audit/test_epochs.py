"""Pruning takes bytes, never hashes: what is past the written rule goes, every other proof stays (LOG-12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from audit import checkpoint, epochs, log, prove, tiles
from audit.database import Database
from audit.errors import NotFound, Refused
from audit.fact import Fact
from audit.store import append_only_ddl
from audit.tiles import TilePath
from audit.verify import check_log, verify_proof
from tests.audit.builders import NOON, SIGNER

OLD, NEW = NOON - timedelta(days=2_000), NOON - timedelta(days=10)


@pytest.fixture
def guarded(work: Database) -> Database:
    """A signed log of 600 old and 100 new entries whose tables are append-only."""
    with work.writing() as connection:
        for statement in append_only_ddl(connection.dialect.name):
            connection.exec_driver_sql(statement)
        log.initialise(connection)
    for at, count in ((OLD, 600), (NEW, 100)):
        with work.writing() as connection:
            log.append(connection, [Fact("consent:given", "desk:4f2a", at, {"n": n}, (n,)) for n in range(count)])
    with work.writing() as connection:
        checkpoint.sign(connection, SIGNER, now=NOON)
    return work


def pruned(database: Database) -> int:
    """Prune what is older than three years; how many entries lost their bytes."""
    with database.writing() as connection:
        wanted = epochs.next_minimum(connection, before=NOON - timedelta(days=1_096))
        epochs.raise_minimum(connection, wanted, policy="P3Y", actor="operator", now=NOON)
    emptied = 0
    while True:
        with database.writing() as connection:
            done = epochs.empty_some(connection, limit=100)
        emptied += done
        if not done:
            return emptied


def test_old_entries_lose_their_bytes_and_everything_else_stays(guarded: Database) -> None:
    """Root, proofs and tiles as before; whole bundles of 256 only."""
    with guarded.reading() as connection:
        root, before = log.root(connection, 700), tiles.hash_tile(connection, TilePath(0, 0))
        proof = prove.prove_fact(connection, 3)

    assert pruned(guarded) == 512

    with guarded.reading() as connection:
        report = check_log(connection, verifier=SIGNER.verifier)
        assert (report.findings, report.size) == ((), 701)
        assert log.root(connection, 700) == root
        assert tiles.hash_tile(connection, TilePath(0, 0)) == before
        assert verify_proof(prove.prove_fact(connection, 650), [SIGNER.vkey]).fact.body == {"n": 50}
        assert verify_proof(proof, [SIGNER.vkey]).index == 3, "a proof file that somebody kept still verifies"
        assert log.entry(connection, 700).body == {"minimum": 512, "before": 0, "keep": "P3Y"}


def test_a_pruned_entry_is_served_to_nobody(guarded: Database) -> None:
    """Neither as entry nor in a bundle, nor by the person it was about; its neighbour above the index is."""
    pruned(guarded)

    with guarded.reading() as connection:
        for index in (0, 511):
            with pytest.raises(NotFound, match="pruned"):
                log.entry(connection, index)
        with pytest.raises(NotFound, match="pruned"):
            tiles.entry_bundle(connection, TilePath(None, 1))
        assert len(tiles.split_bundle(tiles.entry_bundle(connection, TilePath(None, 2, 188)), 188)) == 188
        assert [entry.index for entry in log.entries(connection, limit=1000)][-1] == 512
        assert [entry.index for entry in log.entries(connection, subject=3)] == [603]


def test_nothing_that_is_young_unsigned_or_in_use_is_pruned(guarded: Database) -> None:
    """The bounds, each for itself; and nothing to prune is said."""
    with guarded.writing() as connection:
        assert epochs.next_minimum(connection, before=OLD) == 0
        assert epochs.next_minimum(connection, before=NOON) == 512
        assert epochs.next_minimum(connection, before=NOON, keep_from=300) == 256
        with pytest.raises(Refused, match="nothing to prune"):
            epochs.raise_minimum(connection, 0, policy="P3Y", actor="operator", now=NOON)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE log_leaf SET body = {empty} WHERE idx = 512",
        "UPDATE log_leaf SET body = {empty}, kind = 'a:b' WHERE idx = 0",
        "UPDATE log_leaf SET body = {empty}, leaf_hash = {empty} WHERE idx = 0",
        "UPDATE log_leaf SET body = leaf_hash WHERE idx = 0",
        "DELETE FROM log_leaf WHERE idx = 0",
        "UPDATE log_pruning SET minimum = 700",
        "DELETE FROM log_pruning",
    ],
)
def test_the_door_for_pruning_opens_for_nothing_else(guarded: Database, attack: str) -> None:
    """Below the index only bytes may go, above it nothing, and the index itself never moves back."""
    pruned(guarded)
    statement = attack.format(empty="x''" if guarded.is_sqlite else "''::bytea")

    with pytest.raises(DBAPIError, match="append-only"), guarded.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_minimum_index_that_no_entry_tells_of_is_found(guarded: Database) -> None:
    """Whoever raises it behind the log's back hides nothing (T26)."""
    with guarded.writing() as connection:
        connection.exec_driver_sql("INSERT INTO log_pruning (minimum, fact, pruned_at) VALUES (256, 5, 0)")
        empty = "x''" if guarded.is_sqlite else "''"
        connection.exec_driver_sql(f"UPDATE log_leaf SET body = {empty} WHERE idx = 7")
    with guarded.reading() as connection:
        found = [str(finding) for finding in check_log(connection, verifier=SIGNER.verifier).findings]

    assert found[0].startswith("log_pruning minimum 256")
    assert any(finding.startswith("log_leaf 7:") for finding in found)
