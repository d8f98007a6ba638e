"""What a definition would give, on everybody who is permitted, without a run: nothing of it is stored or published.

Permission, features, model, scores, stability, corrections and suppression are those of a run (`run_stage`), so that a
preview keeps what it promises. Only counts leave this module; memory is bounded by the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from consent.permission import PermittedPopulation, PopulationRequest, permitted
from consent.sorted_ids import common
from governance.vocabulary import Channel, Reason, Text
from segmentation import store
from segmentation.corrections import in_force, segment_numbers
from segmentation.decided import Decided
from segmentation.facts import values_of
from segmentation.features import FactSource
from segmentation.fitting import get_ready, make
from segmentation.models import Model, parse_model
from segmentation.record import NO_SEGMENT, Flag
from segmentation.run_stage import Plan, census, with_queue
from segmentation.run_task import Task, before_this
from segmentation.scoring import score

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOT_STORED = 0
"""The run number of a plan that never becomes a run."""


@dataclass(frozen=True)
class SegmentOutlook:
    """One segment as it would be: whom its rule fits, whom the scheme would put there, and who stays after all."""

    key: str
    name: Text
    fits: int | None
    """Whom its rule fits, whichever segment comes first; None where no rule assigns."""
    people: int
    suppressed: bool
    """It would be dissolved, because fewer than the minimum would be in it."""


@dataclass(frozen=True)
class Moves:
    """Who would be where, against the run that is live; the last row and column are those in no segment."""

    run: int
    rows: tuple[tuple[str, Text], ...]
    columns: tuple[tuple[str, Text], ...]
    people: tuple[tuple[int, ...], ...]
    left: int
    """In the live run and not permitted any more."""


@dataclass(frozen=True)
class Outlook:
    """Exact counts of what a run would give; `permitted` plus everybody left out is everybody."""

    total: int
    permitted: int
    left_out: Mapping[Reason, int]
    withheld: Mapping[str, int]
    """Permitted people who withhold a field that the scheme would use, by field."""
    not_assessed: int
    unmatched: int
    suppressed: int
    segments: tuple[SegmentOutlook, ...]
    moves: Moves | None
    """None where no run is live."""
    fitted: bool
    """Whether a model was fitted for the look; a run fits its own, or takes the stored one."""
    reach: Mapping[Channel, int]
    """Who would be in a segment and may be reached, by channel; the block list takes out more at an export."""


@dataclass(frozen=True)
class RuleCounts:
    """Whom each rule fits by itself, and who is permitted at all; nothing else is computed."""

    total: int
    permitted: int
    left_out: Mapping[Reason, int]
    withheld: Mapping[str, int]
    unknown: Mapping[str, int]
    """Permitted people of whom a feature is not known, whether withheld, stale or never told, by feature."""
    fits: Mapping[str, int]
    """By segment key."""


@dataclass
class _Counted:
    """Counts of a look, added up batch by batch."""

    people: NDArray[np.int64]
    fits: NDArray[np.int64]
    cells: NDArray[np.int64]
    placed: NDArray[np.bool_]
    flags: dict[Flag, int] = field(default_factory=dict)
    done: int = 0


@dataclass(frozen=True)
class _Look:
    """What a look found, before it is told."""

    population: PermittedPopulation
    model: Model
    last: tuple[int, Model] | None
    suppressed: frozenset[int]
    fitted: bool
    left: int
    counted: _Counted


def look_ahead(connection: Connection, task: Task) -> Outlook:
    """What the task's definition would give now; the caller's snapshot is only read.

    Raises:
        NothingToFit: too few complete cases for a model.
        PermissionUnavailable: it cannot be decided who is permitted.
    """
    get_ready(task.definition)
    population = population_of(connection, task)
    source = FactSource(population, task.definition.features, task.catalogue, today=task.today)
    model, fitted = _model(connection, task, source, population)
    last = _last(connection, task.definition.scheme)
    before = before_this(connection, population, task, last, model)
    corrections = in_force(connection, task.definition.scheme, segment_numbers(model))
    plan = with_queue(Plan(NOT_STORED, task, model, before, corrections, population.watermark), source)
    suppressed, everybody = census(plan, source)
    old = last[1] if last else None
    earlier = before_this(connection, population, task, last, old).earlier.segments if last and old else None
    counted = _blank(model, old, population.size)
    for part in everybody:
        _count(counted, part, suppressed, earlier)
    look = _Look(population, model, last, suppressed, fitted, len(before.leavers), counted)
    return Outlook(
        total=population.total,
        permitted=population.size,
        left_out=population.left_out,
        withheld=population.withheld,
        not_assessed=counted.flags.get(Flag.NOT_ASSESSED, 0),
        unmatched=counted.flags.get(Flag.NO_RULE, 0),
        suppressed=counted.flags.get(Flag.SUPPRESSED, 0),
        segments=_segments(look),
        moves=_moves(look),
        fitted=fitted,
        reach=_reach(connection, task, look),
    )


def count_rules(connection: Connection, task: Task) -> RuleCounts:
    """Whom each rule of a rules scheme fits, for somebody who is still writing it.

    Raises:
        PermissionUnavailable: it cannot be decided who is permitted.
    """
    population = population_of(connection, task)
    source = FactSource(population, task.definition.features, task.catalogue, today=task.today)
    model = make(task.definition, source, population.size, today=task.today, last=None)
    fits = np.zeros(model.layout.rules, dtype=np.int64)
    unknown = np.zeros(len(model.features), dtype=np.int64)
    for batch in source.batches():
        scores = score(model, batch.facts, today=task.today)
        if scores.matches is not None:
            fits += scores.matches.sum(axis=1, dtype=np.int64)
        unknown += (~values_of(model.features, batch.facts, today=task.today).known).sum(axis=1, dtype=np.int64)
    return RuleCounts(
        total=population.total,
        permitted=population.size,
        left_out=population.left_out,
        withheld=population.withheld,
        unknown=dict(zip((feature.key for feature in model.features), unknown.tolist(), strict=True)),
        fits={segment.key: int(fits[number]) for number, segment in enumerate(model.segments[: len(fits)])},
    )


def population_of(connection: Connection, task: Task) -> PermittedPopulation:
    """Everybody permitted for the task's purpose, with the fields of its definition."""
    fields = tuple(task.catalogue.field_for(key, task.purpose) for key in task.definition.fields)
    return permitted(connection, PopulationRequest(task.purpose, task.definition.unit, fields), now=task.now)


def _model(
    connection: Connection, task: Task, source: FactSource, population: PermittedPopulation
) -> tuple[Model, bool]:
    row = store.latest_model(connection, task.definition.digest)
    if row is not None:
        model = parse_model(row.document, row.digest)
        if model.features == task.definition.features and model.zone == task.definition.zone:
            return model, False
    return make(task.definition, source, population.size, today=task.today, last=None), True


def _last(connection: Connection, scheme: str) -> tuple[int, Model] | None:
    live = store.live_run(connection, scheme)
    row = store.model_of(connection, live.model) if live is not None and live.model is not None else None
    return (live.id, parse_model(row.document, row.digest)) if live is not None and row is not None else None


def _blank(model: Model, old: Model | None, people: int) -> _Counted:
    count, rows = len(model.segments), len(old.segments) if old else 0
    return _Counted(
        people=np.zeros(count, dtype=np.int64),
        fits=np.zeros(model.layout.rules, dtype=np.int64),
        cells=np.zeros((rows + 1) * (count + 1), dtype=np.int64),
        placed=np.zeros(people, dtype=bool),
    )


def _count(counted: _Counted, part: Decided, suppressed: frozenset[int], earlier: NDArray[np.int16] | None) -> None:
    count, size = len(counted.people), len(part.segments)
    effective, flags = part.segments.copy(), part.flags
    hit = np.isin(part.segments, list(suppressed)) & (part.correction == 0)
    effective[hit] = NO_SEGMENT
    counted.people += np.bincount(effective[effective >= 0], minlength=count)
    if part.rules is not None:
        counted.fits += np.unpackbits(part.rules, axis=1, count=len(counted.fits)).sum(axis=0, dtype=np.int64)
    for flag in (Flag.NOT_ASSESSED, Flag.NO_RULE):
        counted.flags[flag] = counted.flags.get(flag, 0) + int(
            np.count_nonzero(((flags & int(flag)) > 0) & (effective < 0))
        )
    counted.flags[Flag.SUPPRESSED] = counted.flags.get(Flag.SUPPRESSED, 0) + int(hit.sum())
    here = slice(counted.done, counted.done + size)
    counted.placed[here] = effective >= 0
    if earlier is not None:
        rows = len(counted.cells) // (count + 1)
        before, after = earlier[here].astype(np.int64), effective.astype(np.int64)
        cells = np.where(before >= 0, before, rows - 1) * (count + 1) + np.where(after >= 0, after, count)
        counted.cells += np.bincount(cells, minlength=len(counted.cells))
    counted.done += size


def _segments(look: _Look) -> tuple[SegmentOutlook, ...]:
    counted, rules = look.counted, look.model.layout.rules
    return tuple(
        SegmentOutlook(
            segment.key,
            segment.name,
            int(counted.fits[number]) if number < rules else None,
            int(counted.people[number]),
            number in look.suppressed,
        )
        for number, segment in enumerate(look.model.segments)
    )


def _moves(look: _Look) -> Moves | None:
    if look.last is None:
        return None
    rows, columns = _named(look.last[1]), _named(look.model)
    cells = look.counted.cells.reshape(len(rows) + 1, len(columns) + 1)
    return Moves(look.last[0], rows, columns, tuple(tuple(int(cell) for cell in row) for row in cells), look.left)


def _named(model: Model) -> tuple[tuple[str, Text], ...]:
    return tuple((segment.key, segment.name) for segment in model.segments)


def _reach(connection: Connection, task: Task, look: _Look) -> dict[Channel, int]:
    """Per channel of the purpose, who would be in a segment and is permitted on it."""
    placed = look.population.subjects[look.counted.placed]
    found = {}
    for channel in sorted(task.purpose.channels):
        request = PopulationRequest(task.purpose, task.definition.unit, (), channel)
        found[channel] = len(common(placed, permitted(connection, request, now=task.now).subjects))
    return found
