"""The console as people use it: keyboard and screen reader, phone and desk, day and night, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from audit.verify import verify_proof
from governance.vocabulary import Role
from tests.api.web import PASSWORD
from tests.journeys.conftest import Site

DESKTOP, PHONE = 1280, 390
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
pytestmark = pytest.mark.xdist_group("browser")


@contextmanager
def visiting(browser: Browser, width: int = DESKTOP, **options: Any) -> Iterator[Page]:
    """A fresh browser window; a page that reaches for another host fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
    blocked: list[str] = []
    page.on("console", lambda told: blocked.append(told.text) if "Content Security Policy" in told.text else None)
    yield page
    context.close()
    assert not foreign
    assert not blocked


def sign_in(page: Page, site: Site, role: Role) -> None:
    """By the form, as people do."""
    page.goto(f"{site.url}/console")
    page.fill("#f-name", role.value)
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{site.url}/console")


def look_up(page: Page, site: Site, reference: str) -> None:
    """The first assignment of whoever stands under the reference."""
    page.goto(f"{site.url}/console/person")
    page.fill("#f-reference", reference)
    page.select_option("#f-reason", "complaint")
    page.click("main form button")
    page.click("main table a")


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_from_the_overview_to_a_corrected_assignment(browser: Browser, site: Site) -> None:
    """Sign in, see, open a scheme, look up a person, read why, take the proof, correct, sign out."""
    with visiting(browser, locale="en-GB", java_script_enabled=False) as page:
        sign_in(page, site, Role.DESK)
        page.click("text=Segments >> nth=0")
        page.click("text=Customer value")
        assert page.locator("h1").inner_text() == "Customer value"

        look_up(page, site, "K0005")
        assert "K0005" not in page.url
        assert "Regulars" in page.locator("h1").inner_text()
        assert page.locator("text=Fixed rules are checked in order").count() == 1
        with page.expect_download() as download:
            page.click("text=Proof file")
        data = download.value.path().read_bytes()
        assert download.value.suggested_filename.endswith(".lauter-proof")
        assert verify_proof(data, [site.served.house.signer.vkey])

        page.check("input[value=move]")
        page.select_option("#f-segment", label="Others")
        page.fill("#f-reason", "The orders belong to somebody else.")
        page.click("text=Correct the assignment")
        assert "Corrected, in effect since" in page.locator("[role=status]").inner_text()
        assert "Others" in page.locator("h1").inner_text()
        page.click("text=Lift the correction")
        assert "Regulars" in page.locator("h1").inner_text()
        page.click("text=Sign out")
        page.goto(f"{site.url}/console")
        assert page.url.endswith("/console/sign-in")


def test_a_form_that_does_not_fit_puts_the_focus_on_what_to_mend(browser: Browser, site: Site) -> None:
    """The summary on top gets the focus and leads to the field, whose error is linked to it (WCAG 3.3.1)."""
    with visiting(browser, locale="de-DE") as page:
        sign_in(page, site, Role.DESK)
        look_up(page, site, "K0006")
        page.check("input[value=move]")
        page.fill("#f-reason", "Grund")
        page.click("text=Zuordnung korrigieren")
        focused = page.evaluate("document.activeElement.getAttribute('role')")
        assert focused == "alert"
        page.click("[role=alert] a")
        assert page.evaluate("document.querySelector('#f-segment').getAttribute('aria-describedby')")
        assert page.locator("#f-segment-e").count() == 1


def test_the_keyboard_alone_reaches_the_content_and_signs_in(browser: Browser, site: Site) -> None:
    """First stop is the way to the content; the form needs no mouse (WCAG 2.1.1, 2.4.1)."""
    with visiting(browser, locale="de-DE") as page:
        page.goto(f"{site.url}/console/help")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.goto(f"{site.url}/console/sign-in")
        page.keyboard.type("auditor")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.url}/console")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["de-DE", "en-GB"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_is_readable_for_everybody(
    browser: Browser, site: Site, width: int, locale: str, scheme: str
) -> None:
    """axe finds nothing serious, and nothing rolls sideways, on desk and phone, by day and night (WCAG 2.2 AA)."""
    paths = ("", "/contacts", "/segments", "/segments/value", "/segments/value/gold", "/prices", "/exports", "/log",
             "/log/0", "/verify", "/help", "/person", "/nowhere")  # fmt: skip
    found: dict[str, list[str]] = {}
    with visiting(browser, width, locale=locale, color_scheme=scheme) as page:
        page.goto(f"{site.url}/console/sign-in")
        found["sign-in"] = serious(page)
        sign_in(page, site, Role.DPO)
        for path in paths:
            page.goto(f"{site.url}/console{path}")
            found[path] = serious(page) + _sideways(page, width) + _language(page, locale)
        look_up(page, site, "K0010")
        found["assignment"] = serious(page) + _sideways(page, width) + _language(page, locale)
    assert {path: what for path, what in found.items() if what} == {}


def test_the_forms_of_desk_and_marketing_are_readable_for_everybody(browser: Browser, site: Site) -> None:
    """The same for the pages that only they see, on a phone."""
    found: dict[str, list[str]] = {}
    for role, paths in ((Role.MARKETING, ("/exports/new?scheme=value", "/segments/value")), (Role.ADMIN, ("/staff",))):
        with visiting(browser, PHONE, locale="de-DE") as page:
            sign_in(page, site, role)
            for path in paths:
                page.goto(f"{site.url}/console{path}")
                found[path] = serious(page) + _sideways(page, PHONE)
    with visiting(browser, PHONE, locale="de-DE", color_scheme="dark") as page:
        sign_in(page, site, Role.DESK)
        look_up(page, site, "K0011")
        found["correct"] = serious(page) + _sideways(page, PHONE)
    assert {path: what for path, what in found.items() if what} == {}


def test_the_checker_itself_sees_a_mistake(browser: Browser) -> None:
    """An empty list of violations means something only if a field without a label makes it longer."""
    with visiting(browser) as page:
        page.set_content("<html lang='de'><title>x</title><main><h1>x</h1><input></main></html>")
        assert any(one.startswith("label") for one in serious(page))


def test_the_menu_of_a_phone_opens_without_javascript(browser: Browser, site: Site) -> None:
    """The rail is a popover below 1,024 pixels."""
    with visiting(browser, PHONE, locale="de-DE", java_script_enabled=False) as page:
        sign_in(page, site, Role.DPO)
        assert not page.locator("#areas").is_visible()
        page.click("text=Menü")
        page.click("#areas >> text=Protokoll >> nth=0")
        assert page.locator("h1").inner_text() == "Protokoll"


def test_the_appearance_is_previewed_at_once_and_kept(browser: Browser, site: Site) -> None:
    """Dark by choice outranks a light device, also on the next page."""
    with visiting(browser, locale="de-DE", color_scheme="light") as page:
        page.goto(f"{site.url}/console/sign-in")
        light = page.evaluate(GROUND)
        page.check("input[name=theme][value=dark]")
        page.click("text=Merken")
        page.goto(f"{site.url}/console/help")
        dark = page.evaluate(GROUND)
        assert light != dark


def test_on_paper_the_evidence_stays_and_the_controls_go(browser: Browser, site: Site) -> None:
    """Print shows the story, not the buttons."""
    with visiting(browser, locale="de-DE") as page:
        sign_in(page, site, Role.DESK)
        look_up(page, site, "K0012")
        page.emulate_media(media="print")
        assert not page.locator(".rail").is_visible()
        assert not page.locator("main button").first.is_visible()
        assert page.locator(".story").is_visible()


def _sideways(page: Page, width: int) -> list[str]:
    wide = int(page.evaluate("document.documentElement.scrollWidth"))
    return [f"rolls sideways: {wide}"] if wide > width else []


def _language(page: Page, locale: str) -> list[str]:
    language = page.evaluate("document.documentElement.lang")
    return [] if re.match(language, locale) else [f"lang is {language}"]
