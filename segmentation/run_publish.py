"""Publishing: one short transaction under the log's lock that asks every newer declaration again.

Somebody who objected, or withheld data that the scheme used, while the run was under way is taken out of it: only the
hash of the row stays. So is a company that was computed from the orders of such a contact. Their declaration has a
smaller index in the log than the run's fact, so it is honoured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit import batch_tree, log
from audit.batch_tree import BuiltBatch
from audit.database import STAGING_ROWS, Database
from audit.fact import Fact
from consent import relations
from consent import store as consent_store
from consent.permission import PermittedPopulation, changed_since
from governance.vocabulary import Reason
from segmentation import store, store_assignments
from segmentation.errors import RunOverlapped
from segmentation.feeding import fed_no_more
from segmentation.models import Model
from segmentation.record import FLAGS_OFFSET, Flag
from segmentation.run_task import Task
from segmentation.store_assignments import AssignmentRow

FEW = 1_000
"""So many changed people are asked again under the lock; more are first asked outside it."""

Ids = NDArray[np.int64]


@dataclass
class Late:
    """Who was taken out between reading and publishing."""

    reasons: dict[str, int] = field(default_factory=dict)
    """Not permitted any more, by reason."""
    overtaken: int = 0
    """Permitted, but computed from data that may not be used any more."""
    segments: dict[int, int] = field(default_factory=dict)
    """How many each segment lost."""
    flags: dict[Flag, int] = field(default_factory=dict)
    """How many of those taken out had which flag."""


@dataclass(frozen=True)
class Publication:
    """A staged run that is ready."""

    run: int
    task: Task
    model: Model
    built: BuiltBatch
    population: PermittedPopulation
    previous: int | None
    base: int | None = None
    """The run whose records stand for everybody this one has none of."""


def publish(database: Database, ready: Publication, report: Callable[[Late], str]) -> int:
    """Make a staged run visible; the index of its fact.

    Args:
        database: the work database.
        ready: the staged run.
        report: gives the run's report as JSON once it is known who was late.

    Raises:
        RunOverlapped: another run of the scheme was published or swept this one; nothing is visible.
    """
    late = Late()
    ready.population.digest()  # computed once and here: at ten million people it takes longer than a lock may be held
    with database.writing() as connection:
        _still_ours(connection, ready)
        batch_tree.store_batch(connection, ready.run, store_assignments.KIND, ready.built)
    mark = _catch_up(database, ready, late)
    with database.writing() as connection:
        index = log.lock(connection)
        _still_ours(connection, ready)
        _withdraw(connection, ready, _changed(connection, mark), late)
        if ready.previous is not None:
            store.set_state(connection, ready.previous, store.SUPERSEDED)
        store.set_live(connection, ready.run, **_values(ready, index), report=report(late))
        log.append(connection, [_fact(ready)])
    return index


def _still_ours(connection: Connection, ready: Publication) -> None:
    live = store.live_run(connection, ready.task.definition.scheme)
    if not store.hold_staged(connection, ready.run) or (live.id if live else None) != ready.previous:
        raise RunOverlapped(ready.run)


def _catch_up(database: Database, ready: Publication, late: Late) -> int:
    """Ask everybody again who changed meanwhile, until so few are left that the lock is held briefly."""
    mark = ready.population.watermark
    while True:
        with database.reading() as connection:
            upto, changed = log.size(connection), _changed(connection, mark)
        if len(changed) <= FEW:
            return mark
        for start in range(0, len(changed), STAGING_ROWS):
            with database.writing() as connection:
                _withdraw(connection, ready, changed[start : start + STAGING_ROWS], late)
        mark = upto


def _changed(connection: Connection, mark: int) -> Ids:
    return changed_since(connection, mark)


def _withdraw(connection: Connection, ready: Publication, changed: Ids, late: Late) -> None:
    """Take those of the changed people out who may not be in the run any more."""
    if not len(changed):
        return
    fed = fed_no_more(connection, ready.task, changed)
    rows = store_assignments.assignments_among(connection, ready.run, sorted(fed.union(changed.tolist())))
    reasons = _unlawful(connection, ready.task, changed)
    withholding = _newly_withheld(connection, ready, changed) | fed
    gone: list[AssignmentRow] = []
    for row in rows:
        reason = reasons.get(row.subject)
        if _flags(row) & Flag.LEFT and reason is not Reason.ERASED:
            continue
        if reason is None and row.subject not in withholding:
            continue
        _note(late, row, reason)
        if row.run == ready.run or reason is None:
            gone.append(row)  # what stood before was lawful then and stays: permission is asked at each use
    for number in {row.run for row in gone}:
        store_assignments.withdraw(connection, number, [row for row in gone if row.run == number])


def _note(late: Late, row: AssignmentRow, reason: Reason | None) -> None:
    flags = _flags(row)
    if flags & Flag.LEFT:
        return
    for flag in flags:
        late.flags[flag] = late.flags.get(flag, 0) + 1
    if reason is None:
        late.overtaken += 1
    else:
        late.reasons[reason.value] = late.reasons.get(reason.value, 0) + 1
    if row.effective >= 0:
        late.segments[row.effective] = late.segments.get(row.effective, 0) + 1


def _flags(row: AssignmentRow) -> Flag:
    return Flag(int.from_bytes(row.record[FLAGS_OFFSET : FLAGS_OFFSET + 2], "big"))


def _unlawful(connection: Connection, task: Task, subjects: Ids) -> Mapping[int, Reason]:
    """Who may not be processed now, and why; whoever is not here any more was erased, what is broken is unknown."""
    expression = relations.decisions(task.purpose, now=task.now)
    ids, codes = consent_store.decided_for(connection, expression, subjects)
    known = dict(zip(ids.tolist(), codes.tolist(), strict=True))
    found: dict[int, Reason] = {}
    for subject in subjects.tolist():
        code = known.get(subject)
        if code is None:
            found[subject] = Reason.ERASED
        elif code not in relations.LAWFUL_CODES:
            found[subject] = relations.REASONS[code] if code >= 0 else Reason.CONSENT_UNKNOWN
    return found


def _newly_withheld(connection: Connection, ready: Publication, changed: Ids) -> frozenset[int]:
    """Changed people who withhold a field of the scheme now and did not when it was read."""
    found: set[int] = set()
    for field_key in ready.task.definition.fields:
        withheld = relations.withheld_subjects(ready.task.purpose.key, field_key)
        now = np.intersect1d(consent_store.subject_ids(connection, withheld), changed)
        then = ready.population.hidden.get(field_key, np.zeros(0, dtype=np.int64))
        found.update(np.setdiff1d(now, then).tolist())
    return frozenset(found)


def _values(ready: Publication, index: int) -> dict[str, object]:
    return {
        "model": ready.model.digest,
        "watermark": ready.population.watermark,
        "population": ready.population.digest(),
        "size": ready.built.size,
        "fact": index,
        "previous": ready.previous,
        "published_at": ready.task.now,
    }


def _fact(ready: Publication) -> Fact:
    """What the log says of a run; no counts per segment, nobody's data."""
    task = ready.task
    body = {
        "run": ready.run,
        "scheme": task.definition.scheme,
        "definition": task.definition.digest,
        "model": ready.model.digest,
        "code": task.code_version,
        "population": ready.population.digest(),
        "watermark": ready.population.watermark,
        "previous": ready.previous,
        **({"base": ready.base} if ready.base is not None else {}),
        **ready.built.facts(ready.run),
    }
    return Fact("run:published", str(task.actor), task.now, body)
