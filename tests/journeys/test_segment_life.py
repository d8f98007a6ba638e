"""Marketing looks at segments as people do: profile, comparison, who moved, history, note; day, night and phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser

from consent.ledger import declare
from governance.vocabulary import OPERATOR, Act, Role
from tests.journeys.conftest import Site
from tests.journeys.test_console import DESKTOP, GROUND, PHONE, serious, sign_in, visiting
from tests.small_world import NOON, RULES, run_scheme, said

pytestmark = pytest.mark.xdist_group("browser")
PAGES = ("gold", "compare", "compare?with=gold&with=others", "migration", "history")


@pytest.fixture(scope="module")
def lived(site: Site) -> Site:
    """A second run, after three withdrew."""
    house = site.served.house
    with house.work.writing() as connection:
        for subject in (1, 2, 40):
            withdrawn = [said("personalised_offers", Act.WITHDRAWN, at=NOON)]
            declare(connection, subject, withdrawn, actor=OPERATOR, now=NOON)
    run_scheme(house, RULES, now=NOON + timedelta(minutes=30))
    return site


def test_from_the_scheme_to_a_note_and_back_without_scripts(browser: Browser, lived: Site) -> None:
    """Every step is a link or a form; what was written stands on the page with its time."""
    with visiting(browser, locale="en-GB", java_script_enabled=False) as page:
        sign_in(page, lived, Role.MARKETING)
        page.goto(f"{lived.url}/console/segments/value")
        page.click("main >> text=Who moved")
        assert page.locator("h1").inner_text() == "Who moved"
        assert page.locator("table.matrix tbody tr").count() == 4
        page.click("nav >> text=Customer value")
        page.click("main >> text=Regulars")
        assert "bring" in page.locator(".lead").inner_text()

        page.fill("#f-owner", "Inside sales")
        page.fill("#f-strategy", "Write to ada.muster5@example.org")
        page.click("text=Store the note")
        assert "Name a role or a team" in page.locator("[role=alert]").inner_text()
        assert page.input_value("#f-owner") == "Inside sales"
        page.fill("#f-strategy", "Thank them in December.")
        page.click("text=Store the note")
        assert page.locator("#notes ~ .stack >> text=Thank them in December.").count() == 1

        page.click("text=Compare with others")
        page.check("text=Others")
        page.click("main >> button:has-text('Compare')")
        assert page.locator("main thead th").count() == 3


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_and_nothing_runs_over_the_edge(
    browser: Browser, lived: Site, width: int, scheme: str
) -> None:
    """WCAG 2.2 by axe, in both modes; only tables scroll, never the page."""
    with visiting(browser, width, color_scheme=scheme, locale="de-DE") as page:
        sign_in(page, lived, Role.MARKETING)
        grounds = set()
        for path in PAGES:
            page.goto(f"{lived.url}/console/segments/value/{path}")
            grounds.add(page.evaluate(GROUND))
            assert serious(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert len(grounds) == 1
