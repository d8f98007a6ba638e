"""Every single-byte mutation of a real proof file: all 255 other values of each byte, one after the other (LOG-8)."""

from __future__ import annotations

import pytest

from audit import log, prove
from audit.database import Database
from audit.errors import ProofRefused
from audit.policy import parse_policy
from audit.proof import parse_proof, write_proof
from audit.verify import verify_proof
from tests.audit.builders import NOON, SIGNER, a_fact, a_witness, cosigned

WITNESS = "w.example.test"
KEY = a_witness(WITNESS, b"\x02" * 32)[1]
POLICY = parse_policy(f"log {SIGNER.vkey}\nwitness w {KEY}\nquorum w\n".encode())


@pytest.fixture
def proof(sqlite_work: Database) -> bytes:
    """A file that was made from a stored log, with the line of a witness."""
    from dataclasses import replace

    from audit import checkpoint

    with sqlite_work.writing() as connection:
        log.initialise(connection)
        log.append(connection, [a_fact(number) for number in range(3)])
        checkpoint.sign(connection, SIGNER, now=NOON)
        made = parse_proof(prove.prove_fact(connection, 1))
    return write_proof(replace(made, checkpoint=cosigned(made.checkpoint, WITNESS, b"\x02" * 32, 1_679_315_147)))


def test_every_byte_of_a_proof_counts_or_is_reported_as_unknown(proof: bytes) -> None:
    """Refused, or only the witness's line was touched: then its key is unknown and no longer counts as a witness."""
    whole, unknown, line = verify_proof(proof, (), policy=POLICY), 0, proof.rindex("— ".encode())
    assert whole.witnessed_by
    for at in range(len(proof)):
        for value in set(range(256)) - {proof[at]}:
            altered = proof[:at] + bytes([value]) + proof[at + 1 :]
            try:
                found = verify_proof(altered, [SIGNER.vkey, KEY])
            except ProofRefused:
                continue
            assert at >= line, f"byte {at} was altered unnoticed"
            assert found.witnessed_by == ()
            assert len(found.unknown) == 1
            unknown += 1
            with pytest.raises(ProofRefused, match="quorum"):
                verify_proof(altered, (), policy=POLICY)
    assert unknown


def test_a_fork_of_one_size_is_told_by_the_verifier(sqlite_work: Database) -> None:
    """The log signed two roots for one size; a proof from the one does not fit the checkpoint of the other (LOG-3)."""
    from dataclasses import replace

    from audit import checkpoint
    from audit.tree_head import Checkpoint

    with sqlite_work.writing() as connection:
        log.initialise(connection)
        log.append(connection, [a_fact(number) for number in range(3)])
        note = checkpoint.sign(connection, SIGNER, now=NOON)
        made = parse_proof(prove.prove_fact(connection, 1))
    other = SIGNER.sign_text(Checkpoint(SIGNER.origin, 3, b"\x07" * 32).text)

    assert verify_proof(write_proof(made), [SIGNER.vkey]).checkpoint.size == 3
    assert note != other
    with pytest.raises(ProofRefused, match="does not lead to the root"):
        verify_proof(write_proof(replace(made, checkpoint=other)), [SIGNER.vkey])


def test_a_rotated_key_is_told_apart_from_tampering(sqlite_work: Database) -> None:
    """Old and new key sign; either verifies. An unknown key is asked for by ID, an altered text is called altered."""
    from dataclasses import replace

    from audit import checkpoint
    from audit.checkpoint import LogSigner

    newer = LogSigner(SIGNER.origin, b"\x05" * 32, (SIGNER.seed,))
    alone = LogSigner(SIGNER.origin, b"\x05" * 32)
    with sqlite_work.writing() as connection:
        log.initialise(connection)
        log.append(connection, [a_fact(1)])
        checkpoint.sign(connection, newer, now=NOON)
        both = prove.prove_fact(connection, 0)
        log.append(connection, [a_fact(2)])
        checkpoint.sign(connection, alone, now=NOON)
        later = prove.prove_fact(connection, 1)

    assert newer.vkeys == (alone.vkey, SIGNER.vkey)
    for key in newer.vkeys:
        assert len(verify_proof(both, [key]).unknown) == 1
    assert len(verify_proof(both, newer.vkeys).signed_by) == 2
    with pytest.raises(ProofRefused, match="ask the log's operator for the public key") as missing:
        verify_proof(later, [SIGNER.vkey])
    assert alone.vkey.split("+")[1] in str(missing.value)
    made = parse_proof(both)
    with pytest.raises(ProofRefused, match="altered after signing"):
        verify_proof(write_proof(replace(made, checkpoint=made.checkpoint.replace("\n1\n", "\n2\n"))), newer.vkeys)
