"""Whose address goes on the block list, and who may take it off again; inside the transaction of the declaration.

An objection to advertising or to everything blocks every address of the person for every purpose; a no to a purpose
blocks it for that purpose, a no to one way of it that way alone. The entry outlives the person's erasure and meets
everybody who shares the address (OBJ-6, OBJ-11). It comes off only by a later act of the person themselves, and only
when nobody else who is known to have the address said no: then another person's no still stands.

The list stops advertising. An invoice is none, and an objection to marketing never stops it (Article 21(3) GDPR).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit import log
from consent import ledger
from consent.decision import objection_reason
from consent.declarations import content
from consent.replay import DENIALS, FIELD_ACTS, GRANTS, WIDE_SCOPES, Position, own_act_at, position_of
from consent.standing import DENYING_STATES, NO_STANDING, Standing
from governance.blocklist import Blocked
from governance.contact_points import postal_line
from governance.vocabulary import CHANNEL_BITS, Act, Channel, Scope

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.blocklist import BlockList, Kind, Prepared
    from governance.purposes import Purpose
    from governance.vocabulary import Declaration

KIND_OF: dict[Channel, Kind] = {
    Channel.EMAIL: "email",
    Channel.PHONE: "phone",
    Channel.SMS: "sms",
    Channel.POST: "post",
}
"""How the block list calls the address that a channel uses."""
CHANNELS_OF: dict[Kind, tuple[Channel, ...]] = {
    "email": (Channel.EMAIL,),
    "phone": (Channel.PHONE, Channel.SMS),
    "post": (Channel.POST,),
}
"""The channels that one address of a person serves."""
STOPS_ALL = (Scope.MARKETING, Scope.GENERAL)


@dataclass(frozen=True)
class Address:
    """One address of the person, and everybody known to have it, the person among them."""

    kind: Kind
    value: str = field(repr=False)
    holders: frozenset[bytes] = field(repr=False)


@dataclass(frozen=True)
class Closing:
    """An entry for an address: for a purpose and the channel it is closed for, or for every purpose."""

    address: Address
    channel: Channel | None
    entry: Prepared


@dataclass(frozen=True)
class Plan:
    """What the vault knows that the transaction will need; empty when no address is concerned."""

    pseudonym: bytes = field(repr=False)
    declarations: tuple[Declaration, ...]
    addresses: tuple[Address, ...]
    closing: tuple[Closing, ...] = field(repr=False)
    """The entries that the declarations ask for; hashed already, so that nobody waits for it."""
    blocklist: BlockList = field(repr=False)
    purposes: Mapping[str, Purpose] = field(repr=False)


def plan(house: House, subject: Subject, declarations: Sequence[Declaration]) -> Plan:
    """Find the addresses that some declarations concern, and who shares them.

    It reads the vault alone, so do it before the transaction (no transaction spans two databases). The subject's number
    is not asked for: it may get one only later. With somebody's whole history it says what their address of today
    needs: for an erasure, or after a change of address.
    """
    return plan_each(house, [(subject, declarations)])[0]


def plan_each(house: House, said: Sequence[tuple[Subject, Sequence[Declaration]]]) -> list[Plan]:
    """The same for many subjects at once, as an import has them."""
    wanted = [(subject.pseudonym, tuple(d for d in ds if _concerns_addresses(d))) for subject, ds in said]
    concerned = list(dict.fromkeys(pseudonym for pseudonym, declarations in wanted if declarations))
    addresses = dict(zip(concerned, _addresses(house, concerned), strict=True))
    purposes = house.catalogue.purposes
    plans = []
    for pseudonym, ds in wanted:
        own = addresses[pseudonym] if ds else ()
        closing = tuple(_closing(house.blocklist, ds, own, purposes))
        plans.append(Plan(pseudonym, ds, own, closing, house.blocklist, purposes))
    return plans


def apply(connection: Connection, plan: Plan, *, now: datetime) -> None:
    """Put the person's addresses on the block list or take them off, by where everybody who has them stands.

    Call it after `ledger.declare` and in the same transaction: then the log's lock is held, and two people who share
    an address are decided about in the order of the log. It appends nothing.

    Args:
        connection: the writing transaction that records the declarations.
        plan: of these declarations.
        now: the instant of the act.
    """
    apply_each(connection, [plan], now=now)


def apply_each(connection: Connection, plans: Sequence[Plan], *, now: datetime) -> None:
    """The same for many subjects at once."""
    plans = [each for each in plans if each.addresses]
    if not plans:
        return
    log.lock(connection)
    stands = _Stands(connection, plans)
    adding = {each.entry.entry: each.entry for plan in plans for each in plan.closing if _is_closed(each, stands)}
    again = plans[0].blocklist.add_all(connection, list(adding.values()), now=now)
    for each in plans:
        for address in each.addresses:
            if Blocked(address.kind, address.value) in again:
                _close(connection, each, address, stands)
            _free(connection, each, address, stands, now)


class _Stands:
    """Where everybody stands who has one of the addresses, with what is being declared."""

    def __init__(self, connection: Connection, plans: Sequence[Plan]) -> None:
        people = {one for plan in plans for address in plan.addresses for one in address.holders}
        numbers = ledger.subjects_of(connection, sorted(people))
        by_number = ledger.histories(connection, sorted(numbers.values()))
        self._histories: dict[bytes, list[Declaration]] = {one: [] for one in people}
        self._histories |= {one: by_number[number] for one, number in numbers.items()}
        for plan in plans:
            known = {content(d) for d in self._histories[plan.pseudonym]}
            self._histories[plan.pseudonym] += [d for d in plan.declarations if content(d) not in known]
        self._positions: dict[bytes, Position] = {}

    def of(self, address: Address) -> list[Position]:
        """Everybody's who has that address."""
        for one in address.holders:
            if one not in self._positions:
                self._positions[one] = position_of(self._histories[one])
        return [self._positions[one] for one in address.holders]

    def ever_denied(self, person: bytes, purpose: str | None) -> bool:
        """Whether the person said no to advertising or to the purpose before: then the entry may be theirs."""
        return any(
            d.act in DENIALS and (d.scope in STOPS_ALL or (purpose is not None and d.purpose == purpose))
            for d in self._histories[person]
            if d.act not in FIELD_ACTS
        )


def _closing(
    blocklist: BlockList,
    declarations: Sequence[Declaration],
    addresses: Sequence[Address],
    purposes: Mapping[str, Purpose],
) -> Iterator[Closing]:
    """What the refusals among some declarations would close, whatever else was said."""
    refusals = [d for d in declarations if d.act in DENIALS]
    for address in addresses:
        if any(d.scope in STOPS_ALL for d in refusals):
            [entry] = blocklist.prepare([Blocked(address.kind, address.value)])
            yield Closing(address, None, entry)
        for purpose, channel in _touched(refusals, address, purposes):
            [entry] = blocklist.prepare([Blocked(KIND_OF[channel], address.value, purpose)])
            yield Closing(address, channel, entry)


def _is_closed(closing: Closing, stands: _Stands) -> bool:
    """Whether somebody's no stands at the address; a late no that was outlived by a yes closes nothing."""
    positions, purpose = stands.of(closing.address), closing.entry.entry.purpose
    if purpose is None or closing.channel is None:
        return _any_denies_all(positions)
    return _any_denies(positions, purpose, closing.channel)


def _close(connection: Connection, plan: Plan, address: Address, stands: _Stands) -> None:
    """A new no to all advertising closes again what a yes had opened before it."""
    positions = stands.of(address)
    for channel in CHANNELS_OF[address.kind]:
        closed = [p.key for p in plan.purposes.values() if not _all_outlive(positions, p, channel)]
        plan.blocklist.restore(connection, KIND_OF[channel], address.value, purposes=closed)


def _free(connection: Connection, plan: Plan, address: Address, stands: _Stands, now: datetime) -> None:
    """Take off the list what the person's own later yes is about."""
    own = [d for d in plan.declarations if d.act in GRANTS and own_act_at(d) is not None]
    if not own:
        return
    positions, blocklist, value = stands.of(address), plan.blocklist, address.value
    lifts = any(d.scope in STOPS_ALL for d in own)
    if lifts and not _any_denies_all(positions) and _may_unblock(plan, address, stands, None):
        blocklist.remove(connection, address.kind, value)
    stopped = blocklist.blocked(connection, address.kind, [value])[0]
    for purpose, channel in _touched(own, address, plan.purposes):
        if _any_denies(positions, purpose, channel) or not _may_unblock(plan, address, stands, purpose):
            continue
        blocklist.remove(connection, KIND_OF[channel], value, purpose=purpose)
        if stopped and _all_outlive(positions, plan.purposes[purpose], channel):
            blocklist.lift(connection, KIND_OF[channel], value, purpose=purpose, now=now)


def _may_unblock(plan: Plan, address: Address, stands: _Stands, purpose: str | None) -> bool:
    """The person is the only one who has the address, or the entry may be their own: it is never somebody else's."""
    alone = address.holders == {plan.pseudonym}
    return alone or stands.ever_denied(plan.pseudonym, purpose)


def _touched(
    declarations: Sequence[Declaration], address: Address, purposes: Mapping[str, Purpose]
) -> Iterator[tuple[str, Channel]]:
    """Each purpose and channel of the address that some declarations speak about.

    A no to a purpose is one to all its channels; a yes to it opens none, which takes a yes to the channel.
    """
    found: dict[tuple[str, Channel], None] = {}
    for d in declarations:
        if d.scope is not Scope.PURPOSE or d.purpose is None or d.purpose not in purposes:
            continue
        every = d.act in DENIALS or d.act is Act.OBJECTION_LIFTED
        channels = CHANNELS_OF[address.kind] if d.channel is None and every else (d.channel,)
        found |= {(d.purpose, c): None for c in channels if c is not None and c in CHANNELS_OF[address.kind]}
    yield from found


def _any_denies_all(positions: Iterable[Position]) -> bool:
    return any(p.objections.marketing_at is not None or p.objections.general_at is not None for p in positions)


def _any_denies(positions: Iterable[Position], purpose: str, channel: Channel) -> bool:
    return any(_denies(_standing(position, purpose), channel) for position in positions)


def _denies(standing: Standing, channel: Channel) -> bool:
    closed = bool(standing.channels_denied & CHANNEL_BITS[channel])
    return closed or standing.objected or standing.state in DENYING_STATES


def _all_outlive(positions: Iterable[Position], purpose: Purpose, channel: Channel) -> bool:
    """Whether an objection to all advertising stands in nobody's way for this purpose: none, or outlived by a yes."""
    for position in positions:
        standing = _standing(position, purpose.key)
        if _denies(standing, channel) or objection_reason(purpose, position.objections, standing.granted_at):
            return False
    return True


def _standing(position: Position, purpose: str) -> Standing:
    return position.standings.get(purpose, NO_STANDING)


def _concerns_addresses(d: Declaration) -> bool:
    if d.act in FIELD_ACTS or d.act not in DENIALS | GRANTS:
        return False
    return d.scope in STOPS_ALL if d.scope in WIDE_SCOPES else True


def _addresses(house: House, pseudonyms: Sequence[bytes]) -> list[tuple[Address, ...]]:
    """The addresses of each person; whoever is not held any more has none."""
    found: list[list[Address]] = [[] for _ in pseudonyms]
    identities = house.vault.reveal(pseudonyms)
    for kind in ("email", "phone"):
        places = [at for at, one in enumerate(identities) if one is not None and one.details.get(kind)]
        values = [identity.details[kind] for at in places if (identity := identities[at]) is not None]
        for at, value, holders in zip(places, values, house.vault.holders_of(kind, values), strict=True):
            found[at].append(Address(kind, value, frozenset(holders) | {pseudonyms[at]}))
    for at, identity in enumerate(identities):
        line = postal_line(identity.details) if identity is not None else ""
        if line:  # the vault keeps no index of houses: who else lives there is not known
            found[at].append(Address("post", line, frozenset({pseudonyms[at]})))
    return [tuple(each) for each in found]
