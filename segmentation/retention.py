"""Which records of past runs are kept, and letting the others go (Article 5(1)(e) GDPR, design 6).

Kept are each person's newest record of a scheme, each record that changed the segment, each that a correction decided,
and each that a price, a contract or an export hangs on. The others go 35 days after their run: the record and its
random bytes, so that what is left is a hash that nobody can guess from; every proof of a kept record still verifies.
What is let go repeats the kept record before it, so where somebody stood on any day can still be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit.database import Database
from governance.vocabulary import EffectClass
from segmentation import store, store_retention
from segmentation.models import parse_model
from segmentation.record import FLAGS_OFFSET, Flag
from segmentation.store import RunRow
from segmentation.store_assignments import AssignmentRow
from segmentation.store_retention import FIRST, Stood

KEPT_FOR = timedelta(days=35)
BINDING = frozenset({EffectClass.PRICE.value, EffectClass.CONTRACT.value})
"""What hangs on such a scheme is a decision about somebody; its records are proof of it."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RunPruned:
    """What a run loses."""

    scheme: str
    run: int
    kept: int
    gone: int


def prune(database: Database, *, now: datetime, priced: Iterable[int], dry_run: bool = False) -> Iterator[RunPruned]:
    """Let go what need not be kept, run by run, in short transactions.

    Args:
        database: the work database; others may write meanwhile.
        now: the instant.
        priced: runs that a fairness check or a price in force rests on; nothing of them goes.
        dry_run: count, change nothing.
    """
    kept_whole = frozenset(priced)
    with database.reading() as connection:
        runs = store.published_runs(connection)
        kept_whole |= {run.id for run in runs if _is_binding(connection, run)}
    bases = {run.id: run.base for run in runs}
    kept_whole = frozenset(each for number in kept_whole for each in _chain(bases, number))
    for scheme in sorted({run.scheme for run in runs}):
        line = [run for run in runs if run.scheme == scheme]
        for place, run in enumerate(line[:-1]):
            old = run.published_at is not None and run.published_at <= now - KEPT_FOR
            if old and run.id not in kept_whole:
                yield _prune_run(database, line, place, dry_run)


def _prune_run(database: Database, line: list[RunRow], place: int, dry_run: bool) -> RunPruned:
    run, after, kept, gone = line[place], FIRST, 0, 0
    while True:
        with database.reading() as connection:
            rows = store_retention.piece_of(connection, run.id, after)
            keep = _keep(connection, line, place, rows) if rows else np.zeros(0, dtype=bool)
        if not rows:
            return RunPruned(run.scheme, run.id, kept, gone)
        after = rows[-1].subject
        going = [row for row, stays in zip(rows, keep.tolist(), strict=True) if not stays]
        kept, gone = kept + len(rows) - len(going), gone + len(going)
        if going and not dry_run:
            with database.writing() as connection:
                store_retention.let_go(connection, run.id, going)


def _keep(connection: Connection, line: list[RunRow], place: int, rows: list[AssignmentRow]) -> Mask:
    """Which rows of a piece stay."""
    subjects = np.array([row.subject for row in rows], dtype=np.int64)
    flags = [Flag(int.from_bytes(row.record[FLAGS_OFFSET : FLAGS_OFFSET + 2], "big")) for row in rows]
    own = Stood(
        subjects,
        np.array([row.effective for row in rows], dtype=np.int64),
        np.array([bool(flag & Flag.LEFT) for flag in flags], dtype=bool),
    )
    decided = np.array([bool(flag & (Flag.CORRECTED | Flag.TAKEN_OUT)) for flag in flags], dtype=bool)
    exported = np.isin(subjects, store_retention.exported_from(connection, _drawing(line, place), subjects))
    newest = ~_seen_later(connection, line[place + 1 :], subjects)
    return decided | exported | newest | _changed(connection, line, place, own)


def _seen_later(connection: Connection, later: list[RunRow], subjects: NDArray[np.int64]) -> Mask:
    """Who has a newer record; usually the very next run answers for everybody."""
    seen = np.zeros(len(subjects), dtype=bool)
    for run in later:
        if seen.all():
            break
        seen |= np.isin(subjects, _stood(connection, run, subjects).subjects)
    return seen


def _changed(connection: Connection, line: list[RunRow], place: int, own: Stood) -> Mask:
    """Whose segment differs from the record before, or who has none before."""
    changed, open_ = np.zeros(len(own.subjects), dtype=bool), np.ones(len(own.subjects), dtype=bool)
    here = _keys(connection, line[place])
    for run in reversed(line[:place]):
        if not open_.any():
            break
        before = _stood(connection, run, own.subjects)
        there = _keys(connection, run)
        met = np.isin(own.subjects, before.subjects) & open_
        at = np.searchsorted(before.subjects, own.subjects[met])
        same = [
            (_name(here, now), gone) == (_name(there, then), went)
            for now, gone, then, went in zip(
                own.segments[met].tolist(), own.left[met].tolist(), before.segments[at].tolist(),
                before.left[at].tolist(), strict=True,
            )
        ]  # fmt: skip
        changed[met] = ~np.array(same, dtype=bool)
        open_ &= ~met
    return changed | open_


def _stood(connection: Connection, run: RunRow, subjects: NDArray[np.int64]) -> Stood:
    return store_retention.stood_in(connection, run.id, int(subjects[0]), int(subjects[-1]))


def _keys(connection: Connection, run: RunRow) -> tuple[str, ...]:
    """Segment keys by number: another model may number them otherwise."""
    row = store.model_of(connection, run.model) if run.model is not None else None
    return () if row is None else tuple(segment.key for segment in parse_model(row.document, row.digest).segments)


def _name(keys: tuple[str, ...], number: int) -> str | int:
    return keys[number] if 0 <= number < len(keys) else number


def _chain(bases: Mapping[int, int | None], number: int) -> Iterator[int]:
    """A run and the runs whose records stand for whoever it has none of."""
    each: int | None = number
    while each is not None:
        yield each
        each = bases.get(each)


def _drawing(line: list[RunRow], place: int) -> list[int]:
    """The runs for which a record of this one may stand: itself, and incremental ones that rest on it."""
    bases = {run.id: run.base for run in line}
    return [run.id for run in line[place:] if line[place].id in set(_chain(bases, run.id))]


def _is_binding(connection: Connection, run: RunRow) -> bool:
    row = store.definition_of(connection, run.definition)
    return row is None or json.loads(row.document).get("effect_class") in BINDING
