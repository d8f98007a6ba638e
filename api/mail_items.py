"""From an item of the outbox to a mail: the secret of a link is made here, when the mail is, and only its hash is kept.

Everything is looked up again: an address that was forgotten, a person who was erased or a request that nobody may be
asked about any more is no mail. Trying again makes another secret; the earlier one may have arrived and stays good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import mails
from api.workflows import confirming, declaring, portal
from audit import log
from audit.errors import NotFound
from consent import ledger
from governance.vocabulary import Channel, Declaration, Language

if TYPE_CHECKING:
    from datetime import datetime

    from api.mail import Mailer
    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.outbox import Item, Reference


def portal_link(house: House, mailer: Mailer, item: Item, now: datetime) -> None:
    """The way into the portal: to somebody's own preferences, or for a shared address to its stop page alone."""
    issued = portal.issue(house, item.reference, now=now)
    if issued is None:
        return
    controller = house.catalogue.controller
    compose = mails.shared_link if issued.shared else mails.portal_link
    written = compose(controller, issued.url, issued.expires_at)
    mailer.send(mails.write(controller, issued.address, issued.language, written), now=now)


def confirmation(house: House, mailer: Mailer, item: Item, now: datetime) -> None:
    """The question of a double opt-in."""
    issued = confirming.issue(house, item.reference, now=now)
    if issued is None:
        return
    controller, purpose = house.catalogue.controller, house.catalogue.purpose(str(item.reference["purpose"]))
    channel = Channel(str(item.reference["channel"]))
    written = mails.confirmation(controller, purpose.label, channel, issued.url, issued.expires_at)
    mailer.send(mails.write(controller, issued.address, issued.language, written), now=now)


def changed(house: House, mailer: Mailer, item: Item, now: datetime) -> None:
    """What somebody else recorded for a person; not to an address that others read, too."""
    try:
        subject = declaring.of_number(house, int(item.reference["subject"] or 0))
    except NotFound:
        return
    identity = house.vault.reveal([subject.pseudonym])[0]
    address = identity.details.get("email") if identity else None
    if not address or len(declaring.holders_of(house, "email", address)) != 1:
        return
    said, since = _recorded(house, subject, int(item.reference["entry"] or 0))
    if said:
        written = mails.changed(house.catalogue, said, since, _url(house, "/portal"))
        mailer.send(mails.write(house.catalogue.controller, address, _language(item.reference), written), now=now)


def _recorded(house: House, subject: Subject, entry: int) -> tuple[list[Declaration], datetime]:
    """What was recorded by one act: the declaration of its first entry, and those that came with it."""
    with house.work.reading() as connection:
        first = log.entry(connection, entry)
        rows = ledger.recorded(connection, subject.number)
    found = [row.declaration for row in rows if row.seq >= int(first.body.get("declaration") or 0)]  # type: ignore[arg-type]
    return [d for d in found if d.received_at == found[0].received_at], first.at


def _language(reference: Reference) -> Language:
    return "en" if reference.get("language") == "en" else "de"


def _url(house: House, path: str) -> str:
    return house.settings.public_url.rstrip("/") + path


def alarm(house: House, mailer: Mailer, item: Item, now: datetime) -> None:
    """Something the officer should look at, to the mailbox that the catalogue names."""
    controller, address = house.catalogue.controller, house.catalogue.alarms.mail
    if not address:
        return
    written = mails.alarm(str(item.reference["alarm"]), f"{house.settings.public_url.rstrip('/')}/console/compliance")
    mailer.send(mails.write(controller, address, "de", written), now=now)
