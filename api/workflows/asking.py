"""The first half of a double opt-in: somebody's address is asked, by a mail and by nothing else (CON-8).

The request waits in the outbox and holds no secret; the worker calls `issue` when it sends, which makes the secret,
keeps its hash and gives it back once. Nobody who objected is asked: a blocked address gets no mail, and neither does
somebody who refused or withdrew not long ago (CON-14), unless they ask for it themselves in the portal. To whoever asks
for somebody, every request looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api.links import new_secret, secret_hash
from api.workflows import declaring
from audit.database import from_microseconds, to_microseconds
from audit.errors import BadInput, NotFound
from consent import ledger, notices, store_confirmations
from consent.confirmation import LASTS, Confirmation
from consent.decision import objection_reason
from consent.replay import position_of
from consent.standing import DENYING_STATES, NO_STANDING
from governance import outbox
from governance.contact_points import email_delivery_form
from governance.deadlines import add_duration
from governance.vocabulary import CHANNEL_BITS, ENGINE, THE_SUBJECT, Act, Channel, Declaration, Role, Scope, Source

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.outbox import Reference
    from governance.purposes import Purpose
    from governance.vocabulary import Actor, Language

KIND = "confirmation"
"""Kind of the outbox item that asks for the mail."""


class CannotConfirm(BadInput):
    """The purpose does not take a consent by e-mail, or the address is none."""


@dataclass(frozen=True)
class Issue:
    """What the confirming mail needs; it holds nothing that advertises. `repr` shows nobody."""

    address: str
    """Where to send it."""
    url: str
    """The link with its secret; nowhere else is it kept."""
    purpose: str
    """What it is about, in the mail's language."""
    controller: str
    language: Language
    expires_at: datetime

    def __repr__(self) -> str:
        return "Issue(…)"


def request_confirmation(
    house: House,
    *,
    subject: Subject | None,
    address: str,
    purpose: str,
    channel: Channel,
    language: Language,
    actor: Actor,
    now: datetime,
) -> None:
    """Ask whoever reads *address* to confirm a consent; a mail goes out unless somebody there said no.

    It does the same for every address: whether it is known is looked up when the mail is written, so neither the answer
    nor the time it takes tells.

    Args:
        subject: whose consent it would be; None: whoever alone holds the address, else somebody new.

    Raises:
        CannotConfirm: the purpose does not take e-mail, or the address is none.
        UnknownPurpose: the catalogue declares no such purpose.
    """
    wanted = house.catalogue.purpose(purpose)
    delivered = email_delivery_form(address)
    if delivered is None:
        raise CannotConfirm("this is no e-mail address")
    if channel is not Channel.EMAIL or channel not in wanted.channels:
        raise CannotConfirm(f"purpose {purpose!r} takes no consent by {channel.value}; a double opt-in is by email")
    expires_at = add_duration(now, LASTS, house.catalogue.controller.time_zone)
    notice = notices.notice_hash(wanted.notice.text.in_language(language))
    number = house.addresses.keep(delivered, expires_at=expires_at)
    reference = {
        "address": number.hex(),
        "subject": None if subject is None else subject.number,
        "purpose": purpose,
        "channel": channel.value,
        "language": language,
        "notice": notice.hex(),
        "requested_at": to_microseconds(now),
        "own": int(actor.role is Role.SUBJECT),
    }
    with house.work.writing() as connection:
        notices.register(connection, house.catalogue, now=now)
        outbox.put(connection, KIND, reference, now=now)


def address_of(house: House, subject: Subject) -> str | None:
    """Where a known person would be asked."""
    identity = house.vault.reveal([subject.pseudonym])[0]
    return None if identity is None else identity.details.get("email")


def issue(house: House, reference: Reference, *, now: datetime) -> Issue | None:
    """Make the secret of one confirming mail; called by the worker right before it sends.

    The worker sends the mail when this returns an `Issue`, and drops the item when it returns None: the request is
    void, or whoever reads the address must not be asked. Called again for the same item (the mail server failed) it
    makes one secret more; the earlier ones stay good until one of them was used, because a mail that seemed to fail
    may have arrived.

    Args:
        reference: of the outbox item, as `request_confirmation` wrote it.
    """
    request = _requested(house, reference)
    address = None if request.expires_at <= now else house.addresses.open(request.address)
    if address is None:
        return None
    own = bool(reference.get("own"))
    try:
        known = whose(house, request, address)
        if not own and not _may_ask(house, request.purpose, known, address, now=now):
            raise NotFound("nobody here may be asked")
        secret = new_secret()
        _keep(house, request, known, secret_hash(secret), own=own, now=now)
    except NotFound:
        house.addresses.forget([request.address])
        return None
    purpose = house.catalogue.purpose(request.purpose)
    return Issue(
        address=address,
        url=f"{house.settings.public_url.rstrip('/')}/confirm/{secret}",
        purpose=purpose.label.in_language(request.language),
        controller=house.catalogue.controller.name,
        language=request.language,
        expires_at=request.expires_at,
    )


def whose(house: House, request: Confirmation, address: str) -> Subject | None:
    """Whose consent it is: the person who asked, or by now the only one at the address; None: somebody new.

    Raises:
        NotFound: they were erased, or the address is not theirs any more: whoever reads it speaks for nobody here.
    """
    if request.subject is None:
        return alone(house, address)
    known = declaring.of_number(house, request.subject)
    if known not in declaring.holders_of(house, "email", address):
        raise NotFound("the address belongs to somebody else by now")
    return known


def alone(house: House, address: str) -> Subject | None:
    """Whoever holds the address alone; of several nobody can say who asked."""
    holders = declaring.holders_of(house, "email", address)
    return holders[0] if len(holders) == 1 else None


def _keep(
    house: House, request: Confirmation, known: Subject | None, token: bytes, *, own: bool, now: datetime
) -> None:
    """The request under the hash of its secret, and for somebody we know the declaration that they were asked."""
    if known is None:
        with house.work.writing() as connection:
            store_confirmations.add(connection, token, request)
        return
    said = Declaration(
        act=Act.REQUESTED,
        scope=Scope.PURPOSE,
        purpose=request.purpose,
        channel=request.channel,
        field=None,
        said_at=request.requested_at,
        received_at=request.requested_at,
        source=Source.SUBJECT if own else Source.CONTROLLER_API,
        notice=request.notice,
    )
    prepared = declaring.prepare(house, known, [said])
    with house.work.writing() as connection:
        store_confirmations.add(connection, token, replace(request, subject=known.number))
        declaring.record(connection, house, prepared, actor=THE_SUBJECT if own else ENGINE, now=now)


def _requested(house: House, reference: Reference) -> Confirmation:
    requested_at = from_microseconds(int(reference["requested_at"] or 0))
    subject = reference["subject"]
    return Confirmation(
        subject=None if subject is None else int(subject),
        address=bytes.fromhex(str(reference["address"])),
        purpose=str(reference["purpose"]),
        channel=Channel(str(reference["channel"])),
        language="en" if reference["language"] == "en" else "de",
        notice=bytes.fromhex(str(reference["notice"])),
        requested_at=requested_at,
        expires_at=add_duration(requested_at, LASTS, house.catalogue.controller.time_zone),
    )


def _may_ask(house: House, key: str, known: Subject | None, address: str, *, now: datetime) -> bool:
    """Nobody who said no is asked, and nobody whose address must not be written to."""
    purpose = house.catalogue.purposes.get(key)
    if purpose is None:
        return False
    with house.work.reading() as connection:
        blocklist = house.blocklist
        if blocklist.blocked(connection, "email", [address], purpose=key, everywhere=purpose.marketing)[0]:
            return False
        return (
            known is None
            or not _denied(connection, known.number, purpose)
            or notices.asks_again(connection, known.number, purpose, now=now)
        )


def _denied(connection: Connection, number: int, purpose: Purpose) -> bool:
    position = position_of(ledger.history(connection, number))
    standing = position.standings.get(purpose.key, NO_STANDING)
    closed = standing.channels_denied & CHANNEL_BITS[Channel.EMAIL]
    wide = objection_reason(purpose, position.objections, standing.granted_at)
    return bool(standing.objected or closed or standing.state in DENYING_STATES or wide)
