"""The portal as customers use it: by mail and by letter, on a phone and at a desk, by keyboard, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from consent.permission import decide_one
from governance import visitors
from governance.identity import Identity
from governance.visitors import LinkKind
from governance.vocabulary import Reason, Role, Unit
from segmentation import membership
from tests.journeys.conftest import Site
from tests.journeys.test_console import DESKTOP, PHONE, look_up, serious, sign_in
from tests.small_world import RULES, identity_of, run_scheme

pytestmark = pytest.mark.xdist_group("browser")
NUMBERS = count(13)
MINUTE = timedelta(minutes=1)
WORDS = {
    "de": {"field": "Bestellungen", "saved": "Gespeichert und wirksam seit", "out": "ausgenommen",
           "objected": "Sie haben der Profilbildung widersprochen"},
    "en": {"field": "Orders", "saved": "Saved, in effect since", "out": "kept out",
           "objected": "you objected to profiling"},
}  # fmt: skip


@contextmanager
def visiting(browser: Browser, width: int = DESKTOP, **options: Any) -> Iterator[Page]:
    """A fresh browser window; a page that reaches for another host, or breaks its policy, fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
    page.on("console", lambda told: foreign.append(told.text) if "Content Security Policy" in told.text else None)
    yield page
    context.close()
    assert not foreign


def link_in_the_mail(page: Page, site: Site, number: int) -> str:
    """The link of the mail to somebody, as it lies in the outbox folder; the service's own worker lays it there."""
    house, address = site.served.house, identity_of(number).details["email"]
    for _ in range(200):
        for path in house.settings.outbox_folder.glob("*"):
            mail = message_from_bytes(path.read_bytes(), policy=default)
            body = mail.get_body(("plain",))
            if body is not None and address in mail["to"].casefold():
                found = re.search(r"/portal/enter/\S+", body.get_content())
                assert found
                return site.url + found[0]
        page.wait_for_timeout(50)
    raise AssertionError("no mail came")


def come_in(page: Page, site: Site, number: int) -> None:
    """By a link to the person's own address, where the mail itself is not what is tested."""
    page.goto(_link(site, identity_of(number).details["email"], number))
    page.click("main button")
    page.wait_for_url("**/portal/preferences")


def press(page: Page, site: Site, selector: str) -> None:
    """Press a button a minute later, and wait for the page that follows."""
    site.served.now += MINUTE
    with page.expect_navigation():
        page.click(selector)


@pytest.mark.parametrize(("width", "language"), [(DESKTOP, "de"), (PHONE, "en"), (PHONE, "de"), (DESKTOP, "en")])
def test_by_mail_refuse_one_field_object_to_profiling_and_see_it_take_effect(
    browser: Browser, site: Site, width: int, language: str
) -> None:
    """The issue's own journey: link, one field, one objection, effect; the next run leaves the person out, and says so.

    Articles 7(3), 21(2) and (3) GDPR, OBJ-1: no script, no account, one click.
    """
    served, number, words = site.served, next(NUMBERS), WORDS[language]
    with visiting(browser, width, locale=f"{language}-XX", java_script_enabled=False) as page:
        page.goto(f"{site.url}/portal")
        page.fill("#f-address", identity_of(number).details["email"].upper())
        page.click("main button >> nth=0")
        page.wait_for_url("**/portal/sent")
        page.goto(link_in_the_mail(page, site, number))
        page.click("main button")
        page.wait_for_url("**/portal/preferences")
        assert page.evaluate("document.documentElement.lang") == language

        page.click("#p-personalised_offers summary")
        page.check("#f-personalised_offers-purchase_history")
        press(page, site, "button[value=save]")
        assert words["saved"] in page.locator("[role=status]").inner_text()
        assert words["field"] in page.locator("[role=status]").inner_text()
        assert words["out"] in page.locator("#p-personalised_offers summary").inner_text()

        press(page, site, "form:has([name=scope][value=profiling]) button")
        assert words["saved"] in page.locator("[role=status]").inner_text()
        assert words["objected"] in page.locator("#p-personalised_offers").inner_text()
        assert page.is_checked("input[name='c:personalised_offers/'][value=refuse]")

    served.now += MINUTE
    run_scheme(served.house, RULES, now=served.now)
    purpose = served.house.catalogue.purpose("personalised_offers")
    with served.house.work.reading() as connection:
        live = membership.live(connection, "value")
        member = membership.member(connection, live, purpose, number, now=served.now)
        decision = decide_one(connection, number, purpose, now=served.now)
    assert decision.reason is Reason.OBJECTED_TO_PROFILING
    assert member.segment is None
    _console_says_why(browser, site, number)


def _console_says_why(browser: Browser, site: Site, number: int) -> None:
    """The officer sees how many the run left out and why; and for this person, since when and by whose word."""
    with visiting(browser, locale="en-GB") as page:
        sign_in(page, site, Role.DPO)
        page.goto(f"{site.url}/console/segments/value")
        assert "Objected to profiling" in page.inner_text("main")
        page.goto(f"{site.url}/console/person")
        page.fill("#f-reference", f"K{number:04d}")
        page.select_option("#f-reason", "complaint")
        page.click("main form button")
        shown = page.inner_text("main")
        assert "Objected to profiling" in shown
        assert "declared by the person" in shown
        assert re.search(r"withheld by the person\s+Orders", shown)


def test_withdrawing_takes_no_more_steps_than_giving(browser: Browser, site: Site) -> None:
    """Article 7(3) GDPR, CON-4: the same form, the same number of clicks; and everything at once takes one."""
    with visiting(browser, locale="de-DE", java_script_enabled=False) as page:
        come_in(page, site, next(NUMBERS))
        steps = dict.fromkeys(("allow", "refuse"), 0)
        for answer in steps:
            page.click(f"label:has(input[name='c:newsletter/email'][value={answer}])")
            press(page, site, "button[value=save]")
            steps[answer] += 2
            assert page.is_checked(f"input[name='c:newsletter/email'][value={answer}]")
        assert steps["refuse"] <= steps["allow"]

        page.click("label:has(input[name='c:newsletter/email'][value=allow])")
        press(page, site, "button[value=save]")
        press(page, site, "button[value=refuse-all]")
        ticked = page.locator("input[type=radio]:checked:not([name=theme])")
        assert {ticked.nth(n).get_attribute("value") for n in range(ticked.count())} == {"refuse"}


def test_an_act_can_be_undone_and_the_history_keeps_both(browser: Browser, site: Site) -> None:
    """Going back is the person's own later act; nothing is taken out of the history."""
    with visiting(browser, locale="en-GB", java_script_enabled=False) as page:
        come_in(page, site, next(NUMBERS))
        press(page, site, "form:has([name=scope][value=marketing]) button")
        assert "objected" in page.locator("form:has([name=scope][value=marketing])").inner_text()
        press(page, site, "[role=status] button")
        assert "objected" not in page.locator("form:has([name=scope][value=marketing])").inner_text()
        page.goto(f"{site.url}/portal/history")
        lines = page.inner_text("main")
        assert "Objected: marketing" in lines
        assert "Objection taken back: marketing" in lines


def test_allow_and_refuse_look_alike(browser: Browser, site: Site) -> None:
    """UX-2: same size, weight, colour and border, in light and dark, measured where the browser draws them."""
    look = """label => { const s = getComputedStyle(label), r = label.getBoundingClientRect();
      return [Math.round(r.width), Math.round(r.height), s.fontSize, s.fontWeight, s.color, s.backgroundColor,
              s.borderTopColor, s.borderTopWidth].join(' ') }"""
    for scheme in ("light", "dark"):
        with visiting(browser, locale="de-DE", color_scheme=scheme) as page:
            come_in(page, site, next(NUMBERS))
            for pair in page.locator(".pair").all()[:6]:
                if pair.locator(":checked").count() == 0:
                    allow, refuse = pair.locator("label").all()
                    assert abs(allow.bounding_box()["width"] - refuse.bounding_box()["width"]) <= 2  # type: ignore[index]
                    assert allow.evaluate(look).split(" ")[1:] == refuse.evaluate(look).split(" ")[1:]


@pytest.mark.parametrize(
    ("width", "locale", "scheme"),
    [(DESKTOP, "de-DE", "light"), (DESKTOP, "en-GB", "dark"), (PHONE, "de-DE", "dark"), (PHONE, "en-GB", "light")],
)
def test_every_page_of_the_portal_is_readable_for_everybody(
    browser: Browser, site: Site, width: int, locale: str, scheme: str
) -> None:
    """axe finds nothing serious, nothing rolls sideways, every target has 24 pixels (WCAG 2.2 AA, UX-1, UX-3)."""
    found: dict[str, list[str]] = {}

    def look(page: Page, name: str) -> None:
        found[name] = serious(page) + _sideways(page, width) + _small(page) + _other_language(page, locale)

    with visiting(browser, width, locale=locale, color_scheme=scheme) as page:
        for path in ("", "/sent", "/letter-asked", "/help", "/privacy", "/accessibility", "/enter/nothing", "/nowhere"):
            page.goto(f"{site.url}/portal{path}")
            look(page, path)
        come_in(page, site, next(NUMBERS))
        look(page, "preferences")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        look(page, "everything open")
        page.check("input[name='c:newsletter/email'][value=allow]")
        press(page, site, "button[value=save]")
        look(page, "saved")
        page.click("section:has(#object) summary")
        press(page, site, "form:has([name=scope][value=general]) button")
        look(page, "objected")
        page.goto(f"{site.url}/portal/history")
        look(page, "history")
        page.goto(_link_for_a_shared_address(site))
        look(page, "shared")
    with visiting(browser, width, locale=locale, color_scheme=scheme, extra_http_headers={"Sec-GPC": "1"}) as page:
        come_in(page, site, next(NUMBERS))
        look(page, "signal")
    with visiting(browser, width, locale=locale, color_scheme=scheme) as page:
        page.goto(_link_for_a_shared_address(site))
        page.click("main button")
        page.wait_for_url("**/portal/address")
        look(page, "address")
    assert {name: what for name, what in found.items() if what} == {}


def test_the_keyboard_alone_signs_in_decides_and_saves(browser: Browser, site: Site) -> None:
    """No mouse: skip link, form, the button of the link, radios by arrow, the save button (WCAG 2.1.1, 2.4.11)."""
    number = next(NUMBERS)
    with visiting(browser, locale="de-DE") as page:
        page.goto(f"{site.url}/portal")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.focus("#f-address")
        page.keyboard.type(identity_of(number).details["email"])
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.goto(link_in_the_mail(page, site, number))
        page.wait_for_function("document.activeElement.matches('main button')")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        site.served.now += MINUTE
        _tab_to(page, "c:newsletter/email")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        assert page.is_checked("input[name='c:newsletter/email'][value=refuse]")
        assert page.evaluate(_IN_VIEW)
        _tab_to(page, "action")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "Gespeichert und wirksam seit" in page.locator("[role=status]").inner_text()


def test_the_portal_sets_only_cookies_that_it_needs_and_calls_nobody(browser: Browser, site: Site) -> None:
    """§ 25 TDDDG, CON-15: before and after coming in, the list of cookies and requests, seen from the browser."""
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))
    page.goto(f"{site.url}/portal")
    assert {(c["name"], c["httpOnly"], c["sameSite"]) for c in context.cookies()} == {("lauter-visitor", True, "Lax")}
    come_in(page, site, next(NUMBERS))
    page.goto(f"{site.url}/portal/history")
    assert {c["name"] for c in context.cookies()} == {"lauter-visitor", "lauter-portal"}
    assert all(c["httpOnly"] and c["sameSite"] == "Lax" for c in context.cookies())
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert hosts == {site.url}
    context.close()


def test_on_paper_the_choices_stay_and_the_controls_go(browser: Browser, site: Site) -> None:
    """What holds can be printed and kept; buttons cannot be pressed on paper."""
    with visiting(browser, locale="de-DE") as page:
        come_in(page, site, next(NUMBERS))
        page.emulate_media(media="print")
        assert page.locator(".effect").first.is_visible()
        assert not page.locator("main .button").first.is_visible()
        assert not page.locator(".tabs").is_visible()


def test_a_letter_fits_one_sheet_and_its_code_opens_the_portal(browser: Browser, site: Site) -> None:
    """From the desk's printer to the person's phone, typed by hand (UX-6)."""
    number = next(NUMBERS)
    details = dict(identity_of(number).details) | {"street": "Musterweg 5", "postcode": "12345", "city": "Musterstadt"}
    person = Identity(Unit.CONTACT, f"K{number:04d}", details)
    site.served.house.vault.update([(number.to_bytes(16, "big"), person)])
    with visiting(browser, locale="de-DE") as page:
        sign_in(page, site, Role.DESK)
        page.goto(f"{site.url}/console/person")
        page.fill("#f-reference", f"K{number:04d}")
        page.select_option("#f-reason", "complaint")
        page.click("main form button")
        assert serious(page) + _sideways(page, DESKTOP) == []
        page.click("text=Brief erstellen")
        code = page.inner_text(".letter code")
        assert "Musterweg 5" in page.inner_text(".letter .window")
        assert serious(page) == []
        assert _pages(page.pdf(format="A4")) == 1
    with visiting(browser, PHONE, locale="de-DE") as page:
        page.goto(f"{site.url}/portal")
        page.fill("#f-code", code.lower().replace("-", "").replace("0", "o"))
        page.click("form[action='/portal/code'] button")
        page.wait_for_url("**/portal/preferences")
        assert "Angemeldet mit dem Code" in page.inner_text(".page-head")


def test_the_console_shows_nothing_of_it_to_marketing(browser: Browser, site: Site) -> None:
    """Who writes the rules sees counts and reasons, never a person (Article 25 GDPR)."""
    with visiting(browser, locale="de-DE") as page:
        sign_in(page, site, Role.MARKETING)
        assert page.goto(f"{site.url}/console/person").status == 403  # type: ignore[union-attr]
    with visiting(browser, locale="de-DE") as page:
        sign_in(page, site, Role.DESK)
        look_up(page, site, "K0002")


_IN_VIEW = """() => { const box = document.activeElement.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return at === document.activeElement || document.activeElement.closest('label').contains(at) }"""


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until a control of that name has the focus; every stop must be in view (WCAG 2.4.11)."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('name')") == name:
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def _link_for_a_shared_address(site: Site) -> str:
    house = site.served.house
    for number in (1, 2):
        details = dict(identity_of(number).details) | {"email": "info@example.org"}
        house.vault.update([(number.to_bytes(16, "big"), Identity(Unit.CONTACT, f"K{number:04d}", details))])
    return _link(site, "info@example.org", None)


def _link(site: Site, address: str, number: int | None) -> str:
    house, now = site.served.house, site.served.now
    kept = house.addresses.keep(address, expires_at=now + 60 * MINUTE)
    with house.work.writing() as connection:
        secret = visitors.make_link(connection, kind=LinkKind.MAIL, subject=number, address=kept, now=now)
    return f"{site.url}/portal/enter/{secret}"


def _sideways(page: Page, width: int) -> list[str]:
    wide = int(page.evaluate("document.documentElement.scrollWidth"))
    return [f"rolls sideways: {wide}"] if wide > width else []


def _small(page: Page) -> list[str]:
    """Targets below 24 by 24 CSS pixels; links within a sentence are exempt (WCAG 2.5.8)."""
    found = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), summary, nav a, .proof a, .footer a')]
          .map(one => one.closest('label') ?? one.labels?.[0] ?? one)
          .filter(one => one.checkVisibility({visibilityProperty: true}) && one.getBoundingClientRect().width > 1)
          .filter(one => { const box = one.getBoundingClientRect(); return box.height < 23.5 || box.width < 19 })
          .map(one => one.outerHTML.slice(0, 80))"""
    )
    return [f"small: {each}" for each in found]


def _other_language(page: Page, locale: str) -> list[str]:
    language = page.evaluate("document.documentElement.lang")
    return [] if re.match(language, locale) else [f"lang is {language}"]


def _pages(pdf: bytes) -> int:
    from io import BytesIO

    from pypdf import PdfReader

    return len(PdfReader(BytesIO(pdf)).pages)
