"""Looking at the bytes of a text file while they pass by: encoding, limits, NULs, delimiter.

Detection is our own, parsing is not: this module never splits a row except to guess the delimiter from the head.
"""

from __future__ import annotations

import codecs
import csv
import io
from typing import BinaryIO

from governance.formats import FileRefused, Limits

HEAD_BYTES = 64 * 1024
NUL_BYTE = "a NUL byte; this is no text file, or UTF-16 without its mark: save it as UTF-8"
DELIMITERS = (";", ",", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
SINGLE_BYTE = ("cp1252", "iso-8859-15")
ENCODINGS = ("utf-8", "cp1252", "iso-8859-15", "utf-16-le", "utf-16-be")


def bom_of(head: bytes) -> tuple[bytes, str | None]:
    """The byte order mark at the start and the encoding it means; empty and None without one."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return mark, encoding
    return b"", None


def guess_encoding(head: bytes) -> str:
    """UTF-8 unless the head already shows that it is not (the whole file is judged while it is read)."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def guess_delimiter(head: str) -> str:
    """The delimiter that splits the first rows into most columns, evenly; a comma where there is one column."""
    lines = head.splitlines(keepends=True)
    sample = "".join(lines[:50] if len(lines) < 2 else lines[: min(50, max(len(lines) - 1, 1))])
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        even = sum(width == widths[0] for width in widths) / len(widths)
        if (even, widths[0]) > best_score:
            best, best_score = delimiter, (even, widths[0])
    return best


class CheckedStream:
    """The bytes of a text file as UTF-8 or a single-byte encoding, judged as they pass by.

    Refuses NUL bytes, too many bytes and a mixture of encodings, with the row. UTF-16 is turned into UTF-8; the others
    pass unchanged and `encoding` says at the end which one it was.
    """

    def __init__(self, source: BinaryIO, limits: Limits, encoding: str | None, mark: bytes) -> None:
        self._source, self._limits = source, limits
        self._given = encoding
        self._skip = len(mark)
        self._wide = codecs.getincrementaldecoder(encoding)() if encoding and encoding.startswith("utf-16") else None
        self._rows, self._total, self._tail = 1, 0, b""
        self._utf8_row: int | None = None
        self._other_row: int | None = None
        self._ended = False

    @property
    def encoding(self) -> str:
        """The encoding, known for sure once all has passed by."""
        return self._given or ("utf-8" if self._other_row is None else "cp1252")

    @property
    def bytes_seen(self) -> int:
        """Bytes read so far."""
        return self._total

    def read(self, size: int) -> bytes:
        """The next bytes, about *size* of them; none at the end."""
        if self._ended:
            return b""
        raw = self._source.read(size)
        self._total += len(raw)
        if self._total > self._limits.file_bytes:
            raise FileRefused(f"the file is larger than {self._limits.file_bytes} bytes; split it")
        chunk = raw[self._skip :] if self._skip else raw
        self._skip = max(0, self._skip - len(raw))
        if not raw:
            return self._end()
        if self._wide is not None:
            chunk = self._narrow(chunk, final=False)
        self._judge(chunk)
        return chunk if chunk else self.read(size)

    def _end(self) -> bytes:
        self._ended = True
        rest = self._narrow(b"", final=True) if self._wide is not None else b""
        self._judge_lines(self._tail)
        return rest

    def _narrow(self, chunk: bytes, *, final: bool) -> bytes:
        assert self._wide is not None
        try:
            return self._wide.decode(chunk, final).encode("utf-8")
        except UnicodeError:
            raise FileRefused(f"near row {self._rows}: the bytes are not UTF-16; save the file as UTF-8") from None

    def _judge(self, chunk: bytes) -> None:
        at = chunk.find(b"\0")
        if at >= 0:
            row = self._rows + chunk.count(b"\n", 0, at)
            raise FileRefused(
                f"row {row}: a NUL byte; this is no text file, or UTF-16 without its mark: save it as UTF-8"
            )
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            self._tail += chunk
            return
        whole, self._tail = self._tail + chunk[:cut], chunk[cut:]
        if not (whole.isascii() or self._given):
            try:
                whole.decode("utf-8")
                self._note(utf8=self._rows)
            except UnicodeDecodeError:
                self._judge_lines(whole)
                return
        elif self._given:
            self._judge_given(whole)
        self._rows += whole.count(b"\n")

    def _judge_given(self, whole: bytes) -> None:
        try:
            whole.decode("utf-8" if self._wide is not None else self.encoding)
        except UnicodeDecodeError as error:
            row = self._rows + whole.count(b"\n", 0, error.start)
            raise FileRefused(f"row {row}: not {self.encoding} as said before; save the file in one encoding") from None

    def _judge_lines(self, whole: bytes) -> None:
        for line in whole.splitlines(keepends=True):
            if not line.isascii():
                if self._given:
                    self._judge_given(line)
                else:
                    self._judge_line(line)
            self._rows += line.count(b"\n")

    def _judge_line(self, line: bytes) -> None:
        try:
            line.decode("utf-8")
            self._note(utf8=self._rows)
        except UnicodeDecodeError:
            try:
                line.decode("cp1252")
            except UnicodeDecodeError:
                raise FileRefused(f"row {self._rows}: neither UTF-8 nor Windows-1252; save the file as UTF-8") from None
            self._note(other=self._rows)

    def _note(self, *, utf8: int | None = None, other: int | None = None) -> None:
        self._utf8_row = self._utf8_row or utf8
        self._other_row = self._other_row or other
        if self._utf8_row and self._other_row:
            first, second = sorted((self._utf8_row, self._other_row))
            raise FileRefused(
                f"row {second}: another encoding than row {first}; "
                "save the file in one encoding, or set options.encoding in the mapping"
            )
