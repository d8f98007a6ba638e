"""A posted form with one file, read as it arrives: its fields first, then the file, never a byte of it on disk (PRI-3).

A page without a script can send a file as multipart alone, and the usual parsers spool that. This one hands the fields
over when the file begins, and the file piece by piece to whoever reads it; no more than one piece is in memory.
"""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from audit.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 1 << 16
MOST_BEFORE_FILE = 1 << 18
"""Bytes of all fields together: a token, a few words and a mapping."""
MOST_FIELDS = 20
NOT_WHOLE = "the form broke off or is not encoded as its header says; send it again"


class PostedForm:
    """The fields and the file of one multipart body; the file has to stand last."""

    def __init__(self, source: io.BufferedReader, content_type: str) -> None:
        """Begin to read.

        Raises:
            BadInput: it is no multipart form.
        """
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise BadInput("a form with a file is sent as multipart/form-data")
        self.fields: dict[str, str] = {}
        self._source, self._seen, self._ended, self._whole = source, 0, False, False
        self._header, self._headers = (bytearray(), bytearray()), dict[bytes, bytes]()
        self._name, self._value, self._in_file = "", bytearray(), False
        self._pieces: deque[bytes] = deque()
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._part_begins,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )

    def read_fields(self) -> dict[str, str]:
        """Everything before the file.

        Raises:
            BadInput: too much stands before it, or the body is not what its header says.
        """
        while not (self._in_file or self._ended):
            self._feed()
            if self._seen > MOST_BEFORE_FILE and not self._in_file:
                raise BadInput("the form holds more than a form may before its file")
        return self.fields

    def file(self) -> io.BufferedReader:
        """The file, to be read once and to its end."""
        return io.BufferedReader(_File(self), PIECE)

    def piece(self) -> bytes:
        """The next piece of the file; empty at its end."""
        while not self._pieces and not self._ended:
            self._feed()
        return self._pieces.popleft() if self._pieces else b""

    def drain(self) -> None:
        """Read what is left of the body and forget it: a browser shows an answer only when it was heard out."""
        while self._source.read1(PIECE):
            pass

    def _feed(self) -> None:
        data = self._source.read1(PIECE)
        self._seen += len(data)
        self._ended = not data
        try:
            self._parser.write(data)
        except MultipartParseError:
            raise BadInput(NOT_WHOLE) from None
        if self._ended and not self._whole:
            raise BadInput(NOT_WHOLE)

    def _end(self) -> None:
        self._whole = True

    def _part_begins(self) -> None:
        if self._in_file:
            raise BadInput("the file has to stand last in the form")
        self._headers, self._value = {}, bytearray()

    def _header_ends(self) -> None:
        field, value = self._header
        self._headers[bytes(field).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = b"filename" in options  # its name may tell of somebody, and is not looked at
        if len(self.fields) >= MOST_FIELDS:
            raise BadInput("the form has more fields than any of ours")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
        else:
            self._value.extend(data[start:end])

    def _part_ends(self) -> None:
        if not self._in_file:
            self.fields[self._name] = bytes(self._value).decode("utf-8", "replace").strip()


class _File(io.RawIOBase):
    def __init__(self, form: PostedForm) -> None:
        self._form, self._rest = form, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._rest = self._rest or self._form.piece()
        view = memoryview(buffer).cast("B")
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
