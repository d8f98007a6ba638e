"""Mails: whole, readable without anything to fetch, and with nothing in them that came in through a crack."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import mails
from api.mail import FolderMailer, Mail, MailRefused, MailUnavailable, Sender, mailer_of, message_of, sender_of
from api.settings import read_settings
from api.smtp import SmtpMailer, SmtpServer, read_server
from audit.errors import BadInput, LauterError
from governance.catalogue import parse_catalogue
from governance.controller import Controller
from governance.vocabulary import Act, Channel, Scope, Text
from tests.api.smtp_world import PASSWORD, USER, Post, a_certificate, a_mail_server, only_us
from tests.builders import default_catalogue
from tests.small_world import said

NOON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
US = Sender("Muster Großhandel GmbH", "datenschutz@example.org")
HOUSE = Controller(US.name, "DE", "Europe/Berlin", address="Musterstraße 1, 12345 Musterstadt", email=US.address)
TOKEN = "A" * 120
MARKETING = {
    "List-Unsubscribe": f"<mailto:ab@example.org?subject={TOKEN}>, <https://portal.example.org/u/{TOKEN}>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


def a_mail(**more: object) -> Mail:
    fields: dict[str, object] = {
        "to": "ada@example.org", "subject": "Ihr Link – für Größen", "text": "Grüße\nhttps://x.example/?a=b\n",
        "html": "<p>Grüße</p>", "language": "de",
    }  # fmt: skip
    return Mail(**(fields | more))  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def sent(post: Post, mail: Mail | None = None, **server: object) -> SmtpMailer:
    mailer = SmtpMailer(SmtpServer(post.host, post.port, **server), US)  # type: ignore[arg-type]
    mailer.send(mail or a_mail(), now=NOON)
    return mailer


def test_a_mail_is_text_and_html_of_one_content_with_all_that_a_mail_needs() -> None:
    """multipart/alternative in UTF-8; the identifier is random and of the sender's domain (RFC 5322, RFC 3834)."""
    raw = message_of(a_mail(), US, now=NOON).as_bytes()
    mail = read(raw)

    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in mail.iter_parts()} == {"utf-8"}
    assert mail["From"].addresses[0].display_name == US.name
    assert mail["Subject"] == "Ihr Link – für Größen"
    assert mail["Date"].datetime == NOON
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", mail["Message-ID"])
    assert mail["Message-ID"] != read(message_of(a_mail(), US, now=NOON).as_bytes())["Message-ID"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "de"
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert raw.isascii()


def test_the_links_of_one_click_are_neither_folded_nor_encoded() -> None:
    """A mail program takes the header as it stands (RFC 8058); it is no automatic reply then."""
    raw = message_of(a_mail(headers=MARKETING), US, now=NOON).as_bytes()

    for name, value in MARKETING.items():
        assert f"\r\n{name}: {value}\r\n".encode() in raw
    assert read(raw)["Auto-Submitted"] is None


@pytest.mark.parametrize(
    "to",
    [
        "", "ada", "@example.org", "ada@", "ada@example.org\r\nBcc: eve@example.org", "ada@example.org\nX: y",
        "ada@example.org, eve@example.org", "Ada <ada@example.org>", "all: ada@example.org;", "a b@example.org",
        '"a b"@example.org', "ada@exam\x00ple.org", "ada@example.org\x0b", "ädä@example.org",
    ],
)  # fmt: skip
def test_a_recipient_is_one_plain_address_or_none(to: str) -> None:
    """No list, no group, no second header, nothing hidden."""
    with pytest.raises(MailRefused) as refused:
        message_of(a_mail(to=to), US, now=NOON)

    assert refused.value.problem == "address_invalid"
    assert not to or to not in str(refused.value)


@given(st.text(max_size=40), st.sampled_from(["to", "subject", "text", "html", "sender"]))
def test_nothing_that_is_written_into_a_mail_makes_a_header(text: str, place: str) -> None:
    """Header injection is impossible: a line break in a value is refused, in a body it is body (CWE-93)."""
    hostile = f"x{text}\r\nBcc: eve@example.org\r\n\r\ny"
    sender = Sender(hostile, US.address) if place == "sender" else US
    fields = {} if place == "sender" else {place: hostile}
    try:
        mail = read(message_of(a_mail(**fields), sender, now=NOON).as_bytes())
    except MailRefused:
        return

    assert place in ("text", "html")
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Language",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bcc", "eve@example.org"), ("From", "eve@example.org"), ("Content-Type", "text/plain"), ("X-Any", "thing"),
        ("List-Unsubscribe", "<https://x.example/u/1>\r\nBcc: eve@example.org"), ("List-Unsubscribe", "<https://ö.de>"),
    ],
)  # fmt: skip
def test_only_the_two_headers_of_one_click_can_be_added(name: str, value: str) -> None:
    """Everything else is ours to set."""
    with pytest.raises(MailRefused, match="header_invalid"):
        message_of(a_mail(headers={name: value}), US, now=NOON)


def test_without_a_mail_server_each_mail_lies_in_the_home_as_one_private_file(tmp_path: Path) -> None:
    """The embedded default; nobody else on the machine can read who gets mail."""
    mailer = mailer_of(read_settings({}, tmp_path), HOUSE)
    for _ in range(2):
        mailer.send(a_mail(), now=NOON)

    files = sorted((tmp_path / "outbox").iterdir())
    assert len(files) == 2
    for file in files:
        assert re.fullmatch(r"20261122T123000\.000000Z-[0-9a-f]{16}\.eml", file.name)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert read(file.read_bytes())["To"] == "ada@example.org"
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_is_a_token_and_no_path(tmp_path: Path) -> None:
    """Later it may be possible; the error names neither folder nor recipient."""
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(MailUnavailable) as refused:
        FolderMailer(tmp_path / "outbox", US).send(a_mail(), now=NOON)

    assert refused.value.problem == "folder_not_writable"
    assert str(tmp_path) not in str(refused.value)


def test_a_mail_reaches_a_real_server_as_it_was_built() -> None:
    """Envelope and header agree."""
    with a_mail_server() as post:
        sent(post, a_mail(headers=MARKETING))

    ((sender, recipients, raw),) = post.received
    assert (sender, recipients) == (US.address, ["ada@example.org"])
    assert f"List-Unsubscribe: {MARKETING['List-Unsubscribe']}\r\n".encode() in raw
    assert post.mails[0].get_body(("plain",)).get_content().split() == ["Grüße", "https://x.example/?a=b"]  # type: ignore[union-attr]


def test_tls_is_taken_where_it_is_offered_and_the_certificate_is_checked(tmp_path: Path) -> None:
    """STARTTLS with a certificate that the client trusts; with one that it does not, no mail (RFC 3207)."""
    shown, trusted = a_certificate(tmp_path, "127.0.0.1")
    with a_mail_server(tls_context=shown) as post:
        SmtpMailer(SmtpServer(post.host, post.port, required=True), US, trusted).send(a_mail(), now=NOON)
        with pytest.raises(MailUnavailable) as refused:
            SmtpMailer(SmtpServer(post.host, post.port), US).send(a_mail(), now=NOON)

    assert post.over_tls == [True]
    assert refused.value.problem == "certificate_or_tls"


def test_a_certificate_for_another_name_is_none(tmp_path: Path) -> None:
    """Whoever stands in between may have a certificate too, but not this one."""
    shown, trusted = a_certificate(tmp_path, "mail.example.org")
    with a_mail_server(tls_context=shown) as post, pytest.raises(MailUnavailable, match="certificate_or_tls"):
        SmtpMailer(SmtpServer(post.host, post.port), US, trusted).send(a_mail(), now=NOON)

    assert post.received == []


def test_a_server_without_tls_gets_nothing_when_tls_is_required() -> None:
    """`?tls=required`: not even the sender's address."""
    with a_mail_server() as post, pytest.raises(MailUnavailable, match="tls_not_offered"):
        sent(post, required=True)

    assert post.received == []


def test_a_password_never_crosses_a_network_in_clear() -> None:
    """Credentials mean TLS, unless the server is this machine."""
    with a_mail_server() as post:
        elsewhere = SmtpServer("127.1", post.port, USER, PASSWORD)  # this machine, by a name that does not say so
        with pytest.raises(MailUnavailable, match="tls_not_offered"):
            SmtpMailer(elsewhere, US).send(a_mail(), now=NOON)

    assert post.received == []


def test_the_mailer_signs_in_with_the_credentials_of_the_url(tmp_path: Path) -> None:
    """Whatever signs they hold; in a URL they are percent-encoded."""
    shown, trusted = a_certificate(tmp_path, "127.0.0.1")
    with a_mail_server(tls_context=shown, authenticator=only_us, auth_required=True) as post:
        url = f"smtp://lauter%40example.org:p%40ss%3Aword%2F1@{post.host}:{post.port}?tls=required"
        SmtpMailer(read_server(url), US, trusted).send(a_mail(), now=NOON)
        with pytest.raises(MailUnavailable) as refused:
            SmtpMailer(SmtpServer(post.host, post.port, USER, "wrong"), US, trusted).send(a_mail(), now=NOON)

    assert post.signed_in == [True]
    assert refused.value.problem == "sign_in_refused"


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    """smtps (RFC 8314)."""
    shown, trusted = a_certificate(tmp_path, "127.0.0.1")
    with a_mail_server(ssl_context=shown) as post:
        SmtpMailer(SmtpServer(post.host, post.port, at_once=True), US, trusted).send(a_mail(), now=NOON)

    assert len(post.received) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "problem"),
    [
        ({"recipient_answer": "550 no ada@example.org here"}, MailRefused, "recipient_refused"),
        ({"recipient_answer": "451 try ada@example.org later"}, MailUnavailable, "recipient_refused"),
        ({"data_answer": "554 spam from ada@example.org"}, MailUnavailable, "mail_refused_554"),
        ({"data_answer": "421 closing"}, MailUnavailable, "mail_refused_421"),
    ],
)
def test_what_a_server_refuses_is_told_as_a_token(
    answers: dict[str, str], kind: type[LauterError], problem: str
) -> None:
    """For good or for now; the server's own words repeat addresses and go no further."""
    with a_mail_server() as post:
        for name, value in answers.items():
            setattr(post, name, value)
        with pytest.raises(kind) as refused:
            sent(post)

    assert refused.value.problem == problem  # type: ignore[attr-defined]
    assert "ada" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_server_that_is_not_there_is_a_token() -> None:
    """Nobody listens on that port any more."""
    with a_mail_server() as post:
        pass
    with pytest.raises(MailUnavailable, match="cannot_connect"):
        sent(post)


def test_a_probe_sends_nothing() -> None:
    """`lauter doctor` greets and leaves."""
    with a_mail_server() as post:
        SmtpMailer(SmtpServer(post.host, post.port), US).probe()

    assert post.received == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 587)),
        ("smtp://mail.example.org:25?tls=required", SmtpServer("mail.example.org", 25, required=True)),
        ("smtps://a:b@mail.example.org/", SmtpServer("mail.example.org", 465, "a", "b", at_once=True)),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525)),
    ],
)
def test_a_url_names_the_server(url: str, server: SmtpServer) -> None:
    """Ports by custom: 587 and 465."""
    assert read_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org", "http://mail.example.org", "smtp://", "smtp://u:secret@", "smtp://u:secret@h:port",
        "smtp://u:secret@h/path", "smtp://u:secret@h?tls=maybe", "smtp://u:secret@h?other=1", "smtp://:secret@h",
        "smtp://u:secret@h?tls", "smtp://u:secret@h#x",
        "smtp://u:secret%C3%B6@h",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    """The message shows the shape that is wanted, never what was given."""
    with pytest.raises(BadInput) as refused:
        read_server(url)

    assert "secret" not in str(refused.value)


def test_no_repr_shows_a_person_or_a_password(tmp_path: Path) -> None:
    """What a traceback or a debugger prints."""
    url = "smtp://account:secret@mail.example.org"
    settings = read_settings({"LAUTER_SMTP_URL": url}, tmp_path)
    shown = repr((settings, read_server(url), mailer_of(settings, HOUSE), a_mail(headers=MARKETING)))

    for hidden in ("account", "secret", "ada@example.org", "Grüße", "Ihr Link", TOKEN):
        assert hidden not in shown


def test_mails_come_from_the_address_the_operator_names_or_the_controllers(tmp_path: Path) -> None:
    """Without either a mail server is refused; the outbox folder takes a stand-in."""
    nobody = Controller("Muster", "DE", "Europe/Berlin")
    named = read_settings({"LAUTER_MAIL_FROM": "post@example.org"}, tmp_path)
    server = read_settings({"LAUTER_SMTP_URL": "smtp://mail.example.org"}, tmp_path)

    assert sender_of(named, HOUSE).address == "post@example.org"
    assert sender_of(server, HOUSE).address == HOUSE.email
    assert sender_of(read_settings({}, tmp_path), nobody).address == "noreply@127.0.0.1"
    with pytest.raises(BadInput, match="LAUTER_MAIL_FROM"):
        sender_of(server, nobody)
    with pytest.raises(BadInput, match="LAUTER_MAIL_FROM"):
        sender_of(read_settings({"LAUTER_MAIL_FROM": "no address"}, tmp_path), HOUSE)


LINK = "https://portal.example.org/portal/enter/abc-_9"
WRITTEN = {
    "portal_link": mails.portal_link(HOUSE, LINK, NOON),
    "shared_link": mails.shared_link(HOUSE, LINK, NOON),
    "confirmation": mails.confirmation(HOUSE, Text("Persönliche Angebote", "Offers"), Channel.EMAIL, LINK, NOON),
    "changed": mails.changed(
        parse_catalogue(default_catalogue()),
        [
            said("personalised_offers", Act.GIVEN, channel=Channel.EMAIL),
            said(None, Act.OBJECTED, scope=Scope.MARKETING),
        ],
        NOON,
        LINK,
    ),
}


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_every_mail_speaks_both_languages_the_readers_first(name: str, language: str) -> None:
    """One who reads only the other language is not left out (Article 12(1) GDPR)."""
    other = "en" if language == "de" else "de"
    mail = mails.write(HOUSE, "ada@example.org", language, WRITTEN[name])  # type: ignore[arg-type]
    swapped = mails.write(HOUSE, "ada@example.org", other, WRITTEN[name])  # type: ignore[arg-type]

    assert mail.subject != swapped.subject
    assert mail.subject in mail.html
    assert swapped.subject in mail.html
    assert mail.html.index(f'<section lang="{language}"') < mail.html.index(f'<section lang="{other}"')
    assert mail.text.count(LINK) == 2
    assert mail.html.count(f'<a href="{LINK}">{LINK}</a>') == 2
    for shown in (HOUSE.name, HOUSE.address, HOUSE.email):
        assert shown in mail.text
        assert shown in mail.html


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_no_mail_fetches_tracks_or_advertises_anything(name: str) -> None:
    """One link, ours, and the same in text and HTML; no picture, no font, no counter (CON-8)."""
    mail = mails.write(HOUSE, "ada@example.org", "de", WRITTEN[name])

    assert set(re.findall(r"https?://[^\s\"<]+", mail.html)) == {LINK}
    assert set(re.findall(r"https?://\S+", mail.text)) == {LINK}
    for word in ("<img", "src=", "url(", "@import", "<script", "<link", "background"):
        assert word not in mail.html
    assert 'name="color-scheme" content="light dark"' in mail.html
    assert "&" not in mail.text
    assert "ada" not in mail.subject + mail.text + mail.html


def test_the_two_faces_of_a_mail_say_the_same() -> None:
    """Word for word, whichever a mail program shows."""
    for compose in WRITTEN.values():
        mail = mails.write(HOUSE, "ada@example.org", "en", compose)
        body = re.sub(r"<style>.*?</style>|<title>.*?</title>|<h1>.*?</h1>|<[^>]+>", " ", mail.html, flags=re.DOTALL)
        plain = mail.text.replace("–", " ").replace("-" * 60, " ")
        assert re.sub(r"[\s–]+", " ", body).strip() == re.sub(r"\s+", " ", plain).strip()


def test_a_change_is_told_with_what_when_and_how_to_undo_it() -> None:
    """ "Saved, in effect since …": what was recorded, and where it is taken back (look: voice)."""
    german = mails.write(HOUSE, "ada@example.org", "de", WRITTEN["changed"]).text

    assert "wirksam seit 22.\N{NO-BREAK SPACE}November\N{NO-BREAK SPACE}2026, 13:30\N{NO-BREAK SPACE}Uhr" in german
    assert "per E-Mail: Einwilligung gegeben" in german
    assert "Alle Werbung: " in german
    assert LINK in german
