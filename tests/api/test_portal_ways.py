"""Ways into the portal: who gets a link, what a shared address opens, letters, and that nobody learns who is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, update

from api.wiring import House
from api.workflows import declaring, portal
from audit import log
from audit.errors import NotFound
from governance import visitors
from governance.identity import Identity
from governance.outbox import take
from governance.tables import outbox, portal_link
from governance.tables import subject as subject_table
from governance.visitors import LASTS, LinkKind, Session
from governance.vocabulary import OPERATOR, Unit
from tests.small_world import NOON, a_small_world, identity_of

MINUTE = timedelta(minutes=1)
KNOWN, UNKNOWN = "ada.muster3@example.org", "nobody.at.all@example.org"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = a_small_world(tmp_path, people=8, gold=4)
    yield made
    made.close()


def asked(house: House, address: str) -> portal.LinkMail | None:
    """What the worker would send after somebody asked for a link."""
    portal.ask_for_link(house, address, "de", now=NOON)
    with house.work.writing() as connection:
        item = take(connection, now=NOON)[-1]
    assert item.kind == portal.KIND
    return portal.issue(house, item.reference, now=NOON)


def secret_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


def entered(house: House, url: str) -> Session:
    cookie = portal.enter(house, secret_of(url), now=NOON)
    assert cookie is not None
    with house.work.reading() as connection:
        session = visitors.find_session(connection, cookie, now=NOON)
    assert session is not None
    return session


def share(house: House, *numbers: int, address: str = "info@example.org") -> None:
    """Give several people one address."""
    for number in numbers:
        details = dict(identity_of(number).details) | {"email": address}
        house.vault.update([(number.to_bytes(16, "big"), Identity(Unit.CONTACT, f"K{number:04d}", details))])


def test_a_link_goes_to_whoever_holds_the_address_and_to_nobody_else(house: House) -> None:
    """The worker finds out, not the page (ACC-6); any spelling finds the same person."""
    mail = asked(house, "ADA.Muster3@Example.ORG")
    assert mail is not None
    assert (mail.shared, mail.language) == (False, "de")
    assert mail.url.endswith("?language=de")
    assert KNOWN not in mail.url
    assert "ada" not in repr(mail).casefold()
    assert entered(house, mail.url).subject == 3

    assert asked(house, UNKNOWN) is None


def test_asking_costs_the_same_for_known_and_unknown_addresses(house: House) -> None:
    """Same statements on the same stores in the same order: timing tells nothing (T34)."""

    def statements(address: str) -> list[str]:
        seen: list[str] = []

        def note(_c: object, _k: object, statement: str, *_: object) -> None:
            seen.append(statement)

        for database in (house.work, house.vault.database):
            event.listen(database.engine, "before_cursor_execute", note)
        portal.ask_for_link(house, address, "de", now=NOON)
        portal.ask_for_letter(house, "K0003" if address == KNOWN else "K9999", now=NOON)
        for database in (house.work, house.vault.database):
            event.remove(database.engine, "before_cursor_execute", note)
        return seen

    assert statements(KNOWN) == statements(UNKNOWN)


def test_the_outbox_holds_neither_address_nor_secret(house: House) -> None:
    """A row of work names numbers only (design 5)."""
    portal.ask_for_link(house, KNOWN, "en", now=NOON)
    with house.work.reading() as connection:
        row = connection.execute(select(outbox)).one()
    assert set(json.loads(row.reference)) == {"address", "subject", "language"}
    assert KNOWN not in repr(tuple(row))


def test_what_is_no_address_is_said_at_once(house: House) -> None:
    """A slip of the finger may be told: it says nothing about anybody."""
    with pytest.raises(portal.NoAddress):
        portal.ask_for_link(house, "ada.muster3", "de", now=NOON)


def test_a_link_opens_once_and_not_for_whoever_got_the_address_meanwhile(house: House) -> None:
    """A second person at the address within half an hour: nobody sees the other's page."""
    mail = asked(house, KNOWN)
    assert mail is not None
    share(house, 4, address=KNOWN)
    assert portal.enter(house, secret_of(mail.url), now=NOON) is None

    fresh = asked(house, KNOWN)
    assert fresh is not None
    assert fresh.shared
    assert entered(house, fresh.url).subject is None
    assert portal.enter(house, secret_of(fresh.url), now=NOON) is None


def test_a_role_mailbox_opens_the_stop_page_even_with_one_holder(house: House) -> None:
    """Anybody in the company may read info@: it is nobody's own (design 8)."""
    with house.work.writing() as connection:
        connection.execute(update(subject_table).where(subject_table.c.id == 3).values(role_mailbox=True))
    mail = asked(house, KNOWN)
    assert mail is not None
    assert entered(house, mail.url).subject is None


def test_a_shared_address_opens_preferences_only_to_a_holder_who_shows_who_they_are(house: House) -> None:
    """The reference of a holder, never that of somebody else (design 8)."""
    share(house, 3, 4)
    mail = asked(house, "info@example.org")
    assert mail is not None
    session = entered(house, mail.url)

    assert not portal.say_who(house, session, "K0005", now=NOON)
    assert not portal.say_who(house, session, "nonsense", now=NOON)
    assert portal.say_who(house, session, "K0004", now=NOON)
    with house.work.reading() as connection:
        found = visitors.find_session(connection, session.cookie, now=NOON)
    assert found is not None
    assert found.subject == 4


def test_a_letter_code_of_a_holder_opens_a_shared_address_and_of_another_does_not(house: House) -> None:
    """A code is used up only by whom it helps."""
    share(house, 3, 4)
    mail = asked(house, "info@example.org")
    assert mail is not None
    session = entered(house, mail.url)
    mine = portal.letter_for(house, "K0003", actor=OPERATOR, now=NOON)
    other = portal.letter_for(house, "K0006", actor=OPERATOR, now=NOON)

    assert not portal.say_who(house, session, other.code, now=NOON)
    assert portal.look(house, other.code, now=NOON) is not None
    assert portal.say_who(house, session, mine.code.lower(), now=NOON)
    assert portal.look(house, mine.code, now=NOON) is None


def test_stopping_a_shared_address_stops_it_for_everybody_who_has_it_and_will_have_it(house: House) -> None:
    """OBJ-11, OBJ-6: each holder's e-mail channel is closed, and the block list keeps the address itself."""
    share(house, 3, 4)
    portal.stop(house, "info@example.org", ["newsletter"], now=NOON)
    assert [(each.purpose, each.stopped) for each in portal.stop_page(house, "INFO@example.org")] == [
        ("newsletter", True), ("personalised_offers", False), ("sales_care", False),
    ]  # fmt: skip

    portal.stop(house, "info@example.org", None, now=NOON + MINUTE)
    assert all(each.stopped for each in portal.stop_page(house, "info@example.org"))
    with house.work.reading() as connection:
        standing = {
            (number, purpose): declaring.ledger.state_at(connection, number, purpose, NOON + MINUTE).channels_denied
            for number in (3, 4)
            for purpose in ("newsletter", "personalised_offers", "sales_care")
        }
        kinds = [entry.kind for entry in log.entries(connection, limit=3)]
    assert set(standing.values()) == {1}
    assert kinds[0] == "address:stopped"
    with house.work.reading() as connection:
        assert house.blocklist.blocked(connection, "email", ["Info@Example.org"], purpose="anything-new")[0]


def test_a_letter_brings_in_whoever_has_no_address(house: House) -> None:
    """People without e-mail have their way in: 30 days, once (UX-6)."""
    letter = portal.letter_for(house, "K0005", actor=OPERATOR, now=NOON)
    assert letter.expires_at == NOON + timedelta(days=30)
    assert letter.code.replace("-", "") in letter.url
    assert "K0005" not in repr(letter)
    assert letter.code not in repr(letter)

    session = entered(house, letter.url)
    assert (session.subject, session.how, session.address) == (5, LinkKind.LETTER, None)
    assert portal.proven_address(house, session) is None
    assert portal.enter(house, letter.code, now=NOON) is None


def test_a_letter_is_made_by_the_desk_and_stands_in_the_log(house: House) -> None:
    """Who made it and for whom is a fact; the code is not."""
    with pytest.raises(NotFound):
        portal.letter_for(house, "K9999", actor=OPERATOR, now=NOON)
    letter = portal.letter_for(house, "K0005", actor=OPERATOR, now=NOON)
    with house.work.reading() as connection:
        entry = log.entries(connection, subject=5, limit=1)[0]
    assert entry.kind == "portal:letter_made"
    assert letter.code.encode() not in entry.data


def test_the_desk_sees_who_waits_for_a_letter_until_it_is_written(house: House) -> None:
    """Asked for by reference, without any answer that tells whether it is held."""
    portal.ask_for_letter(house, "K0005", now=NOON)
    portal.ask_for_letter(house, "K9999", now=NOON)
    waiting = portal.wanted_letters(house, now=NOON)
    assert [(subject.number, since) for subject, since in waiting] == [(5, NOON)]
    portal.letter_for(house, "K0005", actor=OPERATOR, now=NOON)
    assert portal.wanted_letters(house, now=NOON) == []


def test_a_link_of_the_controllers_website_opens_for_ten_minutes(house: House) -> None:
    """Whoever is signed in there need not ask for a mail."""
    url = portal.embed_link(house, declaring.of_number(house, 6), actor=OPERATOR, now=NOON)
    assert "language" not in url
    assert portal.look(house, secret_of(url), now=NOON + LASTS[LinkKind.EMBED]) is None
    assert entered(house, url).subject == 6


def test_somebody_erased_gets_in_by_nothing(house: House) -> None:
    """A link that is older than the erasure opens nothing (Article 17 GDPR)."""
    links = [portal.embed_link(house, declaring.of_number(house, 6), actor=OPERATOR, now=NOON)]
    links.append(portal.letter_for(house, "K0006", actor=OPERATOR, now=NOON).url)
    with house.work.writing() as connection:
        connection.execute(update(subject_table).where(subject_table.c.id == 6).values(erased_at=NOON))
    for url in links:
        assert portal.enter(house, secret_of(url), now=NOON) is None


def test_signing_out_forgets_the_address(house: House) -> None:
    """The sealed address lives as long as the visit (Article 5(1)(e) GDPR)."""
    mail = asked(house, KNOWN)
    assert mail is not None
    session = entered(house, mail.url)
    assert portal.proven_address(house, session) == KNOWN
    portal.leave(house, session, now=NOON)
    assert portal.proven_address(house, session) is None


def test_a_request_that_waited_too_long_is_dropped(house: House) -> None:
    """A mail server that was down for hours does not send a link nobody waits for."""
    portal.ask_for_link(house, KNOWN, "de", now=NOON)
    with house.work.writing() as connection:
        item = take(connection, now=NOON)[-1]
    house.addresses.forget_void(now=NOON + portal.WAITS)
    assert portal.issue(house, item.reference, now=NOON + portal.WAITS) is None
    with house.work.reading() as connection:
        assert connection.execute(select(portal_link)).first() is None


def test_the_postal_window_holds_what_an_envelope_needs_or_nothing() -> None:
    """No half address on a letter."""
    full = {"given_name": "Ada", "family_name": "Muster", "street": "Weg 1", "postcode": "12345", "city": "Musterstadt"}
    assert portal._window(full) == ("Ada Muster", "Weg 1", "12345 Musterstadt")
    assert portal._window({"given_name": "Ada", "street": "Weg 1"}) == ()


def test_the_sheet_of_a_letter_speaks_both_languages_and_needs_nothing_else(house: House) -> None:
    """Whoever gets it can read it, scan it, and object by it (Article 21(4) GDPR); the file fetches nothing."""
    from api.letter import file_of

    letter = portal.letter_for(house, "K0005", actor=OPERATOR, now=NOON)
    text = file_of(letter, house.catalogue.controller)
    assert letter.code in text
    assert 'class="qr"' in text
    for sentence in ("You may object to advertising", "Sie können der Werbung"):
        assert sentence in text
    for language in ("de", "en"):
        assert f'<section lang="{language}">' in text
    assert "src=" not in text
    assert "<link" not in text
