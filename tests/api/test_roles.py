"""Who may call what: every route of console and API against every role (GOV-7, Articles 29 and 32(1)(b) GDPR)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.role_table import ADMIN, TABLE
from tests.api.trace import routes, size_of
from tests.api.web import CONSOLE_ROLES, Served, serve

EVERYBODY = re.compile(r"/(sign-in|sign-out|signed-out|language|theme|openapi\.json)$")
PUBLIC = {"GET /api/v1/log/checkpoint", "POST /api/v1/proofs/verification", "GET /console/help"}
"""What anybody may see or check without being anybody (LOG-3, LOG-8)."""
ASKED = {"reference": "K0003", "purpose": "personalised_offers"}


def whole(line: str) -> str:
    """A line of the table as the route is called."""
    method, path = line.split()
    return f"{method} " + path.replace("~", "/api/v1", 1).replace(".", "/console", 1)


EXPECTED = {whole(line): set(roles) for roles, lines in TABLE for line in lines.strip().splitlines()}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house with one member of staff and one program per role."""
    made = serve(tmp_path_factory.mktemp("roles"), people=12, gold=6)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def guarded(served: Served) -> list[str]:
    """Every route that somebody must be let in for."""
    patterns = [pattern for pattern in routes(served.app) if "/console" in pattern or "/api/v1" in pattern]
    return [pattern for pattern in patterns if not EVERYBODY.search(pattern)]


def call(served: Served, client: Any, pattern: str) -> int:
    """Call a route about things that do not exist: a guard comes before everything else."""
    method, path = pattern.split(" ")
    path = re.sub(r"\{[^}]*\}", "zzz", re.sub(r"\{\w+:int\}", "999", path))
    if "/api/" in path:
        return int(client.request(method, path, json=None if method in {"GET", "DELETE"} else ASKED).status_code)
    form = served.form(client) if method == "POST" else None
    return int(client.request(method, path, data=form).status_code)


def test_every_route_lets_in_exactly_the_roles_of_the_table(served: Served) -> None:
    """Nobody reads or does more than their task needs; nobody who asks also approves (Article 5(1)(f), GOV-7)."""
    browsers = {role: served.browser(role) for role in CONSOLE_ROLES}
    callers = {role: served.caller(role) for role in CONSOLE_ROLES if role is not ADMIN}
    found = {}
    for pattern in guarded(served):
        clients = callers if "/api/" in pattern else browsers
        found[pattern] = {role for role, client in clients.items() if call(served, client, pattern) != 403}

    assert found == EXPECTED


def test_without_signing_in_nothing_answers(served: Served) -> None:
    """Not even whether a thing exists (SEC-4)."""
    before = size_of(served.house)
    for pattern in sorted({*guarded(served)} - PUBLIC):
        status = call(served, served.browser(), pattern)
        assert status in ({401} if "/api/" in pattern else {303, 403}), (pattern, status)
    assert size_of(served.house) == before


def test_no_form_of_the_console_works_with_another_token(served: Served) -> None:
    """Another site cannot make somebody who is signed in act (ASVS 3.5, SEC-12)."""
    browsers = {role: served.browser(role) for role in CONSOLE_ROLES}
    for pattern, roles in EXPECTED.items():
        method, path = pattern.split(" ")
        if method == "POST" and "/console" in path:
            path = re.sub(r"\{[^}]*\}", "zzz", re.sub(r"\{\w+:int\}", "999", path))
            sent: dict[str, Any] = (
                {"files": {"token": "0" * 64}} if path.endswith("/imports") else {"data": {"token": "0" * 64}}
            )
            assert browsers[min(roles)].post(path, **sent).status_code == 403, pattern
