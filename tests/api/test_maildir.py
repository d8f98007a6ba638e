"""The mail form of List-Unsubscribe: a message is a click, once, and nobody reads it but for its token (RFC 2369)."""

from __future__ import annotations

import mailbox
import os
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from api import maildir
from api.workflows import unsubscribing
from audit import log
from consent import ledger
from consent.replay import position_of
from governance.vocabulary import CHANNEL_BITS, Channel
from tests.api.web import Served, serve
from tests.small_world import NOON

OFFERS = "personalised_offers"
CANARY = "canary.person@example.org"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A house whose mailbox a mail server fills."""
    (tmp_path / "house").mkdir()
    served = serve(tmp_path / "house")
    object.__setattr__(served.house.settings, "maildir", tmp_path / "mail")
    object.__setattr__(served.house.settings, "unsubscribe_address", "unsub@example.org")
    yield served
    served.house.close()


def box(served: Served) -> mailbox.Maildir:
    assert served.house.settings.maildir is not None
    return mailbox.Maildir(served.house.settings.maildir, create=True)


def token(served: Served, number: int = 1) -> str:
    return unsubscribing.unsubscribe_token(served.house, number.to_bytes(16, "big"), OFFERS, Channel.EMAIL)


def a_message(to: str = "unsub@example.org", subject: str = "", **headers: str) -> EmailMessage:
    """What somebody's mail program writes."""
    message = EmailMessage()
    message["From"] = f"Canary Person <{CANARY}>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Canary text")
    return message


def deliver(served: Served, message: EmailMessage | bytes) -> None:
    box(served).add(message)


def ended(served: Served, number: int = 1) -> bool:
    with served.house.work.reading() as connection:
        standing = position_of(ledger.history(connection, number)).standings[OFFERS]
    return bool(standing.channels_denied & CHANNEL_BITS[Channel.EMAIL])


def size(served: Served) -> int:
    with served.house.work.reading() as connection:
        return log.size(connection)


def lying(served: Served, folder: str) -> int:
    assert served.house.settings.maildir is not None
    return sum(path.is_file() for path in (served.house.settings.maildir / folder).rglob("*"))


def test_a_message_with_the_token_as_its_subject_ends_the_purpose(served: Served) -> None:
    """As our own List-Unsubscribe header asks for it."""
    header = unsubscribing.headers_for(served.house, (1).to_bytes(16, "big"), OFFERS, Channel.EMAIL)
    subject = header["List-Unsubscribe"].partition("?subject=")[2].partition(">")[0]
    deliver(served, a_message(subject=subject))

    assert maildir.read(served.house, now=served.now) == 1
    assert ended(served)
    assert (lying(served, ".processed"), lying(served, "new")) == (1, 0)


def test_a_token_after_the_plus_sign_of_the_address_counts_too(served: Served) -> None:
    """Mail servers deliver plus addresses to the mailbox before the sign."""
    deliver(served, a_message(to=f"Stop <unsub+{token(served)}@example.org>", subject="unsubscribe"))
    deliver(served, a_message(to="unsub@example.org", Delivered_To=f"unsub+{token(served, 2)}@example.org"))
    maildir.read(served.house, now=served.now)

    assert ended(served)
    assert ended(served, 2)


@pytest.mark.parametrize("subject", ["Re: {}", "{} (sent from a phone)", "unsubscribe {}"])
def test_what_a_mail_program_adds_to_the_subject_does_no_harm(served: Served, subject: str) -> None:
    """The token is found, wherever it stands."""
    deliver(served, a_message(subject=subject.format(token(served))))
    maildir.read(served.house, now=served.now)

    assert ended(served)


def test_each_message_acts_once_and_a_second_one_changes_nothing(served: Served) -> None:
    """Idempotent, message by message and click by click."""
    same = token(served)
    deliver(served, a_message(subject=same))
    assert maildir.read(served.house, now=served.now) == 1
    before = size(served)
    assert maildir.read(served.house, now=served.now) == 0
    deliver(served, a_message(subject=same))
    assert maildir.read(served.house, now=served.now) == 1

    assert size(served) == before
    assert lying(served, ".processed") == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"Return_Path": "<>"},
        {"Content_Type": "multipart/report; report-type=delivery-status"},
    ],
    ids=["answer", "generated", "bounce", "report"],
)
def test_a_bounce_or_an_automatic_answer_ends_nothing(served: Served, headers: dict[str, str]) -> None:
    """A machine that quotes our subject is no person who objects (RFC 3834)."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "\r\n".join(["To: unsub@example.org", f"Subject: {token(served)}", *lines, "", "x"])
    deliver(served, text.encode())
    maildir.read(served.house, now=served.now)

    assert not ended(served)
    assert lying(served, ".processed") == 1


def test_auto_submitted_no_is_a_person(served: Served) -> None:
    """`no` says that somebody wrote it (RFC 3834, section 5)."""
    deliver(served, a_message(subject=token(served), Auto_Submitted="no", Return_Path=f"<{CANARY}>"))
    maildir.read(served.house, now=served.now)

    assert ended(served)


@pytest.mark.parametrize("subject", ["Bitte keine Werbung mehr!", "A" * 87, "", "unsubscribe"])
def test_a_message_in_somebodys_own_words_is_kept_for_a_person_to_read(served: Served, subject: str) -> None:
    """An objection needs no form (Article 21 GDPR): it is put aside, not thrown away."""
    before = size(served)
    deliver(served, a_message(subject=subject))
    maildir.read(served.house, now=served.now)

    assert (lying(served, ".by-hand"), lying(served, ".processed"), size(served)) == (1, 0, before)
    assert maildir.read(served.house, now=served.now) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?b?!!!?=\n\n",
        b"To: <<>@\nSubject:\n\n",
        b"From: " + b"a" * 100_000,
        b"Content-Type: ;;;\nTo: \x00\n\n",
    ],
)
def test_no_message_is_too_strange_and_none_stops_the_next(served: Served, data: bytes) -> None:
    """Whatever lies there, the click behind it is honoured."""
    folder = served.house.settings.maildir
    assert folder is not None
    box(served)
    (folder / "new" / "0-strange").write_bytes(data)
    deliver(served, a_message(subject=token(served)))

    assert maildir.read(served.house, now=served.now) == 2
    assert ended(served)


def test_a_half_delivered_message_waits(served: Served) -> None:
    """What lies in `tmp` is not there yet."""
    folder = served.house.settings.maildir
    assert folder is not None
    box(served)
    (folder / "tmp" / "half").write_bytes(b"Subject: " + token(served).encode() + b"\n\n")

    assert maildir.read(served.house, now=served.now) == 0
    assert not ended(served)


def test_an_honoured_message_is_deleted_after_thirty_days(served: Served) -> None:
    """The declaration is the proof; the letter is somebody's personal data (Article 5(1)(e) GDPR)."""
    deliver(served, a_message(subject=token(served)))
    maildir.read(served.house, now=served.now)
    folder = served.house.settings.maildir
    assert folder is not None
    (kept,) = (path for path in (folder / ".processed" / "cur").iterdir())
    os.utime(kept, (NOON.timestamp(), NOON.timestamp()))

    maildir.read(served.house, now=NOON + timedelta(days=29))
    assert kept.exists()
    maildir.read(served.house, now=NOON + timedelta(days=30))
    assert not kept.exists()


def test_nothing_of_a_message_reaches_a_log_or_a_database(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """Sender, subject and text stay in the mailbox (SEC-7)."""
    same = token(served)
    deliver(served, a_message(subject=same))
    maildir.read(served.house, now=served.now)
    said = capsys.readouterr()

    stored = b"".join(path.read_bytes() for path in served.house.settings.home.glob("*.db*"))
    for secret in (CANARY, "Canary", same):
        assert secret not in said.out + said.err + served.lines.getvalue()
        assert secret.encode() not in stored


def test_without_a_mailbox_there_is_nothing_to_do(served: Served, tmp_path: Path) -> None:
    """Not configured, or not made yet by the mail server."""
    object.__setattr__(served.house.settings, "maildir", tmp_path / "nowhere")
    assert maildir.read(served.house, now=served.now) == 0
    object.__setattr__(served.house.settings, "maildir", None)
    assert maildir.read(served.house, now=served.now) == 0
