"""Small answers of other systems, read over a socket that was opened to a checked address.

Of HTTP only what a plain server sends: a status line, headers, and a body that has a length or ends with the
connection; chunks are put together. More than was asked for is never read.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING

from api.http_out import NotDelivered

if TYPE_CHECKING:
    from api.http_out import Outward


@dataclass(frozen=True)
class HttpAnswer:
    """Status, type and body of an answer."""

    status: int
    content_type: str
    body: bytes


def ask(outward: Outward, method: str, url: str, body: bytes, headers: Mapping[str, str], *, most: int) -> HttpAnswer:
    """Send once and read an answer of at most *most* bytes.

    Raises:
        TargetRefused: nothing was sent, the URL leads to where nothing is sent.
        NotDelivered: no answer, none that is HTTP, or a longer one.
    """
    return outward.talk(method, url, body, headers, read=_reader(method, most))


def _reader(method: str, most: int) -> Callable[[socket.socket, float], HttpAnswer]:
    def read(connection: socket.socket, deadline: float) -> HttpAnswer:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        response = HTTPResponse(connection, method=method)
        try:
            response.begin()
            body = _body(response, connection, deadline, most)
        except (HTTPException, ValueError):
            raise NotDelivered("not_http") from None
        finally:
            response.close()
        return HttpAnswer(response.status, response.headers.get("Content-Type", ""), body)

    return read


def _body(response: HTTPResponse, connection: socket.socket, deadline: float, most: int) -> bytes:
    data = b""
    while part := response.read1(65_536):
        data += part
        if len(data) > most:
            raise NotDelivered("answer_too_long")
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
    return data
