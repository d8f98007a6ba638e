"""A form with a file is read in pieces: fields first, then the file, whatever the pieces are (PRI-3)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.multipart import MOST_BEFORE_FILE, PIECE, PostedForm
from audit.errors import BadInput

TYPE = "multipart/form-data; boundary=XyZ"


class Slow(io.RawIOBase):
    """A body that arrives in pieces of a given size."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size, self.taken = data, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self.data[self.taken : self.taken + min(self.size, len(buffer))]
        buffer[: len(part)] = part
        self.taken += len(part)
        return len(part)


def body(fields: dict[str, str], file: bytes | None, *, end: bytes = b"--XyZ--\r\n") -> bytes:
    parts = [
        f'--XyZ\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    if file is not None:
        head = (
            b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\nContent-Type: text/csv\r\n\r\n'
        )
        parts.append(head + file + b"\r\n")
    return b"".join(parts) + end


def form(data: bytes, size: int = PIECE) -> PostedForm:
    return PostedForm(io.BufferedReader(Slow(data, size), PIECE), TYPE)


@given(st.binary(max_size=400), st.integers(1, 70))
def test_whatever_the_pieces_the_file_is_the_file(file: bytes, size: int) -> None:
    """A boundary may be cut anywhere, and a file may hold something like one."""
    content = file.replace(b"\r\n--XyZ", b"\r\n--Xy")
    read = form(body({"token": "t", "kind": "contacts"}, content), size)

    assert read.read_fields() == {"token": "t", "kind": "contacts"}
    assert read.file().read() == content


def test_the_fields_are_there_before_the_file_was_read() -> None:
    """So the token is checked, and the mapping judged, before a row of the file is looked at."""
    raw = Slow(body({"token": "t"}, b"a;b\n" * 1_000_000), 4_096)
    read = PostedForm(io.BufferedReader(raw, 4_096), TYPE)

    assert read.read_fields() == {"token": "t"}
    assert raw.taken <= 2 * 4_096
    assert sum(len(piece) for piece in iter(read.piece, b"")) == 4_000_000


@pytest.mark.parametrize(
    "data",
    [
        body({"token": "t"}, b"a;b\n", end=b""),
        body({"token": "t"}, b"a;b\n")[:-30],
        b"no form at all",
        body({"mapping": "x" * (MOST_BEFORE_FILE + PIECE)}, b"a"),
        body({f"f{n}": "x" for n in range(30)}, b"a"),
        body({}, b"a", end=b"") + body({"late": "x"}, None),
    ],
)
def test_a_form_that_is_none_is_refused_in_plain_words(data: bytes) -> None:
    """Broken off, no form, too much before the file, something after it."""
    read = form(data)

    def whole() -> bytes:
        read.read_fields()
        return read.file().read()

    with pytest.raises(BadInput):
        whole()


def test_another_encoding_is_refused() -> None:
    with pytest.raises(BadInput, match="multipart/form-data"):
        PostedForm(io.BufferedReader(Slow(b"", 1)), "text/plain")
