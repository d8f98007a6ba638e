"""A checkpoint is signed once for a size, byte for byte as C2SP says, and never over an altered past."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from audit import checkpoint, log, store, tables
from audit.checkpoint import Checkpoint, LogSigner, LogVerifier, open_checkpoint, parse_checkpoint
from audit.database import Database
from audit.errors import BadInput, Broken, ProofRefused
from tests.audit.builders import NOON, SIGNER, CheckedLog, a_fact, a_witness, cosigned

LOG_KEY = "audit.example.test/log1+1b7980a4+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
WITNESS_KEY = "witness.example.test/w1+b4f59ab9+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
SIGNED = (
    "audit.example.test/log1\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
    "\u2014 audit.example.test/log1 "
    "G3mApBr1WBzU30xgIoZ9eHrlYQc/ods3eL+5BhIShn9BGV0zeVSDlOWUJy4GWg+66yPSwjYAkGio/WsxsLrd1YtFzQc=\n"
    "\u2014 witness.example.test/w1 "
    "tPWauQAAAABkGFDLbmUpofsa24MNuONvZZ5DUyUuyY/BgddEpy6jPF3kXAyJBBRTgoIG4yltCRjnDLFobQz3fmzTaAJRJ28tQDndCg==\n"
)


def test_a_checkpoint_has_the_published_bytes() -> None:
    """Requirements 3.3: the log's line and the witness's, from their seeds."""
    note = SIGNER.sign_text(Checkpoint("audit.example.test/log1", 8, ROOT).text)

    assert SIGNER.vkey == LOG_KEY
    assert cosigned(note, "witness.example.test/w1", b"\x02" * 32, 1_679_315_147) == SIGNED


def test_the_published_checkpoint_opens_for_log_and_witness() -> None:
    """Both lines are verified, and the text says origin, size and root."""
    signed = open_checkpoint(SIGNED, [LogVerifier(LOG_KEY), LogVerifier(WITNESS_KEY)])

    assert signed.checkpoint == Checkpoint("audit.example.test/log1", 8, ROOT)
    assert len(signed.note.verified) == 2


def test_a_witness_alone_is_not_enough() -> None:
    """It has seen something; the log has to stand by it."""
    with pytest.raises(ProofRefused, match="the log that it names"):
        open_checkpoint(SIGNED, [LogVerifier(WITNESS_KEY)])


def test_a_witness_with_the_logs_name_is_still_a_witness() -> None:
    """What counts is the kind of key, not what it is called."""
    _, vkey, _ = a_witness(SIGNER.origin, b"\x02" * 32)
    note = SIGNER.sign_text(Checkpoint(SIGNER.origin, 8, ROOT).text)

    with pytest.raises(ProofRefused, match="the log that it names"):
        open_checkpoint(cosigned(note, SIGNER.origin, b"\x02" * 32, 1), [LogVerifier(vkey)])


def test_another_logs_key_does_not_sign_for_this_origin() -> None:
    """A known key may only speak for its own log."""
    other = LogSigner("other.example.test/log", b"\x03" * 32)
    note = other.sign_text(Checkpoint("audit.example.test/log1", 8, ROOT).text)

    with pytest.raises(ProofRefused, match="the log that it names"):
        open_checkpoint(note, [other.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n8\n",
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=",
        "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n08\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n+8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n-8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n\u0668\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n9223372036854775808\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQw==\n",
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n",
        "origin\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n",
    ],
)
def test_a_checkpoint_of_another_form_is_refused(text: str) -> None:
    """tlog-checkpoint: no empty line, no leading zero, 32 bytes of root."""
    with pytest.raises(ProofRefused):
        parse_checkpoint(text)


def test_extension_lines_are_read() -> None:
    """Not recommended, but allowed."""
    text = Checkpoint("o", 0, ROOT, ("one", "two")).text

    assert parse_checkpoint(text) == Checkpoint("o", 0, ROOT, ("one", "two"))


def test_a_checkpoint_covers_the_log_as_it_stands(work: Database) -> None:
    """Also of the empty log; each size has its own note."""
    checked = CheckedLog(work)
    empty = checked.sign()
    checked.append(a_fact(1), a_fact(2), a_fact(3))
    note = checked.sign()

    assert open_checkpoint(empty, [SIGNER.verifier]).checkpoint.size == 0
    with work.reading() as connection:
        assert open_checkpoint(note, [SIGNER.verifier]).checkpoint == Checkpoint(SIGNER.origin, 3, log.root(connection))
        assert checkpoint.latest(connection) == note
        assert checkpoint.covering(connection, 2) == note
        assert checkpoint.covering(connection, 3) is None


def test_nothing_is_signed_twice_for_one_size(work: Database) -> None:
    """Two notes for one size would be a fork, even by another key."""
    checked = CheckedLog(work)
    checked.append(a_fact())
    note = checked.sign()

    with work.writing() as connection:
        other = LogSigner(SIGNER.origin, b"\x09" * 32)
        assert checkpoint.sign(connection, other, now=NOON + timedelta(days=1)) == note
    checked.check(1)


def test_an_altered_past_gets_no_new_signature(work: Database) -> None:
    """Whoever rewrites what was signed cannot have the log sign it (LOG-1)."""
    checked = CheckedLog(work)
    checked.append(a_fact(1), a_fact(2))
    checked.sign()
    with work.writing() as connection:
        connection.execute(update(tables.log_node).values(hash=bytes(32)))
        log.append(connection, [a_fact(3)])

    with work.writing() as connection, pytest.raises(Broken, match="no longer begins"):
        checkpoint.sign(connection, SIGNER, now=NOON)


def test_a_truncated_log_gets_no_new_signature(work: Database) -> None:
    """Cutting the tail off after signing does not go unnoticed (T26)."""
    checked = CheckedLog(work)
    checked.append(a_fact(1), a_fact(2))
    checked.sign()
    with work.writing() as connection:
        store.write_size(connection, 1)

    with work.writing() as connection, pytest.raises(Broken, match="no longer begins"):
        checkpoint.sign(connection, SIGNER, now=NOON)


def test_a_malformed_stored_note_is_named(work: Database) -> None:
    """A note that cannot be read stops signing, and says where to look."""
    checked = CheckedLog(work)
    checked.append(a_fact(1))
    with work.writing() as connection:
        store.add_checkpoint(connection, 1, "no note", NOON)
        with pytest.raises(Broken, match="log_checkpoint"):
            checkpoint.sign(connection, SIGNER, now=NOON)


def test_the_key_is_not_printed() -> None:
    """A traceback must not hold the seed."""
    assert "seed" not in repr(SIGNER)
    with pytest.raises(BadInput):
        LogSigner("two words", b"\x01" * 32)
    with pytest.raises(BadInput):
        LogSigner("log.example.org", b"\x01" * 31)
