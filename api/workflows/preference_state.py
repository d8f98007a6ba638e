"""Where somebody stands, as the person themselves may read it: computed from the ledger each time, never stored.

The state shown is the effective one, by the same decision that every output asks (design 4), the block list and an
address to write to included. What a browser signals counts at once, before it is written down (Article 21(5) GDPR).
Where a change has not arrived yet is said by name (Article 19 GDPR).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.workflows.blocking import KIND_OF
from api.workflows.preference_views import (
    ChannelView,
    FieldView,
    Holder,
    HolderState,
    Notice,
    ObjectionView,
    Preferences,
    PurposeView,
    State,
)
from audit.errors import NotFound
from consent import choices as choosing
from consent import ledger, notices
from consent.choices import Aim, Answer, Choice, Word
from consent.permission import decide_one
from consent.replay import WIDE_SCOPES, Position, effective_at, in_time, position_of
from consent.signals import gpc_objects
from governance import store, webhooks
from governance.contact_points import postal_line
from governance.vocabulary import Act, Channel, Decision, Declaration, LegalBasis, Reason, Scope, Source
from segmentation import store_exports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.purposes import Purpose
    from governance.webhooks import Heard

DETAIL_OF: dict[Channel, str] = {Channel.EMAIL: "email", Channel.PHONE: "phone", Channel.SMS: "phone"}


@dataclass(frozen=True)
class Standpoint:
    """Everything about one person that a page of preferences is computed from."""

    history: tuple[Declaration, ...]
    position: Position
    words: Mapping[Aim, Word]
    offered: frozenset[Choice]
    addresses: Mapping[Channel, str]
    """How the person can be reached; a channel without an address is left out."""
    signals: bool
    """The browser objects now, and it is not written down yet."""

    def answers(self, aim: Aim) -> frozenset[Answer]:
        """What may be answered about something."""
        return frozenset(choice.answer for choice in self.offered if choice.aim == aim)

    def last(self, aim: Aim) -> Declaration | None:
        """The newest declaration that speaks about a purpose or a channel of it, whoever made it."""
        spoken = choosing.GRANTS | choosing.REFUSALS
        about = [d for d in self.history if d.purpose == aim.purpose and d.field is None and d.act in spoken]
        return next((d for d in reversed(about) if d.channel in (None, aim.channel) or aim.channel is None), None)


def standpoint(
    house: House, connection: Connection, subject: Subject, *, now: datetime, gpc: bool = False
) -> Standpoint:
    """Read what somebody declared and how they can be reached."""
    history = tuple(in_time(ledger.history(connection, subject.number)))
    position = position_of(history)
    identity = house.vault.reveal([subject.pseudonym])[0]
    details = {} if identity is None else identity.details
    addresses = {channel: details[key] for channel, key in DETAIL_OF.items() if details.get(key)}
    if line := postal_line(details):
        addresses[Channel.POST] = line
    return Standpoint(
        history=history,
        position=position,
        words=choosing.words(house.catalogue, history, now=now),
        offered=frozenset(c for c in choosing.offered(house.catalogue, position) if _can_follow(c, addresses)),
        addresses=addresses,
        signals=gpc and gpc_objects(history),
    )


def _can_follow(choice: Choice, addresses: Mapping[Channel, str]) -> bool:
    """A consent to e-mail needs a mailbox that is held: there is nobody to confirm it else."""
    email = choice.aim.channel is Channel.EMAIL and choice.answer is Answer.ALLOW
    return not email or Channel.EMAIL in addresses


def preferences(house: House, subject: Subject, *, now: datetime, gpc: bool = False) -> Preferences:
    """Everything the person may know and decide; reading it changes nothing.

    Args:
        gpc: the browser sends the signal Global Privacy Control with this request.

    Raises:
        NotFound: nobody is kept under that number any more.
        PermissionUnavailable: what was declared cannot be read.
    """
    with house.work.reading() as connection:
        row = store.subject_row(connection, subject.number)
        if row is None or row.erased_at is not None:
            raise NotFound("nobody is kept under that number any more")
        stands = standpoint(house, connection, subject, now=now, gpc=gpc)
        purposes = tuple(
            _purpose(house, connection, subject, stands, purpose, now=now)
            for purpose in house.catalogue.purposes.values()
        )
        return Preferences(
            version=ledger.version_of(connection, subject.number),
            restricted=row.restricted_at is not None,
            minor=bool(row.minor),
            purposes=purposes,
            fields=tuple(_fields(house, stands, None)),
            objections=tuple(_objections(stands, now=now)),
            holders=tuple(_holders(connection, subject, purposes, now=now)),
        )


def _purpose(
    house: House, connection: Connection, subject: Subject, stands: Standpoint, purpose: Purpose, *, now: datetime
) -> PurposeView:
    aim = Aim(purpose.key)
    decision = decide_one(connection, subject.number, purpose, now=now)
    again = notices.asks_again(connection, subject.number, purpose, now=now)
    stopped = {scope for scope, _ in choosing.wide_scopes_on(purpose, stands.position.objections)}
    text = purpose.notice.text
    return PurposeView(
        key=purpose.key,
        label=purpose.label,
        basis=purpose.basis,
        marketing=purpose.marketing,
        profiling=purpose.profiling,
        notice=Notice(
            purpose.notice.version, {"de": notices.notice_hash(text.de).hex(), "en": notices.notice_hash(text.en).hex()}
        ),
        state=_state(stands, purpose, aim, _signalled(stands, purpose, decision), again=again),
        answers=stands.answers(aim),
        asks_whole=choosing.asks_for_whole(purpose),
        stopped_by=frozenset(stopped),
        asks_again=again,
        channels=tuple(
            _channel(house, connection, subject, stands, purpose, channel, again=again, now=now)
            for channel in Channel
            if channel in purpose.channels
        ),
        fields=tuple(_fields(house, stands, purpose)),
    )


def _channel(
    house: House,
    connection: Connection,
    subject: Subject,
    stands: Standpoint,
    purpose: Purpose,
    channel: Channel,
    *,
    again: bool,
    now: datetime,
) -> ChannelView:
    aim, address = Aim(purpose.key, channel), stands.addresses.get(channel)

    def blocked(subjects: Sequence[int]) -> list[bool]:
        if address is None:
            return [False] * len(subjects)
        kind = KIND_OF[channel]
        return house.blocklist.blocked(
            connection, kind, [address], purpose=purpose.key, everywhere=purpose.marketing
        ) * len(subjects)

    decision = decide_one(connection, subject.number, purpose, now=now, channel=channel, blocked=blocked)
    decision = _signalled(stands, purpose, decision)
    if decision.lawful and address is None:
        decision = Decision(False, Reason.NO_CONTACT_POINT)
    state = _state(stands, purpose, aim, decision, again=again)
    return ChannelView(channel, state, stands.answers(aim), address is not None)


def _signalled(stands: Standpoint, purpose: Purpose, decision: Decision) -> Decision:
    """What the browser objects to is stopped at once; a contract is not."""
    stops = stands.signals and purpose.profiling and purpose.basis is not LegalBasis.CONTRACT
    return Decision(False, Reason.OBJECTED_TO_PROFILING) if stops and decision.lawful else decision


def _state(stands: Standpoint, purpose: Purpose, aim: Aim, decision: Decision, *, again: bool) -> State:
    word = stands.words.get(aim)
    if word is not None and word.answer is Answer.ALLOW and (again or (stands.signals and purpose.profiling)):
        word = None  # no tick says yes where the answer is no, or where another answer is asked for
    if word is not None:
        return State(decision.lawful, decision.reason, word.answer, word.at, Source.SUBJECT)
    last = stands.last(aim)
    if last is None:
        return State(decision.lawful, decision.reason, None, None, None)
    return State(decision.lawful, decision.reason, None, effective_at(last), last.source)


def _fields(house: House, stands: Standpoint, purpose: Purpose | None) -> Iterator[FieldView]:
    key = None if purpose is None else purpose.key
    for aim in choosing.field_aims(house.catalogue):
        if aim.purpose != key or aim.field is None:
            continue
        hidden = choosing.is_withheld(stands.position, key, aim.field)
        word = stands.words.get(aim) or stands.words.get(Aim(field=aim.field))
        since = word.at if word is not None and hidden else None
        yield FieldView(aim.field, house.catalogue.fields[aim.field].label, hidden, since)


def _objections(stands: Standpoint, *, now: datetime) -> Iterator[ObjectionView]:
    since = choosing.since_of(stands.position.objections)
    for scope in WIDE_SCOPES:
        if scope is Scope.PROFILING and stands.signals:
            yield ObjectionView(scope, now, Source.SIGNAL, recorded=False)
            continue
        raised = [d for d in stands.history if d.scope is scope and d.act is Act.OBJECTED]
        source = raised[-1].source if raised and since[scope] is not None else None
        yield ObjectionView(scope, since[scope], source, recorded=since[scope] is not None)


def _holders(
    connection: Connection, subject: Subject, purposes: Sequence[PurposeView], *, now: datetime
) -> Iterator[Holder]:
    """Recipients of exports that the person is in and that have not ended, newest first; then the systems told."""
    by_key = {view.key: view for view in purposes}
    for row in reversed(store_exports.exports_of(connection, subject.number)):
        if row.expires_at is not None and row.expires_at <= now:
            continue
        document = json.loads(row.document)
        channel = Channel(document["channel"]) if document.get("channel") else None
        view = by_key.get(document["purpose"])
        yield Holder(
            name=str(document["recipient"]["name"]),
            state=HolderState.HOLDS if _may_use(view, channel) else HolderState.STILL_HOLDS,
            system=False,
            purpose=document["purpose"],
            channel=channel,
            since=row.requested_at,
            until=row.expires_at,
        )
    for told in webhooks.heard(connection, subject.number):
        since = told.delivered_at or told.failed_at or told.changed_at
        yield Holder(told.label, _heard(told), True, None, None, since, None)


def _heard(told: Heard) -> HolderState:
    if told.delivered_at is not None:
        return HolderState.ARRIVED
    return HolderState.PENDING if told.failed_at is None else HolderState.FAILED


def _may_use(view: PurposeView | None, channel: Channel | None) -> bool:
    if view is None or channel is None:
        return view is not None and view.state.lawful
    return any(each.state.lawful for each in view.channels if each.channel is channel)
