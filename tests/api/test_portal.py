"""The portal over HTTP: what every answer carries, who learns what, and that looking changes nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from io import StringIO

import pytest
from sqlalchemy import text, update
from starlette.testclient import TestClient

from api.app import create_app
from api.logs import new_log
from api.mail import FolderMailer, Sender
from api.worker import drain
from api.workflows import declaring, portal
from governance.identity import Identity
from governance.tables import subject as subject_table
from governance.vocabulary import OPERATOR, Role, Unit
from tests.api.web import CANARY, Served, serve
from tests.small_world import NOON, identity_of

UNKNOWN = "nobody.at.all@example.org"
OPEN = ("/portal", "/portal/sent", "/portal/letter-asked", "/portal/signed-out", "/portal/help", "/portal/privacy",
        "/portal/accessibility", "/portal/enter/nothing")  # fmt: skip
OWN = ("/portal/preferences", "/portal/preferences?saved=1-3", "/portal/history", "/portal/receipts")
LINK = re.compile(r"/portal/enter/([\w-]+)")


NUMBERS = iter(range(1, 61))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One house for the file; everybody in it is somebody's of one test."""
    made = serve(tmp_path_factory.mktemp("portal"))
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


@pytest.fixture
def served(world: Served) -> Iterator[Served]:
    """A fresh process over the house: limits begin anew, and the clock is of this test alone."""
    lines = StringIO()
    made = Served(world.house, None, lines, NOON + timedelta(hours=1))
    made.app = create_app(world.house, clock=lambda: made.now, log=new_log(lines))
    yield made
    made.app.state.web.jobs.close()


def address_of(number: int) -> str:
    """Where somebody gets mail."""
    return identity_of(number).details["email"]


def token(browser: TestClient, path: str = "/portal/help") -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', browser.get(path).text)
    assert found
    return found[1]


def post(browser: TestClient, path: str, **fields: str) -> tuple[int, str]:
    """Send a form of ours; status and where it leads."""
    answer = browser.post(path, data={"token": token(browser), **fields})
    return answer.status_code, answer.headers.get("location", "")


def inside(served: Served, number: int, language: str = "en", **headers: str) -> TestClient:
    """A browser in which somebody came in by a link."""
    browser = served.browser(language=language)
    browser.headers.update(headers)
    url = portal.embed_link(served.house, declaring.of_number(served.house, number), actor=OPERATOR, now=served.now)
    path = url.removeprefix(served.house.settings.public_url)
    assert post(browser, path) == (303, "/portal")
    return browser


def mails(served: Served, *addresses: str) -> list[str]:
    """What the worker sends to some addresses for what was asked for."""
    folder = served.house.settings.outbox_folder
    before = set(folder.glob("*"))
    drain(served.house, FolderMailer(folder, Sender("Muster", "datenschutz@example.org")), now=served.now)
    sent = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(set(folder.glob("*")) - before)]
    return [mail.replace("=\n", "") for mail in sent if any(f"To: {each}\n" in mail for each in addresses)]


def test_an_address_that_is_known_and_one_that_is_not_get_the_same_answer(served: Served) -> None:
    """Same status, same page, same headers; only the mailbox knows (ACC-6, T34)."""
    answers, known = [], address_of(next(NUMBERS))
    for address in (known, UNKNOWN):
        browser = served.browser()
        answer = browser.post("/portal/link", data={"token": token(browser), "address": address})
        page = browser.get(answer.headers["location"])
        answers.append((answer.status_code, dict(answer.headers), re.sub(r"[0-9a-f]{64}", "", page.text)))
        assert address not in page.text

    assert answers[0] == answers[1]
    assert len(mails(served, known, UNKNOWN)) == 1


def test_a_reference_that_is_known_and_one_that_is_not_get_the_same_answer(served: Served) -> None:
    """Nobody finds out customer numbers here; the desk sees who waits."""
    held = f"K{next(NUMBERS):04d}"
    answers = [post(served.browser(), "/portal/letter", reference=each) for each in (held, "K9999")]
    assert answers[0] == answers[1] == (303, "/portal/letter-asked")

    desk = served.browser(Role.DESK)
    page = desk.get("/console/letters").text
    assert len(re.findall(r'href="/console/person/[0-9a-f]{16}"', page)) == 1
    assert held not in page


def test_from_the_mail_to_the_preferences_and_the_link_is_used_up(served: Served) -> None:
    """The mail's link shows a button, the button opens, and neither works twice (UX-6, T16)."""
    known = address_of(next(NUMBERS))
    post(served.browser(), "/portal/link", address=known)
    found = LINK.search(mails(served, known)[0])
    assert found
    path = found[0]

    scanner = served.browser()
    for _ in range(3):
        assert scanner.get(path).status_code == 200
        assert scanner.head(path).status_code == 405 or scanner.head(path).status_code == 200
    browser = served.browser()
    assert post(browser, path) == (303, "/portal")
    assert browser.get("/portal").headers["location"] == "/portal/preferences"
    assert known in browser.get("/portal/preferences").text
    late = served.browser()
    assert late.get(path).status_code == 404
    assert post(late, path)[0] == 404


def test_who_asks_too_often_waits_and_it_makes_no_difference_whether_the_address_is_known(served: Served) -> None:
    """Five an hour per address, thirty per source (SEC-11)."""
    known = address_of(next(NUMBERS))
    for address in (known, UNKNOWN):
        browser = served.browser()
        assert [post(browser, "/portal/link", address=address)[0] for _ in range(6)] == [303] * 5 + [429]
    assert len(mails(served, known, UNKNOWN)) == 5
    codes = [post(served.browser(), "/portal/link", address=f"n{n}@example.org")[0] for n in range(25)]
    assert codes.count(429) == 7  # twelve of the thirty went before
    served.now += timedelta(hours=1)
    assert post(served.browser(), "/portal/link", address=known)[0] == 303


def test_guessing_codes_is_slow(served: Served) -> None:
    """Thirty an hour per source, of 2 to the 140 (SEC-11)."""
    browser = served.browser()
    form = {"token": token(browser), "code": "0000-0000-0000-0000-0000-0000-0000"}
    answers = [browser.post("/portal/code", data=form).status_code for _ in range(31)]
    assert answers == [404] * 30 + [429]


def test_sixty_changes_an_hour_are_enough_for_anybody(served: Served) -> None:
    """And the sixty-first says so, without having changed anything (SEC-11)."""
    browser = inside(served, next(NUMBERS))
    form = {"token": token(browser)}
    answers = [browser.post("/portal/preferences", data=form).status_code for _ in range(61)]
    assert answers == [303] * 60 + [429]


@pytest.mark.parametrize("path", OWN)
def test_nobody_sees_anything_without_coming_in(served: Served, path: str) -> None:
    """The way leads to the door."""
    answer = served.browser().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal")


def test_staff_and_visitors_are_two_worlds(served: Served) -> None:
    """A console session opens no portal page, a visit no console page (SEC-4)."""
    assert served.browser(Role.DPO).get("/portal/preferences").status_code == 303
    assert inside(served, next(NUMBERS)).get("/console").headers["location"] == "/console/sign-in"


def test_every_answer_carries_the_headers_and_is_kept_nowhere(served: Served) -> None:
    """Strict policy, no-store, no referrer abroad; answers vary by the browser's signal (SEC-6, SEC-12, OBJ-9)."""
    browser = inside(served, next(NUMBERS))
    for path in (*OPEN, *OWN):
        headers = browser.get(path).headers
        if "location" in headers:
            continue
        assert headers["cache-control"] == "no-store", path
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"
        assert "Sec-GPC" in headers["vary"], path


def test_pages_hold_no_script_no_inline_style_and_nobody_elses_address(served: Served) -> None:
    """CON-15: no third party learns that somebody was here."""
    browser = inside(served, next(NUMBERS))
    for path in (*OPEN, *OWN):
        assert not re.search(r"<script|style=|\son\w+=|https?://", browser.get(path).text), path


def test_looking_changes_nothing_but_the_log_and_the_visit(served: Served) -> None:
    """GET and HEAD are safe, also in bulk and with the signal on (SEC-2): every other table stays as it is."""
    letter = portal.letter_for(served.house, f"K{next(NUMBERS):04d}", actor=OPERATOR, now=served.now)
    browser = inside(served, next(NUMBERS), **{"sec-gpc": "1"})
    before = _digest(served)
    for path in (*OPEN, *OWN, "/portal/address", f"/portal/enter/{letter.code}", "/portal/receipts/1"):
        for _ in range(2):
            browser.get(path)
            browser.head(path)
    assert _digest(served) == before


def test_a_form_of_another_session_or_site_changes_nothing(served: Served) -> None:
    """Cross-site request forgery (ASVS 3.5)."""
    browser, other = inside(served, next(NUMBERS)), inside(served, next(NUMBERS))
    foreign = {"token": token(other), "scope": "marketing", "answer": "refuse"}
    before = _digest(served)

    assert browser.post("/portal/objections", data={"scope": "marketing"}).status_code == 403
    assert browser.post("/portal/objections", data=foreign).status_code == 403
    own = {**foreign, "token": token(browser)}
    assert browser.post("/portal/objections", data=own, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post("/portal/objections", files={"token": own["token"]}).status_code == 422
    assert _digest(served) == before


def test_what_was_typed_is_in_no_error_page_and_no_log_line(served: Served) -> None:
    """A canary in every field of every form never comes back (SEC-1, invariant 7)."""
    names = ("address", "code", "reference", "who", "purpose", "scope", "answer", "reason", "seqs", "was", "back",
             "language", "theme", "action", "c:newsletter/email", CANARY)  # fmt: skip
    for browser in (served.browser(), inside(served, next(NUMBERS))):
        form = {"token": token(browser), **dict.fromkeys(names, CANARY)}
        for path in ("link", "letter", "code", "preferences", "objections", "undo", "address/stop", "address/who",
                     "language", "theme", "enter/" + "x" * 27):  # fmt: skip
            answer = browser.post(f"/portal/{path}", data=form)
            assert CANARY not in answer.text, path
            assert CANARY not in answer.headers.get("location", ""), path
        for path in ("enter/", "receipts/", "notices/", "?saved=", "history?page="):
            assert CANARY not in browser.get(f"/portal/{path}{CANARY}").text, path
    assert CANARY not in served.lines.getvalue()


def test_neither_a_secret_nor_an_address_is_in_the_log_of_the_service(served: Served) -> None:
    """Routes are named by their pattern (ASVS 14.2.1)."""
    letter = portal.letter_for(served.house, f"K{next(NUMBERS):04d}", actor=OPERATOR, now=served.now)
    browser = served.browser()
    assert post(browser, f"/portal/enter/{letter.code}")[0] == 303
    known = address_of(next(NUMBERS))
    post(browser, "/portal/link", address=known)
    assert letter.code not in served.lines.getvalue()
    assert known not in served.lines.getvalue()


def test_signing_out_ends_the_visit_on_the_server(served: Served) -> None:
    """A copied cookie is worth nothing afterwards; a visit ends by itself after an hour."""
    browser = inside(served, next(NUMBERS))
    stolen = served.browser()
    stolen.cookies.update(dict(browser.cookies))
    assert stolen.get("/portal/preferences").status_code == 200
    assert post(browser, "/portal/sign-out") == (303, "/portal/signed-out")
    assert stolen.get("/portal/preferences").status_code == 303

    idle = inside(served, next(NUMBERS))
    served.now += timedelta(minutes=59)
    assert idle.get("/portal/preferences").status_code == 200
    served.now += timedelta(minutes=59)
    assert idle.get("/portal/preferences").status_code == 200
    served.now += timedelta(hours=1)
    assert idle.get("/portal/preferences").status_code == 303


def test_whoever_is_erased_is_out_at_once(served: Served) -> None:
    """A visit under way ends with the person's data (Article 17 GDPR)."""
    number = next(NUMBERS)
    browser = inside(served, number)
    with served.house.work.writing() as connection:
        connection.execute(update(subject_table).where(subject_table.c.id == number).values(erased_at=NOON))
    assert browser.get("/portal/preferences").headers["location"] == "/portal"
    assert browser.get("/portal").status_code == 200


class Ticked(HTMLParser):
    """Every input that is checked when the page arrives."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.radios: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") in {"radio", "checkbox"} and given.get("name") != "theme":
            self.radios.append((given["name"] or "", given.get("value") or ""))
            if "checked" in given:
                self.found.append(f"{given['name']}={given.get('value')}")


def test_nothing_is_ticked_but_what_the_person_chose(served: Served) -> None:
    """CON-2: a fresh page has no tick, and sending it unchanged declares nothing."""
    details = dict(identity_of(1).details) | {"email": "new@example.org"}
    browser = inside(served, _newcomer(served, Identity(Unit.CONTACT, "K9001", details)))
    page = Ticked(browser.get("/portal/preferences").text)
    assert page.found == []
    assert len(page.radios) > 20
    assert post(browser, "/portal/preferences", action="save") == (303, "/portal/preferences?saved=0")
    assert Ticked(browser.get("/portal/preferences").text).found == []


def test_every_pair_offers_allow_and_refuse_in_that_order_and_the_same_words(served: Served) -> None:
    """UX-2: equal size, order and wording for yes and no, on every row."""
    page = Ticked(inside(served, next(NUMBERS)).get("/portal/preferences").text)
    pairs: dict[str, list[str]] = {}
    for name, value in page.radios:
        if name.startswith("c:"):
            pairs.setdefault(name, []).append(value)
    assert pairs
    assert set(map(tuple, pairs.values())) == {("allow", "refuse")}


def test_saving_says_what_was_saved_since_when_and_where_it_has_not_arrived(served: Served) -> None:
    """LOOK principle 4: effect, time and reach, with a receipt, and a way back."""
    browser = inside(served, next(NUMBERS))
    served.now += timedelta(minutes=1)
    status, place = post(browser, "/portal/preferences", **{"c:newsletter/email": "refuse", "was": ""})
    page = browser.get(place).text
    assert status == 303
    assert "Saved, in effect since 14:01" in page
    assert re.search(r"Refused: E-mail newsletter.*?Receipt", page, re.DOTALL)
    assert "Undo" in page

    served.now += timedelta(minutes=1)
    seqs = re.search(r'name="seqs" value="([\d-]+)"', page)
    assert seqs
    assert post(browser, "/portal/undo", seqs=seqs[1])[0] == 303


def test_an_old_page_changes_only_what_was_changed_on_it(served: Served) -> None:
    """Two tabs: the second one's ticks that nobody touched overwrite nothing (SEC-2)."""
    browser = inside(served, next(NUMBERS))
    old = re.search(r'name="was" value="([^"]*)"', browser.get("/portal/preferences").text)
    assert old
    served.now += timedelta(minutes=1)
    post(browser, "/portal/objections", scope="marketing", answer="refuse")
    served.now += timedelta(minutes=1)
    ticks = dict(part.split("=", 1) for part in old[1].split())
    post(browser, "/portal/preferences", **ticks, **{"was": old[1], "c:personalised_price/": "refuse"})

    page = browser.get("/portal/preferences").text
    assert "you objected to advertising" in page
    ticked = Ticked(page).found
    assert "c:personalised_price/=refuse" in ticked
    assert "c:personalised_offers/=allow" not in ticked


def test_the_signal_is_honoured_at_once_and_recorded_with_the_next_change(served: Served) -> None:
    """Sec-GPC: exactly 1 and nothing else; shown as its own source (OBJ-9)."""
    for value in ("0", "true", "1;x", "11"):
        assert (
            "Your browser objects for you"
            not in inside(served, next(NUMBERS), **{"sec-gpc": value}).get("/portal/preferences").text
        )
    browser = inside(served, next(NUMBERS), **{"sec-gpc": "1"})
    page = browser.get("/portal/preferences").text
    assert "Your browser objects for you" in page
    assert "We write it down with the next thing you save" in page
    assert "your browser objects to profiling" in page
    post(browser, "/portal/preferences", **{"c:newsletter/email": "refuse", "was": ""})
    assert "We write it down" not in browser.get("/portal/preferences").text
    assert "by a signal of your browser" in browser.get("/portal/history").text


def test_a_shared_address_shows_nobody_and_stops_for_everybody(served: Served) -> None:
    """Design 8, OBJ-11: its own page, no preferences, no names."""
    numbers = [next(NUMBERS), next(NUMBERS)]
    for number in numbers:
        details = dict(identity_of(number).details) | {"email": "info@example.org"}
        served.house.vault.update([(number.to_bytes(16, "big"), Identity(Unit.CONTACT, f"K{number:04d}", details))])
    post(served.browser(), "/portal/link", address="info@example.org")
    found = LINK.search(mails(served, "info@example.org")[0])
    assert found
    browser = served.browser()
    assert post(browser, found[0]) == (303, "/portal")
    assert browser.get("/portal").headers["location"] == "/portal/address"
    assert browser.get("/portal/preferences").headers["location"] == "/portal"

    assert post(browser, "/portal/address/who", who=f"K{next(NUMBERS):04d}")[0] == 404
    assert post(browser, "/portal/address/stop") == (303, "/portal/address?stopped=1")
    assert "No advertising goes to this address" in browser.get("/portal/address").text
    assert post(browser, "/portal/address/who", who=f"K{numbers[0]:04d}") == (303, "/portal/preferences")
    assert "refused" in browser.get("/portal/preferences").text


def test_the_language_is_the_readers_then_the_links_then_the_browsers(served: Served) -> None:
    """T35: nobody reads a text in a language they did not choose (UX-3)."""
    browser = served.browser(language="de")
    assert browser.get("/portal/help?language=en").headers["content-language"] == "en"
    assert browser.get("/portal/help").headers["content-language"] == "de"
    post(browser, "/portal/language", language="en", back="/portal/help")
    assert browser.get("/portal/help?language=de").headers["content-language"] == "en"
    assert post(browser, "/portal/language", language="de", back="//evil.example/portal")[1] == "/portal"


def test_every_page_of_the_portal_has_the_right_to_object_within_reach(served: Served) -> None:
    """Article 21(4) GDPR: explicit, apart, under a heading of its own (OBJ-8)."""
    for language, heading in (("en", "Your right to object"), ("de", "Ihr Widerspruchs\u00adrecht")):
        page = served.browser(language=language).get("/portal/help").text
        assert re.search(rf"<h2[^>]*>{heading}</h2>", page)
    assert re.search(r"<h2[^>]*>Object</h2>", inside(served, next(NUMBERS)).get("/portal/preferences").text)


def test_the_desk_prints_a_letter_and_its_code_opens_the_portal(served: Served) -> None:
    """People without e-mail: from the console's sheet to their preferences (UX-6)."""
    desk = served.browser(Role.DESK)
    form = served.form(desk, unit="contact", reason="request", reference=f"K{next(NUMBERS):04d}")
    place = desk.post("/console/person", data=form).headers["location"]
    assert "What they allow" in desk.get(place).text
    sheet = desk.post(f"{place}/letter", data=served.form(desk)).text
    code = re.search(r"<code>([0-9A-Z-]{34})</code>", sheet)
    assert code
    assert 'class="qr"' in sheet

    browser = served.browser()
    assert post(browser, "/portal/code", code=code[1].lower().replace("-", " "))[0] == 303
    assert "Signed in with the code of a letter." in browser.get("/portal/preferences").text


def _newcomer(served: Served, identity: Identity) -> int:
    number = 61
    served.house.vault.store([(number.to_bytes(16, "big"), identity)])
    with served.house.work.writing() as connection:
        row = connection.execute(text("SELECT * FROM subject WHERE id = 1")).mappings().one()
        values = dict(row) | {"id": number, "pseudonym": number.to_bytes(16, "big")}
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO subject ({names}) VALUES ({marks})"), values)
    return number


def _digest(served: Served) -> str:
    digest = hashlib.sha256()
    with served.house.work.reading() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).scalars()
        for name in list(names):
            if not name.startswith(("log_", "sqlite_")) and name != "portal_session":
                for row in connection.execute(text(f'SELECT * FROM "{name}"')):
                    digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
