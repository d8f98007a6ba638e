"""Global Privacy Control from the socket to the ledger: honoured as an objection to profiling, written down once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from api.workflows import declaring
from api.workflows.signals import record_gpc
from consent import ledger
from consent.permission import decide_one
from consent.replay import position_of
from consent.signals import gpc_is_on, gpc_values
from governance.vocabulary import THE_SUBJECT, Act, Reason, Scope, Source
from tests.api.web import Served, serve
from tests.builders import a_house
from tests.small_world import NOON, said


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI service that says what it understood."""
    if scope["type"] != "http":
        return
    del receive
    answer = b"on" if gpc_is_on(gpc_values(scope["headers"])) else b"off"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The server that `lauter serve` uses."""
    config = uvicorn.Config(echo, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)


@pytest.mark.parametrize(
    ("fields", "understood"),
    [
        ("Sec-GPC: 1", b"on"),
        ("sec-gpc:   1  ", b"on"),
        ("Sec-GPC: 0\r\nSec-GPC: 1", b"on"),
        ("Sec-GPC: 1\r\nSec-GPC: 0", b"on"),
        ("Sec-GPC: 0\r\nSec-GPC: true", b"off"),
        ("Sec-GPC: 0", b"off"),
        ("Sec-GPC: true", b"off"),
        ("Sec-GPC: 1;x", b"off"),
        ('Sec-GPC: "1"', b"off"),
        ("Sec-GPC: 11", b"off"),
        ("DNT: 1", b"off"),
    ],
)
def test_the_vectors_hold_over_a_real_socket(port: int, fields: str, understood: bytes) -> None:
    """Repeated fields arrive one by one, white space around a value does not (2.5)."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(4096), b""))

    assert answer.partition(b"\r\n\r\n")[2] == understood


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = serve(tmp_path)
    yield served
    served.house.close()


def test_the_well_known_file_says_that_the_signal_is_honoured(served: Served) -> None:
    """`gpc` is a boolean and `lastUpdate` a full date (RFC 3339)."""
    answer = served.browser().get("/.well-known/gpc.json")

    assert answer.headers["content-type"] == "application/json"
    found = json.loads(answer.content)
    assert found["gpc"] is True
    assert NOON.fromisoformat(found["lastUpdate"])
    assert "set-cookie" not in answer.headers


def test_the_signal_is_an_objection_to_profiling_of_its_own_source(served: Served) -> None:
    """Article 21(5) GDPR: profiling ends for the person; what is no profiling goes on (OBJ-9)."""
    house = served.house
    person = declaring.find(house, "K0001")
    done = record_gpc(house, person, now=NOON)

    assert done is not None
    assert done.recorded == 1
    with house.work.reading() as connection:
        last = ledger.history(connection, person.number)[-1]
        assert (last.act, last.scope, last.source) == (Act.OBJECTED, Scope.PROFILING, Source.SIGNAL)
        offers = house.catalogue.purpose("personalised_offers")
        assert decide_one(connection, person.number, offers, now=NOON).reason is Reason.OBJECTED_TO_PROFILING


def test_a_browser_that_sends_it_every_time_is_written_down_once(served: Served) -> None:
    """Idempotent while it is in force."""
    person = declaring.find(served.house, "K0001")
    record_gpc(served.house, person, now=NOON)

    assert record_gpc(served.house, person, now=NOON.replace(hour=15)) is None


def test_lifting_it_in_the_very_form_that_carries_the_signal_is_heard(served: Served) -> None:
    """The signal stands in the head of the request and counts from just before what the person says."""
    house, person = served.house, declaring.find(served.house, "K0001")
    record_gpc(house, person, now=NOON)
    lifted = said(None, Act.OBJECTION_LIFTED, at=NOON, scope=Scope.PROFILING)
    declaring.declare(house, person, [lifted], actor=THE_SUBJECT, now=NOON)

    with house.work.reading() as connection:
        assert position_of(ledger.history(connection, person.number)).objections.profiling_at is None
    assert record_gpc(house, person, now=NOON.replace(hour=15)) is None, "they know, and chose otherwise"


def test_a_signal_of_somebody_erased_is_nobodys(tmp_path: Path) -> None:
    """Nothing is recorded about who is not here."""
    house = a_house(tmp_path)
    create_app(house)

    assert record_gpc(house, declaring.Subject(7, b"\7" * 16), now=NOON) is None
    house.close()
