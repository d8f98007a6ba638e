"""Two records turn out to be one person: the history that one person goes on with; pure.

The most restrictive word wins (REC-5): what the merged history permits, for whatever purpose, channel, field and
instant, each of the two permitted by itself. Every no of either stays, with its time and source, so that no import
raises it later. A yes stays only where both records say yes; what only one of them allowed has to be asked for again.
The result does not depend on which record is named first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from consent.declarations import content
from consent.replay import DENIALS, EVERY_PURPOSE, FIELD_ACTS, WIDE_SCOPES, Position, in_time, position_of
from consent.standing import NO_STANDING, PERMITTING_STATES, Objections, Standing
from governance.vocabulary import CHANNEL_BITS, Act, Channel, Declaration, Scope

GIVING = frozenset({Act.GIVEN, Act.RENEWED})
Both = tuple[Position, Position]


def merge(first: Sequence[Declaration], second: Sequence[Declaration]) -> list[Declaration]:
    """The declarations of both that the merged record keeps, in the order they count."""
    both = (position_of(first), position_of(second))
    kept: dict[tuple[object, ...], Declaration] = {}
    for d in in_time([*first, *second]):
        narrowed = d if d.act in DENIALS else _narrowed(d, both)
        if narrowed is not None:
            kept.setdefault(content(narrowed), narrowed)
    return list(kept.values())


def _narrowed(d: Declaration, both: Both) -> Declaration | None:
    """What is left of anything that is not a no; None when it has to go."""
    if d.act in FIELD_ACTS:
        return None if any(_is_withheld(each, d) for each in both) else d
    if d.scope in WIDE_SCOPES:
        return None if any(_since(each.objections, d.scope) for each in both) else d
    standings = [each.standings.get(d.purpose or "", NO_STANDING) for each in both]
    if d.act in GIVING:
        return _consent(d, standings, [each.objections for each in both])
    if d.act is Act.OBJECTION_LIFTED:
        return None if any(_is_closed(standing, d.channel) for standing in standings) else d
    return d


def _consent(d: Declaration, standings: Sequence[Standing], objections: Sequence[Objections]) -> Declaration | None:
    """A yes of one record, as far as the other says yes as well: no longer, and by no other channel."""
    if any(each.objected or each.state not in PERMITTING_STATES for each in standings):
        return None
    granted = [each.granted_at for each in standings]
    objected = [since for each in objections for scope in WIDE_SCOPES if (since := _since(each, scope))]
    if any(at is None or at <= since for at in granted for since in objected):
        return None  # one of the two consents outranks an objection that the other does not
    bit = CHANNEL_BITS[d.channel] if d.channel else 0
    channel = d.channel if all(each.channels & bit for each in standings) else None
    ends = [end for end in (d.valid_until, *(each.valid_until for each in standings)) if end is not None]
    return replace(d, channel=channel, valid_until=min(ends, default=None))


def _is_withheld(position: Position, release: Declaration) -> bool:
    rows = {purpose: hidden for (purpose, field), hidden in position.withheld.items() if field == release.field}
    if release.purpose is None:
        return any(rows.values())
    return rows.get(release.purpose, rows.get(EVERY_PURPOSE, False))


def _is_closed(standing: Standing, channel: Channel | None) -> bool:
    return standing.objected if channel is None else bool(standing.channels_denied & CHANNEL_BITS[channel])


def _since(objections: Objections, scope: Scope) -> datetime | None:
    times = (objections.general_at, objections.marketing_at, objections.profiling_at)
    return dict(zip(WIDE_SCOPES, times, strict=True))[scope]
