"""The worker: what was promised within a transaction is done after it, once, and for nobody who is gone meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from starlette.testclient import TestClient

from api.app import create_app
from api.logs import new_log
from api.mail import Mail, MailRefused, MailUnavailable, mailer_of
from api.smtp import SmtpMailer
from api.wiring import House
from api.worker import HANDLERS, Round, drain, sweep_void, work_forever
from api.workflows import confirming, portal, watching
from api.workflows.consents import Said, declare_for
from api.workflows.home import examine
from api.workflows.post_checks import nothing_given_up
from api.workflows.unsubscribing import unsubscribe_token
from audit.errors import Refused
from consent.permission import decide_one
from consent.tables import confirmation
from governance import outbox, visitors
from governance.addresses import sealed_address
from governance.outbox import LEASE, MOST_ATTEMPTS, Waiting
from governance.tables import idempotency, portal_link, portal_session, subject
from governance.vocabulary import OPERATOR, Act, Channel, Source
from tests.api.smtp_world import a_mail_server
from tests.api.test_staff_and_serve import lauter
from tests.small_world import NOON, a_small_world, identity_of

ADA = "ada.muster3@example.org"


@dataclass
class Postbox:
    """Takes mails instead of a mail server, or refuses them."""

    problems: list[Exception] = field(default_factory=list)
    """Raised one after the other, before anything is taken."""
    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail, *, now: datetime) -> None:
        """Keep it."""
        if self.problems:
            raise self.problems.pop(0)
        self.mails.append(mail)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = a_small_world(tmp_path, people=6, gold=3)
    yield made
    made.close()


def waiting(house: House, now: datetime = NOON) -> Waiting:
    with house.work.reading() as connection:
        return outbox.waiting(connection, now=now)


def rows(house: House, table: object) -> int:
    with house.work.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def by_desk(house: House, number: int = 3) -> None:
    """The desk takes down a consent that somebody gave on the phone."""
    said = Said(
        Act.GIVEN, purpose="newsletter", channel=Channel.EMAIL, evidence=b"call", evidence_said_at=NOON,
        source=Source.DESK_FOR_SUBJECT,
    )  # fmt: skip
    declare_for(house, f"K{number:04d}", said, actor=OPERATOR, now=NOON)


def test_a_link_is_made_when_its_mail_is_and_only_its_hash_is_kept(house: House) -> None:
    """The outbox holds no secret, and neither does the table of links (SEC-11)."""
    portal.ask_for_link(house, ADA, "en", now=NOON)
    with house.work.reading() as connection:
        (kept,) = connection.execute(select(outbox.outbox.c.reference)).scalars()
    box = Postbox()

    assert rows(house, portal_link) == 0
    assert drain(house, box, now=NOON) == 1
    (mail,) = box.mails
    secret = mail.text.split("/portal/enter/")[1].split()[0].partition("?")[0]
    assert mail.to == ADA
    assert mail.language == "en"
    assert not mail.headers
    assert "ada" not in kept
    assert json.loads(kept).keys() == {"address", "subject", "language"}
    with house.work.reading() as connection:
        found = visitors.look(connection, secret, now=NOON)
        (token,) = connection.execute(select(portal_link.c.token)).scalars()
    assert found is not None
    assert found.subject == 3
    assert secret.encode() not in token
    assert waiting(house) == Waiting(0, 0, 0)


def test_an_address_that_nobody_holds_gets_no_mail_and_is_forgotten(house: House) -> None:
    """To whoever asks it looks the same (ACC-6); nobody's mailbox is filled by strangers."""
    portal.ask_for_link(house, "stranger@example.org", "de", now=NOON)
    box = Postbox()
    drain(house, box, now=NOON)

    assert box.mails == []
    assert waiting(house) == Waiting(0, 0, 0)
    with house.vault.database.reading() as connection:
        assert connection.execute(select(sealed_address)).all() == []


def test_a_shared_address_gets_a_link_to_its_own_page_in_other_words(house: House) -> None:
    """Neither of two people sees the other's preferences (design 8)."""
    twin = identity_of(3)
    house.vault.update([((4).to_bytes(16, "big"), type(twin)(twin.unit, "K0004", twin.details))])
    portal.ask_for_link(house, ADA.upper(), "en", now=NOON)
    box = Postbox()
    drain(house, box, now=NOON)

    assert "more than one person" in box.mails[0].text
    with house.work.reading() as connection:
        assert connection.execute(select(portal_link.c.subject)).scalar_one() is None


def test_a_failed_mail_is_sent_again_with_another_secret(house: House) -> None:
    """The first may have arrived although it seemed lost; the second works as well."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    box = Postbox([MailUnavailable("timeout")])

    assert drain(house, box, now=NOON) == 0
    assert waiting(house) == Waiting(0, 1, 0)
    assert drain(house, box, now=NOON + outbox.FIRST_PAUSE) == 1
    assert rows(house, portal_link) == 2
    assert len(box.mails) == 1


def test_a_link_that_could_not_be_sent_for_long_is_not_sent_at_all(house: House) -> None:
    """Whoever waited has asked again; the address goes with the sweep."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    later = NOON + timedelta(hours=3)
    sweep_void(house, now=later)
    box = Postbox()

    assert drain(house, box, now=later) == 1
    assert box.mails == []


def test_a_recipient_that_a_server_refuses_for_good_is_no_work_any_more(house: House) -> None:
    """A mailbox that is not there fills no list of failures; the log gets a token."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    lines = StringIO()
    done = drain(house, Postbox([MailRefused("recipient_refused")]), now=NOON, log=new_log(lines))

    assert done == 1
    assert waiting(house) == Waiting(0, 0, 0)
    assert json.loads(lines.getvalue())["error"] == "recipient_refused"


def test_while_the_mail_server_is_down_each_round_asks_it_once(house: House) -> None:
    """A thousand mails do not wait for a thousand timeouts, and what was not tried does not count."""
    for number in range(1, 6):
        portal.ask_for_link(house, f"ada.muster{number}@example.org", "de", now=NOON)
    box = Postbox([MailUnavailable("cannot_connect")])

    assert drain(house, box, now=NOON) == 0
    assert box.problems == []
    assert waiting(house) == Waiting(0, 5, 0)
    assert drain(house, box, now=NOON + outbox.FIRST_PAUSE) == 5


def test_one_piece_that_fails_keeps_no_other_from_being_done(house: House) -> None:
    """Not even one that nobody knows how to do, or one whose row is garbled; the log gets tokens."""
    with house.work.writing() as connection:
        outbox.put(connection, "unheard_of", {}, now=NOON)
        outbox.put(connection, "portal_link", {"address": "no hex"}, now=NOON)
        outbox.put(connection, "webhook", {"delivery": None}, now=NOON)
    portal.ask_for_link(house, ADA, "de", now=NOON)
    lines, box = StringIO(), Postbox()

    assert drain(house, box, now=NOON, log=new_log(lines)) == 2
    assert len(box.mails) == 1
    assert waiting(house) == Waiting(0, 2, 0)
    assert [json.loads(line)["error"] for line in lines.getvalue().splitlines()] == [
        "unheard_of:KeyError",
        "portal_link:ValueError",
    ]


def test_a_log_line_of_the_worker_names_nobody(house: House) -> None:
    """Whatever an error says."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    lines = StringIO()
    drain(house, Postbox([RuntimeError(f"no such user: {ADA}")]), now=NOON, log=new_log(lines))

    assert "RuntimeError" in lines.getvalue()
    assert "ada" not in lines.getvalue()


def test_a_worker_that_dies_while_it_sends_leaves_the_mail_to_the_next_one(house: House) -> None:
    """At least once: a mail twice is better than an answer never (design 5)."""

    class Killed(BaseException):
        """As `kill -9` would."""

    portal.ask_for_link(house, ADA, "de", now=NOON)
    dying = Postbox()
    dying.problems = [Killed()]  # type: ignore[list-item]
    with pytest.raises(Killed):
        drain(house, dying, now=NOON)
    box = Postbox()

    assert drain(house, box, now=NOON) == 0
    assert drain(house, box, now=NOON + LEASE) == 1
    assert len(box.mails) == 1


def test_what_the_desk_recorded_for_somebody_is_told_to_them(house: House) -> None:
    """What changed, since when, and how to undo it; no advertising (UX: saved and in effect since)."""
    by_desk(house)
    box = Postbox()
    drain(house, box, now=NOON)

    (mail,) = box.mails
    assert mail.to == ADA
    assert "per E-Mail: Einwilligung gegeben" in mail.text
    assert "Consent given" in mail.text
    assert f"{house.settings.public_url}/portal" in mail.text
    assert mail.text.count("Einwilligung gegeben") == 1


def test_a_change_is_not_told_where_others_read_it_nor_about_somebody_who_is_gone(house: House) -> None:
    """A mailbox of two would learn what one of them said; an erased person has none."""
    by_desk(house, 3)
    by_desk(house, 5)
    twin = identity_of(3)
    house.vault.update([((4).to_bytes(16, "big"), type(twin)(twin.unit, "K0004", twin.details))])
    with house.work.writing() as connection:
        connection.execute(update(subject).where(subject.c.id == 5).values(erased_at=NOON))
    box = Postbox()

    assert drain(house, box, now=NOON) == 2
    assert box.mails == []


def test_a_double_opt_in_goes_out_with_what_it_is_about(house: House) -> None:
    """And with a link whose hash alone is kept (CON-8)."""
    confirming.request_confirmation(
        house, subject=None, address="new@example.org", purpose="newsletter", channel=Channel.EMAIL, language="de",
        actor=OPERATOR, now=NOON,
    )  # fmt: skip
    box = Postbox()
    drain(house, box, now=NOON)

    assert box.mails[0].to == "new@example.org"
    assert house.catalogue.purposes["newsletter"].label.de in box.mails[0].text
    assert "/confirm/" in box.mails[0].html
    assert rows(house, confirmation) == 1


def test_the_sweep_forgets_what_is_void_and_nothing_else(house: House) -> None:
    """Links, visits, sealed addresses, requests, answers (Article 5(1)(e) GDPR)."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    confirming.request_confirmation(
        house, subject=None, address="new@example.org", purpose="newsletter", channel=Channel.EMAIL, language="de",
        actor=OPERATOR, now=NOON,
    )  # fmt: skip
    drain(house, Postbox(), now=NOON)
    with house.work.writing() as connection:
        link = {"key": b"k", "request": b"r", "status": 200, "answer": b"", "created_at": NOON}
        connection.execute(insert(idempotency), link)
        opened = visitors.make_link(
            connection, kind=visitors.LinkKind.LETTER, subject=1, address=None, now=NOON, lasts=timedelta(hours=1)
        )
        found = visitors.use(connection, opened, now=NOON)
        assert found is not None
        visitors.begin_session(connection, found, now=NOON)
    sweep_void(house, now=NOON)  # the letter was used up

    assert [rows(house, table) for table in (portal_link, portal_session, confirmation, idempotency)] == [1, 1, 1, 1]
    assert sweep_void(house, now=NOON + timedelta(days=15)) >= 5
    assert [rows(house, table) for table in (portal_link, portal_session, confirmation, idempotency)] == [0, 0, 0, 0]
    with house.vault.database.reading() as connection:
        assert connection.execute(select(sealed_address)).all() == []


def test_the_loop_and_the_sweep_read_the_mailbox_of_the_unsubscribe_address(house: House, tmp_path: Path) -> None:
    """The mailto form of the link is honoured within a minute of its arrival (RFC 8058, RFC 2369)."""
    box = tmp_path / "maildir"
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True)
    reading = replace(house, settings=replace(house.settings, maildir=box))
    offers = "personalised_offers"

    def arrives(number: int) -> None:
        token = unsubscribe_token(house, number.to_bytes(16, "big"), offers, Channel.EMAIL)
        message = f"Return-Path: <a@example.org>\r\nFrom: a@example.org\r\nSubject: {token}\r\n\r\n"
        (box / "new" / f"{number}.example").write_text(message, newline="")

    def stopped(number: int) -> bool:
        with house.work.reading() as connection:
            purpose = house.catalogue.purposes[offers]
            return not decide_one(connection, number, purpose, now=NOON, channel=Channel.EMAIL).lawful

    arrives(2)
    assert sweep_void(reading, now=NOON) == 1
    arrives(3)
    stop = threading.Event()

    def clock() -> datetime:
        if stopped(3):
            stop.set()
        return NOON

    work_forever(reading, Postbox(), clock=clock, stop=stop)

    assert stopped(2)
    assert stopped(3)
    assert not stopped(1)


def test_one_part_of_the_sweep_that_fails_keeps_no_other_from_being_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the failure is told at the end."""
    with house.work.writing() as connection:
        row = {"key": b"k", "request": b"r", "status": 200, "answer": b"", "created_at": NOON}
        connection.execute(insert(idempotency), row)

    def broken(**_: object) -> int:
        raise OSError

    monkeypatch.setattr(type(house.addresses), "forget_void", broken)
    with pytest.raises(TypeError):
        sweep_void(house, now=NOON + timedelta(days=2))

    assert rows(house, idempotency) == 0


def test_the_loop_goes_on_after_whatever_happens_and_ends_when_asked(house: House) -> None:
    """New work is seen without a signal; a piece that fails stops nothing."""
    box, lines, stop, seen = Postbox(), StringIO(), threading.Event(), threading.Event()

    def clock() -> datetime:
        if box.mails:
            seen.set()
        return NOON

    portal.ask_for_link(house, ADA, "de", now=NOON)
    box.problems = [RuntimeError("once")]
    with house.work.writing() as connection:
        connection.execute(update(outbox.outbox).values(due_at=NOON - timedelta(days=1)))
    portal.ask_for_link(house, "ada.muster4@example.org", "de", now=NOON)
    beside = threading.Thread(
        target=lambda: work_forever(house, box, clock=clock, stop=stop, log=new_log(lines)), daemon=True
    )
    beside.start()
    assert seen.wait(10)
    stop.set()
    beside.join(10)

    assert not beside.is_alive()
    assert "portal_link:RuntimeError" in lines.getvalue()
    assert [mail.to for mail in box.mails] == ["ada.muster4@example.org"]


def test_a_round_that_is_to_stop_takes_nothing_new(house: House) -> None:
    """What is under way ends; the rest is the next one's."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    stop = threading.Event()
    stop.set()

    assert Round(house, Postbox(), lambda: NOON, stop=stop).run(10) == 0
    assert waiting(house) == Waiting(1, 0, 0)


def test_the_served_house_sends_its_mails_by_itself(house: House) -> None:
    """`lauter serve` alone is enough; without a mail server they lie in the home."""
    portal.ask_for_link(house, ADA, "de", now=NOON)
    app = create_app(house, clock=lambda: NOON, log=new_log(StringIO()))
    folder, arrived = house.settings.outbox_folder, threading.Event()
    with TestClient(app):
        for _ in range(1_000):
            if folder.is_dir() and list(folder.glob("*.eml")):
                arrived.set()
                break
            arrived.wait(0.01)

    assert arrived.is_set()


def test_mails_of_the_house_arrive_over_smtp(house: House) -> None:
    """From the declaration to a real mail server."""
    by_desk(house)
    with a_mail_server() as post:
        settings = type(house.settings)(
            **{**vars(house.settings), "smtp_url": f"smtp://{post.host}:{post.port}", "mail_from": "post@example.org"}
        )
        mailer = mailer_of(settings, house.catalogue.controller)
        assert isinstance(mailer, SmtpMailer)
        assert drain(house, mailer, now=NOON) == 1

    ((sender, recipients, _),) = post.received
    assert (sender, recipients) == ("post@example.org", [ADA])
    assert post.mails[0]["Auto-Submitted"] == "auto-generated"


def test_every_kind_that_is_put_has_a_handler() -> None:
    """What nobody takes would wait until it is given up."""
    assert HANDLERS.keys() == {portal.KIND, confirming.KIND, "changed", "webhook", watching.KIND}


def test_doctor_names_what_was_given_up_and_a_mail_server_that_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By kind and token; no mail is sent to find out."""
    assert nothing_given_up(house) == "nothing was given up"
    portal.ask_for_link(house, ADA, "de", now=NOON)
    now = NOON
    with house.work.writing() as connection:
        for _ in range(MOST_ATTEMPTS):
            (item,) = outbox.take(connection, now=now)
            outbox.failed(connection, item, "cannot_connect", now=now)
            now += timedelta(days=3)
    with pytest.raises(Refused, match=r"1 of kind portal_link \(cannot_connect\)"):
        nothing_given_up(house)


def test_the_command_works_once_and_says_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lauter worker --once`; doctor is content before and after."""
    home = tmp_path / "home"
    lauter(home, "init")
    told = lauter(home, "worker", "--once", "--retry")
    answer = json.loads(told.stdout)

    assert told.exit_code == 0
    assert answer == {"done": 0, "swept": 0, "resumed": 0, "waiting": {"due": 0, "later": 0, "failed": 0}}
    from api.settings import read_settings

    checks = {check.name: check for check in examine(read_settings({}, home)).checks}
    assert checks["mail"].sound
    assert checks["outbox"].sound
    with a_mail_server() as post:
        found = examine(read_settings({"LAUTER_SMTP_URL": f"smtp://{post.host}:{post.port}"}, home))
    assert found.sound
    assert post.received == []
    gone = {
        check.name: check for check in examine(read_settings({"LAUTER_SMTP_URL": "smtp://127.0.0.1:1"}, home)).checks
    }
    assert not gone["mail"].sound
    assert gone["mail"].detail == "the mail server cannot take mails: cannot_connect"
