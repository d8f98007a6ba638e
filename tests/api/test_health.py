"""Health and figures for whoever runs the service: nothing of a person in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.logs import new_log
from api.settings import read_settings
from api.wiring import House, open_house
from api.workflows.home import make_home
from governance.staff import Scope
from governance.vocabulary import OPERATOR, Role
from tests.api.web import CANARY, Served
from tests.small_world import NOON


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[House, TestClient]]:
    """A house made by `lauter init`, with all migrations, and a browser on it."""
    settings = read_settings({}, tmp_path / "home")
    make_home(settings, actor=OPERATOR, now=NOON)
    house = open_house(settings)
    app = create_app(house, clock=lambda: NOON, log=new_log(StringIO()))
    yield house, TestClient(app, base_url="http://127.0.0.1:8080")
    app.state.web.jobs.close()
    house.close()


def test_a_house_that_answers_is_ready(home: tuple[House, TestClient]) -> None:
    """Every store answers and has the version of this code (Article 32(1)(b) GDPR)."""
    _, browser = home
    assert browser.get("/health/live").text == "ok"
    answer = browser.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_a_store_at_another_version_is_not_ready(home: tuple[House, TestClient]) -> None:
    """No traffic reaches code that does not fit its tables."""
    house, browser = home
    with house.work.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version_work SET version_num = '0000'")
    answer = browser.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["stores"] == {"work": "outdated", "vault": "ok", "protected": "ok"}


def test_figures_are_for_tokens_of_their_scope_only(served: Served) -> None:
    """They tell of schemes and sizes: not for everybody (LOG-6)."""
    assert served.browser().get("/metrics").status_code == 401
    assert served.caller(Role.AUDITOR, Scope.READ).get("/metrics").status_code == 403
    assert served.caller(Role.MARKETING, Scope.METRICS).get("/metrics").status_code == 403
    assert served.caller(Role.AUDITOR, Scope.METRICS).get("/metrics").status_code == 200


def test_figures_tell_how_the_house_stands(served: Served) -> None:
    """Log, checkpoint, outbox, stores and runs."""
    told = served.caller(Role.AUDITOR, Scope.METRICS).get("/metrics").text
    for name in ("lauter_log_entries", "lauter_log_unsigned_entries", 'lauter_store_up{store="vault"} 1.0',
                 'lauter_outbox_pieces{state="due"}', 'lauter_run_age_seconds{scheme="value"}'):  # fmt: skip
        assert name in told, name


@pytest.mark.parametrize("path", ["/console/log/{}", "/portal/preferences?q={}", "/api/v1/people/{}", "/{}"])
def test_no_value_of_a_request_becomes_a_label(served: Served, path: str) -> None:
    """Routes are told by their pattern; a canary in the address comes back nowhere (LOG-6, ASVS 16.2.5)."""
    served.browser(Role.DPO).get(path.format(CANARY))
    told = served.caller(Role.AUDITOR, Scope.METRICS).get("/metrics").text
    assert CANARY not in told
    assert not re.search(r'route="[^"]*@', told)
