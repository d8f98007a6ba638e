"""Double opt-in from request to consent: what is asked for, what the mail carries, and the act that counts (CON-8).

The request for a mail waits in the outbox and holds no secret; the worker calls `issue` when it sends, which makes the
secret, keeps its hash and gives it back once. Nobody who objected is asked: a blocked address gets no mail, and neither
does somebody who refused or withdrew not long ago (CON-14). To whoever asks, every request looks the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.links import new_secret, secret_hash
from api.workflows import declaring
from api.workflows.declaring import Subject
from audit import log
from audit.database import from_microseconds, to_microseconds
from audit.errors import BadInput, NotFound
from audit.fact import Fact
from consent import ledger, notices, store_confirmations
from consent.confirmation import LASTS, Confirmation, Shown, evidence_of
from consent.replay import position_of
from consent.standing import DENYING_STATES, NO_STANDING
from governance import outbox, store
from governance.contact_points import email_delivery_form, is_role_mailbox
from governance.deadlines import add_duration
from governance.identity import Identity
from governance.vocabulary import CHANNEL_BITS, THE_SUBJECT, Act, Channel, Declaration, Role, Scope, Source, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.outbox import Reference
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


@dataclass(frozen=True)
class Asked:
    """What the page shows before the button; nothing of it says who."""

    purpose: str
    channel: Channel
    language: Language
    """The language that the request was made in."""
    texts: Mapping[Language, Shown]
    """The notice in each language, with the hash that is agreed to."""
    expires_at: datetime


@dataclass(frozen=True)
class Confirmed:
    """The consent that came of it."""

    purpose: str
    channel: Channel
    entry: int | None


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
    known = subject or _alone(house, delivered)
    number = house.addresses.keep(delivered, expires_at=expires_at)
    reference = {
        "address": number.hex(),
        "subject": None if known is None else known.number,
        "purpose": purpose,
        "channel": channel.value,
        "language": language,
        "notice": notice.hex(),
        "requested_at": to_microseconds(now),
    }
    _ask(house, known, reference, notice, actor=actor, now=now)


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
    if address is None or not _may_ask(house, request, address):
        house.addresses.forget([request.address])
        return None
    secret = new_secret()
    with house.work.writing() as connection:
        store_confirmations.add(connection, secret_hash(secret), request)
    purpose = house.catalogue.purpose(request.purpose)
    return Issue(
        address=address,
        url=f"{house.settings.public_url.rstrip('/')}/confirm/{secret}",
        purpose=purpose.label.in_language(request.language),
        controller=house.catalogue.controller.name,
        language=request.language,
        expires_at=request.expires_at,
    )


def look(house: House, secret: str, *, now: datetime) -> Asked | None:
    """What the secret would confirm; changes nothing, however often a scanner asks. None: void, used or never made."""
    with house.work.reading() as connection:
        request = store_confirmations.waiting(connection, secret_hash(secret), now=now)
        texts = {} if request is None else store_confirmations.texts_of(connection, request.notice)
    if request is None or request.language not in texts:
        return None
    return Asked(request.purpose, request.channel, request.language, texts, request.expires_at)


def confirm(house: House, secret: str, *, now: datetime, language: Language | None = None) -> Confirmed | None:
    """The act itself, once: a consent of whoever reads the address, with its evidence.

    Args:
        language: in which the notice was read; None: the language of the request.

    Returns:
        None when the secret is void, used or was never made.
    """
    with house.work.reading() as connection:
        request = store_confirmations.waiting(connection, secret_hash(secret), now=now)
        texts = {} if request is None else store_confirmations.texts_of(connection, request.notice)
    address = None if request is None else house.addresses.open(request.address)
    if request is None or address is None:
        return None
    read = language if language is not None and language in texts else request.language
    shown = texts[read].notice if read in texts else request.notice
    try:
        known = _whose(house, request, address)
        entry = _take(house, request, known, address, shown, read, now=now)
    except NotFound:  # erased since they asked
        entry = None
    if entry is None:
        return None
    house.addresses.forget([request.address])
    return Confirmed(request.purpose, request.channel, entry)


def discard(house: House, secret: str, *, now: datetime) -> None:
    """Forget the request and its address at once: whoever reads the address did not ask for it."""
    with house.work.writing() as connection:
        request = store_confirmations.waiting(connection, secret_hash(secret), now=now)
        if request is not None:
            store_confirmations.use(connection, request)
    if request is not None:
        house.addresses.forget([request.address])


def sweep(house: House, *, now: datetime) -> int:
    """Forget every request nobody confirmed in time, with its sealed address; how many."""
    with house.work.writing() as connection:
        numbers = store_confirmations.drop_void(connection, now=now)
    if numbers:
        house.addresses.forget(numbers)
    return len(set(numbers))


def _ask(
    house: House, known: Subject | None, reference: Reference, notice: bytes, *, actor: Actor, now: datetime
) -> None:
    """The item for the worker, and for somebody we know the declaration that consent was requested."""
    if known is None:
        with house.work.writing() as connection:
            notices.register(connection, house.catalogue, now=now)
            outbox.put(connection, KIND, reference, now=now)
        return
    said = Declaration(
        act=Act.REQUESTED,
        scope=Scope.PURPOSE,
        purpose=str(reference["purpose"]),
        channel=Channel(str(reference["channel"])),
        field=None,
        said_at=now,
        received_at=now,
        source=Source.SUBJECT if actor.role is Role.SUBJECT else Source.CONTROLLER_API,
        notice=notice,
    )
    prepared = declaring.prepare(house, known, [said])
    with house.work.writing() as connection:
        outbox.put(connection, KIND, reference, now=now)
        declaring.record(connection, house, prepared, actor=actor, now=now)


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


def _may_ask(house: House, request: Confirmation, address: str) -> bool:
    """Nobody who said no is asked, and nobody whose address must not be written to."""
    if request.purpose not in house.catalogue.purposes:
        return False
    with house.work.reading() as connection:
        if house.blocklist.blocked(connection, "email", [address])[0]:
            return False
        return request.subject is None or not _denied(connection, request.subject, request)


def _denied(connection: Connection, number: int, request: Confirmation) -> bool:
    position = position_of(ledger.history(connection, number))
    standing = position.standings.get(request.purpose, NO_STANDING)
    closed = standing.channels_denied & CHANNEL_BITS[request.channel]
    return bool(standing.objected or closed or standing.state in DENYING_STATES or position.objections.mask)


def _consent(house: House, request: Confirmation, notice: bytes, now: datetime) -> Declaration:
    purpose = house.catalogue.purposes.get(request.purpose)
    validity = None if purpose is None else purpose.consent_validity
    zone = house.catalogue.controller.time_zone
    return Declaration(
        act=Act.GIVEN,
        scope=Scope.PURPOSE,
        purpose=request.purpose,
        channel=request.channel,
        field=None,
        said_at=now,
        received_at=now,
        source=Source.SUBJECT,
        notice=notice,
        has_evidence=True,
        valid_until=None if validity is None else add_duration(now, validity, zone),
    )


def _alone(house: House, address: str) -> Subject | None:
    """Whoever holds the address alone; of several nobody can say who asked."""
    holders = declaring.holders_of(house, "email", address)
    return holders[0] if len(holders) == 1 else None


def _whose(house: House, request: Confirmation, address: str) -> Subject | None:
    """Whose consent it is: the person who asked, or by now the only one at the address; None: somebody new."""
    if request.subject is None:
        return _alone(house, address)
    return declaring.of_number(house, request.subject)


def _take(
    house: House,
    request: Confirmation,
    known: Subject | None,
    address: str,
    notice: bytes,
    language: Language,
    *,
    now: datetime,
) -> int | None:
    """Use the request up and record the consent in one transaction; None when somebody was faster."""
    pseudonym = os.urandom(declaring.PSEUDONYM_BYTES) if known is None else known.pseudonym
    if known is None:
        reference = f"signup-{new_secret()}"
        house.vault.store([(pseudonym, Identity(Unit.CONTACT, reference, {"email": address}))])
    said = _consent(house, request, notice, now)
    evidence = evidence_of(request, notice, language, now=now)
    prepared = declaring.prepare(house, known or Subject(0, pseudonym), [said], evidence=[evidence])
    with house.work.writing() as connection:
        used = store_confirmations.use(connection, request)
        if used and known is None:
            prepared = prepared.about(_newcomer(connection, pseudonym, address, now=now))
        done = declaring.record(connection, house, prepared, actor=THE_SUBJECT, now=now) if used else None
        if done is not None and known is None:
            log.append(connection, [Fact("contact:signed_up", str(THE_SUBJECT), now, {}, (prepared.subject.number,))])
    if done is None and known is None:
        house.vault.erase([pseudonym], retain_evidence_until=None)
    return None if done is None else done.entry


def _newcomer(connection: Connection, pseudonym: bytes, address: str, *, now: datetime) -> int:
    """A contact of whom we know the address alone, informed by the page with the notice; nothing is permitted yet."""
    number = store.next_number(connection)
    at = to_microseconds(now)
    role = is_role_mailbox(address)
    row = (number, pseudonym, Unit.CONTACT.value, True, None, None, "unknown", role, None, None, at, at, at)
    store.add_subjects(connection, [row])
    return number
