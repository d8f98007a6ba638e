"""Notes are signed and opened exactly as C2SP signed-note v1.0.0 says."""

from __future__ import annotations

import base64

import pytest

from audit import note
from audit.errors import BadInput, ProofRefused
from audit.note import LogVerifier, open_note
from tests.audit.builders import a_witness, cosigned

FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n"
    "\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{LINE}"


def test_the_published_notes_open() -> None:
    """C2SP signed-note and golang/mod sumdb/note (requirements 3.2)."""
    assert open_note(FOO_NOTE, [LogVerifier(FOO)]).text == "This is an example message.\n"

    opened = open_note(NOTE.encode(), [LogVerifier(PETER), LogVerifier(ENOCH)])

    assert opened.text == TEXT
    assert [str(signature) for signature in opened.verified] == ["PeterNeumann+c74f20a3"]
    assert opened.unknown == ()


def test_signing_gives_the_published_bytes() -> None:
    """Ed25519 is deterministic, so a note is byte for byte the published one."""
    assert note.verifier_key("PeterNeumann", PETER_SEED) == PETER
    assert note.sign_note(TEXT, "PeterNeumann", PETER_SEED) == NOTE


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode(), id="no signature block"),
        pytest.param(f"{TEXT}\n".encode(), id="an empty signature block"),
        pytest.param(NOTE.encode()[:-1], id="no final newline"),
        pytest.param(b"\x01" + NOTE.encode(), id="a control character"),
        pytest.param(b"\xff" + NOTE.encode(), id="not UTF-8"),
        pytest.param(NOTE.replace("\u2014 Peter", "\u2014 Peter ").encode(), id="a space in the key name"),
        pytest.param(NOTE.replace("\u2014 Peter", "\u2014 Peter\u00a0").encode(), id="a Unicode space in the key name"),
        pytest.param(NOTE.replace("\u2014 Peter", "\u2014 Peter+").encode(), id="a plus sign in the key name"),
        pytest.param(NOTE.replace("\u2014", "-").encode(), id="a hyphen for the dash"),
        pytest.param(NOTE.encode() + b"more\n", id="an extra line after the signatures"),
        pytest.param(NOTE.encode() + b"\n", id="a blank line after the signatures"),
        pytest.param(f"{TEXT}\n{LINE * 101}".encode(), id="101 signatures"),
        pytest.param(NOTE.replace("JnAM=", "JnAN=").encode(), id="slack bits in base64"),
        pytest.param(NOTE.replace("JnAM=", "JnAM").encode(), id="no padding"),
        pytest.param(f"{TEXT}\n\u2014 PeterNeumann x08g\n".encode(), id="an ID without signature"),
        pytest.param(f"{TEXT}\n\u2014 PeterNeumann\n".encode(), id="no base64"),
        pytest.param(NOTE.replace("think", "thinK").encode(), id="another text"),
        pytest.param(FOO_NOTE.encode(), id="signed by somebody else"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_malformed_note_is_refused(data: bytes) -> None:
    """The bad cases of the published tests, and base64 with slack."""
    with pytest.raises(ProofRefused):
        open_note(data, [LogVerifier(PETER), LogVerifier(ENOCH)])


def test_a_hundred_signatures_are_read() -> None:
    """At least sixteen must be accepted; the cap is Go's."""
    assert len(open_note(f"{TEXT}\n{LINE * 100}", [LogVerifier(PETER)]).verified) == 100


def test_a_known_key_that_fails_refuses_the_whole_note() -> None:
    """Even beside a good signature (signed-note, verification)."""
    enoch = base64.b64encode(bytes.fromhex("af0cfe78") + bytes(64)).decode()

    with pytest.raises(ProofRefused, match="EnochRoot"):
        open_note(f"{NOTE}\u2014 EnochRoot {enoch}\n", [LogVerifier(PETER), LogVerifier(ENOCH)])


def test_a_signature_by_an_unknown_key_is_skipped_and_named() -> None:
    """It proves nothing, and whoever verifies is told."""
    enoch = base64.b64encode(bytes.fromhex("af0cfe78") + bytes(64)).decode()

    opened = open_note(f"{NOTE}\u2014 EnochRoot {enoch}\n", [LogVerifier(PETER)])

    assert [str(signature) for signature in opened.unknown] == ["EnochRoot+af0cfe78"]


def test_the_text_ends_at_the_last_blank_line() -> None:
    """A text may hold blank lines and even what looks like signatures."""
    text = f"{NOTE}\nand below\n"
    signed = note.sign_note(text, "PeterNeumann", PETER_SEED)

    assert open_note(signed, [LogVerifier(PETER)]).text == text


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f", "C74F"),
        PETER.replace("+", "-"),
        f"{PETER}\n",
        f" {PETER}",
    ],
)
def test_a_bad_verifier_key_is_refused(vkey: str) -> None:
    """Wrong ID, unknown algorithm, or not a key at all."""
    with pytest.raises(BadInput):
        LogVerifier(vkey)


def test_no_part_and_no_slip_of_a_verifier_key_is_accepted() -> None:
    """Every substring and every single-byte increment fails, as in the published test."""
    parts = {PETER[start:stop] for start in range(len(PETER)) for stop in range(start, len(PETER) + 1)} - {PETER}
    slips = {PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :] for at in range(len(PETER))}

    for vkey in parts | slips:
        with pytest.raises(BadInput):
            LogVerifier(vkey)


def test_the_same_verifier_twice_is_ambiguous() -> None:
    """Two answers for one name and ID are no answer."""
    with pytest.raises(BadInput, match="twice"):
        open_note(NOTE, [LogVerifier(PETER), LogVerifier(PETER)])


def test_a_witness_signs_the_time_with_the_text() -> None:
    """tlog-cosignature v1: another time is another signature; a plain signature of that key is none."""
    _, vkey, identifier = a_witness("witness.example.test/w1", b"\x02" * 32)
    line = cosigned(NOTE, "witness.example.test/w1", b"\x02" * 32, 1_679_315_147)

    opened = open_note(line, [LogVerifier(vkey)])

    assert LogVerifier(vkey).is_witness
    assert opened.verified[0].witnessed_at is not None
    assert opened.verified[0].witnessed_at.isoformat() == "2023-03-20T12:25:47+00:00"
    assert open_note(line, [LogVerifier(PETER)]).verified[0].witnessed_at is None
    plain = base64.b64encode(identifier + bytes(64)).decode()
    with pytest.raises(ProofRefused):
        open_note(f"{NOTE}\u2014 witness.example.test/w1 {plain}\n", [LogVerifier(vkey)])
    assert note.Signature("w", b"1234", b"\xff" * 72).witnessed_at is None


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", ""])
def test_a_text_that_could_not_be_read_again_is_not_signed(text: str) -> None:
    """What we sign, everybody can open."""
    with pytest.raises(BadInput):
        note.sign_note(text, "PeterNeumann", PETER_SEED)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u2003b"])
def test_a_key_name_without_form_is_refused(name: str) -> None:
    """The name stands in each signature line."""
    with pytest.raises(BadInput):
        note.verifier_key(name, PETER_SEED)
    with pytest.raises(BadInput):
        note.verifier_key("PeterNeumann", PETER_SEED[:31])
