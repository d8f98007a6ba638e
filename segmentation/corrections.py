"""Corrections by the complaint desk: first-class, with reason, author and review date (Articles 16 and 22(3) GDPR).

A correction acts at once and outranks every run, refit and import until a human lifts it; on its review date it becomes
a task, never a silent revert. The reason is free text about a person: it arrives here sealed already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit import log
from audit.fact import Fact, FactValue
from governance.vocabulary import Actor
from segmentation import store_assignments, store_corrections
from segmentation.errors import CorrectionRefused, NeverRun, SchemeUnknown, SegmentUnknown
from segmentation.models import Model, parse_model
from segmentation.periods import EPOCH_DAY, iso_day
from segmentation.record import NO_SEGMENT
from segmentation.store import RunRow, latest_definition, live_run, model_of
from segmentation.store_corrections import CorrectionRow


class CorrectionKind(StrEnum):
    """What the desk decided."""

    MOVE = "move"
    """Into another segment."""
    PIN = "pin"
    """Stays in the present one."""
    OUT = "out"
    """Out of the scheme."""


@dataclass(frozen=True)
class Ruling:
    """A decision of the desk: `segment` is a key for a move and None otherwise; `reason` is sealed."""

    kind: CorrectionKind
    segment: str | None
    reason: bytes
    review_on: date
    """Day of the review, after the day it is made."""


@dataclass(frozen=True)
class CorrectionState:
    """How many corrections of a scheme are in force, and how many want a human."""

    in_force: int
    due: int
    """Their review day has come."""
    homeless: int
    """They name a segment that is gone."""
    next_review: str | None
    """The earliest review day, ISO 8601."""


@dataclass(frozen=True)
class Corrections:
    """Corrections in force for one scheme as segment numbers of one model, ascending by subject."""

    subjects: NDArray[np.int64]
    numbers: NDArray[np.int64]
    segments: NDArray[np.int16]
    homeless: int
    """Corrections into a segment that the scheme does not have any more: no segment, and a task."""

    def among(self, subjects: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where in *subjects* (ascending) corrected people stand, and which corrections those are."""
        if not len(self.subjects) or not len(subjects):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        places = np.searchsorted(subjects, self.subjects)
        inside = places < len(subjects)
        hit = np.flatnonzero(inside)[subjects[places[inside]] == self.subjects[inside]]
        return places[hit], hit


def in_force(connection: Connection, scheme: str, numbers: Mapping[str, int]) -> Corrections:
    """The corrections of a scheme; *numbers* maps segment keys to the numbers of the model in use."""
    rows = store_corrections.active(connection, scheme)
    segments = [NO_SEGMENT if row.segment is None else numbers.get(row.segment, NO_SEGMENT) for row in rows]
    homeless = sum(row.segment is not None and row.segment not in numbers for row in rows)
    return Corrections(
        np.array([row.subject for row in rows], dtype=np.int64),
        np.array([row.id for row in rows], dtype=np.int64),
        np.array(segments, dtype=np.int16),
        homeless,
    )


def segment_numbers(model: Model) -> dict[str, int]:
    """Segment key to number."""
    return {segment.key: number for number, segment in enumerate(model.segments)}


def correct(
    connection: Connection,
    scheme: str,
    subject: int,
    ruling: Ruling,
    *,
    actor: Actor,
    now: datetime,
    today: date,
) -> CorrectionRow:
    """Correct somebody's assignment; an earlier correction of the same person and scheme is lifted by it.

    Args:
        connection: a writing transaction; the facts are appended last.
        scheme: the scheme.
        subject: whose assignment.
        ruling: what was decided.
        actor: who decided.
        now: in force since.
        today: its date where the controller is; a review comes on a later one.

    Raises:
        SchemeUnknown, SegmentUnknown, NeverRun, CorrectionRefused: it cannot stand; nothing is written.
    """
    if ruling.review_on <= today:
        raise CorrectionRefused("The review date of a correction lies after the day it is made.")
    log.lock(connection)  # the number comes from under it, and two clerks at once lift one another's word
    target = _target(connection, scheme, subject, ruling)
    facts = [
        _lift(connection, row, actor, now) for row in store_corrections.active(connection, scheme, subject=subject)
    ]
    number = store_corrections.next_number(connection)
    day = (ruling.review_on - EPOCH_DAY).days
    row = CorrectionRow(
        number, scheme, subject, ruling.kind.value, target, ruling.reason, str(actor), now, day, None, None
    )
    store_corrections.add(connection, row)
    body: dict[str, FactValue] = {
        "scheme": scheme,
        "correction": number,
        "kind": ruling.kind.value,
        "review": ruling.review_on.isoformat(),
    }
    log.append(connection, [*facts, Fact("assignment:corrected", str(actor), now, body, (subject,))])
    return row


def lift(connection: Connection, scheme: str, subject: int, *, actor: Actor, now: datetime) -> CorrectionRow:
    """End the correction of somebody's assignment: only a human does that.

    Raises:
        CorrectionRefused: none is in force.
    """
    log.lock(connection)
    rows = store_corrections.active(connection, scheme, subject=subject)
    if not rows:
        raise CorrectionRefused("No correction is in force for this person in this scheme.")
    log.append(connection, [_lift(connection, row, actor, now) for row in rows])
    return rows[-1]._replace(lifted_at=now, lifted_by=str(actor))


def due_reviews(connection: Connection, *, today: int) -> Sequence[CorrectionRow]:
    """Corrections whose review day has come: tasks for a human, in force all the same (REC-3)."""
    return store_corrections.due(connection, today)


def homeless(connection: Connection, scheme: str | None = None) -> list[CorrectionRow]:
    """Corrections in force into a segment that the live run does not have: a redefinition took it away.

    Whoever is concerned is in no segment, as no run may put them back; a human decides where to.
    """
    found = []
    for name in [scheme] if scheme is not None else store_corrections.schemes_with(connection):
        run = live_run(connection, name)
        if run is None:
            continue
        known = segment_numbers(_model(connection, run))
        rows = store_corrections.active(connection, name)
        found += [row for row in rows if row.segment is not None and row.segment not in known]
    return found


def state_of(connection: Connection, scheme: str, *, today: int) -> CorrectionState:
    """The corrections of a scheme, counted."""
    rows = store_corrections.active(connection, scheme)
    return CorrectionState(
        in_force=len(rows),
        due=sum(row.review_on <= today for row in rows),
        homeless=len(homeless(connection, scheme)) if rows else 0,
        next_review=min((iso_day(row.review_on) for row in rows), default=None),
    )


def _lift(connection: Connection, row: CorrectionRow, actor: Actor, now: datetime) -> Fact:
    store_corrections.lift(connection, row.id, at=now, by=str(actor))
    body: dict[str, FactValue] = {"scheme": row.scheme, "correction": row.id}
    return Fact("correction:lifted", str(actor), now, body, (row.subject,))


def _target(connection: Connection, scheme: str, subject: int, ruling: Ruling) -> str | None:
    kind, segment = ruling.kind, ruling.segment
    if latest_definition(connection, scheme) is None:
        raise SchemeUnknown(scheme)
    if kind is not CorrectionKind.MOVE and segment is not None:
        raise CorrectionRefused(f"A correction of the kind {kind.value} names no segment.")
    if kind is CorrectionKind.OUT:
        return None
    run = live_run(connection, scheme)
    if run is None:
        raise NeverRun(scheme)
    numbers = segment_numbers(_model(connection, run))
    if kind is CorrectionKind.PIN:
        return _present(connection, run, scheme, subject, numbers)
    if segment is None or segment not in numbers:
        raise SegmentUnknown(scheme, segment or "")
    return segment


def _present(connection: Connection, run: RunRow, scheme: str, subject: int, numbers: Mapping[str, int]) -> str:
    rows = store_corrections.active(connection, scheme, subject=subject)
    if rows and rows[-1].segment is not None:
        return rows[-1].segment
    stored = store_assignments.assignment_of(connection, run.id, subject)
    keys = {number: key for key, number in numbers.items()}
    if rows or stored is None or stored.effective not in keys:
        raise CorrectionRefused("This person is in no segment of the scheme, so there is nothing to pin.")
    return keys[stored.effective]


def _model(connection: Connection, run: RunRow) -> Model:
    row = model_of(connection, run.model) if run.model is not None else None
    if row is None:
        raise NeverRun(run.scheme)
    return parse_model(row.document, row.digest)
