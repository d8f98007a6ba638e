"""The log proves what was done, not how somebody works (§ 26 BDSG, § 87(1) no. 6 BetrVG, LOG-14)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.workflows import staff
from api.workflows.log import sign_checkpoint
from audit import log, store
from governance.vocabulary import OPERATOR, Role
from tests.api.trace import routes
from tests.api.web import PASSWORD, Served, serve
from tests.small_world import NOON

NAMES = {Role.DESK: "zoe.kanarienvogel", Role.DPO: "olaf.kanarienvogel", Role.MARKETING: "mia.kanarienvogel"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house in which three people with names worked for an hour."""
    made = serve(tmp_path_factory.mktemp("staff"), people=12, gold=6)
    for role, name in NAMES.items():
        staff.add_member(made.house, name, role, PASSWORD, actor=OPERATOR, now=NOON)
    desk = signed_in(made, Role.DESK)
    for number in range(1, 6):
        asked = made.form(desk, unit="contact", reason="complaint", reference=f"K{number:04d}")
        place = desk.post("/console/person", data=asked).headers["location"]
        desk.get(f"{place}/value")
    sign_checkpoint(made.house, now=made.now)
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


def signed_in(served: Served, role: Role) -> TestClient:
    """The browser of somebody with a name."""
    browser = served.browser()
    answer = browser.post("/console/sign-in", data=served.form(browser, name=NAMES[role], password=PASSWORD))
    assert answer.status_code == 303
    return browser


def test_no_entry_and_no_line_of_the_operational_log_names_staff(served: Served) -> None:
    """A role and a random sign, which the administrator alone can turn into a name."""
    with served.house.work.reading() as connection:
        leaves = store.leaves_between(connection, 0, log.size(connection))
        actors = {entry.actor for entry in log.entries(connection, limit=100)}
    everything = b"".join(leaf.body for leaf in leaves) + served.lines.getvalue().encode()

    assert b"kanarienvogel" not in everything.lower()
    assert len([actor for actor in actors if re.fullmatch(r"desk:[0-9a-f]{12}", actor)]) == 1


def test_no_page_but_the_administrators_list_tells_who_worked(served: Served) -> None:
    """Nobody finds a colleague's name beside what they did; one's own stands in the head of each page."""
    officer = signed_in(served, Role.DPO)
    for pattern in routes(served.app):
        method, path = pattern.split(" ")
        if method != "GET" or not path.startswith("/console") or "sign" in path:
            continue
        path = re.sub(r"\{[^}]*\}", "value", re.sub(r"\{\w+:int\}", "3", path))
        text = officer.get(path).text.lower()
        assert "zoe" not in text, path
        assert "mia" not in text, path


def test_no_page_counts_the_acts_of_single_members_of_staff(served: Served) -> None:
    """The log is filtered by role; a filter by member would be a report of performance."""
    officer = signed_in(served, Role.DPO)
    page = officer.get("/console/log").text
    with served.house.work.reading() as connection:
        [actor] = {entry.actor for entry in log.entries(connection, limit=100) if entry.actor.startswith("desk:")}

    assert actor not in page
    assert actor.partition(":")[2] not in officer.get("/console/compliance").text
