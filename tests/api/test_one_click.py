"""One click ends it: RFC 8058 and RFC 2369 to the letter, for the person and for everybody at the address (2.6)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from api.links import Links
from api.workflows import unsubscribing
from audit import log
from consent import ledger
from consent.replay import position_of
from governance.identity import Identity
from governance.keys import Key, KeyRing, KeyRole
from governance.tables import subject as subjects
from governance.vocabulary import CHANNEL_BITS, THE_SUBJECT, Act, Channel, Scope, Source, Unit
from tests.api.web import Served, serve
from tests.small_world import NOON, _subject, identity_of, said

OFFERS, CARE, NEWS = "personalised_offers", "sales_care", "newsletter"
PERSON, SHARER = 1, 61
MULTIPART = "multipart/form-data; boundary=ab-42"
MULTIPART_BODY = b'--ab-42\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--ab-42--\r\n'
FORM = "application/x-www-form-urlencoded"
FORM_BODY = b"List-Unsubscribe=One-Click"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Sixty people who consented, and one more who shares the address of the first."""
    served = serve(tmp_path)
    house = served.house
    details = dict(identity_of(PERSON).details)
    house.vault.store([(SHARER.to_bytes(16, "big"), Identity(Unit.CONTACT, "K0061", details))])
    with house.work.writing() as connection:
        connection.execute(insert(subjects), [_subject(SHARER)])
    with house.work.writing() as connection:
        consents = [said(OFFERS), said(OFFERS, channel=Channel.EMAIL)]
        ledger.declare(connection, SHARER, consents, actor=THE_SUBJECT, now=NOON)
    yield served
    house.close()


def machine(served: Served) -> TestClient:
    """A mail provider: no cookie, no origin, no language."""
    return TestClient(served.app, base_url="http://127.0.0.1:8080", follow_redirects=False, cookies={})


def url_of(served: Served, number: int = PERSON, purpose: str = OFFERS) -> str:
    return unsubscribing.unsubscribe_url(served.house, number.to_bytes(16, "big"), purpose, Channel.EMAIL)


def closed(served: Served, number: int, purpose: str = OFFERS) -> bool:
    """Whether e-mail is closed for the purpose."""
    with served.house.work.reading() as connection:
        standing = position_of(ledger.history(connection, number)).standings.get(purpose)
    return standing is not None and bool(standing.channels_denied & CHANNEL_BITS[Channel.EMAIL])


def size(served: Served) -> int:
    with served.house.work.reading() as connection:
        return log.size(connection)


def blocked(served: Served, purpose: str = OFFERS, number: int = PERSON) -> bool:
    address = identity_of(number).details["email"]
    with served.house.work.reading() as connection:
        return served.house.blocklist.blocked(connection, "email", [address.upper()], purpose=purpose)[0]


@pytest.mark.parametrize(("kind", "body"), [(MULTIPART, MULTIPART_BODY), (FORM, FORM_BODY)])
def test_one_post_without_cookie_origin_or_sign_in_withdraws(served: Served, kind: str, body: bytes) -> None:
    """Both encodings of RFC 8058, 2xx, no redirect, no cookie; the consent ends and the address is blocked (CON-4)."""
    answer = machine(served).post(url_of(served), content=body, headers={"content-type": kind})

    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert closed(served, PERSON)
    assert blocked(served)
    with served.house.work.reading() as connection:
        last = ledger.history(connection, PERSON)[-1]
    assert (last.act, last.purpose, last.channel, last.source) == (Act.WITHDRAWN, OFFERS, Channel.EMAIL, Source.SUBJECT)


def test_the_form_body_is_the_26_bytes_of_the_standard() -> None:
    """`List-Unsubscribe=One-Click` and nothing else (RFC 8058, section 3.1)."""
    assert len(FORM_BODY) == 26


def test_a_post_from_elsewhere_in_a_browser_works_too(served: Served) -> None:
    """The one exemption from the form token: another origin does not stop it (T17, SEC-12)."""
    headers = {"content-type": FORM, "origin": "https://mail.example.org", "sec-fetch-site": "cross-site"}

    assert machine(served).post(url_of(served), content=FORM_BODY, headers=headers).status_code == 200
    assert closed(served, PERSON)


def test_looking_a_hundred_times_ends_nothing(served: Served) -> None:
    """A scanner that follows every link changes nothing, by GET or HEAD (T16)."""
    before, scanner = size(served), machine(served)
    for _ in range(50):
        assert scanner.get(url_of(served)).status_code == 200
        assert scanner.head(url_of(served)).status_code == 200

    assert size(served) == before
    assert not closed(served, PERSON)
    assert not blocked(served)


def test_posting_again_records_nothing_more(served: Served) -> None:
    """Twice is once; the answer is the same."""
    first = machine(served).post(url_of(served), content=FORM_BODY, headers={"content-type": FORM})
    before = size(served)
    served.now += timedelta(minutes=1)
    second = machine(served).post(url_of(served), content=FORM_BODY, headers={"content-type": FORM})

    assert size(served) == before
    assert (second.status_code, second.content) == (first.status_code, first.content)


def test_everybody_at_the_address_is_stopped(served: Served) -> None:
    """Objection on an e-mail address blocks it for all who share it (OBJ-11)."""
    machine(served).post(url_of(served), content=FORM_BODY, headers={"content-type": FORM})

    assert closed(served, SHARER)
    assert not closed(served, PERSON + 1)


def test_only_the_purpose_of_the_link_ends(served: Served) -> None:
    """Granular, as it was given: the sales team's mails rest on something else (CON-3)."""
    machine(served).post(url_of(served), content=FORM_BODY, headers={"content-type": FORM})

    assert not closed(served, PERSON, CARE)
    assert not blocked(served, CARE)


def test_what_rests_on_interests_is_objected_to(served: Served) -> None:
    """No consent was given, so none is withdrawn: the link is an objection (Article 21(2) GDPR)."""
    machine(served).post(url_of(served, purpose=CARE), content=FORM_BODY, headers={"content-type": FORM})

    with served.house.work.reading() as connection:
        assert ledger.history(connection, PERSON)[-1].act is Act.OBJECTED
    assert closed(served, PERSON, CARE)


def test_a_human_may_end_all_advertising_on_the_same_page(served: Served) -> None:
    """Two buttons of one size; the second objects to marketing (Article 21(2) and (3) GDPR)."""
    page = machine(served).get(url_of(served))
    assert len(re.findall(r'<button class="button quiet"', page.text)) == 2
    answer = machine(served).post(url_of(served), data={"choice": "everything"})

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    with served.house.work.reading() as connection:
        assert position_of(ledger.history(connection, PERSON)).objections.marketing_at is not None
        own = {(d.act, d.scope) for d in ledger.history(connection, PERSON)[2:]}
        others = position_of(ledger.history(connection, SHARER))
    assert (Act.OBJECTED, Scope.MARKETING) in own
    assert others.objections.marketing_at is None, "whoever shares the address said nothing about post"
    assert closed(served, SHARER, CARE)
    assert closed(served, SHARER, NEWS)


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_tells_what_ends_and_not_whose_it_is(served: Served, language: str) -> None:
    """Whoever has the link may be somebody else; the page speaks the reader's language (Article 12(1) GDPR)."""
    page = machine(served).get(url_of(served), headers={"accept-language": language})

    assert page.headers["content-language"] == language
    assert served.house.catalogue.purposes[OFFERS].label.in_language("de" if language == "de" else "en") in page.text
    for value in identity_of(PERSON).details.values():
        assert value not in page.text
    assert "set-cookie" not in page.headers


def test_the_page_can_be_read_in_the_other_language_without_a_cookie(served: Served) -> None:
    """The language stands in the address of the page, not in the link of the mail."""
    page = machine(served).get(url_of(served) + "?language=en", headers={"accept-language": "de"})

    assert page.headers["content-language"] == "en"


def tokens_that_do_nothing(served: Served) -> Iterator[tuple[str, str]]:
    """Links that are not, or no longer, good for anything."""
    good = url_of(served).rpartition("/")[2]
    yield "unknown", "A" * 87
    yield "short", "x"
    yield "not base64", "%C3%A4!"
    yield "tampered", good[:-5] + ("B" if good[-5] != "B" else "C") + good[-4:]
    yield "another use", served.house.links.seal("embed", unsubscribing._content(b"\1" * 16, OFFERS, Channel.EMAIL))
    stranger = Links(KeyRing((Key(KeyRole.LINK, 1, b"\7" * 32),)))
    content = unsubscribing._content(PERSON.to_bytes(16, "big"), OFFERS, Channel.EMAIL)
    yield "another key", stranger.seal(unsubscribing.USE, content)
    yield (
        "nobody",
        served.house.links.seal(unsubscribing.USE, unsubscribing._content(b"\x09" * 16, OFFERS, Channel.EMAIL)),
    )


def test_every_other_link_answers_alike_and_changes_nothing(served: Served) -> None:
    """Unknown, changed, of another key or of nobody: the same class of answer, no effect (2.6)."""
    good = machine(served).post(url_of(served, 7), content=FORM_BODY, headers={"content-type": FORM})
    before = size(served)
    for name, token in tokens_that_do_nothing(served):
        answer = machine(served).post(f"/u/{token}", content=FORM_BODY, headers={"content-type": FORM})
        assert (answer.status_code, answer.content) == (good.status_code, good.content), name
        assert machine(served).get(f"/u/{token}").status_code == 200, name

    assert size(served) == before


def test_every_single_changed_character_voids_a_link(served: Served) -> None:
    """Sealed, not signed for show: no other token means anything."""
    token = url_of(served).rpartition("/")[2]
    for place in range(len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert unsubscribing.read_token(served.house, changed) is None


def test_the_link_of_an_erased_person_changes_nothing_and_they_stay_blocked(served: Served) -> None:
    """Erasure keeps the block list (OBJ-6), and the answer does not tell that somebody was erased."""
    link = url_of(served)
    first = machine(served).post(link, content=FORM_BODY, headers={"content-type": FORM})
    with served.house.work.writing() as connection:
        connection.execute(update(subjects).where(subjects.c.id == PERSON).values(erased_at=NOON))
    served.house.vault.erase([PERSON.to_bytes(16, "big")], retain_evidence_until=None)
    before = size(served)
    again = machine(served).post(link, content=FORM_BODY, headers={"content-type": FORM})

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert size(served) == before
    assert blocked(served)


def test_a_link_of_last_years_key_still_works(served: Served) -> None:
    """Rotation never orphans a way out (PSE-4)."""
    old = served.house.keys.current(KeyRole.LINK)
    link = Links(KeyRing((old,))).seal(
        unsubscribing.USE, unsubscribing._content(PERSON.to_bytes(16, "big"), OFFERS, Channel.EMAIL)
    )
    served.house.links._keys = (Key(KeyRole.LINK, 2, b"\5" * 32), old)

    machine(served).post(f"/u/{link}", content=FORM_BODY, headers={"content-type": FORM})

    assert closed(served, PERSON)


def test_saying_yes_again_later_and_clicking_again_ends_it_again(served: Served) -> None:
    """Each act counts from when it was done (invariant 2)."""
    link = url_of(served)
    machine(served).post(link, content=FORM_BODY, headers={"content-type": FORM})
    served.now = NOON.replace(hour=15)
    with served.house.work.writing() as connection:
        again = said(OFFERS, channel=Channel.EMAIL, at=served.now)
        ledger.declare(connection, PERSON, [again], actor=THE_SUBJECT, now=served.now)
    assert not closed(served, PERSON)
    served.now = NOON.replace(hour=16)
    machine(served).post(link, content=FORM_BODY, headers={"content-type": FORM})

    assert closed(served, PERSON)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("", b""), ("text/plain", b"x"), (FORM, b"\xff\xfe"), ("multipart/form-data", b"--"), (FORM, b"a=b&" * 500)],
)
def test_a_body_that_cannot_be_read_ends_it_all_the_same(served: Served, kind: str, body: bytes) -> None:
    """Stopping never fails on a form (Article 7(3) GDPR)."""
    assert machine(served).post(url_of(served), content=body, headers={"content-type": kind}).status_code == 200
    assert closed(served, PERSON)


def test_an_oversized_body_is_refused_before_it_is_read(served: Served) -> None:
    """Nothing is spooled to disk; the way out is 26 bytes long."""
    answer = machine(served).post(url_of(served), content=b"x" * (2 << 20), headers={"content-type": MULTIPART})

    assert answer.status_code in {413, 422}
    assert not closed(served, PERSON)


def test_the_two_header_fields_are_those_of_the_standards(served: Served) -> None:
    """Exactly one https URI and exactly that value; the mail form carries the token in its subject."""
    pseudonym = PERSON.to_bytes(16, "big")
    plain = unsubscribing.headers_for(served.house, pseudonym, OFFERS, Channel.EMAIL)
    assert plain["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http://127\.0\.0\.1:8080/u/[A-Za-z0-9_-]+>", plain["List-Unsubscribe"])

    object.__setattr__(served.house.settings, "unsubscribe_address", "unsub@example.org")
    both = unsubscribing.headers_for(served.house, pseudonym, OFFERS, Channel.EMAIL)["List-Unsubscribe"]
    found = re.fullmatch(r"<mailto:unsub@example\.org\?subject=([\w-]+)>, <http://127\.0\.0\.1:8080/u/([\w-]+)>", both)
    assert found
    assert found[1] == found[2]


def test_no_line_of_the_operational_log_holds_a_link(served: Served) -> None:
    """A link is as good as the person's own click: it stands in no log (SEC-7)."""
    link = url_of(served)
    machine(served).get(link)
    machine(served).post(link, content=FORM_BODY, headers={"content-type": FORM})

    token = link.rpartition("/")[2]
    assert token not in served.lines.getvalue()
    assert any(json.loads(line).get("route") == "/u/{token}" for line in served.lines.getvalue().splitlines())
