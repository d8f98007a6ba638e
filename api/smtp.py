"""The mail server: where it is, how it is spoken to, and what its refusals mean.

TLS is taken where it is offered, and is a condition where the operator says so or a password would cross a network;
certificates are always checked. A recipient that the server refuses for good is no fault of ours; all else is tried
again.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from api.mail import Mail, MailRefused, MailUnavailable, Sender, message_of
from audit.errors import BadInput

if TYPE_CHECKING:
    from datetime import datetime

TIMEOUT_SECONDS = 10
PORTS = {"smtp": 587, "smtps": 465}
SHAPE = "LAUTER_SMTP_URL: must read smtp://[user:password@]host[:port][?tls=required] or smtps://…"


@dataclass(frozen=True)
class SmtpServer:
    """Where mails are handed over; `repr` shows no credentials."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    at_once: bool = False
    """TLS from the first byte (smtps)."""
    required: bool = False
    """No mail without TLS."""


@dataclass(frozen=True)
class SmtpMailer:
    """Hands each mail to the server over a connection of its own."""

    server: SmtpServer
    sender: Sender
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    """Which certificates are believed; None: those that this machine trusts."""

    def send(self, mail: Mail, *, now: datetime) -> None:
        """Hand one mail over; a farewell that fails does not matter any more."""
        content = message_of(mail, self.sender, now=now).as_bytes()
        with self._connected() as connection:
            connection.sendmail(self.sender.address, [mail.to], content)

    def probe(self) -> None:
        """Connect, greet, sign in and leave; no mail is sent.

        Raises:
            MailUnavailable: with a token of what does not work.
        """
        with self._connected() as connection:
            connection.noop()

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        with _problems_named():
            connection = self._connect()
            try:
                self._secure(connection)
                yield connection
            finally:
                with suppress(OSError, smtplib.SMTPException):
                    connection.quit()
                connection.close()

    def _connect(self) -> smtplib.SMTP:
        server, name = self.server, self.sender.domain
        if server.at_once:
            context = self._context()
            return smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_SECONDS)

    def _secure(self, connection: smtplib.SMTP) -> None:
        server = self.server
        connection.ehlo_or_helo_if_needed()
        if not server.at_once and connection.has_extn("starttls"):
            connection.starttls(context=self._context())
            connection.ehlo()
        elif not server.at_once and (server.required or (server.user and not _stays_here(server.host))):
            raise MailUnavailable("tls_not_offered")
        if server.user:
            connection.login(server.user, server.password)

    def _context(self) -> ssl.SSLContext:
        return self.trust or ssl.create_default_context()


def read_server(url: str) -> SmtpServer:
    """The server of a URL.

    Raises:
        BadInput: it cannot be read; the message never repeats it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except (ValueError, KeyError):
        raise BadInput(SHAPE) from None
    if not parts.hostname or parts.path not in {"", "/"} or parts.fragment or not _known(parts, options):
        raise BadInput(SHAPE)
    return SmtpServer(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        at_once=parts.scheme == "smtps",
        required=options.get("tls") == "required",
    )


def _known(parts: SplitResult, options: dict[str, str]) -> bool:
    credentials = unquote(parts.username or "") + unquote(parts.password or "")  # the library sends ASCII alone
    named = bool(parts.username) >= bool(parts.password) and credentials.isascii()
    return named and options in ({}, {"tls": "required"})


def _stays_here(host: str) -> bool:
    """Whether what is said to that host leaves this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _problems_named() -> Iterator[None]:
    """Every failure as a token: the texts of a mail server repeat addresses and more."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code = max((answer[0] for answer in error.recipients.values()), default=0)
        raise (MailRefused if code >= 500 else MailUnavailable)("recipient_refused") from None
    except smtplib.SMTPAuthenticationError:
        raise MailUnavailable("sign_in_refused") from None
    except smtplib.SMTPNotSupportedError:
        raise MailUnavailable("not_supported") from None
    except smtplib.SMTPSenderRefused:
        raise MailUnavailable("sender_refused") from None
    except smtplib.SMTPDataError as error:
        raise MailUnavailable(f"mail_refused_{error.smtp_code}") from None
    except smtplib.SMTPConnectError:
        raise MailUnavailable("cannot_connect") from None
    except smtplib.SMTPServerDisconnected:
        raise MailUnavailable("disconnected") from None
    except smtplib.SMTPException:
        raise MailUnavailable("protocol_error") from None
    except ssl.SSLError:
        raise MailUnavailable("certificate_or_tls") from None
    except TimeoutError:
        raise MailUnavailable("timeout") from None
    except OSError:
        raise MailUnavailable("cannot_connect") from None
