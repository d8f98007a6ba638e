"""What `lauter doctor` asks about mails, webhooks and the work after commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.mail import mailer_of
from api.smtp import SmtpMailer
from audit.errors import Refused
from governance import outbox, webhooks

if TYPE_CHECKING:
    from api.wiring import House


def mail_goes_out(house: House) -> str:
    """Connect to the mail server, sign in and leave; no mail is sent.

    Raises:
        BadInput: its URL or the sender's address cannot be read.
        MailUnavailable: it does not answer as it should.
    """
    mailer = mailer_of(house.settings, house.catalogue.controller)
    if not isinstance(mailer, SmtpMailer):
        return "no mail server is set: mails lie in the home's outbox folder"
    mailer.probe()
    return "the mail server answers"


def nothing_given_up(house: House) -> str:
    """Name what was tried to the end, by kind and problem.

    Raises:
        Refused: something was.
    """
    with house.work.reading() as connection:
        given_up, deliveries = outbox.given_up(connection), webhooks.failed_count(connection)
    if given_up:
        named = ", ".join(f"{each.rows} of kind {each.kind} ({each.problem})" for each in given_up)
        raise Refused(f"given up: {named}; mend the cause, then run `lauter worker --once --retry`")
    if deliveries:
        raise Refused(f"{deliveries} webhook delivery(s) were given up; run `lauter webhook redeliver`")
    return "nothing was given up"
