"""A fact tells what happened and cannot carry whom it happened to."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import encoding
from audit.errors import Broken, FactRefused
from audit.fact import Fact, parse_fact
from tests.audit.builders import NOON, a_fact

HANDLE = bytes(range(16))
TOKENS = st.text("ABYZabyz0189_.:/+-", max_size=80)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=64) | TOKENS


class Word(StrEnum):
    """An enumeration as other packages have them."""

    GIVEN = "given"


def test_the_bytes_of_a_fact_never_change() -> None:
    """Golden bytes of version 1: the leaf hash of ten years ago must still follow (LOG-7)."""
    fact = Fact("run:published", "engine", NOON, {"run": 7, "model": b"\xaa\xbb", "tags": ["a", None, True]}, (42,))

    golden = """
        a6 6176 01
        626174 1b000660dc3778d000
        64626f6479 a3 6372756e 07 6474616773 836161f6f5 656d6f64656c 42aabb
        646b696e64 6d72756e3a7075626c6973686564
        656163746f72 66656e67696e65
        6668616e646c65 50000102030405060708090a0b0c0d0e0f
    """
    assert fact.encode(handle=HANDLE) == bytes.fromhex(golden)


def test_subjects_never_enter_the_hashed_bytes() -> None:
    """Whom it concerns stands beside the bytes and dies with the person (ERA-2, LOG-6)."""
    assert a_fact(subjects=(123_456_789,)).encode(handle=HANDLE) == a_fact().encode(handle=HANDLE)
    assert parse_fact(a_fact(subjects=(1,)).encode()).subjects == ()


def test_equal_facts_have_different_bytes() -> None:
    """Sixteen random bytes make each leaf unguessable and two entries unlinkable (LOG-6)."""
    assert a_fact().encode() != a_fact().encode()


@given(st.dictionaries(TOKENS.filter(bool), SCALARS | st.lists(SCALARS, max_size=4), max_size=5))
def test_a_fact_is_read_as_it_was_written(body: Any) -> None:
    """Lists come back as tuples, and nothing else changes."""
    fact = Fact("a:b", "engine", NOON, body)

    assert parse_fact(fact.encode()) == fact


@pytest.mark.parametrize(
    "value",
    [
        "max.mustermann@example.org",
        "Erika Mustermann",
        "Müller",
        "free text, with a comma",
        "line\nbreak",
        "token\n",
        "x" * 81,
        "\x00",
        1.5,
        float("inf"),
        2**63,
        b"x" * 65,
        {"nested": 1},
        [["nested"]],
        [1.0],
        ["a b"],
        {1, 2},
        NOON,
    ],
)
def test_names_addresses_free_text_and_floats_are_refused(value: Any) -> None:
    """Hashed bytes stay for ever: what could be personal must not get there (Article 5(1)(c), LOG-6)."""
    with pytest.raises(FactRefused) as refusal:
        a_fact(note=value)

    assert "note" in str(refusal.value)
    assert str(value) not in str(refusal.value), "the message would leak what was refused"


@pytest.mark.parametrize(
    "kind", ["", "run", "run:", ":x", "Run:published", "run:published\n", "run-x:y", "a:b:c", "a1:b", None]
)
def test_a_kind_reads_noun_verbed(kind: Any) -> None:
    """The vocabulary of the log has one grammar."""
    with pytest.raises(FactRefused):
        Fact(kind, "engine", NOON)


@pytest.mark.parametrize("actor", ["", "Erika Mustermann", "a@example.org", "x" * 81, "engine\n", None])
def test_an_actor_is_a_role_and_a_handle(actor: Any) -> None:
    """Staff stand in the log by role (§ 26 BDSG, LOG-14)."""
    with pytest.raises(FactRefused):
        Fact("a:b", actor, NOON)


@pytest.mark.parametrize("key", ["", "two words", "a@b", "x" * 81, 7])
def test_a_key_of_the_body_is_a_token(key: Any) -> None:
    """A key is no back door for text."""
    with pytest.raises(FactRefused):
        Fact("a:b", "engine", NOON, {key: 1})


def test_a_time_without_zone_is_refused() -> None:
    """Without a zone nobody can say which came first."""
    with pytest.raises(FactRefused, match="time zone"):
        Fact("a:b", "engine", datetime(2026, 1, 1))


def test_a_subject_is_an_integer() -> None:
    """A reference of the controller is personal; the integer of the work database never leaves it."""
    with pytest.raises(FactRefused):
        Fact("a:b", "engine", NOON, {}, ("K-1001",))  # type: ignore[arg-type]


def test_a_fact_of_65536_bytes_is_refused() -> None:
    """Bulk goes into a batch, not into one entry (LOG-7)."""
    room = 65_535 - len(a_fact(items=[]).encode())
    fits = a_fact(items=["x" * 80] * 700 + [b"y" * 60] * ((room - 700 * 82 - 2) // 62))
    assert len(fits.encode()) <= 65_535

    with pytest.raises(FactRefused, match="at most 65535"):
        a_fact(items=["x" * 80] * 800).encode()


def test_a_fact_is_frozen_and_keeps_its_own_body() -> None:
    """Changing the caller's dictionary afterwards changes no fact."""
    body: dict[str, Any] = {"word": Word.GIVEN, "list": [1]}
    fact = Fact("a:b", "engine", NOON, body)
    body["word"] = "other"

    assert fact.body == {"word": "given", "list": (1,)}
    assert type(fact.body["word"]) is str
    with pytest.raises(FrozenInstanceError):
        fact.kind = "c:d"  # type: ignore[misc]
    with pytest.raises(TypeError):
        fact.body["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "no kind"},
        {"at": "2026"},
        {"at": 2**62},
        {"handle": b"short"},
        {"body": [1]},
        {"body": {"a": "two words"}},
        {"actor": 5},
        {"extra": 1},
    ],
)
def test_bytes_that_are_no_fact_of_this_version_are_refused(change: dict[str, Any]) -> None:
    """What a later version may mean differently is not guessed at."""
    good = encoding.decode(a_fact().encode())
    assert isinstance(good, dict)

    with pytest.raises(Broken):
        parse_fact(encoding.encode(good | change))
    with pytest.raises(Broken):
        parse_fact(a_fact().encode(handle=HANDLE)[:-1])


def test_a_handle_has_sixteen_bytes() -> None:
    """Fewer could be guessed."""
    with pytest.raises(FactRefused):
        a_fact().encode(handle=b"short")


@given(st.data())
def test_an_altered_byte_is_refused_or_says_something_else_canonically(data: st.DataObject) -> None:
    """No second byte string for one fact (LOG-7): what is read again gives just these bytes."""
    good = bytearray(a_fact(numbers=(1, 2**40, -3), digest=b"x" * 32, word="a.b", no=None).encode(handle=HANDLE))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    try:
        again = parse_fact(bytes(good))
    except Broken:
        return
    value: Any = encoding.decode(bytes(good))
    assert again.encode(handle=value["handle"]) == bytes(good)
