"""A witness cosigns one history of a log, whoever asks, however often, and whenever its machine dies (LOG-3, T25)."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from audit import log, witness_state
from audit.cosignature import Cosigner, Submission, accepted_lines, add_lines, parse_submission, write_submission
from audit.database import Database
from audit.errors import BadInput, ProofRefused
from audit.merkle import EMPTY_ROOT, root_of
from audit.note import LogVerifier, encode_base64
from audit.tree_head import Checkpoint, open_checkpoint
from audit.witness import Witness, open_witness
from audit.witness_server import serve_witness
from tests.audit.builders import NOON, SIGNER, a_fact, cosigned

NAME = "witness.example.test/w1"
VECTOR = """audit.example.test/log1
8
XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

— audit.example.test/log1 G3mApBr1WBzU30xgIoZ9eHrlYQc/ods3eL+5BhIShn9BGV0zeVSDlOWUJy4GWg+66yPSwjYAkGio/WsxsLrd1YtFzQc=
"""
COSIGNED = (
    "— witness.example.test/w1 tPWauQAAAABkGFDLbmUpofsa24MNuONvZZ5DUyUuyY/BgddEpy6jPF3kXAyJBBRTgoIG4yltCRjnDLFobQz3fmzT"
    "aAJRJ28tQDndCg==\n"
)
VKEY = "witness.example.test/w1+b4f59ab9+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"


def leaf(number: int) -> bytes:
    """The data of an entry."""
    return b"entry %d" % number


def note_of(size: int, *, fork: bool = False) -> str:
    """The log's checkpoint of a size; a fork has another last entry."""
    data = [leaf(number) for number in range(size)]
    if fork:
        data[-1] = b"another"
    return SIGNER.sign_text(Checkpoint(SIGNER.origin, size, root_of(data)).text)


def proof_of(old: int, new: int) -> tuple[bytes, ...]:
    """The consistency proof between two sizes of the honest log."""
    from audit.merkle import consistency_ranges

    return tuple(root_of([leaf(n) for n in range(*span)]) for span in consistency_ranges(old, new))


def asked(old: int, note: str, proof: tuple[bytes, ...] = ()) -> bytes:
    """An add-checkpoint request."""
    return write_submission(Submission(old, proof, note))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness of the log of these tests."""
    return open_witness(tmp_path / "w", NAME, [SIGNER.vkey])


def test_a_cosignature_is_the_published_one_byte_for_byte() -> None:
    """Vector 3.3: key, signed bytes, time and line (C2SP tlog-cosignature v1.0.1)."""
    from datetime import UTC, datetime

    cosigner = Cosigner(NAME, b"\x02" * 32)
    text = VECTOR[: VECTOR.rindex("\n\n") + 1]

    assert cosigner.vkey == VKEY
    assert cosigner.cosign(text, now=datetime.fromtimestamp(1_679_315_147, UTC)) == COSIGNED
    opened = open_checkpoint(VECTOR + COSIGNED, [SIGNER.verifier, LogVerifier(VKEY)])
    assert [str(signature) for signature in opened.note.verified] == [
        "audit.example.test/log1+1b7980a4",
        "witness.example.test/w1+b4f59ab9",
    ]
    assert opened.note.verified[1].witnessed_at == datetime.fromtimestamp(1_679_315_147, UTC)


def test_each_checkpoint_that_follows_is_cosigned(witness: Witness) -> None:
    """From nothing, further on, and once more for a newer time; a cosignature verifies."""
    steps = [(0, 5, ()), (5, 8, proof_of(5, 8)), (8, 8, ()), (8, 300, proof_of(8, 300))]
    for hours, (old, new, proof) in enumerate(steps):
        answer = witness.add_checkpoint(asked(old, note_of(new), proof), now=NOON + timedelta(hours=hours))
        assert (answer.status, answer.body.count("\n")) == (200, 1)
        found = accepted_lines(note_of(new), answer.body, [LogVerifier(witness.cosigner.vkey)])
        assert [signature.witnessed_at for signature, _ in found] == [NOON + timedelta(hours=hours)]


def test_an_empty_log_can_be_witnessed(witness: Witness) -> None:
    """Size 0 has the root of nothing and no other."""
    empty = SIGNER.sign_text(Checkpoint(SIGNER.origin, 0, EMPTY_ROOT).text)
    other = SIGNER.sign_text(Checkpoint(SIGNER.origin, 0, b"\x07" * 32).text)

    assert witness.add_checkpoint(asked(0, empty), now=NOON).status == 200
    assert witness.add_checkpoint(asked(0, other), now=NOON).status == 409


def test_every_refusal_has_the_status_of_the_protocol(witness: Witness) -> None:
    """400, 403, 404, 409 with the size, 422: as C2SP tlog-witness v1.0.0 says, and nothing is remembered."""
    stranger = SIGNER.sign_text(Checkpoint("other.example.test/log", 5, root_of(map(leaf, range(5)))).text)
    unsigned = note_of(5).replace("— audit.example.test/log1 G3mA", "— audit.example.test/log1 AAAA")
    assert witness.add_checkpoint(asked(0, note_of(5)), now=NOON).status == 200
    wrong = (b"\x01" * 32,)
    cases = [
        (asked(5, stranger), 404),
        (asked(5, unsigned), 403),
        (asked(9, note_of(5)), 400),
        (asked(4, note_of(8), proof_of(4, 8)), 409),
        (asked(6, note_of(8), proof_of(6, 8)), 409),
        (asked(0, note_of(8), proof_of(5, 8)), 409),
        (asked(5, note_of(8)), 422),
        (asked(5, note_of(8), wrong * 4), 422),
        (asked(5, note_of(8, fork=True), proof_of(5, 8)), 422),
        (asked(5, note_of(5, fork=True)), 409),
        (asked(5, note_of(5), wrong), 422),
        (b"", 400),
        (b"old 5\n", 400),
        (b"old 05\n\n" + note_of(5).encode(), 400),
        (b"old -1\n\n" + note_of(5).encode(), 400),
        (b"new 5\n\n" + note_of(5).encode(), 400),
        (b"old 5\nAAAA\n\n" + note_of(5).encode(), 400),
        (b"old 5\n" + (encode_base64(b"\x01" * 32).encode() + b"\n") * 64 + b"\n" + note_of(5).encode(), 400),
        (b"old 5\n\nno checkpoint", 400),
        (b"\xff", 400),
    ]
    for body, status in cases:
        answer = witness.add_checkpoint(body, now=NOON)
        assert answer.status == status, body[:60]
        if status == 409:
            assert (answer.content_type, answer.body) == ("text/x.tlog.size", "5\n")
    with witness.state.reading() as connection:
        last = witness_state.last_seen(connection, SIGNER.origin)
    assert last is not None
    assert last.note == note_of(5)


def test_a_proof_from_nothing_is_refused(tmp_path: Path) -> None:
    """The first checkpoint needs none and may have none."""
    witness = open_witness(tmp_path, NAME, [SIGNER.vkey])

    assert witness.add_checkpoint(asked(0, note_of(5), (b"\x01" * 32,)), now=NOON).status == 422


def test_a_fork_is_never_cosigned_and_is_kept_as_evidence(witness: Witness) -> None:
    """Two checkpoints of one size: the second one is refused, and both signatures of the log are at hand (LOG-3)."""
    witness.add_checkpoint(asked(0, note_of(8)), now=NOON)
    answer = witness.add_checkpoint(asked(8, note_of(8, fork=True)), now=NOON)

    assert (answer.status, answer.body) == (409, "8\n")
    with witness.state.reading() as connection:
        kept = witness_state.kept_evidence(connection, SIGNER.origin)
    assert kept == [note_of(8, fork=True)]
    for note in (*kept, note_of(8)):
        assert open_checkpoint(note, [SIGNER.verifier]).checkpoint.size == 8


def test_of_two_requests_at_once_one_waits_and_is_told_the_size(tmp_path: Path) -> None:
    """Check and persistence are one step: no witness rolls back what it cosigned."""
    witness = open_witness(tmp_path, NAME, [SIGNER.vkey])
    witness.add_checkpoint(asked(0, note_of(5)), now=NOON)
    requests = [asked(5, note_of(size), proof_of(5, size)) for size in range(6, 14)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: witness.add_checkpoint(body, now=NOON), requests))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    won = next(size for size, answer in zip(range(6, 14), answers, strict=True) if answer.status == 200)
    assert {answer.body for answer in answers if answer.status == 409} == {f"{won}\n"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_was_answered_is_on_disk_when_the_witness_is_killed(tmp_path: Path) -> None:
    """Killed at each statement: either nothing happened, or the size stands and no fork of it is cosigned."""
    for step in range(1, 30):
        folder = tmp_path / str(step)
        open_witness(folder, NAME, [SIGNER.vkey]).state.close()
        child = os.fork()
        if child == 0:
            _ask_and_die(folder, step)
        _, status = os.waitpid(child, 0)
        witness = open_witness(folder, NAME, [SIGNER.vkey])
        with witness.state.reading() as connection:
            last = witness_state.last_seen(connection, SIGNER.origin)
        if last is not None:
            assert witness.add_checkpoint(asked(0, note_of(8, fork=True)), now=NOON).status == 409
        witness.state.close()
        if os.WIFEXITED(status):
            assert last is not None
            return
    raise AssertionError("the child never came to an end")


def _ask_and_die(folder: Path, step: int) -> None:
    """In the child: one request, and SIGKILL at the given statement."""
    from sqlalchemy import event

    witness = open_witness(folder, NAME, [SIGNER.vkey])
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(witness.state.engine, moment, count)
    witness.add_checkpoint(asked(0, note_of(8)), now=NOON)
    os._exit(0)


def test_a_witness_that_lost_its_memory_does_not_start_again(tmp_path: Path) -> None:
    """Under the same key it could cosign a second history."""
    open_witness(tmp_path, NAME, [SIGNER.vkey]).state.close()
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    for path in tmp_path.glob("witness.db*"):
        path.unlink()

    with pytest.raises(BadInput, match="restore it"):
        open_witness(tmp_path, NAME, [SIGNER.vkey])


def test_a_witness_takes_logs_keys_alone(tmp_path: Path) -> None:
    """Not those of witnesses, and none twice."""
    for number, keys in enumerate(([VKEY], [SIGNER.vkey, SIGNER.vkey], ["nonsense"])):
        with pytest.raises(BadInput):
            open_witness(tmp_path / str(number), NAME, keys)


def test_lines_of_strangers_in_an_answer_are_ignored_and_false_ones_refused() -> None:
    """Only cosignatures over this checkpoint by known witnesses are kept (C2SP tlog-witness)."""
    note = note_of(5)
    theirs = cosigned(note, NAME, b"\x02" * 32, 1_679_315_147)[len(note) :]
    strange = cosigned(note, "w.example.test/x", b"\x09" * 32, 1_679_315_147)[len(note) :]
    false = cosigned(note_of(6), NAME, b"\x02" * 32, 1_679_315_147)[len(note_of(6)) :]

    assert [line for _, line in accepted_lines(note, strange + theirs, [LogVerifier(VKEY)])] == [theirs]
    assert add_lines(add_lines(note, [theirs]), [theirs]) == note + theirs
    for answer in (false, strange, "", "ok\n"):
        with pytest.raises(ProofRefused):
            accepted_lines(note, answer, [LogVerifier(VKEY)])


def test_a_submission_is_read_as_it_was_written() -> None:
    """Old size, hashes, blank line, note."""
    submission = Submission(5, proof_of(5, 8), note_of(8))

    assert parse_submission(write_submission(submission)) == submission


def test_the_witness_answers_over_http(witness: Witness) -> None:
    """One connection for several requests; only its one address and method, and no endless body."""
    server = serve_witness(witness, "127.0.0.1", 0, clock=lambda: NOON, prefix="/w")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)

        def call(method: str, path: str, body: bytes | None = None) -> tuple[int, str, str]:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()

        assert call("POST", "/w/add-checkpoint", asked(0, note_of(5)))[0] == 200
        assert call("POST", "/w/add-checkpoint", asked(0, note_of(8))) == (409, "text/x.tlog.size", "5\n")
        assert call("POST", "/w/add-checkpoint", asked(5, note_of(8), proof_of(5, 8)))[0] == 200
        assert call("POST", "/add-checkpoint", b"")[0] == 404
        assert call("GET", "/w/") == (200, "text/plain; charset=utf-8", witness.cosigner.vkey + "\n")
        assert call("GET", "/w/add-checkpoint")[0] == 404
        connection.request("POST", "/w/add-checkpoint", headers={"Content-Length": "70000"})
        assert connection.getresponse().status == 400
    finally:
        server.shutdown()
        server.server_close()


def test_a_log_and_a_witness_agree_over_a_real_log(sqlite_work: Database, tmp_path: Path) -> None:
    """Entries appended, signed and proven from stored nodes; each growth is cosigned."""
    from audit import checkpoint

    witness, old = open_witness(tmp_path / "w", NAME, [SIGNER.vkey]), 0
    with sqlite_work.writing() as connection:
        log.initialise(connection)
    for grow in (1, 2, 7, 100, 333):
        with sqlite_work.writing() as connection:
            log.append(connection, [a_fact(number) for number in range(grow)])
        with sqlite_work.writing() as connection:
            note = checkpoint.sign(connection, SIGNER, now=NOON)
            size = checkpoint.note_claim(note).size
            proof = tuple(log.consistency_proof(connection, old, size))
        assert witness.add_checkpoint(asked(old, note, proof), now=NOON).status == 200
        old = size
