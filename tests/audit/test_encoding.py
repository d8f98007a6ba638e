"""A value has one form in bytes, and nothing that could change in it or grow without bound gets in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import encoding
from audit.errors import Broken, FactRefused

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=64) | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=5) | st.dictionaries(st.text(max_size=10), SCALARS, max_size=5)


def test_the_bytes_of_a_value_never_change() -> None:
    """Golden bytes: a later version must write the same (LOG-7, RFC 8949, section 4.2.1)."""
    value: encoding.Value = {"zz": [True, None, -1, 23, 24], "b": b"\x00\xff", "a": "Z", "c": {"x": 2**40}}

    # A map of four, keys by length, then by bytes: a, b, c and zz.
    golden = "a4 6161 615a 6162 4200ff 6163 a161781b0000010000000000 627a7a 85f5f620171818"
    assert encoding.encode(value) == bytes.fromhex(golden)


@given(VALUES)
def test_what_was_written_is_read_again(value: Any) -> None:
    """Equal values, equal bytes, and back."""
    data = encoding.encode(value)

    assert encoding.decode(data) == value
    assert encoding.encode(encoding.decode(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("1800", id="zero in two bytes"),
        pytest.param("fb3ff0000000000000", id="a float"),
        pytest.param("f93c00", id="a half float"),
        pytest.param("9f01ff", id="a list of indefinite length"),
        pytest.param("7f6161ff", id="text of indefinite length"),
        pytest.param("a2616101616102", id="one key twice"),
        pytest.param("a2616201616101", id="keys out of order"),
        pytest.param("a10101", id="a key that is a number"),
        pytest.param("616100", id="a byte too many"),
        pytest.param("6261", id="a byte too few"),
        pytest.param("", id="nothing"),
        pytest.param("c11a514b67b0", id="a tag"),
        pytest.param("c249010000000000000000", id="a big integer"),
        pytest.param("c482393b3b196ab3", id="a decimal fraction"),
        pytest.param("f7", id="undefined"),
        pytest.param("61ff", id="text that is not UTF-8"),
        pytest.param("8181818181818100", id="too deep"),
    ],
)
def test_another_form_of_the_same_value_is_refused(data: str) -> None:
    """Two byte strings for one value would be two hashes for one fact."""
    with pytest.raises(Broken):
        encoding.decode(bytes.fromhex(data))


@given(st.binary(max_size=40))
def test_random_bytes_are_refused_or_canonical(data: bytes) -> None:
    """No third way, and no other exception."""
    try:
        value = encoding.decode(data)
    except Broken:
        return
    assert encoding.encode(value) == data


@pytest.mark.parametrize("value", [1.0, float("nan"), {1: 2}, {"a": {1}}, 2**63, -(2**63) - 1, object(), [[[[[1]]]]]])
def test_what_has_no_place_is_refused(value: Any) -> None:
    """Floats most of all: they print differently on two machines."""
    with pytest.raises(FactRefused):
        encoding.encode(value)


def test_an_entry_has_at_most_65535_bytes() -> None:
    """tlog-tiles stores the length in 16 bits (LOG-7)."""
    assert len(encoding.encode(b"x" * 65_532)) == 65_535

    with pytest.raises(FactRefused, match="65536 bytes"):
        encoding.encode(b"x" * 65_533)
    with pytest.raises(Broken):
        encoding.decode(b"\x5a" + (65_533).to_bytes(4, "big") + b"x" * 65_533)
