"""One-click unsubscribe (RFC 8058, RFC 2369): the link of a mail ends one purpose on one channel, for good and at once.

The token is sealed: it names a person, a purpose and a channel to us and nothing to anybody else. Whoever shares the
address is stopped with them, because a link in a mailbox was followed by whoever reads it (OBJ-11). Following it again,
or a link whose person was erased, changes nothing, and neither answer tells which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.workflows import declaring
from consent.replay import position_of
from governance.vocabulary import CHANNEL_BITS, THE_SUBJECT, Act, Channel, Declaration, LegalBasis, Scope, Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.vault import ContactKind

USE = "unsubscribe"
PSEUDONYM_BYTES = 16
KIND_OF: dict[Channel, ContactKind] = {Channel.EMAIL: "email", Channel.PHONE: "phone", Channel.SMS: "phone"}
_CHANNEL_OF = {bit: channel for channel, bit in CHANNEL_BITS.items()}


@dataclass(frozen=True)
class Aim:
    """What a link ends."""

    pseudonym: bytes
    purpose: str
    channel: Channel

    def __repr__(self) -> str:
        return f"Aim({self.purpose}, {self.channel.value})"


@dataclass(frozen=True)
class Unsubscribed:
    """What a link stood for; says nothing of whether anybody was behind it."""

    known: bool
    """The link was made here and is whole."""
    purpose: str | None
    channel: Channel | None


NOT_OURS = Unsubscribed(False, None, None)


def unsubscribe_token(house: House, pseudonym: bytes, purpose: str, channel: Channel) -> str:
    """The token of a link; another one each time."""
    return house.links.seal(USE, _content(pseudonym, purpose, channel))


def unsubscribe_url(house: House, pseudonym: bytes, purpose: str, channel: Channel) -> str:
    """The link for a mail's foot and for its header."""
    return url_of(house, unsubscribe_token(house, pseudonym, purpose, channel))


def unsubscribe_urls(house: House, people: Sequence[tuple[bytes, bytes]], purpose: str, channel: Channel) -> list[str]:
    """Links of many people that are the same each time the same file is rendered.

    Args:
        people: pseudonym of the house, and random bytes that stand for the person in this file alone: links in two
            files cannot be laid side by side (PSE-3).
    """
    seal = house.links.sealer(USE)
    return [url_of(house, seal(_content(pseudonym, purpose, channel), row)) for pseudonym, row in people]


def url_of(house: House, token: str) -> str:
    """Where a token is honoured."""
    return f"{house.settings.public_url.rstrip('/')}/u/{token}"


def headers_for(house: House, pseudonym: bytes, purpose: str, channel: Channel) -> dict[str, str]:
    """The two header fields of a marketing mail; the DKIM signature must cover both (RFC 8058, section 4)."""
    return headers_of(house, unsubscribe_token(house, pseudonym, purpose, channel))


def headers_of(house: House, token: str) -> dict[str, str]:
    """The same for a token made before. The mail form carries the token in the subject: no local part is so long."""
    ways = [f"<{url_of(house, token)}>"]
    if house.settings.unsubscribe_address:
        ways.insert(0, f"<mailto:{house.settings.unsubscribe_address}?subject={token}>")
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def read_token(house: House, token: str) -> Aim | None:
    """What a token stands for, or None when it was not made here or was changed."""
    content = house.links.open(USE, token)
    if content is None or len(content) <= PSEUDONYM_BYTES or content[PSEUDONYM_BYTES] not in _CHANNEL_OF:
        return None
    channel = _CHANNEL_OF[content[PSEUDONYM_BYTES]]
    return Aim(content[:PSEUDONYM_BYTES], content[PSEUDONYM_BYTES + 1 :].decode(), channel)


def unsubscribe(house: House, token: str, *, now: datetime, everything: bool = False) -> Unsubscribed:
    """End what the link names, for its person and for everybody at the same address; twice is once.

    Args:
        everything: the reader asked for no advertising at all (Article 21(2) GDPR): an objection to marketing of the
            link's person, and no marketing purpose on this channel for whoever shares the address.
    """
    aim = read_token(house, token)
    if aim is None:
        return NOT_OURS
    found = declaring.of_pseudonyms(house, [aim.pseudonym])
    if found:
        own, others = found[0], _sharing(house, found[0], aim.channel)
        _end(house, own, [aim.purpose], aim.channel, now=now)
        if everything:
            _object(house, own, now=now)
        purposes = _marketing(house, aim) if everything else [aim.purpose]
        for other in others:
            _end(house, other, purposes, aim.channel, now=now)
    return Unsubscribed(True, aim.purpose, aim.channel)


def stop_address(
    house: House, holders: Sequence[Subject], channel: Channel, *, now: datetime, purposes: Sequence[str] | None = None
) -> None:
    """No advertising to an address that several share, declared by whoever reads its mail (design 8).

    Args:
        purposes: some of those that `advertising_by` names; None: all of them.
    """
    for holder in holders:
        _end(house, holder, advertising_by(house, channel) if purposes is None else purposes, channel, now=now)


def advertising_by(house: House, channel: Channel) -> list[str]:
    """The purposes that advertise on a channel."""
    return [p.key for p in house.catalogue.purposes.values() if p.marketing and channel in p.channels]


def _content(pseudonym: bytes, purpose: str, channel: Channel) -> bytes:
    if len(pseudonym) != PSEUDONYM_BYTES:
        raise ValueError(f"a pseudonym has {PSEUDONYM_BYTES} bytes")
    return pseudonym + bytes([CHANNEL_BITS[channel]]) + purpose.encode()


def _sharing(house: House, subject: Subject, channel: Channel) -> list[Subject]:
    """Everybody else who has the address that the link was sent to."""
    kind = KIND_OF.get(channel)
    identity = house.vault.reveal([subject.pseudonym])[0] if kind else None
    address = identity.details.get(kind) if identity is not None and kind else None
    if not address or kind is None:
        return []
    return [other for other in declaring.holders_of(house, kind, address) if other != subject]


def _marketing(house: House, aim: Aim) -> list[str]:
    offered = [p.key for p in house.catalogue.purposes.values() if p.marketing and aim.channel in p.channels]
    return list(dict.fromkeys([aim.purpose, *offered]))


def _end(house: House, subject: Subject, purposes: Sequence[str], channel: Channel, *, now: datetime) -> None:
    """One transaction per purpose and person: each acts by itself, and a repetition records nothing."""
    for purpose in purposes:

        def ended(history: Sequence[Declaration], purpose: str = purpose) -> bool:
            standing = position_of(history).standings.get(purpose)
            return standing is not None and bool(standing.channels_denied & CHANNEL_BITS[channel])

        said = _said(_denial(house, purpose), Scope.PURPOSE, purpose, channel, now)
        declaring.declare_unless(house, subject, [said], ended, actor=THE_SUBJECT, now=now)


def _object(house: House, subject: Subject, *, now: datetime) -> None:
    def objected(history: Sequence[Declaration]) -> bool:
        return position_of(history).objections.marketing_at is not None

    said = _said(Act.OBJECTED, Scope.MARKETING, None, None, now)
    declaring.declare_unless(house, subject, [said], objected, actor=THE_SUBJECT, now=now)


def _denial(house: House, purpose: str) -> Act:
    """A consent is withdrawn, anything else is objected to; so is a purpose that the catalogue names no more."""
    known = house.catalogue.purposes.get(purpose)
    return Act.WITHDRAWN if known is not None and known.basis is LegalBasis.CONSENT else Act.OBJECTED


def _said(act: Act, scope: Scope, purpose: str | None, channel: Channel | None, now: datetime) -> Declaration:
    return Declaration(
        act=act,
        scope=scope,
        purpose=purpose,
        channel=channel,
        field=None,
        said_at=now,
        received_at=now,
        source=Source.SUBJECT,
    )
