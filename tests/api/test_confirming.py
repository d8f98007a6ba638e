"""Double opt-in from the typed address to the proven consent: only the button counts (CON-8, T16)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from api.mail import Mail
from api.worker import drain
from api.workflows import confirming, declaring
from api.workflows.confirming import CannotConfirm
from audit import log
from consent import ledger, notices
from consent.permission import decide_one
from consent.tables import confirmation
from governance import outbox
from governance.addresses import sealed_address
from governance.errors import UnknownPurpose
from governance.identity import Identity
from governance.staff import Scope as TokenScope
from governance.tables import subject as subjects
from governance.vocabulary import (
    OPERATOR,
    THE_SUBJECT,
    Act,
    Channel,
    ConsentState,
    Declaration,
    Reason,
    Role,
    Scope,
    Source,
    Unit,
)
from tests.api.web import Served, serve
from tests.small_world import DAY, NOON, _subject, identity_of, said

NEWS, CARE = "newsletter", "sales_care"
NEWCOMER = "Somebody.New@example.org"
PERSON = 3


@dataclass
class Postbox:
    """Takes mails instead of a mail server."""

    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail, *, now: datetime) -> None:
        """Keep it."""
        del now
        self.mails.append(mail)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = serve(tmp_path)
    yield served
    served.house.close()


def ask(served: Served, address: str = NEWCOMER, *, own: bool = False, **more: Any) -> None:
    given: dict[str, Any] = {"subject": None, "purpose": NEWS, "channel": Channel.EMAIL, "language": "de"}
    actor = THE_SUBJECT if own else OPERATOR
    confirming.request_confirmation(served.house, address=address, actor=actor, now=served.now, **(given | more))


def send(served: Served) -> list[Mail]:
    """What the worker sends now."""
    postbox = Postbox()
    drain(served.house, postbox, now=served.now)
    return postbox.mails


def link(mail: Mail) -> str:
    found = re.search(r"/confirm/[\w-]+", mail.text)
    assert found
    return found[0]


def asked_link(served: Served, address: str = NEWCOMER, **more: Any) -> str:
    ask(served, address, **more)
    (mail,) = send(served)
    return link(mail)


def address_of(number: int) -> str:
    return identity_of(number).details["email"]


def size(served: Served) -> int:
    with served.house.work.reading() as connection:
        return log.size(connection)


def history(served: Served, number: int = PERSON) -> list[Declaration]:
    with served.house.work.reading() as connection:
        return ledger.history(connection, number)


def reason(served: Served, number: int, purpose: str = NEWS, channel: Channel | None = Channel.EMAIL) -> Reason:
    with served.house.work.reading() as connection:
        found = decide_one(connection, number, served.house.catalogue.purpose(purpose), now=served.now, channel=channel)
    return found.reason


def waiting(served: Served) -> int:
    with served.house.work.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(confirmation)).scalar_one())


def sealed(served: Served) -> int:
    with served.house.vault.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(sealed_address)).scalar_one())


def people(served: Served) -> int:
    with served.house.work.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(subjects)).scalar_one())


def test_a_known_person_consents_by_the_button_and_not_before(served: Served) -> None:
    """Request and confirmation both stand in the ledger; unconfirmed, nothing is permitted (CON-8)."""
    way = asked_link(served, address_of(PERSON))
    assert history(served)[-1].act is Act.REQUESTED
    assert reason(served, PERSON, channel=None) is Reason.REQUESTED_ONLY

    answer = served.browser().post(way, data={"choice": "agree", "read": "de"})

    assert answer.status_code == 200
    last = history(served)[-1]
    assert (last.act, last.purpose, last.channel, last.source) == (Act.GIVEN, NEWS, Channel.EMAIL, Source.SUBJECT)
    assert reason(served, PERSON) is Reason.CONSENT_GIVEN
    assert last.valid_until == NOON.replace(hour=13, year=2029)


def test_the_evidence_says_how_and_when_and_holds_no_network_address(served: Served) -> None:
    """Sealed beside the declaration: method, both times, the hash of the very text (Article 7(1) GDPR)."""
    way = asked_link(served, address_of(PERSON))
    asked_at = served.now
    served.now += timedelta(hours=3)
    served.browser().post(way, data={"choice": "agree", "read": "de"})

    with served.house.work.reading() as connection:
        row = ledger.recorded(connection, PERSON)[-1]
        piece = connection.exec_driver_sql(f"SELECT evidence FROM declaration WHERE seq = {row.seq}").scalar_one()
    (opened,) = served.house.vault.open_evidence([(PERSON.to_bytes(16, "big"), piece)])
    assert opened is not None
    text = served.house.catalogue.purpose(NEWS).notice.text.de
    assert json.loads(opened) == {
        "method": "double_opt_in",
        "requested_at": asked_at.isoformat(),
        "confirmed_at": served.now.isoformat(),
        "notice": notices.notice_hash(text).hex(),
        "language": "de",
    }


def test_a_scanner_that_follows_the_link_confirms_nothing(served: Served) -> None:
    """GET and HEAD in bulk leave everything as it is (T16)."""
    way = asked_link(served, address_of(PERSON))
    before, scanner = size(served), served.browser()
    for _ in range(50):
        assert scanner.get(way).status_code == 200
        assert scanner.head(way).status_code == 200
    assert scanner.post(way, content=b"").status_code == 200
    assert scanner.post(way, data={"List-Unsubscribe": "One-Click"}).status_code == 200

    assert size(served) == before
    assert waiting(served) == 1


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_shows_the_text_whose_hash_is_agreed_to_in_either_language(served: Served, language: str) -> None:
    """Word for word, and the consent names the language that was read (CON-1)."""
    way = asked_link(served, address_of(PERSON))
    browser = served.browser(language="de")
    page = browser.get(f"{way}?language={language}")
    text = served.house.catalogue.purpose(NEWS).notice.text.in_language("en" if language == "en" else "de")

    for line in text.splitlines():
        assert html.unescape(page.text).find(line) >= 0
    read = re.search(r'name="read" value="(\w+)"', page.text)
    assert read
    browser.post(way, data={"choice": "agree", "read": read[1]})
    assert history(served)[-1].notice == notices.notice_hash(text)


def test_the_page_says_nothing_of_who_was_asked_and_sets_no_cookie(served: Served) -> None:
    """Whoever has the link may be somebody else; no button is bigger than the other."""
    page = served.browser().get(asked_link(served, address_of(PERSON)))

    for value in identity_of(PERSON).details.values():
        assert value not in page.text
    assert "set-cookie" not in page.headers
    assert len(re.findall(r'<button class="button quiet"', page.text)) == 2


def test_a_link_works_once_and_void_ones_all_get_the_same_friendly_answer(served: Served) -> None:
    """Used, expired, never made: nothing tells which (CON-8)."""
    used, late = asked_link(served, address_of(PERSON)), asked_link(served, address_of(4))
    browser = served.browser()
    browser.post(used, data={"choice": "agree", "read": "de"})
    before = size(served)
    again = browser.post(used, data={"choice": "agree", "read": "de"})
    unknown = browser.post("/confirm/" + "x" * 27, data={"choice": "agree", "read": "de"})
    served.now += 14 * DAY
    expired = browser.post(late, data={"choice": "agree", "read": "de"})

    assert again.status_code == unknown.status_code == expired.status_code == 200
    assert again.text == unknown.text == expired.text
    assert browser.get(used).text == browser.get("/confirm/x").text
    assert size(served) == before


def test_an_unconfirmed_request_vanishes_with_its_address(served: Served) -> None:
    """After fourteen days nothing of it is left (Article 5(1)(e) GDPR)."""
    asked_link(served)
    served.now += 14 * DAY - timedelta(hours=1)
    confirming.sweep(served.house, now=served.now)
    assert (waiting(served), sealed(served)) == (1, 1)

    served.now += timedelta(hours=2)
    confirming.sweep(served.house, now=served.now)

    assert (waiting(served), sealed(served)) == (0, 0)


def test_who_did_not_ask_has_it_forgotten_at_once(served: Served) -> None:
    """The other button keeps nothing, and is no objection either."""
    way = asked_link(served)
    before = size(served)
    answer = served.browser().post(way, data={"choice": "discard"})

    assert answer.status_code == 200
    assert (waiting(served), sealed(served), size(served)) == (0, 0, before)


def test_somebody_unknown_becomes_a_contact_by_the_button_with_this_consent_alone(served: Served) -> None:
    """A newsletter sign-up: reference of its own, nothing else permitted (Article 25(2) GDPR)."""
    way = asked_link(served)
    before = people(served)
    assert declaring.holders_of(served.house, "email", NEWCOMER) == []
    served.browser().post(way, data={"choice": "agree", "read": "de"})

    (holder,) = declaring.holders_of(served.house, "email", NEWCOMER)
    assert people(served) == before + 1
    (identity,) = served.house.vault.reveal([holder.pseudonym])
    assert identity is not None
    assert identity.reference.startswith("signup-")
    assert dict(identity.details) == {"email": NEWCOMER}
    assert reason(served, holder.number) is Reason.CONSENT_GIVEN
    for purpose in served.house.catalogue.purposes.values():
        for channel in purpose.channels - ({Channel.EMAIL} if purpose.key == NEWS else set()):
            with served.house.work.reading() as connection:
                assert not decide_one(connection, holder.number, purpose, now=served.now, channel=channel).lawful
    assert (waiting(served), sealed(served)) == (0, 0)


def test_two_buttons_at_once_make_one_contact(served: Served) -> None:
    """Single use, decided in the database: the other's identity is taken back (an orphan nobody sees)."""
    way = asked_link(served)
    secret = way.rpartition("/")[2]
    house = served.house
    taken = house.vault.store

    def meanwhile(new: Any) -> None:
        taken(new)
        house.vault.store = taken  # type: ignore[method-assign]
        assert confirming.confirm(house, secret, now=served.now) is not None

    house.vault.store = meanwhile  # type: ignore[method-assign]
    before = people(served)

    assert confirming.confirm(house, secret, now=served.now) is None
    assert people(served) == before + 1
    assert len(house.vault.holders_of("email", [NEWCOMER])[0]) == 1


def test_at_a_shared_address_the_consent_is_nobodys_who_was_there(served: Served) -> None:
    """Of several nobody can say who asked; theirs stay as they are."""
    details = dict(identity_of(PERSON).details)
    served.house.vault.store([((61).to_bytes(16, "big"), Identity(Unit.CONTACT, "K0061", details))])
    with served.house.work.writing() as connection:
        connection.execute(subjects.insert(), [_subject(61)])
    served.browser().post(asked_link(served, address_of(PERSON)), data={"choice": "agree", "read": "de"})

    assert len(declaring.holders_of(served.house, "email", address_of(PERSON))) == 3
    assert reason(served, PERSON) is Reason.NEVER_ASKED
    assert reason(served, 61) is Reason.NEVER_ASKED


@pytest.mark.parametrize(
    ("act", "scope", "purpose", "channel"),
    [
        (Act.WITHDRAWN, Scope.PURPOSE, NEWS, None),
        (Act.WITHDRAWN, Scope.PURPOSE, NEWS, Channel.EMAIL),
        (Act.REFUSED, Scope.PURPOSE, NEWS, None),
        (Act.OBJECTED, Scope.MARKETING, None, None),
        (Act.OBJECTED, Scope.GENERAL, None, None),
    ],
)
def test_nobody_who_said_no_is_asked(
    served: Served, act: Act, scope: Scope, purpose: str | None, channel: Channel | None
) -> None:
    """No mail, no new row, and the sealed address is forgotten (CON-14)."""
    person = declaring.find(served.house, f"K{PERSON:04d}")
    no = said(purpose, act, at=served.now, scope=scope, channel=channel)
    declaring.declare(served.house, person, [no], actor=THE_SUBJECT, now=served.now)
    before = size(served)
    ask(served, address_of(PERSON).upper())
    ask(served, address_of(PERSON), subject=person)

    assert send(served) == []
    assert (waiting(served), sealed(served), size(served)) == (0, 0, before)


def test_who_said_no_and_moved_since_is_left_alone_until_the_cool_down_is_over(served: Served) -> None:
    """The no is the person's, not the mailbox's (CON-14): six months, as the purpose says."""
    with served.house.work.writing() as connection:
        ledger.declare(connection, PERSON, [said(NEWS, Act.REFUSED, at=NOON)], actor=THE_SUBJECT, now=NOON)
    ask(served, address_of(PERSON))
    assert send(served) == []

    served.now = NOON.replace(year=2027, month=5, day=23)
    ask(served, address_of(PERSON))
    assert len(send(served)) == 1


def test_an_address_that_was_blocked_before_its_owner_was_erased_is_not_asked(served: Served) -> None:
    """The block list outlives erasure: the form on the website brings nobody back (OBJ-6)."""
    with served.house.work.writing() as connection:
        served.house.blocklist.add(connection, "email", NEWCOMER.lower(), now=served.now)
    ask(served)

    assert send(served) == []
    assert sealed(served) == 0


def test_who_asks_for_it_in_the_portal_is_sent_the_mail_though_they_said_no_before(served: Served) -> None:
    """It is their own later act, and the mail advertises nothing (invariant 2)."""
    person = declaring.find(served.house, f"K{PERSON:04d}")
    declaring.declare(served.house, person, [said(NEWS, Act.WITHDRAWN, at=NOON)], actor=THE_SUBJECT, now=served.now)
    served.now += timedelta(hours=1)
    way = asked_link(served, address_of(PERSON), subject=person, own=True)
    served.now += timedelta(hours=1)
    served.browser().post(way, data={"choice": "agree", "read": "de"})

    assert reason(served, PERSON) is Reason.CONSENT_GIVEN
    with served.house.work.reading() as connection:
        assert served.house.blocklist.blocked(connection, "email", [address_of(PERSON)], purpose=NEWS) == [False]


def test_an_address_that_changed_hands_speaks_for_nobody(served: Served) -> None:
    """The mail reached the old mailbox; the person has another one by now."""
    way = asked_link(served, address_of(PERSON))
    details = dict(identity_of(PERSON).details) | {"email": "moved@example.org"}
    pseudonym = PERSON.to_bytes(16, "big")
    served.house.vault.update([(pseudonym, Identity(Unit.CONTACT, f"K{PERSON:04d}", details))])

    assert confirming.confirm(served.house, way.rpartition("/")[2], now=served.now) is None
    assert reason(served, PERSON, channel=None) is Reason.REQUESTED_ONLY


def test_who_was_erased_since_cannot_confirm(served: Served) -> None:
    """No key, no person, no consent."""
    way = asked_link(served, address_of(PERSON))
    with served.house.work.writing() as connection:
        connection.execute(update(subjects).where(subjects.c.id == PERSON).values(erased_at=NOON))

    assert confirming.confirm(served.house, way.rpartition("/")[2], now=served.now) is None


def test_a_mail_that_had_to_be_sent_twice_confirms_by_either_link_and_once(served: Served) -> None:
    """A mail server that failed may have delivered all the same."""
    ask(served, address_of(PERSON))
    with served.house.work.reading() as connection:
        reference = json.loads(connection.exec_driver_sql("SELECT reference FROM outbox").scalar_one())
    first = confirming.issue(served.house, reference, now=served.now)
    second = confirming.issue(served.house, reference, now=served.now)
    assert first is not None
    assert second is not None
    assert first.url != second.url
    assert sum(d.act is Act.REQUESTED for d in history(served)) == 1

    assert confirming.confirm(served.house, first.url.rpartition("/")[2], now=served.now) is not None
    assert confirming.confirm(served.house, second.url.rpartition("/")[2], now=served.now) is None
    assert confirming.issue(served.house, reference, now=served.now) is None


def test_neither_outbox_nor_row_holds_a_secret_or_an_address(served: Served) -> None:
    """The secret is in the mail alone; the database keeps its hash (SEC-11)."""
    way = asked_link(served)
    ask(served)
    with served.house.work.reading() as connection:
        stored = repr(connection.execute(select(confirmation)).all())
        stored += repr(connection.exec_driver_sql("SELECT * FROM outbox").all())

    assert way.rpartition("/")[2] not in stored
    assert NEWCOMER.lower() not in stored.lower()
    assert way.rpartition("/")[2] not in served.lines.getvalue()


@pytest.mark.parametrize("address", ["", "no address", "a@b", "x@example.org\nBcc: y@example.org"])
def test_what_is_no_address_is_refused_before_anything_is_kept(served: Served, address: str) -> None:
    """The mail never gets a second recipient."""
    with pytest.raises(CannotConfirm):
        ask(served, address)
    assert sealed(served) == 0


@pytest.mark.parametrize("more", [{"channel": Channel.PHONE}, {"purpose": "no_such"}])
def test_a_purpose_or_channel_without_e_mail_takes_no_double_opt_in(served: Served, more: dict[str, Any]) -> None:
    """The mail proves who reads the mailbox, and nothing about a phone."""
    with pytest.raises((CannotConfirm, UnknownPurpose)):
        ask(served, **more)


def body(**more: Any) -> dict[str, Any]:
    return {"email": NEWCOMER, "purpose": NEWS, "language": "en"} | more


def test_the_api_answers_alike_whoever_is_asked(served: Served) -> None:
    """Known, unknown, blocked: 202 and the same body; what happens, the mailbox shows (ACC-6)."""
    with served.house.work.writing() as connection:
        served.house.blocklist.add(connection, "email", "blocked@example.org", now=served.now)
    caller = served.caller(Role.DESK, TokenScope.DECLARE)
    answers = [
        caller.post("/api/v1/confirmations", json=body(email=email))
        for email in (NEWCOMER, address_of(PERSON), "blocked@example.org")
    ]

    assert {(a.status_code, a.text) for a in answers} == {(202, '{"accepted":true}')}
    mails = send(served)
    assert sorted(mail.to for mail in mails) == sorted([NEWCOMER, address_of(PERSON)])
    assert all(mail.language == "en" for mail in mails)


def test_the_confirming_mail_asks_and_does_not_advertise(served: Served) -> None:
    """No unsubscribe header: it is no marketing, and nothing of it is an offer."""
    ask(served)
    (mail,) = send(served)

    assert "List-Unsubscribe" not in mail.headers
    assert served.house.catalogue.controller.name in mail.text


def test_a_customer_is_asked_by_reference_at_the_address_we_hold(served: Served) -> None:
    """The website knows its customer's number; the address stays here."""
    caller = served.caller(Role.DESK, TokenScope.DECLARE)
    wanted = {"reference": f"K{PERSON:04d}", "purpose": NEWS}

    assert caller.post("/api/v1/confirmations", json=wanted).status_code == 202
    assert [mail.to for mail in send(served)] == [address_of(PERSON)]
    assert caller.post("/api/v1/confirmations", json=wanted | {"reference": "nobody"}).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [{"purpose": NEWS}, body(reference="K0003"), body(email="x"), body(extra=1), body(channel="fax")],
)
def test_a_request_that_makes_no_sense_is_refused_without_being_repeated(
    served: Served, wanted: dict[str, Any]
) -> None:
    """Fixed words (SEC-1)."""
    answer = served.caller(Role.DESK, TokenScope.DECLARE).post("/api/v1/confirmations", json=wanted)

    assert answer.status_code == 422
    assert NEWCOMER not in answer.text


def test_it_takes_the_scope_to_declare(served: Served) -> None:
    """Another token, or another role, sends nobody a mail (SEC-4)."""
    for caller in (served.caller(Role.DESK, TokenScope.READ), served.caller(Role.MARKETING, TokenScope.DECLARE)):
        assert caller.post("/api/v1/confirmations", json=body()).status_code == 403
    assert served.browser().post("/api/v1/confirmations", json=body()).status_code == 401


def test_an_address_is_asked_five_times_an_hour_at_most(served: Served) -> None:
    """A form on a website must not become a way to fill a mailbox; spelling does not help (SEC-11)."""
    caller = served.caller(Role.DESK, TokenScope.DECLARE)
    spellings = (NEWCOMER, NEWCOMER.lower(), NEWCOMER.upper(), f" {NEWCOMER} ", NEWCOMER)
    assert {caller.post("/api/v1/confirmations", json=body(email=s)).status_code for s in spellings} == {202}

    assert caller.post("/api/v1/confirmations", json=body()).status_code == 429
    assert caller.post("/api/v1/confirmations", json=body(email="other@example.org")).status_code == 202
    served.now += timedelta(hours=1)
    assert caller.post("/api/v1/confirmations", json=body()).status_code == 202


def test_the_outbox_item_is_done_with_the_mail(served: Served) -> None:
    """One request, one mail."""
    ask(served)
    assert len(send(served)) == 1
    assert send(served) == []
    with served.house.work.reading() as connection:
        assert outbox.waiting(connection, now=served.now).due == 0


def test_a_state_of_requested_never_permits(served: Served) -> None:
    """Between the two halves there is no consent (Article 4(11) GDPR)."""
    asked_link(served, address_of(PERSON))
    with served.house.work.reading() as connection:
        assert ledger.state_at(connection, PERSON, NEWS, served.now).state is ConsentState.REQUESTED
    assert reason(served, PERSON) is Reason.REQUESTED_ONLY
