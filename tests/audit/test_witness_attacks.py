"""Strangers call a witness: slow, many, lying. It answers by the protocol and keeps nothing of them (LOG-3)."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

import pytest
from sqlalchemy.exc import OperationalError

from audit import witness_state
from audit.witness import Witness, open_witness
from audit.witness_server import serve_witness
from tests.audit.builders import NOON, SIGNER, cosigned
from tests.audit.test_witness import NAME, asked, note_of, proof_of

JUNK = (b"\x01" * 32,)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    """A witness that has seen five entries."""
    made = open_witness(tmp_path / "w", NAME, [SIGNER.vkey])
    assert made.add_checkpoint(asked(0, note_of(5)), now=NOON).status == 200
    yield made
    made.state.close()


@contextmanager
def listening(witness: Witness, *, patience: float = 30.0, most: int = 8) -> Iterator[int]:
    """The witness at a port."""
    server = serve_witness(witness, "127.0.0.1", 0, clock=lambda: NOON, patience=patience, most=most)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def head_of(length: str, *more: str) -> bytes:
    """The head of a request."""
    lines = ("POST /add-checkpoint HTTP/1.1", "Host: w", f"Content-Length: {length}", *more)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def said(port: int, data: bytes, *, ends: bool = True) -> bytes:
    """What is answered to these bytes before the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(data)
        if ends:
            line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(4096), b""))


def kept(witness: Witness) -> list[str]:
    """The evidence."""
    with witness.state.reading() as connection:
        return witness_state.kept_evidence(connection, SIGNER.origin)


def seen_size(witness: Witness) -> int:
    """How far the witness followed."""
    with witness.state.reading() as connection:
        last = witness_state.last_seen(connection, SIGNER.origin)
    return last.size if last else 0


def test_nobody_can_crowd_out_the_evidence_of_a_fork(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send an honest checkpoint with a false proof; what the log itself forked still finds a place."""
    monkeypatch.setattr(witness_state, "MOST_EVIDENCE", 3)
    for size in range(6, 12):
        assert witness.add_checkpoint(asked(5, note_of(size), JUNK), now=NOON).status == 422
    assert len(kept(witness)) == 3

    assert witness.add_checkpoint(asked(5, note_of(5, fork=True)), now=NOON).status == 409
    assert note_of(5, fork=True) in kept(witness)
    for size in range(12, 20):
        witness.add_checkpoint(asked(5, note_of(size), JUNK), now=NOON)
    assert note_of(5, fork=True) in kept(witness)
    assert len(kept(witness)) == 3


def test_lines_that_strangers_add_are_not_kept(witness: Witness) -> None:
    """Neither beside evidence nor beside what was cosigned: they could say anything about anybody."""
    for number in range(3):
        strange = cosigned(note_of(8), f"strange.example.test/{number}", bytes([number]) * 32, 1_679_315_147)
        assert witness.add_checkpoint(asked(5, strange, JUNK), now=NOON).status == 422
    assert kept(witness) == [note_of(8)]

    assert witness.add_checkpoint(asked(5, strange, proof_of(5, 8)), now=NOON).status == 200
    with witness.state.reading() as connection:
        last = witness_state.last_seen(connection, SIGNER.origin)
    assert last is not None
    assert last.note == note_of(8)


@pytest.mark.parametrize(
    "head",
    [
        head_of("9" * 5000),
        head_of("-1"),
        head_of("+5"),
        head_of("٥"),
        head_of("65537"),
        head_of("5", "Content-Length: 6"),
        head_of("5", "Transfer-Encoding: chunked"),
    ],
)
def test_a_length_that_cannot_be_meant_is_refused_and_hung_up_on(witness: Witness, head: bytes) -> None:
    """Two readings of one request would let a second one hide in the first (RFC 9112 6.3)."""
    with listening(witness) as port:
        assert said(port, head + b"0\r\n\r\n", ends=False).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_was_cut_off_is_not_cosigned(witness: Witness) -> None:
    """Even where what arrived would be a request of its own."""
    body = asked(5, note_of(8), proof_of(5, 8))
    with listening(witness) as port:
        assert said(port, head_of(str(len(body) + 1)) + body).startswith(b"HTTP/1.1 400 ")
        assert seen_size(witness) == 5
        assert said(port, head_of(str(len(body))) + body).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"", b"POST /add-ch", head_of("500") + b"old 5\n"])
def test_a_slow_client_is_hung_up_on(witness: Witness, begun: bytes) -> None:
    """Whole requests have a time, not single bytes: nobody holds a thread by a byte now and then."""
    with listening(witness, patience=0.2) as port:
        assert b"200" not in said(port, begun, ends=False)


def test_too_many_at_once_are_turned_away_and_the_next_is_served(witness: Witness) -> None:
    """A place that was left is free again."""
    with listening(witness, most=1) as port:
        first = HTTPConnection("127.0.0.1", port, timeout=10)
        first.request("GET", "/")
        assert first.getresponse().read()
        assert said(port, b"", ends=False) == b""
        first.close()

        answers = iter(lambda: _asks(port), None)
        assert b"200" in next(answer for answer in answers if answer)


def _asks(port: int) -> bytes:
    """One request on a connection of its own; nothing while the place is not given back yet."""
    try:
        return said(port, b"GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n", ends=False)
    except ConnectionResetError:
        return b""


def _hang_up_hard(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(head_of("500") + b"old")


def _too_long(port: int) -> None:
    said(port, head_of("9" * 5000))


@pytest.mark.parametrize("rude", [_hang_up_hard, _too_long])
def test_no_address_of_a_caller_is_written_anywhere(
    witness: Witness, rude: Callable[[int], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """An address is personal data (ASVS 16.2.5): whatever a client does, nothing is printed."""
    with listening(witness) as port:
        for _ in range(5):
            rude(port)
        assert b"200" in said(port, b"GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n")
    assert capfd.readouterr() == ("", "")


def test_a_state_that_cannot_be_read_is_said_and_nothing_is_cosigned(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk is no reason to hang up without a word, nor to sign."""

    def broken(*_: object) -> None:
        raise OperationalError("", {}, Exception("disk full"))

    monkeypatch.setattr(witness_state, "remember", broken)
    body = asked(5, note_of(8), proof_of(5, 8))
    with listening(witness) as port:
        answer = said(port, head_of(str(len(body)), "Connection: close") + body)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert NAME.encode() not in answer
    assert capfd.readouterr() == ("", "")
    assert seen_size(witness) == 5


def test_two_processes_on_one_memory_cosign_one_history(tmp_path: Path) -> None:
    """Started twice by mistake, one of them killed: of two heads of one size the witness cosigns one."""
    folder = tmp_path / "w"
    open_witness(folder, NAME, [SIGNER.vkey]).state.close()
    with a_process(folder) as (first, one), a_process(folder) as (second, other):
        assert _posted(one, asked(0, note_of(8))) == 200
        first.kill()
        assert _posted(other, asked(0, note_of(8, fork=True))) == 409
        assert _posted(other, asked(8, note_of(8, fork=True))) == 409
        assert _posted(other, asked(8, note_of(8))) == 200
        assert second.poll() is None


@contextmanager
def a_process(folder: Path) -> Iterator[tuple[Popen[bytes], int]]:
    """`lauter audit witness`, listening, for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    program = [sys.executable, "-c", "from api.cli import main; main()", "audit", "witness", "--state", str(folder)]
    options = ["--name", NAME, "--log", SIGNER.vkey, "--listen", f"127.0.0.1:{port}"]
    with Popen([*program, *options], stdout=PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(NAME.encode())
            yield process, port
        finally:
            process.kill()


def _posted(port: int, body: bytes) -> int:
    """The status."""
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("POST", "/add-checkpoint", body)
        return line.getresponse().status
    finally:
        line.close()
