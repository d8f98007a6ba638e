"""What somebody may choose and what they chose so far; pure. What becomes of a choice stands in `choice_acts`.

Every option that `offered` names is one the ledger accepts from the subject, and once recorded it is in effect. By
basis (Article 6(1) GDPR) a consent is given or refused as a whole and per channel; what rests on legitimate interests
runs until somebody objects, and its channels need consent of their own where § 7 UWG asks for it; a contract leaves no
choice. A tick is the person's own last word and nothing else: never an import, never a signal (CON-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from consent.replay import EVERY_PURPOSE, WIDE_SCOPES, Position, effective_at, in_time, own_act_at, position_of
from consent.standing import NO_STANDING, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Act, Channel, ConsentState, Declaration, LegalBasis, Scope, Source

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.purposes import Purpose

GRANTS = frozenset({Act.GIVEN, Act.RENEWED})
REFUSALS = frozenset({Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED})
OWN_SOURCES = frozenset({Source.SUBJECT, Source.DESK_FOR_SUBJECT})


class Answer(StrEnum):
    """What a choice says."""

    ALLOW = "allow"
    REFUSE = "refuse"
    LIFT = "lift"
    """Take an objection back, without giving any consent."""


_ANSWER = dict.fromkeys(GRANTS, Answer.ALLOW) | dict.fromkeys(REFUSALS, Answer.REFUSE)


@dataclass(frozen=True)
class Aim:
    """What a choice is about: a purpose, one channel of it, a field of it or of every purpose, or all of a scope."""

    purpose: str | None = None
    channel: Channel | None = None
    field: str | None = None
    scope: Scope = Scope.PURPOSE


@dataclass(frozen=True)
class Choice:
    """One answer about one thing."""

    aim: Aim
    answer: Answer


@dataclass(frozen=True)
class Word:
    """Somebody's own last word about something, and since when it counts."""

    answer: Answer
    at: datetime


def rests_on_choice(purpose: Purpose) -> bool:
    """Whether the person decides at all; what a contract needs is no choice."""
    return purpose.basis is not LegalBasis.CONTRACT


def asks_for_whole(purpose: Purpose) -> bool:
    """Whether there is something to decide besides the channels: an evaluation, or a purpose without messages."""
    return purpose.basis is LegalBasis.CONSENT and (purpose.profiling or not purpose.channels)


def wide_scopes_on(purpose: Purpose, objections: Objections) -> Iterator[tuple[Scope, datetime]]:
    """The wide objections in force that concern a purpose."""
    found = (
        (True, Scope.GENERAL, objections.general_at),
        (purpose.marketing, Scope.MARKETING, objections.marketing_at),
        (purpose.profiling, Scope.PROFILING, objections.profiling_at),
    )
    yield from ((scope, since) for concerned, scope, since in found if concerned and since is not None)


def offered(catalogue: Catalogue, position: Position) -> frozenset[Choice]:
    """Every choice somebody who stands at *position* may make."""
    choices = {choice for purpose in catalogue.purposes.values() for choice in _of_purpose(purpose, position)}
    choices |= {Choice(aim, answer) for aim in field_aims(catalogue) for answer in (Answer.ALLOW, Answer.REFUSE)}
    since = since_of(position.objections)
    for scope in WIDE_SCOPES:
        choices.add(Choice(Aim(scope=scope), Answer.REFUSE if since[scope] is None else Answer.LIFT))
    return frozenset(choices)


def field_aims(catalogue: Catalogue) -> tuple[Aim, ...]:
    """Every field that may be kept out: for each purpose that uses it, and for all of them together."""
    aims = []
    for field in catalogue.fields.values():
        users = [key for key in catalogue.purposes if key in field.purposes]
        users = [key for key in users if rests_on_choice(catalogue.purposes[key])]
        aims += [Aim(key, field=field.key) for key in users]
        aims += [Aim(field=field.key)] if users else []
    return tuple(aims)


def words(catalogue: Catalogue, history: Iterable[Declaration], *, now: datetime) -> dict[Aim, Word]:
    """Somebody's own last word about each thing they ever decided.

    A wide objection of theirs is their word about everything it concerns until they take it back or give a consent
    after it; a signal is nobody's word, and what it stops has no tick. A consent that has expired says nothing.
    """
    history = list(history)
    ordered = in_time(history)
    position = position_of(history)
    wide = _wide_sources(ordered)
    found: dict[Aim, Word] = {}
    for purpose in catalogue.purposes.values():
        own = _own_words(ordered, purpose)
        standing = position.standings.get(purpose.key, NO_STANDING)
        if standing.effective_state(now) is ConsentState.EXPIRED:
            own = _without_yes(own)
        for scope, since in wide_scopes_on(purpose, position.objections):
            if not outranks(purpose, standing, since):
                own = _silenced(purpose, own, since if wide[scope] is not Source.SIGNAL else None)
        found |= own
    return found | _field_words(ordered)


def is_withheld(position: Position, purpose: str | None, field: str) -> bool:
    """Whether a field stays out of a purpose, or with None out of every one."""
    everywhere = position.withheld.get((EVERY_PURPOSE, field), False)
    return everywhere if purpose is None else position.withheld.get((purpose, field), everywhere)


def _of_purpose(purpose: Purpose, position: Position) -> Iterator[Choice]:
    standing = position.standings.get(purpose.key, NO_STANDING)
    if not rests_on_choice(purpose):
        return
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS:
        if any(wide_scopes_on(purpose, position.objections)):
            return  # a consent to one channel would not outrank it: it is taken back as a whole
        yield Choice(Aim(purpose.key), Answer.LIFT if standing.objected else Answer.REFUSE)
        if standing.objected:
            return
    else:
        yield Choice(Aim(purpose.key), Answer.REFUSE)
        if asks_for_whole(purpose):
            yield Choice(Aim(purpose.key), Answer.ALLOW)
    for channel in sorted(purpose.channels):
        yield Choice(Aim(purpose.key, channel), Answer.ALLOW)
        yield Choice(Aim(purpose.key, channel), Answer.REFUSE)


def is_closed(standing: Standing, channel: Channel) -> bool:
    """Whether the person closed that channel."""
    return bool(standing.channels_denied & CHANNEL_BITS[channel])


def outranks(purpose: Purpose, standing: Standing, since: datetime) -> bool:
    """Whether the person's own later consent to this very purpose stands above a wide objection."""
    return purpose.basis is LegalBasis.CONSENT and standing.granted_at is not None and standing.granted_at > since


def since_of(objections: Objections) -> dict[Scope, datetime | None]:
    """When each wide objection in force was raised."""
    return {
        Scope.GENERAL: objections.general_at,
        Scope.MARKETING: objections.marketing_at,
        Scope.PROFILING: objections.profiling_at,
    }


def _wide_sources(ordered: Sequence[Declaration]) -> dict[Scope, Source | None]:
    """Who raised each wide objection last."""
    last: dict[Scope, Source | None] = dict.fromkeys(WIDE_SCOPES)
    for d in ordered:
        if d.scope in last and d.act is Act.OBJECTED:
            last[d.scope] = d.source
    return last


def _is_own(d: Declaration) -> bool:
    return d.source in OWN_SOURCES or own_act_at(d) is not None


def _own_words(ordered: Sequence[Declaration], purpose: Purpose) -> dict[Aim, Word]:
    found: dict[Aim, Word] = {}
    parts: set[Channel | None] = set()
    closed: dict[Aim, Word] = {}
    for d in ordered:
        if d.purpose != purpose.key or d.field is not None or not _is_own(d):
            continue
        aim, word = Aim(purpose.key, d.channel), Word(_ANSWER.get(d.act, Answer.LIFT), effective_at(d))
        if d.act in GRANTS:
            closed.pop(aim, None)
            found = (found if parts else closed) | {Aim(purpose.key): word, aim: word}
            parts.add(d.channel)
        elif d.act in REFUSALS and d.channel is None:
            parts.clear()
            found = {Aim(purpose.key, channel): word for channel in (None, *purpose.channels)}
        elif d.act in REFUSALS:
            closed[aim] = found[aim] = word
            parts.discard(d.channel)
            if not parts and Aim(purpose.key) in found:
                found[Aim(purpose.key)] = word
        elif d.act is Act.OBJECTION_LIFTED:
            closed.pop(aim, None)
            found = dict(closed) if d.channel is None else {key: said for key, said in found.items() if key != aim}
    return found


def _without_yes(own: dict[Aim, Word]) -> dict[Aim, Word]:
    return {aim: word for aim, word in own.items() if word.answer is not Answer.ALLOW}


def _silenced(purpose: Purpose, own: dict[Aim, Word], since: datetime | None) -> dict[Aim, Word]:
    """Under a wide objection of the person every tick says no; under a signal none says yes."""
    if since is None:
        return _without_yes(own)
    return {Aim(purpose.key, channel): Word(Answer.REFUSE, since) for channel in (None, *purpose.channels)}


def _field_words(ordered: Sequence[Declaration]) -> dict[Aim, Word]:
    found: dict[Aim, Word] = {}
    for d in ordered:
        if d.field is not None and _is_own(d):
            answer = Answer.REFUSE if d.act is Act.FIELD_WITHHELD else Answer.ALLOW
            found[Aim(d.purpose, field=d.field)] = Word(answer, d.said_at)
    return found
