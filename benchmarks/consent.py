"""What people declared, at size (design 9): rebuilding the projection, one decision over HTTP, and an objection's wait.

    python -m benchmarks.consent --contacts 100000 [--row rebuild|http|wait|permission|all] [--json]

- rebuild: N people × 5 purposes × 3 channels, one declaration each and more for a tenth of them; the projections are
  dropped and computed again, against nothing but reading the same columns of the same rows, in the same order.
- http: one decision of a served house (token, reference, consent, channel and block list) against a FastAPI page with
  one indexed read by the same driver; both behind uvicorn in a process of their own, one connection, each call waited
  for. Goal: at most 1.5 times.
- wait: the longest and the typical wait of an objection alone, during a run, and during a rebuild. Goal: below 1 s.
- permission: bulk permission against a pandas merge; see benchmarks.permission.

Both sides of a comparison run in fresh processes, imports counted where whole processes are compared.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import measure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PURPOSES = ("newsletter", "personalised_offers", "sales_care", "service_segmentation", "personalised_price")
CHANNELS = ("email", "phone", "post")
CALLS, WARM_UP, OBJECTIONS = 2_000, 300, 300
ROOT = Path(__file__).resolve().parent.parent


# --- rebuild ---------------------------------------------------------------------------------------------------------


def write_ledger(file: Path, contacts: int) -> None:
    """A ledger as imports and people leave it: purpose by purpose, so that nobody's declarations lie together."""
    import audit.tables
    import consent.tables
    import governance.tables
    import segmentation.tables
    from audit import log
    from audit.database import in_batches, insert_rows, open_database
    from consent.store_ledger import DECLARATION_COLUMNS

    database = open_database(f"sqlite:///{file}")
    with database.writing() as connection:
        for package in (audit, governance, consent, segmentation):
            package.tables.METADATA.create_all(connection)
        log.initialise(connection)
    columns = tuple(name for name in DECLARATION_COLUMNS if name not in {"notice", "evidence_said_at"})
    for batch in in_batches(_declarations(contacts), 262_144):
        with database.writing() as connection:
            insert_rows(connection, consent.tables.declaration, columns, batch)
    database.close()


def _declarations(contacts: int) -> Iterator[tuple[Any, ...]]:
    from audit.database import to_microseconds

    at, day = to_microseconds(NOW), 86_400_000_000
    seq = 0
    for p, purpose in enumerate(PURPOSES):
        for c, channel in enumerate(CHANNELS):
            for n in range(1, contacts + 1):
                seq += 1
                act = "refused" if (n + p + c) % 7 == 0 else "given"
                said, until = at - (n % 300 + 30) * day, at + 400 * day if act == "given" else None
                yield seq, n, act, "purpose", purpose, channel, None, said, said, "subject", until, b"evidence", None
    for n in range(1, contacts + 1, 10):
        seq += 1
        act, scope, purpose, field = (
            ("withdrawn", "purpose", "newsletter", None),
            ("objected", "marketing", None, None),
            ("field_withheld", "purpose", None, "employees"),
            ("renewed", "purpose", "sales_care", None),
        )[n // 10 % 4]
        yield seq, n, act, scope, purpose, None, field, at - n % 20 * day, at, "subject", None, None, None


def rebuild(file: Path) -> dict[str, Any]:
    """Ours: drop the projections and compute them again."""
    from sqlalchemy import delete, func, select

    from audit.database import open_database
    from consent.rebuilding import rebuild as run
    from consent.tables import declaration, objection, standing, withheld

    database = open_database(f"sqlite:///{file}")
    with database.writing() as connection:
        for table in (standing, objection, withheld):
            connection.execute(delete(table))
        rows = connection.execute(select(func.count()).select_from(declaration)).scalar_one()
    began = time.perf_counter()
    subjects = run(database)
    seconds = time.perf_counter() - began
    with database.reading() as connection:
        projected = connection.execute(select(func.count()).select_from(standing)).scalar_one()
    database.close()
    return {"rows": rows, "subjects": subjects, "projected": projected, "seconds": seconds}


def read_only(file: Path) -> dict[str, Any]:
    """The limit: the same columns of the same rows, read and let go."""
    import sqlite3

    connection = sqlite3.connect(file)
    began = time.perf_counter()
    rows = 0
    for _ in connection.execute(
        "SELECT subject, seq, act, scope, purpose, channel, field, source, evidence IS NOT NULL, said_at, received_at, "
        "valid_until, evidence_said_at FROM declaration ORDER BY subject, seq"
    ):
        rows += 1
    return {"rows": rows, "seconds": time.perf_counter() - began}


def compare_rebuild(folder: Path, contacts: int) -> dict[str, Any]:
    """Both sides on the same file."""
    file = folder / "ledger.db"
    module = ("-m", "benchmarks.consent", "--file", str(file), "--contacts", str(contacts))
    measure(*module, "--side", "ledger")
    limit = measure(*module, "--side", "read")
    ours = measure(*module, "--side", "rebuild")
    seconds, baseline = ours.answer["seconds"], limit.answer["seconds"]
    if ours.answer["rows"] != limit.answer["rows"]:
        raise RuntimeError("the two sides read different ledgers")
    return {
        "declarations": ours.answer["rows"],
        "projected": ours.answer["projected"],
        "ratio_to_reading": round(seconds / baseline, 2),
        "seconds": round(seconds, 2),
        "reading_seconds": round(baseline, 2),
        "declarations_per_second": round(ours.answer["rows"] / seconds),
        "peak_mb": round(ours.peak_mb),
        "reading_peak_mb": round(limit.peak_mb),
    }


# --- one decision over HTTP ------------------------------------------------------------------------------------------


def make_house(home: Path, contacts: int) -> str:
    """A home with people who consented to the newsletter; the token of a system that may ask."""
    from api.settings import read_settings
    from api.wiring import open_house
    from api.workflows import staff
    from api.workflows.home import make_home
    from audit.database import in_batches, insert_rows, to_microseconds
    from consent import store_ledger, tables
    from governance.identity import Identity
    from governance.staff import Scope
    from governance.tables import subject
    from governance.vocabulary import OPERATOR, Role, Unit

    settings = read_settings({}, home)
    make_home(settings, actor=OPERATOR, now=NOW)
    house = open_house(settings)
    at = to_microseconds(NOW) - 86_400_000_000
    columns = ("id", "pseudonym", "unit", "natural", "counterparty", "role_mailbox", "informed_at", "created_at",
               "updated_at")  # fmt: skip
    for batch in in_batches(range(1, contacts + 1), 4_096):
        people = [(n, n.to_bytes(16, "big")) for n in batch]
        house.vault.store(
            [(p, Identity(Unit.CONTACT, f"K-{n}", {"email": f"person.{n}@example.org"})) for n, p in people]
        )
        with house.work.writing() as connection:
            rows = ((n, p, "contact", 1, "business", 0, at, at, at) for n, p in people)
            insert_rows(connection, subject, columns, rows)
            stands = (("newsletter", n, "given", None, at, 0, 1, 0, n) for n, _ in people)
            insert_rows(connection, tables.standing, store_ledger.STANDING_COLUMNS, stands)
    token = staff.add_api_token(house, "bench", Role.DESK, (Scope.READ,), actor=OPERATOR, now=datetime.now(UTC))
    house.close()
    return str(token)


def bare_app(home: Path) -> Any:
    """The other side: one route, one read by an index, one small JSON answer."""
    from fastapi import FastAPI
    from sqlalchemy import select

    from audit.database import open_database
    from governance.tables import subject

    app, database = FastAPI(), open_database(f"sqlite:///{home / 'work.db'}")

    @app.get("/people/{number}")
    def read(number: int) -> dict[str, Any]:
        with database.reading() as connection:
            row = connection.execute(select(subject).where(subject.c.pseudonym == number.to_bytes(16, "big"))).one()
        return {"unit": row.unit, "informed": row.informed_at is not None}

    return app


def serve_one(home: Path, side: str) -> None:
    """Be the server of one side; its port is the first line of standard output."""
    import asyncio

    import uvicorn

    if side == "bare":
        app = bare_app(home)
    else:
        from api.app import create_app
        from api.logs import new_log
        from api.settings import read_settings
        from api.wiring import open_house

        log = new_log((home / "requests.log").open("w", encoding="utf-8"))
        app = create_app(open_house(read_settings({}, home)), log=log)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False))

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await serving

    asyncio.run(run())


@contextmanager
def served(home: Path, side: str) -> Iterator[http.client.HTTPConnection]:
    """One connection to a server in a process of its own."""
    arguments = [sys.executable, "-m", "benchmarks.consent", "--side", "serve", "--file", str(home), "--what", side]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(process.stdout.readline()))
        yield connection
        connection.close()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _timed(call: Callable[[int], http.client.HTTPResponse]) -> float:
    began = time.perf_counter()
    answer = call(0)
    body = answer.read()
    seconds = time.perf_counter() - began
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")
    return seconds


def compare_http(folder: Path, contacts: int) -> dict[str, Any]:
    """Both servers up, call by call in turn, so that whatever else the machine does meets both."""
    home = folder / "home"
    token = make_house(home, contacts)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def number(call: int) -> int:
        return call * 7919 % contacts + 1

    with served(home, "ours") as ours, served(home, "bare") as bare:

        def ask(call: int, channel: str | None) -> http.client.HTTPResponse:
            question = {"reference": f"K-{number(call)}", "purpose": "newsletter", "channel": channel}
            ours.request("POST", "/api/v1/decisions", json.dumps(question), headers)
            return ours.getresponse()

        def read(call: int) -> http.client.HTTPResponse:
            bare.request("GET", f"/people/{number(call)}")
            return bare.getresponse()

        times: dict[str, list[float]] = {"ours": [], "channel": [], "bare": []}
        for call in range(CALLS + WARM_UP):
            times["ours"].append(_timed(lambda _, n=call: ask(n, None)))
            times["channel"].append(_timed(lambda _, n=call: ask(n, "email")))
            times["bare"].append(_timed(lambda _, n=call: read(n)))
    middle = {side: sorted(found[WARM_UP:])[CALLS // 2] for side, found in times.items()}
    return {
        "ratio": round(middle["ours"] / middle["bare"], 2),
        "ratio_with_channel": round(middle["channel"] / middle["bare"], 2),
        "milliseconds": round(middle["ours"] * 1000, 3),
        "milliseconds_with_channel": round(middle["channel"] * 1000, 3),
        "baseline_milliseconds": round(middle["bare"] * 1000, 3),
    }


# --- how long an objection waits -------------------------------------------------------------------------------------


def longest_waits(file: Path, contacts: int) -> dict[str, Any]:
    """Objections one after the other: alone, during runs, during a rebuild; from the wish to the commit."""
    from concurrent.futures import ThreadPoolExecutor

    from audit.database import open_database
    from consent.rebuilding import rebuild as run_rebuild
    from segmentation.run import run
    from tests.segmentation.builders import a_task, a_world, defined, reactivation

    work = open_database(f"sqlite:///{file}")
    import audit.tables
    import consent.tables
    import governance.tables
    import segmentation.tables

    with work.writing() as connection:
        for package in (audit, governance, consent, segmentation):
            package.tables.METADATA.create_all(connection)
    a_world(work, contacts)
    scheme = defined(work, reactivation())
    numbers = iter(range(1, contacts + 1))
    rounds = iter(range(1, 1_000_000))
    found: dict[str, Any] = {}
    for name, busy in (
        ("alone", None),
        ("during_runs", lambda: run(work, a_task(scheme, NOW + timedelta(seconds=next(rounds))))),
        ("during_rebuilds", lambda: run_rebuild(work)),
    ):
        ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(_until, ended, busy) if busy else None
            waits = [_object(work, next(numbers)) for _ in range(OBJECTIONS)]
            ended.set()
            times_busy = other.result() if other else 0
        waits.sort()
        found |= {
            f"longest_ms_{name}": round(waits[-1] * 1000, 1),
            f"median_ms_{name}": round(waits[OBJECTIONS // 2] * 1000, 1),
        }
        found[f"rounds_{name}"] = times_busy
    work.close()
    return found


def _until(ended: threading.Event, busy: Callable[[], Any]) -> int:
    rounds = 0
    while not ended.is_set():
        busy()
        rounds += 1
    return rounds


def _object(work: Any, number: int) -> float:
    from consent.ledger import declare
    from governance.vocabulary import OPERATOR, Act
    from tests.consent.builders import said

    time.sleep(0.01)  # people do not object without a pause
    began = time.perf_counter()
    with work.writing() as connection:
        word = said(Act.OBJECTED, NOW, purpose="service_segmentation")
        declare(connection, number, [word], actor=OPERATOR, now=NOW)
    return time.perf_counter() - began


def compare_wait(folder: Path, contacts: int) -> dict[str, Any]:
    """In a process of its own."""
    side = measure(
        "-m", "benchmarks.consent", "--side", "wait", "--file", str(folder / "wait.db"), "--contacts", str(contacts)
    )
    return dict(side.answer)


def compare_permission(_folder: Path, contacts: int) -> dict[str, Any]:
    """The row of its own benchmark."""
    from benchmarks.permission import compare

    return compare(contacts)


ROWS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "rebuild": compare_rebuild,
    "http": compare_http,
    "wait": compare_wait,
    "permission": compare_permission,
}


def main() -> None:
    """Compare, or be one of the sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--row", choices=(*ROWS, "all"), default="all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("ledger", "rebuild", "read", "serve", "wait"))
    parser.add_argument("--file", type=Path)
    parser.add_argument("--what", default="ours")
    given = parser.parse_args()
    if given.side == "ledger":
        write_ledger(given.file, given.contacts)
    elif given.side == "serve":
        serve_one(given.file, given.what)
    elif given.side == "wait":
        print(json.dumps(longest_waits(given.file, given.contacts)))
    elif given.side:
        print(json.dumps({"rebuild": rebuild, "read": read_only}[given.side](given.file)))
    else:
        _tell(given.contacts, list(ROWS) if given.row == "all" else [given.row], as_json=given.json)


def _tell(contacts: int, rows: list[str], *, as_json: bool) -> None:
    found: dict[str, Any] = {"contacts": contacts}
    for row in rows:
        with tempfile.TemporaryDirectory() as folder:
            found[row] = ROWS[row](Path(folder), contacts)
    if as_json:
        json.dump(found, sys.stdout)
        print()
        return
    for row in rows:
        for name, value in found[row].items():
            print(f"{row + ' ' + name:>38}  {value}")


if __name__ == "__main__":
    main()
