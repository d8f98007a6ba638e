"""Killed between decision and leaf: after a restart there is both or neither, at whatever step (LOG-4, T26).

The killer is real: a child process counts every SQL statement it is about to execute and sends itself SIGKILL at one
of them. On PostgreSQL, where the server holds the transaction, the backend is terminated instead.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

from api.settings import Settings
from api.wiring import House, open_house
from api.workflows.log import verify_home
from audit.errors import LauterError
from audit.store import append_only_ddl
from consent.ledger import declare
from governance.vocabulary import OPERATOR, Act
from tests.audit.builders import NOON
from tests.small_world import RULES, a_small_world, run_scheme, said

LATER = NOON + timedelta(hours=1)
Work = Callable[[House], object]


def a_run(house: House) -> None:
    """Sixty assignments and one leaf that holds their root."""
    run_scheme(house, RULES, now=LATER)


def a_withdrawal(house: House) -> None:
    """One declaration and its leaf."""
    with house.work.writing() as connection:
        declare(connection, 1, [said("personalised_offers", Act.WITHDRAWN, at=LATER)], actor=OPERATOR, now=LATER)


def counts(house: House) -> tuple[int, int, int, int]:
    """Decisions and the entries that tell of them."""
    with house.work.reading() as connection:
        found = [
            connection.execute(text(statement)).scalar_one()
            for statement in (
                "SELECT count(*) FROM run WHERE state IN ('live', 'superseded')",
                "SELECT count(*) FROM log_leaf WHERE kind = 'run:published'",
                "SELECT count(*) FROM declaration WHERE act = 'withdrawn'",
                "SELECT count(*) FROM log_leaf WHERE kind = 'consent:withdrawn'",
            )
        ]
    return found[0], found[1], found[2], found[3]


def is_a_bijection(house: House) -> bool:
    """As many decisions as leaves, and every row is what its leaf was made from."""
    runs, published, acts, withdrawn = counts(house)
    assert verify_home(house, deep=True).findings == ()
    return runs == published and acts == withdrawn


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with sixty contacts; each test works on copies of it."""
    folder = tmp_path_factory.mktemp("home") / "home"
    folder.mkdir(mode=0o700)
    a_small_world(folder).close()
    return folder


def settings_of(folder: Path) -> Settings:
    """Where a copy lies."""
    urls = {name: f"sqlite:///{folder / f'{name}.db'}" for name in ("work", "vault", "protected")}
    return Settings(folder, urls["work"], urls["vault"], urls["protected"])


def statements(house: House, at: Callable[[int], None]) -> None:
    """Call *at* with the number of each statement before it is executed, single rows of a bulk insert included."""
    seen = 0

    def count(_statement: str) -> None:
        nonlocal seen
        seen += 1
        at(seen)

    event.listen(house.work.engine, "connect", lambda raw, _record: raw.set_trace_callback(count))
    house.work.engine.dispose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("work", [a_run, a_withdrawal])
def test_a_process_killed_at_any_step_leaves_both_or_neither(world: Path, tmp_path: Path, work: Work) -> None:
    """SQLite, SIGKILL: every step of the last transaction, and a sample of those before it."""
    total = _steps(shutil.copytree(world, tmp_path / "whole"), work)
    steps = sorted({*range(max(1, total - 18), total + 1), *range(1, total, max(1, total // 8))})
    outcomes = set()
    for step in steps:
        folder = shutil.copytree(world, tmp_path / f"step{step}")
        child = os.fork()
        if child == 0:
            _die_at(folder, work, step)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL
        house = open_house(settings_of(folder))
        assert is_a_bijection(house), f"killed before statement {step} of {total}"
        outcomes.add(sum(counts(house)))
        house.close()
        shutil.rmtree(folder)
    assert 0 in outcomes
    assert outcomes <= {0, 2}, "the decision and its leaf, or neither"


def _steps(folder: Path, work: Work) -> int:
    """How many statements it takes until the commit of the decision, when nobody dies."""
    house, seen = open_house(settings_of(folder)), 0

    def note(number: int) -> None:
        nonlocal seen
        seen = number

    statements(house, note)
    work(house)
    last = seen
    assert is_a_bijection(house)
    assert sum(counts(house)) == 2
    house.close()
    return last


def _die_at(folder: Path, work: Work, step: int) -> None:
    """In the child: work until the statement, then SIGKILL; no cleanup of any kind."""
    signal.alarm(60)

    def kill(number: int) -> None:
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        house = open_house(settings_of(folder))
        statements(house, kill)
        work(house)
    finally:
        os._exit(3)


@pytest.mark.parametrize("work", [a_run, a_withdrawal])
def test_a_terminated_backend_leaves_both_or_neither(postgres_url: str, tmp_path: Path, work: Work) -> None:
    """PostgreSQL: the server ends the session before each of the last statements."""
    home = a_small_world(tmp_path, postgres_url)
    with home.work.writing() as connection:
        for statement in append_only_ddl("postgresql"):
            connection.exec_driver_sql(statement)
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    step, ended = 1, 0
    while ended < 12:
        house = replace(home, work=type(home.work)(create_engine(postgres_url)))
        seen = 0

        def count(connection: object, *_: object, step: int = step) -> None:
            nonlocal seen
            seen += 1
            if seen == step:
                pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[attr-defined]
                with admin.connect() as killer:
                    killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

        event.listen(house.work.engine, "before_cursor_execute", count)
        event.listen(house.work.engine, "commit", count)
        try:
            work(house)
        except (DBAPIError, LauterError):
            ended += 1
            assert is_a_bijection(home), f"terminated before statement {step}"
        else:
            break
        finally:
            house.work.engine.dispose()
        step += 1 if work is a_withdrawal else 6
    assert ended > 3
    admin.dispose()
    home.close()
