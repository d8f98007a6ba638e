"""Ways into the portal: single use, limited in time, unguessable, and kept as hashes alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from audit.database import Database
from governance import store_visitors, visitors
from governance.store_visitors import LinkRow
from governance.tables import portal_link, portal_session
from governance.visitors import LASTS, SESSION_LASTS, SESSION_SLIDES, LinkKind

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_link(work: Database, kind: LinkKind = LinkKind.MAIL, subject: int | None = 7) -> str:
    with work.writing() as connection:
        return visitors.make_link(connection, kind=kind, subject=subject, address=b"a" * 16, now=NOON)


def test_a_link_opens_once_and_looking_at_it_changes_nothing(work: Database) -> None:
    """Scanners look at every link; only who presses the button gets in, once (T16, ASVS 2.4)."""
    secret = a_link(work)
    for _ in range(3):
        with work.reading() as connection:
            assert visitors.look(connection, secret, now=NOON) is not None
    with work.writing() as connection:
        found = visitors.use(connection, secret, now=NOON)
        assert found is not None
        assert (found.subject, found.kind) == (7, LinkKind.MAIL)
        assert visitors.use(connection, secret, now=NOON) is None
        assert visitors.look(connection, secret, now=NOON) is None


@pytest.mark.parametrize("kind", [LinkKind.MAIL, LinkKind.LETTER, LinkKind.EMBED])
def test_every_way_in_ends_by_itself(work: Database, kind: LinkKind) -> None:
    """30 minutes for a mail, 30 days for a letter, 10 minutes for a button on a website."""
    secret = a_link(work, kind)
    with work.writing() as connection:
        assert visitors.look(connection, secret, now=NOON + LASTS[kind] - MINUTE) is not None
        assert visitors.use(connection, secret, now=NOON + LASTS[kind]) is None


def test_neither_a_secret_nor_a_cookie_is_in_the_database(work: Database) -> None:
    """A copy of the database lets nobody in (SEC-11)."""
    secret = a_link(work)
    with work.writing() as connection:
        link = visitors.use(connection, secret, now=NOON)
        assert link is not None
        cookie = visitors.begin_session(connection, link, now=NOON)
        for table in (portal_link, portal_session):
            row = connection.execute(select(table)).one()
            assert secret not in repr(row)
            assert cookie not in repr(row)


def test_what_lets_somebody_in_has_at_least_128_random_bits() -> None:
    """SEC-11: a link has 160 bits, a code 140, a cookie 256."""
    assert visitors._SECRET_BYTES * 8 >= 128
    assert visitors.CODE_LENGTH * 5 >= 128
    assert len(visitors._SIGNS) == 32
    assert visitors._COOKIE_BYTES * 8 >= 128
    assert visitors._new_code() != visitors._new_code()


SIGNS = st.text(alphabet=visitors._SIGNS, min_size=visitors.CODE_LENGTH, max_size=visitors.CODE_LENGTH)


@given(st.data(), SIGNS)
def test_a_code_is_forgiving_about_how_it_is_typed(data: st.DataObject, signs: str) -> None:
    """Case, dashes, blanks, O for 0, I and L for 1, U for V: a letter is read by people (UX-6)."""
    code = "-".join(signs[start : start + 4] for start in range(0, visitors.CODE_LENGTH, 4))
    typed = ""
    for sign in code:
        if sign == "-":
            typed += data.draw(st.sampled_from(["-", " ", "", " - ", "–", "."]))
            continue
        spellings = {"0": "0Oo", "1": "1IilL", "V": "VvUu"}.get(sign, sign + sign.lower())
        typed += data.draw(st.sampled_from(spellings))

    assert visitors._canonical(typed) == visitors._canonical(code) == code.replace("-", "")


def test_a_secret_of_a_link_is_never_taken_for_a_code() -> None:
    """27 signs against 28: letter case counts in a link."""
    for _ in range(200):
        secret = visitors.secrets.token_urlsafe(visitors._SECRET_BYTES)
        assert visitors._canonical(secret) == secret


def test_a_visit_slides_for_an_hour_and_ends_after_eight(work: Database) -> None:
    """Whoever leaves the machine is signed out; nobody stays signed in for a day (ASVS 7.3)."""
    secret = a_link(work)
    with work.writing() as connection:
        link = visitors.use(connection, secret, now=NOON)
        assert link is not None
        cookie = visitors.begin_session(connection, link, now=NOON)
        assert visitors.find_session(connection, cookie, now=NOON + SESSION_SLIDES) is None

        now = NOON
        while (session := visitors.find_session(connection, cookie, now=now)) is not None:
            until = visitors.slides(session, now=now)
            if until is not None:
                visitors.prolong_session(connection, session, until=until)
            now += timedelta(minutes=50)
    assert NOON + SESSION_LASTS - SESSION_SLIDES < now <= NOON + SESSION_LASTS + SESSION_SLIDES
    assert session is None


def test_clicking_about_does_not_write_at_every_click(work: Database) -> None:
    """A visit is prolonged every five minutes at most."""
    secret = a_link(work)
    with work.writing() as connection:
        link = visitors.use(connection, secret, now=NOON)
        assert link is not None
        session = visitors.find_session(connection, visitors.begin_session(connection, link, now=NOON), now=NOON)
        assert session is not None
        assert visitors.slides(session, now=NOON + MINUTE) is None
        assert visitors.slides(session, now=NOON + 5 * MINUTE) == NOON + 5 * MINUTE + SESSION_SLIDES


def test_signing_out_ends_the_visit_on_the_server(work: Database) -> None:
    """A copied cookie is worth nothing afterwards."""
    secret = a_link(work)
    with work.writing() as connection:
        link = visitors.use(connection, secret, now=NOON)
        assert link is not None
        cookie = visitors.begin_session(connection, link, now=NOON)
        visitors.end_session(connection, cookie)
        assert visitors.find_session(connection, cookie, now=NOON) is None


def test_who_a_shared_address_belongs_to_is_said_once(work: Database) -> None:
    """The second answer changes nothing: nobody hops from one holder to the next."""
    secret = a_link(work, subject=None)
    with work.writing() as connection:
        link = visitors.use(connection, secret, now=NOON)
        assert link is not None
        cookie = visitors.begin_session(connection, link, now=NOON)
        for subject in (3, 4):
            session = visitors.find_session(connection, cookie, now=NOON)
            assert session is not None
            visitors.name_subject(connection, session, subject)
        session = visitors.find_session(connection, cookie, now=NOON)
    assert session is not None
    assert session.subject == 3


def test_a_wanted_letter_opens_nothing_and_is_asked_for_once(work: Database) -> None:
    """Asking for a letter is no way in; for somebody unknown the same is written and void at once (T34)."""
    with work.writing() as connection:
        visitors.want_letter(connection, 5, now=NOON)
        visitors.want_letter(connection, 5, now=NOON + MINUTE)
        visitors.want_letter(connection, None, now=NOON)
        assert visitors.wanted_letters(connection, now=NOON + MINUTE) == [(5, NOON + MINUTE)]
        assert connection.execute(text("SELECT count(*) FROM portal_link")).scalar_one() == 2
        visitors.letter_written(connection, 5)
        assert visitors.wanted_letters(connection, now=NOON) == []


def test_the_row_of_a_wanted_letter_is_no_way_in_even_for_whoever_knows_its_bits(work: Database) -> None:
    """Its kind says so, not only that nobody knows them."""
    with work.writing() as connection:
        row = LinkRow(LinkKind.WANTED.value, 5, None, NOON, NOON + MINUTE)
        store_visitors.add_link(connection, visitors._hash("known"), row)
        assert visitors.look(connection, "known", now=NOON) is None
        assert visitors.use(connection, "known", now=NOON) is None


def test_a_new_letter_voids_the_code_of_the_old_one(work: Database) -> None:
    """One letter is valid at a time: a lost one lets nobody in once the next is written."""
    old = a_link(work, LinkKind.LETTER)
    with work.writing() as connection:
        visitors.letter_written(connection, 7)
        new = visitors.make_link(connection, kind=LinkKind.LETTER, subject=7, address=None, now=NOON)
        assert visitors.look(connection, old, now=NOON) is None
        assert visitors.look(connection, new, now=NOON) is not None


def test_what_is_void_is_deleted(work: Database) -> None:
    """Storage limitation (Article 5(1)(e) GDPR): used and expired rows go, open ones stay."""
    used, kept = a_link(work), a_link(work, LinkKind.LETTER)
    with work.writing() as connection:
        link = visitors.use(connection, used, now=NOON)
        assert link is not None
        visitors.begin_session(connection, link, now=NOON)
        assert visitors.void(connection, now=NOON + SESSION_SLIDES) == 2
        assert visitors.look(connection, kept, now=NOON + SESSION_SLIDES) is not None
