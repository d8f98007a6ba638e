"""The console: who may see what, what every answer carries, and that looking changes nothing but the log."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys

import pytest
from sqlalchemy import text

from api.access import Right, may
from governance.vocabulary import Role
from tests.api.web import CANARY, CONSOLE_ROLES, PASSWORD, Served

PAGES: dict[str, Right] = {
    "/console": Right.OVERVIEW,
    "/console/contacts": Right.CONTACTS,
    "/console/segments": Right.SEGMENTS,
    "/console/segments/value": Right.SEGMENTS,
    "/console/segments/value/gold": Right.SEGMENTS,
    "/console/segments/new": Right.DEFINE,
    "/console/segments/value/edit": Right.DEFINE,
    "/console/field-templates": Right.DEFINE,
    "/console/segments/value/versions": Right.SEGMENTS,
    "/console/segments/value/versions/1": Right.SEGMENTS,
    "/console/person": Right.PERSON,
    "/console/prices": Right.PRICES,
    "/console/exports": Right.EXPORTS,
    "/console/exports/new": Right.REQUEST_EXPORT,
    "/console/exports/new?scheme=value": Right.REQUEST_EXPORT,
    "/console/log": Right.LOG,
    "/console/log?kind=run:published&until=2026-11-22": Right.LOG,
    "/console/log/0": Right.LOG,
    "/console/verify": Right.VERIFY,
    "/console/staff": Right.ACCOUNTS,
    "/console/letters": Right.LETTER,
}
POSTS: dict[str, Right] = {
    "/console/segments/value/run": Right.RUN,
    "/console/segments/value/versions/1/activate": Right.DEFINE,
    "/console/segments/value/versions/1/decide": Right.APPROVE_SCHEME,
    "/console/person": Right.PERSON,
    "/console/prices/nothing/check": Right.CHECK_PRICE,
    "/console/prices/nothing/activate": Right.ACTIVATE_PRICE,
    "/console/exports/1/approve": Right.APPROVE_EXPORT,
    "/console/exports/1/build": Right.DOWNLOAD_EXPORT,
    "/console/exports/1/fetch": Right.DOWNLOAD_EXPORT,
    "/console/exports/new": Right.REQUEST_EXPORT,
    "/console/person/ffff/value/correct": Right.CORRECT,
    "/console/person/ffff/value/lift": Right.CORRECT,
    "/console/person/ffff/letter": Right.LETTER,
    "/console/verify": Right.VERIFY,
}
FORMS = {"/console/segments/new": Right.DEFINE, "/console/segments/value/edit": Right.DEFINE}
"""Posts that answer with the form itself."""


@pytest.mark.parametrize("role", CONSOLE_ROLES)
def test_each_role_opens_its_own_pages_and_no_other(served: Served, role: Role) -> None:
    """Function-level authorisation (SEC-4): the table of rights is what happens."""
    browser = served.browser(role)
    for path, right in PAGES.items():
        assert (browser.get(path).status_code == 200) == may(role, right), (role, path)
    form = served.form(browser)
    for path, right in (POSTS | FORMS).items():
        if not may(role, right):
            assert browser.post(path, data=form).status_code == 403, (role, path)


@pytest.mark.parametrize("path", PAGES)
def test_nobody_gets_in_without_signing_in(served: Served, path: str) -> None:
    """The way leads to the sign-in."""
    answer = served.browser().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/nowhere", "/static/lauter.css", "/api/v1/schemes"])
def test_every_answer_carries_the_headers(served: Served, path: str) -> None:
    """No script of others, no framing, nothing kept (ASVS 3.4, 14.3.2)."""
    headers = served.browser().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["cache-control"] == "no-store"


def test_pages_hold_no_inline_style_script_or_foreign_address(served: Served) -> None:
    """The policy would block them, and a portal for privacy calls nobody (CON-15)."""
    browser = served.browser(Role.DPO)
    for path, right in PAGES.items():
        if may(Role.DPO, right):
            page = browser.get(path).text
            assert not re.search(r"<script|style=|\son\w+=|https?://", page), path


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(served: Served) -> None:
    """HttpOnly and SameSite always; `__Host-` and Secure once the service is reached by https (ASVS 3.3)."""
    browser = served.browser()
    answer = browser.post("/console/sign-in", data=served.form(browser, name="dpo", password=PASSWORD))
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("lauter=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_form_without_the_token_of_its_session_changes_nothing(served: Served) -> None:
    """Cross-site request forgery: neither no token, nor another session's, nor another site's form (ASVS 3.5)."""
    browser, other = served.browser(Role.MARKETING), served.browser(Role.MARKETING)
    good, foreign = served.form(browser), served.form(other)
    path = "/console/segments/value/run"

    assert browser.post(path, data={"something": "else"}).status_code == 403
    assert browser.post(path, data=foreign).status_code == 403
    assert browser.post(path, data=good, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post(path, data=good, headers={"content-type": "text/plain"}).status_code == 422
    assert browser.post(path, files={"token": good["token"]}).status_code == 422


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(served: Served) -> None:
    """No enumeration of names (ASVS 6.3)."""
    browser = served.browser()

    def answer(name: str) -> tuple[int, str]:
        page = browser.post("/console/sign-in", data=served.form(browser, name=name, password="wrong wrong wrong"))
        return page.status_code, re.sub(r"[0-9a-f]{64}", "", page.text)

    assert answer("dpo") == answer("nobody-at-all")


def test_signing_out_ends_the_session_on_the_server(served: Served) -> None:
    """A copied cookie is worth nothing afterwards."""
    browser = served.browser(Role.AUDITOR)
    cookies = dict(browser.cookies)
    browser.post("/console/sign-out", data=served.form(browser))
    stolen = served.browser()
    stolen.cookies.update(cookies)

    assert stolen.get("/console").status_code == 303


def test_marketing_sees_no_count_that_tells_of_single_people(served: Served) -> None:
    """Counts in tens, and the officer's exact ones only for officer and auditor (H2, XPT-3)."""
    exact = served.browser(Role.DPO).get("/console/segments/value").text
    rounded = served.browser(Role.MARKETING).get("/console/segments/value").text

    assert "rounded to tens" in rounded
    assert "rounded to tens" not in exact


def test_the_language_is_the_readers_and_never_mixed(served: Served) -> None:
    """lang, Content-Language and words agree; the cookie outranks the browser (UX-3)."""
    browser = served.browser(language="de")
    page = browser.get("/console/sign-in")
    assert 'lang="de"' in page.text
    assert page.headers["content-language"] == "de"
    assert "Anmelden" in page.text

    browser.post("/console/language", data=served.form(browser, language="en", back="/console/help"))
    page = browser.get("/console/help")
    assert page.headers["content-language"] == "en"
    assert "<h1>Help</h1>" in page.text


def test_the_theme_is_remembered_and_only_known_ones_are(served: Served) -> None:
    """A class on the root element overrides the device."""
    browser = served.browser()
    browser.post("/console/theme", data=served.form(browser, theme="dark", back="/console/help"))
    assert '<html lang="en" class="dark">' in browser.get("/console/help").text
    browser.post("/console/theme", data=served.form(browser, theme='x" onload="', back="/console/help"))
    assert '<html lang="en" class="dark">' in browser.get("/console/help").text


def test_no_reference_ever_stands_in_an_address_or_in_the_log_of_the_service(served: Served) -> None:
    """The person is known by a stand-in of this session; nobody else's session knows it (SEC-6)."""
    desk = served.browser(Role.DESK)
    answer = desk.post("/console/person", data=served.form(desk, unit="contact", reason="complaint", reference="K0007"))
    place = answer.headers["location"]

    assert answer.status_code == 303
    assert re.fullmatch(r"/console/person/[0-9a-f]{16}", place)
    assert "K0007" not in desk.get(place).text
    assert served.browser(Role.DPO).get(place).status_code == 404
    assert "K0007" not in served.lines.getvalue()
    assert place.rsplit("/", 1)[1] not in served.lines.getvalue()


def test_each_look_at_a_person_is_one_fact(served: Served) -> None:
    """Reading personal data is recorded, and with it whose (Article 15 GDPR, LOG-5)."""
    desk = served.browser(Role.DESK)
    place = desk.post(
        "/console/person", data=served.form(desk, unit="contact", reason="complaint", reference="K0008")
    ).headers["location"]

    for path in (place, f"{place}/value"):
        before = _log_size(served)
        assert desk.get(path).status_code == 200
        assert _log_size(served) == before + 1


def test_looking_changes_nothing_but_the_log(served: Served) -> None:
    """Safe methods are safe (SEC-2): every table but the log's is the same after all pages of all roles."""
    desk = served.browser(Role.DESK)
    place = desk.post(
        "/console/person", data=served.form(desk, unit="contact", reason="complaint", reference="K0009")
    ).headers["location"]
    browsers = {role: served.browser(role) for role in CONSOLE_ROLES}
    before = _digest(served)
    for role, browser in browsers.items():
        for path, right in PAGES.items():
            if may(role, right):
                browser.get(path)
                browser.head(path)
    desk.get(f"{place}/value")
    desk.get("/console/checkpoint")

    assert _digest(served) == before


def test_what_was_typed_is_in_no_error_page(served: Served) -> None:
    """A canary in every field of every form and in the address never comes back (SEC-1, invariant 7)."""
    for role in CONSOLE_ROLES:
        browser = served.browser(role)
        names = ("q", "unit", "reference", "name", "kind", "reason", "segment", "review_on", "recipient", "country",
                 "scheme", "mode", "role", "channel", "ground", "back", "language", "theme", CANARY)  # fmt: skip
        form = served.form(browser, **dict.fromkeys(names, CANARY))
        for path in (*POSTS, "/console/find"):
            answer = browser.post(path, data=form)
            assert answer.status_code >= 400 or answer.status_code == 303
            assert CANARY not in answer.text, path
            assert CANARY not in answer.headers.get("location", "")
        places = ("", "segments/", "prices/", "log/", "person/", "exports/", "jobs/", "log?before=", "log?kind=")
        for path in places:
            answer = browser.get(f"/console/{path}{CANARY}")
            assert CANARY not in answer.text, path
    assert CANARY not in served.lines.getvalue()


def test_the_web_process_starts_without_analytics() -> None:
    """scikit-learn, Fairlearn and pandas are loaded by whoever needs them, not at start (design 3)."""
    program = "import sys, api.app; print([m for m in ('sklearn', 'fairlearn', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _log_size(served: Served) -> int:
    with served.house.work.reading() as connection:
        return int(connection.execute(text("SELECT size FROM log_head")).scalar_one())


def _digest(served: Served) -> str:
    digest = hashlib.sha256()
    with served.house.work.reading() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).scalars()
        for name in list(names):
            if not name.startswith(("log_", "sqlite_")):
                for row in connection.execute(text(f'SELECT * FROM "{name}"')):
                    digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def test_every_kind_of_scheme_has_words() -> None:
    """No page shows a key, or fails, because a kind is new."""
    from api.console.schemes import KINDS
    from segmentation.definitions import Kind

    assert set(KINDS) == set(Kind)
