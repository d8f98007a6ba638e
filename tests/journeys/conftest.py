"""A real browser against a real server; without a Chromium the journeys fail and say what to do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from tests.api.web import Served, serve
from tests.browser import HELP, find


@dataclass
class Site:
    """A served house and where a browser reaches it."""

    served: Served
    url: str


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, from CHROMIUM or the usual places; never skipped."""
    path = find()
    if path is None:
        pytest.fail(HELP, pytrace=False)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The console over HTTP on a free port of this machine."""
    served = serve(tmp_path_factory.mktemp("site"))
    server = uvicorn.Server(uvicorn.Config(served.app, host="127.0.0.1", port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(served, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(timeout=20)
    served.house.close()
