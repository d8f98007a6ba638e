"""From a template to a run: marketing builds, sees what is refused and why, previews, asks; the officer approves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from api.workflows import activations
from governance.vocabulary import Role
from tests.journeys.conftest import Site
from tests.journeys.test_console import DESKTOP, PHONE, serious, sign_in, visiting

pytestmark = pytest.mark.xdist_group("browser")
WHAT, VALUE = "#f-s0-g0-c0-what", "#f-s0-g0-c0-value"


def begin(page: Page, site: Site) -> None:
    """The template for those who have ordered nothing for long, for personal prices."""
    page.goto(f"{site.url}/console/segments")
    page.click("text=New scheme")
    page.select_option("#f-purpose", "personalised_price")
    page.click("text=Reactivate >> nth=0")


def test_from_a_template_over_the_officer_to_a_run(browser: Browser, site: Site) -> None:
    """The whole way without code, with live counts; a refused field says why (Articles 5, 25 and 35 GDPR)."""
    with visiting(browser, locale="en-GB") as page:
        sign_in(page, site, Role.MARKETING)
        begin(page, site)
        expect(page.locator("h1")).to_have_text("Reactivate")
        expect(page.locator(VALUE)).to_have_value("180")

        page.select_option(WHAT, "field.employees")
        expect(page.locator(".rule.is-refused")).to_contain_text("The catalogue declares this only for")
        expect(page.locator("#result")).to_contain_text("Not possible yet")
        page.click("text=Choose another purpose")
        page.select_option("#f-purpose", "personalised_offers")
        page.select_option(WHAT, "act.count")
        expect(page.locator(".rule.is-refused")).to_have_count(0)
        page.select_option("#f-s0-g0-c0-op", "at_least")
        page.fill(VALUE, "3")
        page.press(VALUE, "Tab")
        expect(page.locator(".live")).to_contain_text("30 are left")
        page.select_option("#f-purpose", "personalised_price")
        expect(page.locator("#f-effect option[value=price]")).to_have_count(1)
        page.select_option("#f-effect", "price")
        expect(page.locator(".checks")).to_contain_text("Data protection decides")
        assert serious(page) == []

        page.click("button[value=preview]")
        expect(page.locator("h1")).to_have_text("Preview")
        assert serious(page) == []
        page.click("button[value=activate]")
        expect(page.locator("h1")).to_have_text("No version is active")

    with visiting(browser, locale="en-GB", java_script_enabled=False) as page:
        sign_in(page, site, Role.DPO)
        page.click("text=Version 1 of Reactivate waits for your approval")
        page.check("#f-answer-y")
        page.fill("#f-note", "Discount for a service, no tier by person.")
        page.click("text=Record the decision")
        assert page.locator("h1").inner_text() == "Version 1 is active"
        assert "Discount for a service" in page.locator("main").inner_text()

    with visiting(browser, locale="en-GB") as page:
        sign_in(page, site, Role.MARKETING)
        page.goto(f"{site.url}/console/segments/reaktivieren")
        page.click("text=Run now")
        page.wait_for_url(re.compile("/console/(segments/reaktivieren|jobs/.*)$"))
        page.goto(f"{site.url}/console/segments/reaktivieren")
        assert activations.versions(site.served.house, "reaktivieren").active == 1


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_builder_works_without_a_script_on_every_width(browser: Browser, site: Site, width: int) -> None:
    """Every button is a plain form post; nothing lies outside the screen."""
    with visiting(browser, width, locale="de-DE", java_script_enabled=False, color_scheme="dark") as page:
        sign_in(page, site, Role.MARKETING)
        page.goto(f"{site.url}/console/segments/value/edit")
        page.click("text=Bedingung hinzufügen >> nth=0")
        page.select_option("#f-s0-g0-c1-what", "act.days_since_last")
        page.click("text=Neu zählen >> nth=-1")
        page.select_option("#f-s0-g0-c1-op", "within")
        page.fill("#f-s0-g0-c1-value", "90")
        page.click("text=Neu zählen >> nth=-1")
        assert "30 bleiben übrig" in page.locator(".live").nth(1).inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("button[value=preview]")
        assert page.locator("h1").inner_text() == "Vorschau"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
