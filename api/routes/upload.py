"""An upload read as it arrives: no part of it is spooled to disk or held as a whole (PRI-3).

The mapping comes beforehand: by name from the home's folder `mappings/`, or base64url-encoded in the header
`Lauter-Mapping`. A mapping holds no personal data.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.from_thread
from starlette.requests import ClientDisconnect, Request

from audit.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAPPING_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
LONGEST_MAPPING = 65_536


class BodyStream(io.RawIOBase):
    """The body of a request as a binary stream, for a room that works in a thread of its own."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with what has arrived; 0 at the end.

        Raises:
            BadInput: the sender went away before the end.
        """
        while not self._rest and not self._ended:
            try:
                self._rest = anyio.from_thread.run(self._next)
            except ClientDisconnect:
                raise BadInput("the upload broke off before its end; send it again") from None
        view = memoryview(buffer).cast("B")
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)

    async def _next(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            self._ended = True
            return b""


def body_of(request: Request) -> io.BufferedReader:
    """The body, to be read once."""
    return io.BufferedReader(BodyStream(request.stream()), 1 << 16)


def mapping_names(home: Path) -> tuple[str, ...]:
    """Names of the mappings that lie in the home."""
    found = (path.stem for path in (home / "mappings").glob("*.toml"))
    return tuple(sorted(name for name in found if MAPPING_NAME.fullmatch(name)))


def mapping_of(home: Path, name: str | None, encoded: str | None) -> str | None:
    """The mapping's text; None when the call names none.

    Raises:
        BadInput: there is none of that name, or the header is not base64url of UTF-8.
    """
    if encoded:
        try:
            padded = encoded + "=" * (-len(encoded) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True)
            return text.decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise BadInput("the header Lauter-Mapping is not base64url of a UTF-8 text") from None
    if name is None:
        return None
    path = home / "mappings" / f"{name}.toml"
    if not MAPPING_NAME.fullmatch(name) or not path.is_file() or path.stat().st_size > LONGEST_MAPPING:
        raise BadInput("there is no mapping of that name in the home's folder mappings/")
    return path.read_text(encoding="utf-8-sig")
