"""Streams in front of the reader: bytes already read, gzip within its limit, archives refused."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO

from governance.files_text import HEAD_BYTES
from governance.formats import FileRefused, Limits


class Inflated(io.RawIOBase):
    """What a gzip file holds, as long as it does not expand beyond the limit."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._limits, self._out = limits, 0
        self._counted = _Counted(source)
        self._inner = gzip.GzipFile(fileobj=self._counted, mode="rb")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            FileRefused: truncated, damaged, or expanding beyond the limit.
        """
        try:
            data = self._inner.read(size if size > 0 else self._limits.row_bytes)
        except (EOFError, OSError, zlib.error):
            raise FileRefused("the gzip file is truncated or damaged; make it again") from None
        self._out += len(data)
        if self._out > max(self._limits.expansion_floor, self._limits.expansion * self._counted.seen):
            raise FileRefused(f"the file expands to more than {self._limits.expansion} times its size; unpack it first")
        return data


class _Counted(io.RawIOBase):
    def __init__(self, source: BinaryIO) -> None:
        self._source, self.seen = source, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.seen += len(data)
        return data


class Prefixed(io.RawIOBase):
    """Bytes that were read already, then the rest of the source."""

    def __init__(self, head: bytes, source: BinaryIO) -> None:
        self._head, self._source = head, source

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._head:
            size = len(self._head) if size < 0 else size
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._source.read(size)


def inflated(source: BinaryIO, head: bytes, limits: Limits) -> tuple[BinaryIO, str | None]:
    """The source from its first byte, unpacked where it is gzip; other archives are refused."""
    whole: BinaryIO = Prefixed(head, source)  # type: ignore[assignment]
    if head.startswith(b"\x1f\x8b"):
        return Inflated(whole, limits), "gzip"  # type: ignore[return-value]
    if head.startswith(b"PK\x03\x04"):
        raise FileRefused("this is a workbook or a ZIP archive; save the sheet as CSV (UTF-8)")
    if head.startswith((b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"\xd0\xcf\x11\xe0")):
        raise FileRefused("this is an archive or an old workbook; unpack it, or save it as CSV (UTF-8)")
    return whole, None


def head_of(source: BinaryIO) -> bytes:
    """The first bytes of a source, as many as it has up to the size a head needs."""
    parts: list[bytes] = []
    size = 0
    while size < HEAD_BYTES and (part := source.read(HEAD_BYTES - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
