"""Who may call what: every route of console and API against every role (GOV-7, Articles 29 and 32(1)(b) GDPR)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from governance.vocabulary import Role
from tests.api.trace import routes, size_of
from tests.api.web import CONSOLE_ROLES, Served, serve

DPO, MARKETING, DESK = Role.DPO, Role.MARKETING, Role.DESK
STEWARD, ADMIN, AUDITOR = Role.STEWARD, Role.ADMIN, Role.AUDITOR
TABLE: tuple[tuple[tuple[Role, ...], str], ...] = (
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ~/schemes/{scheme}/versions
        GET ~/schemes
        GET ~/schemes/{scheme}
        GET ~/jobs/{job}
        GET ~/schemes/{scheme}/segments/{segment}
        GET ~/schemes/{scheme}/compare
        GET ~/schemes/{scheme}/migration
        GET ~/schemes/{scheme}/history
        GET ~/schemes/{scheme}/schedule
        GET ~/templates
        GET ~/templates/{key}
        GET ~/log/checkpoint
        POST ~/proofs/verification
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ./segments/{name}/versions
        GET ./segments/{name}/versions/{number:int}
        GET ./segments
        GET ./segments/{name}
        GET ./segments/{scheme}/compare
        GET ./segments/{scheme}/migration
        GET ./segments/{scheme}/history
        GET ./segments/{scheme}/{key}
    """,
    ),
    (
        (
            DPO,
            DESK,
        ),
        """
        POST ~/decisions
        POST ~/schemes/{scheme}/explanations
        POST ~/schemes/{scheme}/proofs
        POST ~/preferences/find
        GET ~/preferences/{handle}
        GET ~/preferences/{handle}/receipts
        GET ~/preferences/{handle}/receipts/{seq}
        POST ~/preferences/{handle}/receipts/{seq}/proof
    """,
    ),
    (
        (
            DPO,
            DESK,
        ),
        """
        GET ./person
        POST ./person
        GET ./person/{handle}
        GET ./person/{handle}/-/state
        GET ./person/{handle}/{scheme}
        POST ./person/{handle}/{scheme}/proof
        POST ./person/{handle}/{scheme}/replay
        GET ./corrections
    """,
    ),
    (
        (MARKETING,),
        """
        POST ~/schemes/preview
        POST ~/schemes/{scheme}/activation
        DELETE ~/schemes/{scheme}/activation/request
        DELETE ~/schemes/{scheme}/activation
        POST ~/schemes
        POST ~/schemes/{scheme}/segments/{segment}/notes
        POST ~/prices
        POST ~/prices/{name}/activation
        POST ~/exports
        POST ~/exports/{number}/build
        POST ~/exports/{number}/download
    """,
    ),
    (
        (MARKETING,),
        """
        GET ./segments/new
        GET ./field-templates
        GET ./segments/{name}/edit
        POST ./segments/new
        POST ./segments/{name}/edit
        POST ./segments/{name}/versions/{number:int}/activate
        POST ./segments/{name}/versions/withdraw
        POST ./segments/{name}/versions/deactivate
        POST ./segments/{scheme}/{key}/notes
        POST ./prices/{name}/activate
        GET ./exports/new
        POST ./exports/new
        POST ./exports/{number:int}/build
        POST ./exports/{number:int}/fetch
    """,
    ),
    (
        (DPO,),
        """
        POST ~/schemes/{scheme}/activation/decision
        POST ~/exports/{number}/approval
        POST ~/exports/{number}/refusal
    """,
    ),
    (
        (DPO,),
        """
        POST ./segments/{name}/versions/{number:int}/decide
        POST ./person/{handle}/-/bundle
        POST ./exports/{number:int}/approve
        POST ./exports/{number:int}/decline
        POST ./compliance/acknowledge
    """,
    ),
    (
        (
            MARKETING,
            STEWARD,
        ),
        """
        POST ~/schemes/{scheme}/runs
        PUT ~/schemes/{scheme}/schedule
    """,
    ),
    (
        (
            MARKETING,
            STEWARD,
        ),
        """
        POST ./segments/{name}/schedule
        POST ./segments/{name}/run
    """,
    ),
    (
        (
            DPO,
            AUDITOR,
        ),
        """
        GET ~/schemes/{scheme}/check
        GET ~/log/entries
        GET ~/log/entries/{index}
        POST ~/log/verification
        GET ~/records/processing
        GET ~/records/processing/changes
        GET ~/records/ai
        GET ~/schemes/{scheme}/evidence
        GET ~/schemes/{scheme}/impact
    """,
    ),
    (
        (
            DPO,
            AUDITOR,
        ),
        """
        GET ./compliance
        POST ./compliance/seen
        GET ./log
        POST ./log/views
        POST ./log/views/{number:int}/drop
        GET ./log/{index:int}
        GET ./records
        GET ./records/{kind}
        GET ./records/{kind}/file.{form}
        GET ./records/{kind}/{scheme}
        GET ./records/{kind}/{scheme}/file.{form}
    """,
    ),
    (
        (DESK,),
        """
        POST ~/schemes/{scheme}/corrections
        POST ~/schemes/{scheme}/corrections/lift
        PATCH ~/preferences/{handle}
        POST ~/preferences/{handle}/link
        POST ~/confirmations
    """,
    ),
    (
        (DESK,),
        """
        GET ./letters
        POST ./person/{handle}/letter
        POST ./person/{handle}/{scheme}/correct
        POST ./person/{handle}/{scheme}/lift
    """,
    ),
    (
        (STEWARD,),
        """
        POST ~/imports/{kind}
        POST ~/webhooks
        DELETE ~/webhooks/{number}
        POST ~/webhooks/{number}/redelivery
    """,
    ),
    (
        (STEWARD,),
        """
        GET ./imports
        POST ./imports
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            AUDITOR,
        ),
        """
        GET ~/prices
        GET ~/prices/{name}
        GET ~/exports
        GET ~/exports/{number}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            AUDITOR,
        ),
        """
        GET ./prices
        GET ./prices/{name}
        GET ./exports
        GET ./exports/{number:int}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
        ),
        """
        POST ~/prices/{name}/check
    """,
    ),
    (
        (
            DPO,
            MARKETING,
        ),
        """
        POST ./prices/{name}/check
    """,
    ),
    (
        (
            DPO,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ~/webhooks
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            DESK,
            STEWARD,
            ADMIN,
            AUDITOR,
        ),
        """
        GET .
        POST ./find
        GET ./help
        GET ./jobs/{job}
    """,
    ),
    (
        (
            DPO,
            MARKETING,
            STEWARD,
            AUDITOR,
        ),
        """
        GET ./contacts
    """,
    ),
    (
        (
            DPO,
            ADMIN,
            AUDITOR,
        ),
        """
        GET ./checkpoint
        GET ./verify
        POST ./verify
    """,
    ),
    (
        (ADMIN,),
        """
        GET ./staff
    """,
    ),
)
"""Roles, and what they alone may call; `~` is /api/v1 and `.` is /console. An administrator calls no API."""
EVERYBODY = re.compile(r"/(sign-in|sign-out|signed-out|language|theme|openapi\.json)$")
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
    for pattern in guarded(served):
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
            assert browsers[min(roles)].post(path, data={"token": "0" * 64}).status_code == 403, pattern
