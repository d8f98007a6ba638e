"""Ways into the portal: a link by mail, a button on the controller's website, a letter with a code.

To whoever asks, every request looks the same and costs the same: the address is sealed, an item lies in the outbox, and
only the worker finds out whether anybody holds it (ACC-6, T34). An address that several people share, or that is a role
mailbox, opens its own stop page and nobody's preferences, until somebody shows who they are (design 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from api.workflows import declaring, unsubscribing
from api.workflows.declaring import PSEUDONYM_BYTES, Subject
from audit import log
from audit.errors import BadInput, NotFound
from audit.fact import Fact
from governance import outbox, store, visitors
from governance.contact_points import email_delivery_form
from governance.visitors import LASTS, SESSION_LASTS, Link, LinkKind, Session
from governance.vocabulary import THE_SUBJECT, Actor, Channel, Language, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.outbox import Reference

KIND = "portal_link"
"""Kind of the outbox item that asks for the mail."""
WAITS = timedelta(hours=2)
"""A mail that could not be sent for so long is no answer any more: whoever asked has asked again."""
_NOBODY = bytes(PSEUDONYM_BYTES)


class NoAddress(BadInput):
    """What was typed is no e-mail address; says nothing of whether one is held."""


@dataclass(frozen=True)
class LinkMail:
    """What the mail with the link needs; `repr` shows nobody."""

    address: str = field(repr=False)
    url: str = field(repr=False)
    """The link with its secret; nowhere else is it kept."""
    shared: bool
    """Several people have the address: the link opens its stop page."""
    controller: str
    language: Language
    expires_at: datetime


@dataclass(frozen=True)
class Letter:
    """A letter with a code, to be printed; `repr` shows nobody."""

    lines: tuple[str, ...] = field(repr=False)
    """Name and address for the window of the envelope; empty where no postal address is held."""
    code: str = field(repr=False)
    url: str = field(repr=False)
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Stopped:
    """One purpose on the stop page of a shared address."""

    purpose: str
    stopped: bool


def ask_for_link(house: House, address: str, language: Language, *, now: datetime) -> None:
    """Ask for a link by mail; the same work for every address, held or not.

    Raises:
        NoAddress: this is no e-mail address.
    """
    delivered = email_delivery_form(address)
    if delivered is None:
        raise NoAddress("this is no e-mail address")
    number = house.addresses.keep(delivered, expires_at=now + WAITS)
    reference: Reference = {"address": number.hex(), "subject": None, "language": language}
    with house.work.writing() as connection:
        outbox.put(connection, KIND, reference, now=now)


def issue(house: House, reference: Reference, *, now: datetime) -> LinkMail | None:
    """Make the link of one mail; called by the worker right before it sends.

    Returns:
        None when nobody holds the address, or the request is too old: then the item is dropped and nothing is sent.
        Called again for the same item it makes one more link; the earlier ones end by themselves.
    """
    number = bytes.fromhex(str(reference["address"]))
    address = house.addresses.open(number)
    holders = [] if address is None else declaring.holders_of(house, "email", address)
    if address is None or not holders:
        house.addresses.forget([number])
        return None
    expires_at = now + LASTS[LinkKind.MAIL]
    alone = _alone(house, holders)
    house.addresses.prolong(number, expires_at=expires_at)
    with house.work.writing() as connection:
        subject = None if alone is None else alone.number
        secret = visitors.make_link(connection, kind=LinkKind.MAIL, subject=subject, address=number, now=now)
    language: Language = "en" if reference["language"] == "en" else "de"
    name = house.catalogue.controller.name
    return LinkMail(address, enter_url(house, secret, language), alone is None, name, language, expires_at)


def enter_url(house: House, secret: str, language: Language | None = None) -> str:
    """The address of a link; it carries the language that it was asked for in, and nothing else about anybody."""
    url = f"{house.settings.public_url.rstrip('/')}/portal/enter/{secret}"
    return url if language is None else f"{url}?language={language}"


def embed_link(house: House, subject: Subject, *, actor: Actor, now: datetime) -> str:
    """A link for somebody who is signed in to the controller's own website, good for ten minutes and once.

    Whoever holds it comes in, so that who made it is a fact.
    """
    number = subject.number
    with house.work.writing() as connection:
        secret = visitors.make_link(connection, kind=LinkKind.EMBED, subject=number, address=None, now=now)
        log.append(connection, [Fact("portal:link_made", str(actor), now, {}, (number,))])
    return enter_url(house, secret)


def look(house: House, secret: str, *, now: datetime) -> Link | None:
    """The way in behind a secret or code; looking changes nothing, however often a scanner does."""
    with house.work.reading() as connection:
        return visitors.look(connection, secret, now=now)


def enter(house: House, secret: str, *, now: datetime) -> str | None:
    """Use a link or a code up and begin a visit.

    Returns:
        What the cookie holds; None when the secret is void, used or was never made, or the person was erased.
    """
    link = look(house, secret, now=now)
    if link is None or not _still_opens(house, link):
        return None
    if link.address is not None:
        house.addresses.prolong(link.address, expires_at=now + SESSION_LASTS)
    with house.work.writing() as connection:
        used = visitors.use(connection, secret, now=now)
        if used is None:
            return None
        cookie = visitors.begin_session(connection, used, now=now)
        _note_entering(connection, used.kind, used.subject, now=now)
    return cookie


def leave(house: House, session: Session, *, now: datetime) -> None:
    """End a visit; the address that opened it is forgotten."""
    with house.work.writing() as connection:
        visitors.end_session(connection, session.cookie)
        log.append(connection, [Fact("portal:left", str(THE_SUBJECT), now, {}, _subjects(session.subject))])
    if session.address is not None:
        house.addresses.forget([session.address])


def proven_address(house: House, session: Session) -> str | None:
    """The address whose mail the visitor showed to read; None for a visit that began otherwise."""
    return None if session.address is None else house.addresses.open(session.address)


def say_who(house: House, session: Session, said: str, *, now: datetime) -> bool:
    """Let somebody who came in by a shared address show who of its holders they are, by reference or letter code.

    Returns:
        False when it is neither the reference nor the code of one of them; which of both it is not is never said.
    """
    address = proven_address(house, session)
    holders = {each.number for each in declaring.holders_of(house, "email", address)} if address else set()
    pseudonym = house.vault.find(Unit.CONTACT, [said])[0] or _NOBODY
    named = {each.number for each in declaring.of_pseudonyms(house, [pseudonym])} & holders
    with house.work.writing() as connection:
        link = visitors.look(connection, said, now=now)
        by_code = link is not None and link.kind is LinkKind.LETTER and link.subject in holders
        if by_code and link is not None and link.subject is not None and visitors.use(connection, said, now=now):
            named = {link.subject}
        for number in named:
            visitors.name_subject(connection, session, number)
            _note_entering(connection, LinkKind.LETTER if by_code else session.how, number, now=now)
    return bool(named)


def ask_for_letter(house: House, reference: str, *, now: datetime) -> None:
    """Note for the desk that somebody asks for a letter; the same work whether the reference is held or not."""
    pseudonym = house.vault.find(Unit.CONTACT, [reference])[0] or _NOBODY
    found = declaring.of_pseudonyms(house, [pseudonym])
    with house.work.writing() as connection:
        visitors.want_letter(connection, found[0].number if found else None, now=now)


def letter_for(house: House, reference: str, *, actor: Actor, now: datetime) -> Letter:
    """Make a letter with a code for whoever is kept under the reference; older codes of theirs stop working.

    Raises:
        NotFound: nobody is.
    """
    return write_letter(house, declaring.find(house, reference), actor=actor, now=now)


def write_letter(house: House, subject: Subject, *, actor: Actor, now: datetime) -> Letter:
    """The same for somebody found before; that the name was read is in the log with it.

    Raises:
        NotFound: they were erased.
    """
    identity = house.vault.reveal([subject.pseudonym])[0]
    if identity is None:
        raise NotFound("nobody is kept under that number any more")
    with house.work.writing() as connection:
        visitors.letter_written(connection, subject.number)
        code = visitors.make_link(connection, kind=LinkKind.LETTER, subject=subject.number, address=None, now=now)
        log.append(connection, [Fact("portal:letter_made", str(actor), now, {}, (subject.number,))])
    lines = _window(identity.details)
    return Letter(lines, code, enter_url(house, code.replace("-", "")), now, now + LASTS[LinkKind.LETTER])


def wanted_letters(house: House, *, now: datetime) -> list[tuple[Subject, datetime]]:
    """Who waits for a letter, and since when."""
    with house.work.reading() as connection:
        wanted = visitors.wanted_letters(connection, now=now)
        rows = {number: store.subject_row(connection, number) for number, _ in wanted}
    live = {number: row for number, row in rows.items() if row is not None and row.erased_at is None}
    return [(Subject(number, bytes(live[number].pseudonym)), since) for number, since in wanted if number in live]


def stop_page(house: House, address: str) -> tuple[Stopped, ...]:
    """Per purpose that advertises by e-mail, whether this address is left alone."""
    purposes = unsubscribing.advertising_by(house, Channel.EMAIL)
    with house.work.reading() as connection:
        return tuple(
            Stopped(key, house.blocklist.blocked(connection, "email", [address], purpose=key)[0]) for key in purposes
        )


def stop(house: House, address: str, purposes: Sequence[str] | None, *, now: datetime) -> None:
    """Stop advertising to a shared address, for some purposes or for every one there is or will be.

    It acts on everybody who has the address, and on whoever will have it: the block list outlives them (OBJ-6, OBJ-11).
    """
    holders = declaring.holders_of(house, "email", address)
    known = unsubscribing.advertising_by(house, Channel.EMAIL)
    wanted = known if purposes is None else [key for key in known if key in purposes]
    unsubscribing.stop_address(house, holders, Channel.EMAIL, now=now, purposes=wanted)
    with house.work.writing() as connection:
        for key in [None] if purposes is None else wanted:
            house.blocklist.add(connection, "email", address, now=now, purpose=key)
        body = {"purposes": len(wanted), "all": purposes is None}
        numbers = tuple(holder.number for holder in holders)
        log.append(connection, [Fact("address:stopped", str(THE_SUBJECT), now, body, numbers)])


def _alone(house: House, holders: Sequence[Subject]) -> Subject | None:
    """The one person an address belongs to; None where several do, or a role mailbox that anybody may read."""
    if len(holders) != 1:
        return None
    with house.work.reading() as connection:
        row = store.subject_row(connection, holders[0].number)
    return None if row is None or row.role_mailbox else holders[0]


def _still_opens(house: House, link: Link) -> bool:
    """The person is still here, and the address is still theirs alone: somebody else may have got it meanwhile."""
    if link.subject is None:
        return link.address is not None and house.addresses.open(link.address) is not None
    if link.kind is LinkKind.MAIL:
        address = None if link.address is None else house.addresses.open(link.address)
        alone = None if address is None else _alone(house, declaring.holders_of(house, "email", address))
        return alone is not None and alone.number == link.subject
    try:
        declaring.of_number(house, link.subject)
    except NotFound:
        return False
    return True


def _note_entering(connection: Connection, how: LinkKind, subject: int | None, *, now: datetime) -> None:
    log.append(connection, [Fact("portal:entered", str(THE_SUBJECT), now, {"how": how.value}, _subjects(subject))])


def _subjects(subject: int | None) -> tuple[int, ...]:
    return () if subject is None else (subject,)


def _window(details: Mapping[str, str]) -> tuple[str, ...]:
    """What stands in the window of an envelope (DIN 5008); empty where a letter would not arrive."""
    get = details.get
    place = " ".join(part for part in (get("postcode"), get("city")) if part)
    if not get("street") or not place:
        return ()
    name = " ".join(part for part in (get("given_name"), get("family_name")) if part)
    return tuple(line for line in (get("company_name"), name, get("street"), place, get("country")) if line)
