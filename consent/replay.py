"""Where somebody stands, computed from everything they ever declared; pure, and independent of the order of arrival.

A denial counts from the earlier of its two times, a grant from the later one; at the same instant the denial wins.
After a denial only the subject's own later act grants again: declared by the subject, or by the desk or the
controller's API with evidence of such an act. An import or a signal never raises what was denied (OBJ-10), and an
imported yes without evidence is unknown (CON-12, Article 7(1) GDPR).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from consent.standing import PERMITTING_STATES, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Act, Channel, ConsentState, Declaration, Scope, Source

DENIALS = frozenset({Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED, Act.FIELD_WITHHELD})
GRANTS = frozenset({Act.GIVEN, Act.RENEWED, Act.OBJECTION_LIFTED, Act.FIELD_RELEASED})
FIELD_ACTS = frozenset({Act.FIELD_WITHHELD, Act.FIELD_RELEASED})
WIDE_SCOPES = (Scope.GENERAL, Scope.MARKETING, Scope.PROFILING)
EVERY_PURPOSE = ""
"""Purpose key under which a field withheld for every purpose is kept."""


@dataclass(frozen=True)
class Position:
    """Everything one subject's history comes to; what the projections hold."""

    standings: dict[str, Standing]
    objections: Objections
    withheld: dict[tuple[str, str], bool]
    """(purpose, field) to True when withheld, False when released for this purpose although withheld for every one."""


def effective_at(declaration: Declaration) -> datetime:
    """The instant a declaration counts from: doubt is on the subject's side."""
    times = (declaration.said_at, declaration.received_at)
    return min(times) if declaration.act in DENIALS else max(times)


def own_act_at(declaration: Declaration) -> datetime | None:
    """When the subject's own act behind a grant happened, or None when none is shown."""
    if declaration.source is Source.SUBJECT:
        return effective_at(declaration)
    shown = declaration.source in (Source.DESK_FOR_SUBJECT, Source.CONTROLLER_API) and declaration.has_evidence
    if shown and declaration.evidence_said_at is not None:
        return min(declaration.evidence_said_at, effective_at(declaration))
    return None


def may_grant(declaration: Declaration, denied_at: datetime | None) -> bool:
    """Whether a grant takes effect after what was denied at *denied_at* (invariant 2)."""
    if declaration.source is Source.SIGNAL:
        return False
    own = own_act_at(declaration)
    return denied_at is None or (own is not None and own > denied_at)


def in_time(history: Iterable[Declaration]) -> list[Declaration]:
    """The declarations in the order they count, the same for every order of arrival."""
    return sorted(history, key=_order)


def _order(d: Declaration) -> tuple[object, ...]:
    return (
        effective_at(d), d.act in DENIALS, d.act.value, d.scope.value, d.purpose or "", d.channel or "",
        d.field or "", d.source.value, d.has_evidence, _sortable(d.evidence_said_at), _sortable(d.valid_until),
        d.said_at, d.received_at, d.notice or b"",
    )  # fmt: skip


def _sortable(moment: datetime | None) -> float:
    return float("-inf") if moment is None else moment.timestamp()


def position_of(history: Iterable[Declaration]) -> Position:
    """Replay a subject's whole history: every purpose, the wide objections, and the fields withheld."""
    ordered = in_time(history)
    purposes = {d.purpose for d in ordered if d.purpose is not None and d.act not in FIELD_ACTS}
    return Position(
        standings={key: _standing(ordered, key) for key in sorted(purposes)},
        objections=_objections(ordered),
        withheld=_withheld(ordered),
    )


def standing_of(history: Iterable[Declaration], purpose: str) -> Standing:
    """Replay one purpose."""
    return _standing(in_time(history), purpose)


def objections_of(history: Iterable[Declaration]) -> Objections:
    """Replay the objections that reach beyond one purpose."""
    return _objections(in_time(history))


def is_denied(history: Iterable[Declaration], grant: Declaration) -> bool:
    """Whether *grant* comes after a denial of the same thing and is not the subject's own later act.

    A grant that counts from before the denial is not denied: it is late, and changes nothing.
    """
    if grant.act not in GRANTS:
        return False
    before = _before(history, grant)
    return not may_grant(grant, _denied_at(before, grant) if before else None)


def outranking(history: Iterable[Declaration], grant: Declaration) -> Declaration | None:
    """The denial that *grant* may not undo: the last one of the same thing before it; None when there is none."""
    before = _before(history, grant)
    since = _denied_at(before, grant) if before else None
    if since is None or not is_denied(before, grant):
        return None
    same = [d for d in before if d.act in DENIALS and effective_at(d) == since and _concerns(d, grant)]
    return same[-1] if same else None


def _before(history: Iterable[Declaration], grant: Declaration) -> list[Declaration]:
    mine = _order(grant)
    return sorted((d for d in history if _order(d) < mine), key=_order)


def _concerns(denial: Declaration, grant: Declaration) -> bool:
    if denial.scope is not grant.scope or (denial.field != grant.field):
        return False
    return denial.purpose == grant.purpose or (denial.field is not None and denial.purpose is None)


def _denied_at(before: Sequence[Declaration], grant: Declaration) -> datetime | None:
    if grant.act in FIELD_ACTS:
        key = (grant.purpose or EVERY_PURPOSE, grant.field or "")
        since = _field_denials(before)
        return since.get(key) or since.get((EVERY_PURPOSE, key[1]))
    if grant.scope in WIDE_SCOPES:
        return _wide_denials(before)[grant.scope]
    return _fold(before, grant.purpose or "").last_denial(grant.channel)


def _standing(ordered: Sequence[Declaration], purpose: str) -> Standing:
    return _fold(ordered, purpose).standing()


def _fold(ordered: Sequence[Declaration], purpose: str) -> _Fold:
    fold = _Fold()
    for declaration in ordered:
        if declaration.purpose == purpose and declaration.scope is Scope.PURPOSE and declaration.act not in FIELD_ACTS:
            fold.take(declaration)
    return fold


def _objections(ordered: Sequence[Declaration]) -> Objections:
    since = _wide_denials(ordered)
    return Objections(since[Scope.GENERAL], since[Scope.MARKETING], since[Scope.PROFILING])


def _wide_denials(ordered: Sequence[Declaration]) -> dict[Scope, datetime | None]:
    since: dict[Scope, datetime | None] = dict.fromkeys(WIDE_SCOPES)
    for d in ordered:
        if d.scope not in since or d.act in FIELD_ACTS:
            continue
        if d.act in DENIALS:
            since[d.scope] = effective_at(d)
        elif d.act is Act.OBJECTION_LIFTED and may_grant(d, since[d.scope]):
            since[d.scope] = None
    return since


def _withheld(ordered: Sequence[Declaration]) -> dict[tuple[str, str], bool]:
    return _sparse(_field_denials(ordered))


def _field_denials(ordered: Sequence[Declaration]) -> dict[tuple[str, str], datetime | None]:
    denied: dict[tuple[str, str], datetime | None] = {}
    for d in ordered:
        if d.act not in FIELD_ACTS or d.field is None:
            continue
        purpose = d.purpose or EVERY_PURPOSE
        keys = [(purpose, d.field)]
        if purpose == EVERY_PURPOSE:
            keys += [key for key in denied if key[1] == d.field and key[0] != EVERY_PURPOSE]
        else:
            denied.setdefault(keys[0], denied.get((EVERY_PURPOSE, d.field)))
        for key in keys:
            if d.act is Act.FIELD_WITHHELD:
                denied[key] = effective_at(d)
            elif may_grant(d, denied.get(key)):
                denied[key] = None
    return denied


def _sparse(denied: dict[tuple[str, str], datetime | None]) -> dict[tuple[str, str], bool]:
    """Only what differs from the rule for every purpose."""
    rows: dict[tuple[str, str], bool] = {}
    for (purpose, key), since in denied.items():
        withheld = since is not None
        everywhere = denied.get((EVERY_PURPOSE, key)) is not None
        if (withheld and purpose == EVERY_PURPOSE) or (purpose != EVERY_PURPOSE and withheld != everywhere):
            rows[purpose, key] = withheld
    return rows


@dataclass
class _Fold:
    """One purpose, taken in declaration by declaration in the order they count.

    Times of denial are kept even after the subject granted again: what was denied once, no import ever raises.
    """

    state: ConsentState | None = None
    granted_at: datetime | None = None
    objected: bool = False
    denied_at: datetime | None = None
    until: dict[Channel | None, datetime | None] = field(default_factory=dict)
    closed: set[Channel] = field(default_factory=set)
    channel_denied_at: dict[Channel, datetime] = field(default_factory=dict)

    def take(self, d: Declaration) -> None:
        """Take in one more."""
        if d.act in (Act.GIVEN, Act.RENEWED):
            self._grant(d)
        elif d.act in DENIALS:
            self._deny_all(d) if d.channel is None else self._deny_channel(d, d.channel)
        elif d.act is Act.OBJECTION_LIFTED:
            self._lift(d)
        elif d.act in (Act.REQUESTED, Act.UNKNOWN):
            self._without_consent(ConsentState(d.act.value))

    def standing(self) -> Standing:
        """The outcome; the consent ends when the first of its parts does."""
        ends = [end for end in self.until.values() if end is not None]
        return Standing(
            state=self.state,
            valid_until=min(ends, default=None) if self.state in PERMITTING_STATES else None,
            granted_at=self.granted_at,
            objected=self.objected,
            channels=sum(CHANNEL_BITS[channel] for channel in self.until if channel is not None),
            channels_denied=sum(CHANNEL_BITS[channel] for channel in self.closed),
        )

    def last_denial(self, channel: Channel | None) -> datetime | None:
        """When the purpose or this channel was last denied, if ever."""
        found = [at for at in (self.denied_at, self.channel_denied_at.get(channel) if channel else None) if at]
        return max(found, default=None)

    def _without_consent(self, state: ConsentState) -> None:
        if self.state in (None, ConsentState.UNKNOWN, ConsentState.REQUESTED):
            self.state = state

    def _grant(self, d: Declaration) -> None:
        if not may_grant(d, self.last_denial(d.channel)):
            return
        if d.source is Source.IMPORT and not d.has_evidence:
            self._without_consent(ConsentState.UNKNOWN)
            return
        since = effective_at(d)
        self.until = {part: end for part, end in self.until.items() if end is None or end > since}
        self.until[d.channel] = d.valid_until
        if d.channel is not None:
            self.closed.discard(d.channel)
        self.state = ConsentState(d.act.value)
        self.granted_at = own_act_at(d) or self.granted_at
        self.objected = False

    def _deny_all(self, d: Declaration) -> None:
        if d.act is not Act.OBJECTED:
            self.state = ConsentState(d.act.value)
        elif self.state in PERMITTING_STATES:
            self.state = ConsentState.WITHDRAWN  # an objection to what rests on consent withdraws it
        self.objected, self.denied_at, self.granted_at = True, effective_at(d), None
        self.until.clear()

    def _deny_channel(self, d: Declaration, channel: Channel) -> None:
        self.until.pop(channel, None)
        self.closed.add(channel)
        self.channel_denied_at[channel] = effective_at(d)
        if self.state in PERMITTING_STATES and not self.until:
            self.state = ConsentState.REFUSED if d.act is Act.REFUSED else ConsentState.WITHDRAWN
            self.denied_at, self.granted_at = effective_at(d), None

    def _lift(self, d: Declaration) -> None:
        if not may_grant(d, self.last_denial(d.channel)):
            return
        if d.channel is not None:
            self.closed.discard(d.channel)
        else:
            self.objected = False
