"""Mails: how one is built, and the two ways out, a mail server or the home's outbox folder.

A mail goes to one person, as text and as HTML of the same content, without pictures, tracking or anything to fetch. Its
header holds nothing that came from outside: addresses are parsed, every other value is refused when it holds a line
break. What fails is told as a token; no address, no subject and no password ever stands in an error, a `repr` or a log.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from audit.errors import BadInput, Refused, Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    from api.settings import Settings
    from governance.controller import Controller
    from governance.vocabulary import Language

EXTRA_HEADERS = frozenset({"List-Unsubscribe", "List-Unsubscribe-Post"})
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


class _Policy(EmailPolicy):
    """Folds as RFC 5322 wants it, except for the links of RFC 8058: cut in two or encoded they are none."""

    def fold(self, name: str, value: Any) -> str:
        """One header as text."""
        return f"{name}: {value}{self.linesep}" if name in EXTRA_HEADERS else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One header as bytes."""
        return self.fold(name, value).encode("ascii") if name in EXTRA_HEADERS else super().fold_binary(name, value)


POLICY = _Policy(linesep="\r\n")


class MailRefused(Refused):
    """This mail can never be sent: its address or a header is none, or the mail server refuses the recipient."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the mail cannot be sent: {problem}")
        self.problem = problem
        """A token such as `recipient_refused`."""


class MailUnavailable(Unavailable):
    """The mail could not be handed over now; later it may."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the mail server cannot take mails: {problem}")
        self.problem = problem
        """A token such as `cannot_connect`."""


@dataclass(frozen=True)
class Mail:
    """One mail to one person."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: Language = "de"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The two of RFC 8058 where it is marketing; then it is no automatic reply to something the person did."""


class Mailer(Protocol):
    """Hands mails over."""

    def send(self, mail: Mail, *, now: datetime) -> None:
        """Hand one mail over.

        Raises:
            MailRefused: it can never be sent.
            MailUnavailable: not now; whether it was sent may be unknown.
        """
        ...


@dataclass(frozen=True)
class Sender:
    """Who mails come from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class FolderMailer:
    """Lays each mail into a folder of the home as one file that any mail program opens; nothing leaves the machine."""

    folder: Path
    sender: Sender

    def send(self, mail: Mail, *, now: datetime) -> None:
        """Write the file under another name first, so that nobody reads half a mail."""
        content = message_of(mail, self.sender, now=now).as_bytes()
        name = f"{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z-{secrets.token_hex(8)}"
        try:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            written = self.folder / f".{name}"
            _write(written, content)
            written.rename(self.folder / f"{name}.eml")
        except OSError:
            raise MailUnavailable("folder_not_writable") from None


def mailer_of(settings: Settings, controller: Controller) -> Mailer:
    """The way out that the operator chose: the mail server of `LAUTER_SMTP_URL`, else the home's outbox folder.

    Raises:
        BadInput: the URL of the mail server cannot be read, or nobody is named whom its mails come from.
    """
    from api.smtp import SmtpMailer, read_server

    sender = sender_of(settings, controller)
    if not settings.smtp_url:
        return FolderMailer(settings.outbox_folder, sender)
    return SmtpMailer(read_server(settings.smtp_url), sender)


def sender_of(settings: Settings, controller: Controller) -> Sender:
    """Who mails come from: `LAUTER_MAIL_FROM`, else the controller's own address.

    Raises:
        BadInput: a mail server is set, but no address to send from; or the address is none.
    """
    address = settings.mail_from or controller.email
    if not address and settings.smtp_url:
        raise BadInput(
            "LAUTER_MAIL_FROM: name the address that mails come from, or [controller] email in the catalogue"
        )
    if not address:
        address = f"noreply@{urlsplit(settings.public_url).hostname or 'localhost'}"
    try:
        return Sender(controller.name, _parsed(address).addr_spec)
    except MailRefused:
        raise BadInput("LAUTER_MAIL_FROM: this is no e-mail address; write it as name@domain") from None


def message_of(mail: Mail, sender: Sender, *, now: datetime) -> EmailMessage:
    """The mail as it goes out.

    Raises:
        MailRefused: the recipient is no single address, or a header is not ours to set or holds a line break.
    """
    message = EmailMessage(POLICY)
    try:
        message["From"] = Address(sender.name, addr_spec=sender.address)
        message["To"] = _parsed(mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.domain}>"
        for name, value in (mail.headers or {"Auto-Submitted": "auto-generated"}).items():
            message[name] = _checked(name, value)
    except (ValueError, MessageError):  # the library refuses line breaks in a value
        raise MailRefused("header_invalid") from None
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = mail.language
    return message


def _checked(name: str, value: str) -> str:
    if name not in EXTRA_HEADERS | {"Auto-Submitted"} or not value.isascii() or not value.isprintable():
        raise MailRefused("header_invalid")
    return value


def _parsed(address: str) -> Address:
    """One address and nothing else: no list, no group, no name."""
    try:
        found = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError):
        raise MailRefused("address_invalid") from None
    if not found.username or not found.domain or not address.isascii() or " " in address:
        raise MailRefused("address_invalid")
    return found


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
