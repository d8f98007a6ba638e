"""A proof file stands on its own: no database, no network, and not one byte of it can be altered unnoticed."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from audit import batch_tree, checkpoint, log, prove
from audit.database import Database
from audit.errors import BadInput, NotFound, ProofRefused, Refused
from audit.fact import Fact
from audit.proof import Proof, parse_proof, write_proof
from audit.verify import VerifiedProof, main, verify_proof
from tests.audit.builders import NOON, SIGNER, CheckedLog, RowsInMemory, a_batch, a_fact, a_witness, cosigned

WITNESS = "witness.example.test/w1"
WITNESS_SEED = b"\x02" * 32
WITNESS_KEY = a_witness(WITNESS, WITNESS_SEED)[1]
VKEY = SIGNER.vkey


def a_log_with_a_run(work: Database, size: int = 300) -> RowsInMemory:
    """A signed log of seven entries; entry 4 tells of a bulk act of *size* rows."""
    checked = CheckedLog(work)
    checked.append(*(a_fact(number) for number in range(4)))
    built, rows = a_batch(size)
    with work.writing() as connection:
        batch_tree.store_batch(connection, 1, "assignment", built)
        log.append(connection, [Fact("run:published", "engine", NOON, {"run": 1, **built.facts(1)})])
    checked.append(a_fact(5), a_fact(6))
    checked.sign()
    return rows


@pytest.fixture
def row_proof(sqlite_work: Database) -> bytes:
    """A proof of one row."""
    rows = a_log_with_a_run(sqlite_work)
    with sqlite_work.reading() as connection:
        return prove.prove_row(connection, 4, 280, rows)


@pytest.fixture
def fact_proof(sqlite_work: Database) -> bytes:
    """A proof of one entry."""
    a_log_with_a_run(sqlite_work)
    with sqlite_work.reading() as connection:
        return prove.prove_fact(connection, 2)


def witnessed(proof: bytes, seed: bytes = WITNESS_SEED) -> bytes:
    """The proof with a witness's line at its end."""
    parsed = parse_proof(proof)
    return write_proof(replace(parsed, checkpoint=cosigned(parsed.checkpoint, WITNESS, seed, 1_679_315_147)))


def test_every_entry_and_every_row_can_be_proven(work: Database) -> None:
    """On both databases; what is shown is exactly what was recorded."""
    rows = a_log_with_a_run(work)
    with work.reading() as connection:
        for index in range(7):
            proof = verify_proof(prove.prove_fact(connection, index), [VKEY])
            entry = log.entry(connection, index)
            assert (proof.index, proof.fact.kind, proof.fact.body) == (index, entry.kind, entry.body)
            assert proof.opened is None
        for position in (0, 255, 256, 299):
            opened = verify_proof(prove.prove_row(connection, 4, position, rows), [VKEY]).opened
            assert opened is not None
            assert (opened.position, opened.record) == (position, rows.rows[position].record)


def test_the_second_part_is_an_unchanged_tlog_proof(fact_proof: bytes) -> None:
    """From its own first line on, any C2SP verifier can check it."""
    tlog = fact_proof.decode()[fact_proof.decode().index("c2sp.org/tlog-proof@v1\n") :]
    lines = tlog.split("\n")

    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert [len(line) for line in lines[2:5]] == [44, 44, 44]
    assert lines[5] == ""
    assert tlog.split("\n\n", 1)[1].startswith("audit.example.test/log1\n7\n")


def test_a_proof_says_what_it_shows_and_what_not(row_proof: bytes) -> None:
    """Inclusion, not completeness; and without a witness not even one view for all (D1, LOG-3)."""
    proof = verify_proof(row_proof, [VKEY])

    assert "row 280 of entry 4 (run:published)" in proof.statement
    assert "does not show that nothing else was recorded" in proof.statement
    assert "No witness signed it" in proof.statement
    assert proof.signed_by == ("audit.example.test/log1+1b7980a4",)


def test_a_witness_is_named_when_its_key_is_known(row_proof: bytes) -> None:
    """With the key: witnessed. Without: a line that proves nothing, and is reported."""
    known = verify_proof(witnessed(row_proof), [VKEY, WITNESS_KEY])
    unknown = verify_proof(witnessed(row_proof), [VKEY])

    assert known.witnessed_by == ("witness.example.test/w1+b4f59ab9",)
    assert known.unknown == ()
    assert "Witnessed by witness.example.test/w1" in known.statement
    assert unknown.witnessed_by == ()
    assert unknown.unknown == ("witness.example.test/w1+b4f59ab9",)
    with pytest.raises(ProofRefused):
        verify_proof(witnessed(row_proof), [WITNESS_KEY])


def mutations(data: bytes, start: int, stop: int) -> list[tuple[int, bytes]]:
    """Each byte with each of its bits flipped, and as three other values."""
    chance = random.Random(7)
    out = []
    for at in range(start, stop):
        values = {data[at] ^ (1 << bit) for bit in range(8)} | {0x0A, 0x20, chance.randrange(256)}
        out += [(at, data[:at] + bytes([value]) + data[at + 1 :]) for value in sorted(values - {data[at]})]
    return out


def accepted(data: bytes, vkeys: list[str]) -> VerifiedProof | None:
    """The proof, or nothing when it is refused; any other exception is a failure."""
    try:
        return verify_proof(data, vkeys)
    except ProofRefused:
        return None


def test_no_byte_of_a_proof_can_be_altered(row_proof: bytes) -> None:
    """Each byte, one after the other: refused (LOG-8)."""
    assert accepted(row_proof, [VKEY])
    for at, altered in mutations(row_proof, 0, len(row_proof)):
        assert accepted(altered, [VKEY]) is None, f"byte {at} was altered unnoticed"


def test_no_byte_of_a_plain_proof_can_be_lost_or_doubled(fact_proof: bytes) -> None:
    """Neither taken out nor put in twice, nor the file cut short."""
    for at in range(len(fact_proof)):
        for altered in (
            fact_proof[:at] + fact_proof[at + 1 :],
            fact_proof[:at] + fact_proof[at : at + 1] + fact_proof[at:],
            fact_proof[:at],
        ):
            assert accepted(altered, [VKEY]) is None


def test_only_the_line_of_an_unknown_signature_can_be_altered_and_is_then_reported(row_proof: bytes) -> None:
    """The note format lets unknown lines stand; whoever verifies is told of them (D7)."""
    data = witnessed(row_proof)
    line = data.rindex("\u2014".encode())
    before = verify_proof(row_proof, [VKEY])
    untouched = 0
    for at, altered in mutations(data, line - 120, len(data)):
        proof = accepted(altered, [VKEY])
        if proof is None:
            continue
        untouched += 1
        assert at >= line, f"byte {at} of a signed part was altered unnoticed"
        assert proof.unknown
        assert replace(proof, unknown=()) == before
    assert untouched


def test_a_known_witness_line_cannot_be_altered_without_losing_the_witness(row_proof: bytes) -> None:
    """Either refused, or the line counts as unknown and the witness as absent."""
    data = witnessed(row_proof)
    for _, altered in mutations(data, data.rindex("\u2014".encode()), len(data)):
        proof = accepted(altered, [VKEY, WITNESS_KEY])
        assert proof is None or (proof.witnessed_by == () and proof.unknown)


def test_a_row_of_another_run_does_not_fit(sqlite_work: Database) -> None:
    """Header, size and root come from the signed fact, never from the file."""
    rows = a_log_with_a_run(sqlite_work)
    with sqlite_work.reading() as connection:
        row = parse_proof(prove.prove_row(connection, 4, 1, rows))
        other = parse_proof(prove.prove_fact(connection, 3))
    assert row.opened is not None

    with pytest.raises(ProofRefused, match="no bulk act"):
        verify_proof(write_proof(replace(other, opened=row.opened)), [VKEY])
    shifted = replace(row.opened, random=row.opened.random[1:] + b"\0", record=row.opened.record)
    with pytest.raises(ProofRefused, match="does not lead"):
        verify_proof(write_proof(replace(row, opened=shifted)), [VKEY])


def test_an_entry_that_is_no_fact_is_refused() -> None:
    """Signed and included, but not in a form whose meaning we know."""
    from audit import merkle
    from audit.tree_head import Checkpoint

    note = SIGNER.sign_text(Checkpoint(SIGNER.origin, 1, merkle.root_of([b"\x01"])).text)

    with pytest.raises(ProofRefused, match="not a fact"):
        verify_proof(write_proof(Proof(b"\x01", 0, (), note)), [VKEY])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lauter-proof@v1", "lauter-proof@v2"),
        ("lauter-proof@v1\n", ""),
        ("position 280", "position 0280"),
        ("position 280\n", ""),
        ("index 4", "index 04"),
        ("index 4", "index -4"),
        ("index 4\n", ""),
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra \n"),
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra AAAA\n"),
        ("random ", "random AAAA"),
        ("random ", "random  "),
        ("record ", "Record "),
        ("\nfact ", "\nAAAA\nfact "),
        ("\n", "\r\n"),
        ("\n\n", "\n\n\n"),
    ],
)
def test_another_way_to_write_a_proof_is_refused(row_proof: bytes, old: str, new: str) -> None:
    """One form only: what two programs could read differently is not read."""
    altered = row_proof.decode().replace(old, new, 1).encode()

    assert altered != row_proof
    with pytest.raises(ProofRefused):
        verify_proof(altered, [VKEY])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\n\n\n\n", b"\xff", b"x" * (1 << 20), b"x" * ((1 << 20) + 1)])
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    """Never another exception, however odd the file."""
    with pytest.raises(ProofRefused):
        verify_proof(data, [VKEY])


def test_a_proof_needs_a_checkpoint_that_holds_the_entry(work: Database) -> None:
    """An entry younger than the last signature cannot be proven yet; the message says what to do."""
    checked = CheckedLog(work)
    checked.append(a_fact(0))
    with work.reading() as connection:
        with pytest.raises(Refused, match="audit checkpoint"):
            prove.prove_fact(connection, 0)
        with pytest.raises(NotFound):
            prove.prove_fact(connection, 1)
        with pytest.raises(BadInput, match="no bulk act"):
            prove.prove_row(connection, 0, 0, RowsInMemory())
    checked.sign()
    checked.append(a_fact(1))
    with work.reading() as connection:
        assert verify_proof(prove.prove_fact(connection, 0), [VKEY]).checkpoint.size == 1
        with pytest.raises(Refused):
            prove.prove_fact(connection, 1)
        assert checkpoint.latest(connection) is not None


def test_the_command_verifies_without_database(row_proof: bytes, tmp_path: Path) -> None:
    """`python -m audit.verify` on a machine with nothing of ours: 0 holds, 1 refused, 2 unreadable (LOG-8)."""
    file = tmp_path / "row.lauter-proof"
    file.write_bytes(row_proof)
    command = [sys.executable, "-m", "audit.verify", str(file), "--vkey", VKEY, "--json"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=True)

    answer = json.loads(done.stdout)

    assert answer["ok"]
    assert (answer["kind"], answer["index"], answer["opened"]["position"]) == ("run:published", 4, 280)
    assert answer["body"]["batch"] == 1


def test_the_command_tells_refused_from_unreadable(
    row_proof: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit codes as everywhere: 1 a rule says no, 2 bad input."""
    file = tmp_path / "row.lauter-proof"
    file.write_bytes(witnessed(row_proof))
    assert main([str(file), "--vkey", VKEY]) == 0
    assert "Not checked, because their keys were not given: witness.example.test/w1" in capsys.readouterr().out

    file.write_bytes(row_proof.replace(b"index 4", b"index 5"))
    assert main([str(file), "--vkey", VKEY]) == 1
    assert main([str(file), "--vkey", VKEY, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert main([str(file), "--vkey", "nonsense"]) == 2
    assert main([str(tmp_path / "missing"), "--vkey", VKEY]) == 2


def test_verification_loads_no_database() -> None:
    """Whoever checks us needs neither our store nor a driver."""
    code = "import sys, audit.verify; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, check=True)

    loaded = set(ast.literal_eval(done.stdout.decode()))
    assert "audit" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "sqlite3", "psycopg", "numpy", "pandas"})
