"""Who is in a segment: the live run, under the corrections, and what is permitted now.

Nothing here is stored: an objection, a withdrawn consent and a correction act the moment they commit (design 6).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from consent.permission import PopulationRequest, decide_one, permitted
from governance.purposes import Purpose
from governance.vocabulary import Channel, Decision, Unit
from segmentation import store, store_assignments, store_corrections
from segmentation.corrections import Corrections, in_force, segment_numbers
from segmentation.errors import ModelBroken, NeverRun, PurposeMismatch, SchemeUnknown
from segmentation.models import Model, parse_model
from segmentation.record import NO_SEGMENT
from segmentation.store import DefinitionRow, RunRow
from segmentation.store_assignments import AssignmentRow
from segmentation.store_corrections import CorrectionRow


@dataclass(frozen=True)
class Live:
    """A scheme's visible run, with the definition and model it was made with."""

    run: RunRow
    definition: DefinitionRow
    model: Model

    @property
    def scheme(self) -> str:
        """The scheme's name."""
        return self.run.scheme

    @property
    def unit(self) -> Unit:
        """Whether contacts or accounts are assigned."""
        return Unit(json.loads(self.definition.document)["unit"])

    def check_purpose(self, purpose: Purpose) -> None:
        """Refuse any purpose but the one the scheme was made for (PRI-1)."""
        made_for = json.loads(self.definition.document)["purpose"]
        if purpose.key != made_for:
            raise PurposeMismatch(self.scheme, made_for, purpose.key)


@dataclass(frozen=True)
class MemberBatch:
    """Members, ascending, with their segment numbers."""

    subjects: NDArray[np.int64]
    segments: NDArray[np.int16]


@dataclass(frozen=True)
class Member:
    """Where one person stands now. `segment` is None without one, and whenever processing is not lawful."""

    segment: int | None
    decision: Decision
    assignment: AssignmentRow | None
    correction: CorrectionRow | None


def live(connection: Connection, scheme: str) -> Live:
    """The visible run of a scheme.

    Raises:
        SchemeUnknown: no such scheme.
        NeverRun: it was never run.
        ModelBroken: its model was altered or is gone.
    """
    run = store.live_run(connection, scheme)
    if run is None:
        if store.latest_definition(connection, scheme) is None:
            raise SchemeUnknown(scheme)
        raise NeverRun(scheme)
    definition = store.definition_of(connection, run.definition)
    row = store.model_of(connection, run.model) if run.model is not None else None
    if row is None or definition is None:
        raise ModelBroken(f"run {run.id} names a model or definition that is not stored")
    return Live(run, definition, parse_model(row.document, row.digest))


def membership(
    connection: Connection, scheme: str, purpose: Purpose, *, now: datetime, channel: Channel | None = None
) -> Iterator[MemberBatch]:
    """Everybody who is in a segment of the scheme now, permitted for the purpose (and channel) at this instant.

    Batches ascend by subject; people whom a correction put in and the run does not hold come in a last one.

    Raises:
        SchemeUnknown, NeverRun: nothing to be in.
        PurposeMismatch: the scheme was made for another purpose.
    """
    return members(connection, live(connection, scheme), purpose, now=now, channel=channel)


def members(
    connection: Connection,
    of: Live,
    purpose: Purpose,
    *,
    now: datetime,
    channel: Channel | None = None,
) -> Iterator[MemberBatch]:
    """The same for a run that was looked up already."""
    of.check_purpose(purpose)
    return _members(connection, of, PopulationRequest(purpose, of.unit, (), channel), now)


def _members(connection: Connection, of: Live, request: PopulationRequest, now: datetime) -> Iterator[MemberBatch]:
    allowed = permitted(connection, request, now=now).subjects
    corrections = in_force(connection, of.scheme, segment_numbers(of.model))
    done = np.zeros(len(corrections.subjects), dtype=bool)
    for block in store_assignments.blocks_of(connection, of.run.id):
        segments = block.effective.copy()
        places, which = corrections.among(block.subjects)
        segments[places] = corrections.segments[which]
        done[which] = True
        batch = _permitted(block.subjects, segments, allowed)
        if len(batch.subjects):
            yield batch
    batch = _newcomers(corrections, done, allowed)
    if len(batch.subjects):
        yield batch


def _newcomers(corrections: Corrections, done: NDArray[np.bool_], allowed: NDArray[np.int64]) -> MemberBatch:
    """People whom a correction put into a segment and whom the run does not hold."""
    return _permitted(corrections.subjects[~done], corrections.segments[~done], allowed)


def _permitted(subjects: NDArray[np.int64], segments: NDArray[np.int16], allowed: NDArray[np.int64]) -> MemberBatch:
    keep = (segments != NO_SEGMENT) & np.isin(subjects, allowed, assume_unique=True)
    return MemberBatch(subjects[keep], segments[keep])


def member(
    connection: Connection,
    of: Live,
    purpose: Purpose,
    subject: int,
    *,
    now: datetime,
    channel: Channel | None = None,
) -> Member:
    """Where one person stands in a scheme now."""
    of.check_purpose(purpose)
    decision = decide_one(connection, subject, purpose, now=now, channel=channel)
    stored = store_assignments.assignment_of(connection, of.run.id, subject)
    rows = store_corrections.active(connection, of.scheme, subject=subject)
    correction = rows[-1] if rows else None
    segment: int | None = stored.effective if stored is not None else NO_SEGMENT
    if correction is not None:
        numbers = segment_numbers(of.model)
        segment = NO_SEGMENT if correction.segment is None else numbers.get(correction.segment, NO_SEGMENT)
    if not decision.lawful or segment == NO_SEGMENT:
        segment = None
    return Member(segment, decision, stored, correction)


def sizes(connection: Connection, of: Live, purpose: Purpose, *, now: datetime) -> dict[int, int]:
    """Members per segment number now."""
    counted: Counter[int] = Counter(dict.fromkeys(range(len(of.model.segments)), 0))
    for batch in members(connection, of, purpose, now=now):
        numbers, counts = np.unique(batch.segments, return_counts=True)
        counted.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
    return dict(counted)
