"""Another system over real HTTP, on a free port of this machine: it answers as a test says and keeps what it got."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class System:
    """What it received, and its answers: the first for the first request, the last for all that follow."""

    answers: list[int] = field(default_factory=lambda: [200])
    location: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook?key=1"


@contextmanager
def another_system(*answers: int, tls: ssl.SSLContext | None = None, location: str = "") -> Iterator[System]:
    """Serve for as long as the block lasts."""
    system = System(list(answers) or [200], location)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            number = len(system.requests)
            system.requests.append((self.path, dict(self.headers), body))
            self.send_response(system.answers[min(number, len(system.answers) - 1)])
            if system.location:
                self.send_header("Location", system.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    system.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield system
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
