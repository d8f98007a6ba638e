"""Receipts in a real browser: readable on a desk and on a phone, nothing serious for axe, the files come down."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from api.portal.visits import VISIT
from api.workflows.declaring import declare, find
from audit.verify import verify_proof
from consent.notices import notice_hash
from governance import visitors
from governance.visitors import LinkKind
from governance.vocabulary import THE_SUBJECT, Act, Channel
from tests.journeys.conftest import Site
from tests.small_world import NOON, said

WIDTHS = {"desk": 1280, "phone": 390}


def visitor(browser: Browser, site: Site, width: int, language: str) -> Page:
    """K0001, who came in and renewed a consent."""
    house = site.served.house
    shown = notice_hash(house.catalogue.purposes["personalised_offers"].notice.text.de)
    consent = said("personalised_offers", Act.RENEWED, at=NOON, channel=Channel.EMAIL, notice=shown)
    declare(house, find(house, "K0001"), [consent], actor=THE_SUBJECT, now=NOON)
    with house.work.writing() as connection:
        secret = visitors.make_link(connection, kind=LinkKind.MAIL, subject=1, address=None, now=site.served.now)
        link = visitors.use(connection, secret, now=site.served.now)
        assert link is not None
        cookie = visitors.begin_session(connection, link, now=site.served.now)
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    context.add_cookies([{"name": VISIT, "value": cookie, "url": site.url}])
    return context.new_page()


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_pages_of_receipts_are_accessible(browser: Browser, site: Site, width: int, language: str) -> None:
    """WCAG 2.2 (UX-1): no serious finding, and nothing wider than the screen."""
    page = visitor(browser, site, width, language)
    visited = []

    page.goto(f"{site.url}/portal/receipts")
    visited.append(_checked(page, width))
    page.locator(".history a").first.click()
    visited.append(_checked(page, width))
    page.locator("a[href^='/portal/notices/']").first.click()
    visited.append(_checked(page, width))

    assert len({*visited}) == 3
    page.context.close()


def _checked(page: Page, width: int) -> str:
    found = Axe().run(page).response["violations"]
    assert not [one["id"] for one in found if one["impact"] in {"serious", "critical"}], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    return page.url


def test_each_file_comes_down_by_one_click(browser: Browser, site: Site, tmp_path: Path) -> None:
    """CON-13, without a script of ours."""
    page = visitor(browser, site, 1280, "en-GB")
    page.goto(f"{site.url}/portal/receipts")
    page.locator(".history a").first.click()
    saved = {}

    for name in ("As PDF", "For machines (JSON-LD)", "Proof file"):
        with page.expect_download() as coming:
            page.get_by_role("link", name=name).click()
        saved[name] = tmp_path / coming.value.suggested_filename
        coming.value.save_as(saved[name])

    assert saved["As PDF"].read_bytes().startswith(b"%PDF")
    assert verify_proof(saved["Proof file"].read_bytes(), [site.served.house.signer.vkey])
    page.context.close()
