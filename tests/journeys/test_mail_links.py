"""What a link in a mail opens, in a real browser without a script: one click ends, one click agrees (CON-4, CON-8)."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from api.workflows import confirming, unsubscribing
from consent import ledger
from governance.tables import outbox
from governance.vocabulary import OPERATOR, Act, Channel, Language
from tests.journeys.conftest import Site

NEWS, OFFERS = "newsletter", "personalised_offers"
WIDTHS = {"desk": 1280, "phone": 390}


def unsubscribe_path(site: Site, number: int) -> str:
    pseudonym = number.to_bytes(16, "big")
    return site.url + unsubscribing.unsubscribe_url(site.served.house, pseudonym, OFFERS, Channel.EMAIL)[21:]


def confirm_path(site: Site, address: str, language: Language) -> str:
    """The link of the mail, as the worker would make it."""
    house = site.served.house
    confirming.request_confirmation(
        house, subject=None, address=address, purpose=NEWS, channel=Channel.EMAIL, language=language, actor=OPERATOR,
        now=site.served.now,
    )  # fmt: skip
    with house.work.reading() as connection:
        rows = connection.execute(select(outbox.c.reference).where(outbox.c.kind == "confirmation")).scalars()
        reference = json.loads(list(rows)[-1])
    issued = confirming.issue(house, reference, now=site.served.now)
    assert issued is not None
    return site.url + issued.url[21:]


def opened(browser: Browser, url: str, width: int = 1280, language: str = "en-GB") -> Page:
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    return page


def acts(site: Site, number: int) -> list[Act]:
    with site.served.house.work.reading() as connection:
        return [d.act for d in ledger.history(connection, number)]


def test_withdrawing_takes_as_many_clicks_as_agreeing(browser: Browser, site: Site) -> None:
    """One button each behind a link of a mail, without an account, a script or a cookie (Article 7(3) GDPR)."""
    giving = opened(browser, confirm_path(site, "ada.muster11@example.org", "en"))
    giving.get_by_role("button", name="I agree").click()
    assert giving.locator("h1").inner_text() == "You have agreed"
    assert acts(site, 11)[-1] is Act.GIVEN

    ending = opened(browser, unsubscribe_path(site, 11))
    ending.get_by_role("button", name="End only this").click()
    assert ending.locator("h1").inner_text() == "This has ended"
    assert acts(site, 11)[-1] is Act.WITHDRAWN
    assert giving.context.cookies() == ending.context.cookies() == []


def test_the_buttons_are_of_one_size_and_nothing_is_chosen_beforehand(browser: Browser, site: Site) -> None:
    """Yes and no look alike (CON-2)."""
    for url in (unsubscribe_path(site, 12), confirm_path(site, "ada.muster12@example.org", "en")):
        page = opened(browser, url)
        boxes = [button.bounding_box() for button in page.locator("main button").all()]
        assert len(boxes) == 2
        assert all(box is not None for box in boxes)
        assert len({box["height"] for box in boxes if box}) == 1
        assert page.locator("input:checked").count() == 0
        page.context.close()


def test_the_page_of_a_link_changes_language_in_place(browser: Browser, site: Site) -> None:
    """German mail, English reader: one click, and the link still works."""
    page = opened(browser, confirm_path(site, "ada.muster13@example.org", "de"), language="de-DE")
    assert page.locator("h1").inner_text() == "Willigen Sie ein?"
    page.get_by_role("link", name="English").click()
    assert page.locator("h1").inner_text() == "Do you agree?"
    page.get_by_role("button", name="I did not ask for this").click()
    assert page.locator("h1").inner_text() == "The request is gone"
    assert acts(site, 13)[-1] is Act.REQUESTED


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_page_behind_a_link_is_accessible(browser: Browser, site: Site, width: int, language: str) -> None:
    """axe finds nothing serious, nothing rolls sideways, every target has 24 pixels (WCAG 2.2 AA, UX-1)."""
    number = 20 + width % 7 + len(language) + (5 if language == "de-DE" else 0)
    address = f"ada.muster{number}@example.org"
    unsubscribe, confirm = unsubscribe_path(site, number), confirm_path(site, address, "de")
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    page = context.new_page()
    headings = []
    for url, button in ((unsubscribe, 0), (confirm, 0), (unsubscribe, 1), (f"{site.url}/u/x", None), (confirm, None)):
        page.goto(url)
        headings.append(_checked(page, width))
        if button is not None:
            page.locator("main button").nth(button).click()
            headings.append(_checked(page, width))
    assert len({*headings}) == 7, headings
    context.close()


def test_a_mail_programs_click_over_the_wire_needs_nothing(site: Site) -> None:
    """The bytes of RFC 8058 against the real server, as a mail provider sends them."""
    request = Request(unsubscribe_path(site, 14), b"List-Unsubscribe=One-Click", method="POST")
    request.add_header("Content-Type", "application/x-www-form-urlencoded")
    with urlopen(request, timeout=20) as answer:
        headers = {name.lower() for name in answer.headers}
        assert answer.status == 200

    assert not headers & {"location", "set-cookie"}
    assert acts(site, 14)[-1] is Act.WITHDRAWN


def _checked(page: Page, width: int) -> str:
    found = Axe().run(page).response["violations"]
    assert not [one["id"] for one in found if one["impact"] in {"serious", "critical"}], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert re.fullmatch(r"(de|en)", page.locator("html").get_attribute("lang") or "")
    for target in page.locator("a:visible, button:visible").all():
        box = target.bounding_box()
        assert box is not None
        inline = target.evaluate("node => getComputedStyle(node).display === 'inline'")
        assert inline or (box["height"] >= 24 and box["width"] >= 24)
    return page.locator("h1").inner_text()
