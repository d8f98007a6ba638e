"""Recompute a past assignment from what was stored, and show whether it is the same (invariant 8; EXP-1).

Only the record, the facts in it and the model of its run are used; today's data are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit import log
from audit.database import from_microseconds
from audit.errors import NotFound
from audit.fact import Fact
from segmentation import store, store_assignments
from segmentation.models import parse_model
from segmentation.record import NO_SEGMENT, Flag, unpack
from segmentation.scoring import replays, score_one, today_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor
    from segmentation.models import Model
    from segmentation.record import Record


@dataclass(frozen=True)
class Replayed:
    """A recorded assignment and the same computed again; strength in 1e-9."""

    scheme: str
    run: int
    same: bool
    """Whether score and every step came out as recorded."""
    scored: str | None
    """Segment key the record says the model chose; None: none."""
    scored_again: str | None
    strength: int
    strength_again: int
    effective: str | None
    model: str
    decided_at: str
    entry: int
    """Entry of the log about this reading."""

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return dict(vars(self))


def replay(house: House, scheme: str, subject: int, *, actor: Actor, now: datetime, run: int | None = None) -> Replayed:
    """Compute one person's assignment again, by the live run or an earlier one.

    Raises:
        NotFound: that run of the scheme holds no record of the person any more.
    """
    with house.work.reading() as connection:
        number, model, record = _stored(connection, scheme, subject, run)
    with house.work.writing() as connection:
        fact = Fact("assignment:replayed", str(actor), now, {"scheme": scheme, "run": number}, (subject,))
        entry = log.append(connection, [fact])
    left = bool(record.flags & Flag.LEFT)
    again = score_one(model, record.facts, record.presence, today=today_of(model, record))
    return Replayed(
        scheme=scheme,
        run=number,
        same=replays(model, record),
        scored=_key(model, record.scored),
        scored_again=None if left else _key(model, again.segment),
        strength=record.strength,
        strength_again=record.strength if left else again.strength,
        effective=_key(model, record.effective),
        model=model.digest.hex(),
        decided_at=_time(record),
        entry=entry,
    )


def _stored(connection: Connection, scheme: str, subject: int, run: int | None) -> tuple[int, Model, Record]:
    found = store.live_run(connection, scheme) if run is None else store.run_of(connection, run)
    if found is None or found.scheme != scheme or found.model is None or found.published_at is None:
        raise NotFound(f"{scheme}: there is no such published run")
    row = store_assignments.assignment_of(connection, found.id, subject)
    stored = store.model_of(connection, found.model)
    if row is None or stored is None:
        raise NotFound(f"{scheme}: run {found.id} holds no record of this person")
    model = parse_model(stored.document, stored.digest)
    return row.run, model, unpack(row.record, model.layout)


def _key(model: Model, number: int) -> str | None:
    return None if number == NO_SEGMENT else model.segments[number].key


def _time(record: Record) -> str:
    return from_microseconds(record.now).isoformat()
