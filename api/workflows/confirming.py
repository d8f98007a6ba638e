"""The second half of a double opt-in: what a link shows, and the act that counts (CON-8). The first is `asking`.

Looking changes nothing, however often a scanner looks. The act uses the request up and records the consent with its
evidence in one transaction; somebody nobody knew becomes a contact, permitted nothing but what they agreed to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.links import new_secret, secret_hash
from api.workflows import declaring
from api.workflows.asking import KIND, CannotConfirm, Issue, address_of, issue, request_confirmation, whose
from api.workflows.declaring import Subject
from audit import log
from audit.database import to_microseconds
from audit.errors import NotFound
from audit.fact import Fact
from consent import store_confirmations
from consent.confirmation import Confirmation, Shown, evidence_of
from governance import store
from governance.contact_points import is_role_mailbox
from governance.deadlines import add_duration
from governance.identity import Identity
from governance.vocabulary import THE_SUBJECT, Act, Channel, Declaration, Scope, Source, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Language

__all__ = [
    "KIND", "Asked", "CannotConfirm", "Confirmed", "Issue", "address_of", "confirm", "discard", "issue", "look",
    "request_confirmation", "sweep",
]  # fmt: skip


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
        known = whose(house, request, address)
        entry = _take(house, request, known, address, shown, read, now=now)
    except NotFound:  # erased, or with another address, since they asked
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
    """A contact of whom we know the address alone; nothing is permitted yet.

    They were told about this purpose and no other, so they do not count as informed: no legitimate interest opens.
    """
    number = store.next_number(connection)
    at = to_microseconds(now)
    role = is_role_mailbox(address)
    row = (number, pseudonym, Unit.CONTACT.value, True, None, None, "unknown", role, None, None, None, at, at)
    store.add_subjects(connection, [row])
    return number
