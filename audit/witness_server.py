"""The witness over HTTP, with nothing but the standard library: one address, one method, small bodies.

Whoever calls is a stranger: a slow one is hung up on, too many at once are turned away, and of none is the address
written anywhere, for it is personal data.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Timer
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from audit.errors import LauterError
from audit.witness import LARGEST_REQUEST, TEXT_TYPE, Answer, Witness

PATH = "/add-checkpoint"
IDLE_SECONDS = 20
PATIENCE_SECONDS = 40.0
"""For waiting, one request and its answer together: nobody holds a thread for ever by a byte now and then."""
MOST_CALLERS = 128
_LENGTH = re.compile(r"[0-9]{1,9}")


class WitnessServer(ThreadingHTTPServer):
    """A thread for each connection, and no more than so many."""

    def __init__(self, *given: Any, most: int) -> None:
        self._places = BoundedSemaphore(most)
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Turn away whoever comes when every place is taken."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, *_: object) -> None:
        """Nothing: the standard library would print the caller's address."""


def serve_witness(
    witness: Witness,
    host: str,
    port: int,
    *,
    clock: Callable[[], datetime],
    prefix: str = "",
    patience: float = PATIENCE_SECONDS,
    most: int = MOST_CALLERS,
) -> ThreadingHTTPServer:
    """A server that listens; the caller runs and closes it. Behind TLS of a proxy it is ready for the Internet."""

    class Handler(BaseHTTPRequestHandler):
        """One connection, kept open between requests."""

        protocol_version = "HTTP/1.1"
        timeout = IDLE_SECONDS
        server_version, sys_version = "lauter-witness", ""

        def handle_one_request(self) -> None:
            """As ever, but within a time that no client can stretch."""
            end = Timer(patience, self._hang_up)
            end.daemon = True
            end.start()
            try:
                super().handle_one_request()
            finally:
                end.cancel()

        def do_POST(self) -> None:  # the standard library's name
            """Answer add-checkpoint."""
            body = self._body()
            if body is None:
                self.close_connection = True
                self._answer(Answer(400, "a body of at most 65536 bytes with Content-Length is wanted\n"))
            elif self.path != f"{prefix}{PATH}":
                self._answer(Answer(404, "there is nothing at this address\n"))
            else:
                self._answer(self._ask(body))

        def do_GET(self) -> None:  # the standard library's name
            """Tell the public key, for whoever sets the witness up."""
            found = self.path in {f"{prefix}/", prefix or "/"}
            self._answer(Answer(200, f"{witness.cosigner.vkey}\n") if found else Answer(404, "nothing here\n"))

        def log_message(self, *_: object) -> None:
            """Nothing: addresses of callers are personal data, and what was cosigned stands in the state."""

        def _ask(self, body: bytes) -> Answer:
            try:
                return witness.add_checkpoint(body, now=clock())
            except (LauterError, SQLAlchemyError):
                return Answer(500, "the witness cannot read its own state\n")

        def _body(self) -> bytes | None:
            """The whole body, or None: whatever was cut off was not what the log wanted to say."""
            lengths = self.headers.get_all("Content-Length", [])
            if len(lengths) != 1 or "Transfer-Encoding" in self.headers or not _LENGTH.fullmatch(lengths[0]):
                return None
            length = int(lengths[0])
            body = self.rfile.read(length) if length <= LARGEST_REQUEST else b""
            return body if len(body) == length else None

        def _hang_up(self) -> None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def _answer(self, answer: Answer) -> None:
            data = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type or TEXT_TYPE)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return WitnessServer((host, port), Handler, most=most)
