"""Who moved from which segment to which between two published runs, and why; counts only.

Segments are told by key, so that two versions of a scheme compare. Why somebody moved is known of neighbouring runs
alone, from the records that the later one made itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit.errors import BadInput
from governance.vocabulary import Text
from segmentation import store, store_assignments, store_figures
from segmentation.errors import ModelBroken
from segmentation.models import Model, parse_model
from segmentation.record import NO_SEGMENT, REASONS, Flag
from segmentation.report import report_from_json
from segmentation.store import RunRow

NOBODY_THERE = "(absent)"
"""Row or column of people who are not in that run: they joined, or they left."""
NONE = "(none)"
"""Row or column of people who are in the run and in no segment of it."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One of the two runs: its segments, then those in none, then those who are not there."""

    run: int
    version: int
    at: str
    keys: tuple[str, ...]
    names: tuple[Text | None, ...]
    """None of the last two."""


@dataclass(frozen=True)
class Causes:
    """Why people are where they are after the later run."""

    customer: int
    """Moved, and the model is not why."""
    model: int
    """Moved because the model was fitted anew."""
    second_time: int
    """Of those who moved: by a small margin, for the second time in a row."""
    queued: int
    """Kept: so many may move in one run and no more."""
    held: int
    """Kept by a small margin."""
    corrected: int
    """Placed by the complaint desk."""
    suppressed: int
    """Their segment became too small."""


@dataclass(frozen=True)
class Migration:
    """The matrix, rows before and columns after, exact."""

    scheme: str
    before: Side
    after: Side
    cells: tuple[tuple[int, ...], ...]
    stayed: int
    moved: int
    """From one segment to another one or to none."""
    joined: int
    left: int
    reasons: Mapping[str, int]
    """Of those who left, where the later run noted why."""
    causes: Causes | None
    """None when the runs are not neighbours."""

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return asdict(self)


def migration(connection: Connection, before: RunRow, after: RunRow) -> Migration:
    """Compare two published runs of one scheme.

    Raises:
        BadInput: they are not two runs of a scheme in order of time.
        ModelBroken: a model is gone.
    """
    if before.scheme != after.scheme or before.id >= after.id:
        raise BadInput("Name two runs of the scheme, the earlier one first.")
    old, new = _side(connection, before), _side(connection, after)
    table = _table(connection, before, after, (len(old.keys), len(new.keys)))
    same = {(old.keys.index(key), new.keys.index(key)) for key in old.keys[:-2] if key in new.keys[:-2]}
    stayed = int(sum(table[place] for place in same))
    moved = int(table[:-2, :-1].sum()) - stayed
    neighbours = after.previous == before.id
    steps = store_figures.steps_of(connection, after.id) if neighbours else None
    return Migration(
        scheme=before.scheme,
        before=old,
        after=new,
        cells=tuple(tuple(int(cell) for cell in row) for row in table),
        stayed=stayed,
        moved=moved,
        joined=int(table[-1].sum()),
        left=int(table[:, -1].sum()),
        reasons={REASONS[code - 1].value: count for code, count in steps.reasons.items() if code} if steps else {},
        causes=_causes(steps.flags, moved) if steps else None,
    )


def _causes(flags: Mapping[Flag, int], moved: int) -> Causes:
    model = flags[Flag.MODEL_CHANGED]
    return Causes(
        customer=max(moved - model, 0),
        model=model,
        second_time=flags[Flag.SECOND_TIME],
        queued=flags[Flag.QUEUED],
        held=flags[Flag.HELD],
        corrected=flags[Flag.CORRECTED],
        suppressed=flags[Flag.SUPPRESSED],
    )


def _side(connection: Connection, run: RunRow) -> Side:
    model, report = model_of(connection, run), report_from_json(run.report or "{}")
    keys = tuple(segment.key for segment in model.segments)
    names: tuple[Text | None, ...] = tuple(segment.name for segment in model.segments)
    return Side(run.id, report.version, report.now, (*keys, NONE, NOBODY_THERE), (*names, None, None))


def model_of(connection: Connection, run: RunRow) -> Model:
    """The model that a published run was made with.

    Raises:
        ModelBroken: it is gone.
    """
    row = store.model_of(connection, run.model) if run.model is not None else None
    if row is None:
        raise ModelBroken(f"run {run.id} names a model that is not stored")
    return parse_model(row.document, row.digest)


def _table(connection: Connection, before: RunRow, after: RunRow, shape: tuple[int, int]) -> Counts:
    rows, columns = shape
    subjects, places = _everybody(connection, after.id, columns)
    table = np.zeros(shape, dtype=np.int64)
    seen = np.zeros(len(subjects), dtype=bool)
    for block in store_assignments.blocks_of(connection, before.id):
        old = _places(block.effective[~block.left], rows)
        people = block.subjects[~block.left]
        new = np.full(len(people), columns - 1, dtype=np.int64)
        at = np.minimum(np.searchsorted(subjects, people), max(len(subjects) - 1, 0))
        here = (subjects[at] == people) if len(subjects) else np.zeros(len(people), dtype=bool)
        new[here] = places[at[here]]
        seen[at[here]] = True
        table += np.bincount(old * columns + new, minlength=rows * columns).reshape(shape)
    table[-1, : columns - 1] += np.bincount(places[~seen], minlength=columns)[: columns - 1]
    return table


def _everybody(connection: Connection, run: int, columns: int) -> tuple[Counts, Counts]:
    """Who is in a run, ascending, and in which column of the table."""
    subjects, places = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for block in store_assignments.blocks_of(connection, run):
        subjects.append(block.subjects[~block.left])
        places.append(_places(block.effective[~block.left], columns))
    return np.concatenate(subjects), np.concatenate(places)


def _places(segments: NDArray[np.int16], size: int) -> Counts:
    """Segment numbers as places in the table; in no segment is the last but one."""
    return np.where(segments == NO_SEGMENT, size - 2, segments).astype(np.int64)
