"""A served house to call: signed-in browsers by role, API callers by token, a clock that stands still."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.app import create_app
from api.logs import new_log
from api.wiring import House
from api.workflows import staff
from governance.staff import Scope
from governance.vocabulary import OPERATOR, Role
from tests.small_world import NOON, RULES, a_small_world, run_scheme

PASSWORD = "correct horse battery"
CANARY = "canary.person@example.org"
CONSOLE_ROLES = (Role.DPO, Role.MARKETING, Role.DESK, Role.STEWARD, Role.ADMIN, Role.AUDITOR)


@dataclass
class Served:
    """The house, its app, and what it logged."""

    house: House
    app: Any
    lines: StringIO
    now: datetime = NOON

    def browser(self, role: Role | None = None, language: str = "en") -> TestClient:
        """A browser, signed in if a role is given."""
        client = TestClient(
            self.app, base_url="http://127.0.0.1:8080", headers={"accept-language": language}, follow_redirects=False
        )
        if role is not None:
            answer = client.post("/console/sign-in", data=self.form(client, name=role.value, password=PASSWORD))
            assert answer.status_code == 303, answer.text
        return client

    def form(self, client: TestClient, **fields: str) -> dict[str, str]:
        """The fields with the form token of this browser's session."""
        page = client.get("/console/help").text
        found = re.search(r'name="token" value="([0-9a-f]{64})"', page)
        assert found
        return {"token": found[1], **fields}

    def caller(self, role: Role, *scopes: Scope) -> TestClient:
        """A program with a token."""
        token = staff.add_api_token(self.house, "test", role, scopes or tuple(Scope), actor=OPERATOR, now=self.now)
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        return TestClient(self.app, base_url="http://127.0.0.1:8080", headers=headers, follow_redirects=False)


def serve(folder: Path, **world: Any) -> Served:
    """Sixty contacts, a scheme that ran, one member of staff per role."""
    house = a_small_world(folder, **world)
    run_scheme(house, RULES)
    for role in CONSOLE_ROLES:
        staff.add_member(house, role.value, role, PASSWORD, actor=OPERATOR, now=NOON)
    lines = StringIO()
    served = Served(house, None, lines, NOON + timedelta(hours=1))
    served.app = create_app(house, clock=lambda: served.now, log=new_log(lines))
    return served
