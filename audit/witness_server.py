"""The witness over HTTP, with nothing but the standard library: one address, one method, small bodies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from audit.errors import LauterError
from audit.witness import LARGEST_REQUEST, TEXT_TYPE, Answer, Witness

PATH = "/add-checkpoint"
IDLE_SECONDS = 20


def serve_witness(
    witness: Witness, host: str, port: int, *, clock: Callable[[], datetime], prefix: str = ""
) -> ThreadingHTTPServer:
    """A server that listens; the caller runs and closes it. Behind TLS of a proxy it is ready for the Internet."""

    class Handler(BaseHTTPRequestHandler):
        """One connection, kept open between requests."""

        protocol_version = "HTTP/1.1"
        timeout = IDLE_SECONDS
        server_version, sys_version = "lauter-witness", ""

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
            except LauterError:
                return Answer(500, "the witness cannot read its own state\n")

        def _body(self) -> bytes | None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length) > LARGEST_REQUEST:
                return None
            return self.rfile.read(int(length))

        def _answer(self, answer: Answer) -> None:
            data = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type or TEXT_TYPE)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return ThreadingHTTPServer((host, port), Handler)
