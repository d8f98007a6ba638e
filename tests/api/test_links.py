"""Opaque tokens: nobody reads, makes or changes one without the key (SEC-11, PSE-4)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.links import Links, new_secret, secret_hash
from governance.keys import Key, KeyRing, KeyRole
from governance.sealing import NONCE_BYTES

OLD, NEW = Key(KeyRole.LINK, 1, b"\1" * 32), Key(KeyRole.LINK, 2, b"\2" * 32)
LINKS = Links(KeyRing((OLD,)))
content = st.binary(max_size=64)


@given(content, content)
def test_what_is_sealed_for_one_use_opens_for_that_use_alone(inside: bytes, row: bytes) -> None:
    """Either way of sealing; a token of another use means nothing."""
    for token in (LINKS.seal("a", inside), LINKS.sealer("a")(inside, row)):
        assert LINKS.open("a", token) == inside
        assert LINKS.open("b", token) is None


@given(content)
def test_a_token_in_a_mail_is_another_one_each_time(inside: bytes) -> None:
    """Two mails to one person cannot be laid side by side."""
    assert LINKS.seal("a", inside) != LINKS.seal("a", inside)


@given(content, content)
def test_a_token_in_a_file_is_the_same_for_the_same_row(inside: bytes, row: bytes) -> None:
    """A file is rendered twice and compared by its hash."""
    assert LINKS.sealer("a")(inside, row) == LINKS.sealer("a")(inside, row)


@example({(b"bc", b"a"), (b"c", b"ab")})
@given(st.sets(st.tuples(content, content), min_size=2, max_size=20))
def test_other_rows_or_contents_never_share_a_nonce(rows: set[tuple[bytes, bytes]]) -> None:
    """Parts are told apart by their lengths: no two lists of parts give one nonce (NIST SP 800-38D)."""
    tokens = [LINKS.sealer("a")(inside, row) for inside, row in rows]
    raw = [base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) for token in tokens]
    assert len({each[1 : 1 + NONCE_BYTES] for each in raw}) == len(rows)


def test_after_a_rotation_old_tokens_open_and_new_ones_are_under_the_new_key() -> None:
    """A link of last year works until its key is destroyed."""
    old = LINKS.seal("a", b"x")
    both = Links(KeyRing((OLD, NEW)))
    assert both.open("a", old) == b"x"
    assert LINKS.open("a", both.seal("a", b"x")) is None
    assert LINKS.open("a", both.sealer("a")(b"x", b"row")) is None
    assert Links(KeyRing((NEW,))).open("a", old) is None


@pytest.mark.parametrize("token", ["", "A", "=", "ä", "A" * 1000, "../..", "\ud800", "AQ", "A\n"])
def test_what_is_no_token_opens_to_nothing(token: str) -> None:
    """No exception, no answer."""
    assert LINKS.open("a", token) is None


def test_a_single_use_secret_has_160_bits_and_only_its_hash_is_kept() -> None:
    """At least 128 bits are asked for (SEC-11)."""
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 27
    assert len(secret_hash("x")) == 32
