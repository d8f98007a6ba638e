"""One run of a scheme: invisible until it is published in one short transaction, swept if it never got there.

Permitted population → features → model → score → stability → corrections → suppression → rows staged in transactions
of at most 16,384 → publication. Memory is bounded by the batch; an objection never waits for a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from audit import log
from audit.database import Database
from consent.permission import PermittedPopulation, PopulationRequest, permitted
from segmentation import figures, store, store_assignments, store_chain
from segmentation.corrections import in_force, segment_numbers
from segmentation.definitions import Definition
from segmentation.features import FactSource, Subjects
from segmentation.fitting import LastSegments, get_ready, make
from segmentation.models import Model, parse_model
from segmentation.record import Flag
from segmentation.report import Overlap, RunReport, SegmentCount
from segmentation.run_publish import Late, Publication, publish
from segmentation.run_stage import Plan, census, stage, with_queue
from segmentation.run_task import Clock, Task, before_this, renumbering
from segmentation.stability import adjusted_rand
from segmentation.store import DefinitionRow, ModelRow
from segmentation.tally import Tally

MOST_OVERLAPS = 100
MOST_CHANGED = 0.2
"""Share of the full run's records that the incremental runs on it may add up to."""


def run(database: Database, task: Task) -> RunReport:
    """Run a scheme and publish the result.

    Raises:
        NothingToFit: too few complete cases for a model.
        RunOverlapped: another run of the scheme came first; nothing of this one is visible.
        PermissionUnavailable: it cannot be decided who is permitted; nothing is visible.
    """
    clock = Clock()
    _sweep_scheme(database, task.definition.scheme)
    with database.writing() as connection:
        log.lock(connection)  # runs that start at once get numbers of their own
        number = store.start_run(
            connection, task.definition.scheme, task.definition.digest, now=task.now, cause=task.cause
        )
    try:
        with database.reading() as snapshot:
            return _run(database, snapshot, number, task, clock)
    except BaseException:
        _drop(database, number)
        raise


def _run(database: Database, snapshot: Connection, number: int, task: Task, clock: Clock) -> RunReport:
    if task.refit or store.latest_model(snapshot, task.definition.digest) is None:
        get_ready(task.definition)
    fields = tuple(task.catalogue.field_for(key, task.purpose) for key in task.definition.fields)
    with clock.stage("permission"):
        population = permitted(snapshot, PopulationRequest(task.purpose, task.definition.unit, fields), now=task.now)
    last = _last(snapshot, task.definition.scheme)
    source = FactSource(population, task.definition.features, task.catalogue, today=task.today)
    with clock.stage("model"):
        model, refitted = _model(database, snapshot, task, source, population, last)
    with clock.stage("compare"):
        before = before_this(snapshot, population, task, last, model)
        corrections = in_force(snapshot, task.definition.scheme, segment_numbers(model))
    plan = _on_base(database, snapshot, Plan(number, task, model, before, corrections, population.watermark), last)
    with clock.stage("census"):
        plan = with_queue(plan, source)
        suppressed, everybody = census(plan, source)
    with clock.stage("stage"):
        built, tally = stage(database, plan, everybody, suppressed, population.size)
    ready = Publication(number, task, model, built, population, last[0] if last else None, plan.base)
    reports: list[RunReport] = []

    def written(late: Late) -> str:
        reports.append(_report(ready, tally, late, suppressed, refitted, clock, plan))
        return json.dumps(reports[-1].to_json(), ensure_ascii=False)

    with clock.stage("publish"):
        publish(database, ready, written)
    figures.note(database, ready, last)
    return reports[-1]


def _on_base(database: Database, snapshot: Connection, plan: Plan, last: tuple[int, Model] | None) -> Plan:
    """The plan of an incremental run, where that is wanted and the last run can be built upon; else as it is.

    The same definition and model, a chain that is not too long, and few enough records in it that reading it stays
    as cheap as reading a full run.
    """
    if not plan.task.incremental or last is None or last[1].digest != plan.model.digest:
        return plan
    chain = store_chain.chain_of(snapshot, last[0])
    runs = [store.run_of(snapshot, number) for number in chain]
    sizes = [run.size or 0 for run in runs if run is not None]
    same = all(run is not None and run.definition == plan.task.definition.digest for run in runs)
    if not same or len(chain) >= store_chain.LONGEST or sum(sizes[:-1]) > MOST_CHANGED * sizes[-1]:
        return plan
    with database.writing() as connection:
        store_chain.set_base(connection, plan.run, last[0])

    def standing(after: int, until: int) -> NDArray[np.void]:
        return store_chain.records_between(snapshot, chain, after, until, plan.model.layout)

    return replace(plan, base=last[0], standing=standing)


def _last(connection: Connection, scheme: str) -> tuple[int, Model] | None:
    live = store.live_run(connection, scheme)
    row = store.model_of(connection, live.model) if live is not None and live.model is not None else None
    return (live.id, parse_model(row.document, row.digest)) if live is not None and row is not None else None


def _model(
    database: Database,
    snapshot: Connection,
    task: Task,
    source: FactSource,
    population: PermittedPopulation,
    last: tuple[int, Model] | None,
) -> tuple[Model, bool]:
    """The stored model of the same definition, or a new one; the catalogue may have narrowed a feature since."""
    row = None if task.refit else store.latest_model(snapshot, task.definition.digest)
    if row is not None:
        model = parse_model(row.document, row.digest)
        if model.features == task.definition.features and model.zone == task.definition.zone:
            return model, False
    look_up = _last_segments(snapshot, task.definition, last) if last else None
    model = make(task.definition, source, population.size, today=task.today, last=look_up)
    with database.writing() as connection:
        store.add_model(connection, ModelRow(model.digest, task.definition.digest, model.document, task.now))
    return model, True


def _last_segments(connection: Connection, definition: Definition, last: tuple[int, Model]) -> LastSegments | None:
    """Looks segments of the last run up; only runs whose segments carry the same keys compare."""
    number, model = last
    keys = [segment.key for segment in definition.segments]
    if keys and keys != [segment.key for segment in model.segments]:
        return None
    everybody = renumbering(model, model)

    def look_up(subjects: Subjects) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        found = np.full(len(subjects), -1, dtype=np.int16)
        for block in store_assignments.blocks_of(connection, number):
            inside = np.isin(block.subjects, subjects, assume_unique=True)
            found[np.searchsorted(subjects, block.subjects[inside])] = everybody[block.effective[inside]]
        return found

    return look_up


def _report(
    ready: Publication,
    tally: Tally,
    late: Late,
    suppressed: frozenset[int],
    refitted: bool,
    clock: Clock,
    plan: Plan,
) -> RunReport:
    task, population = ready.task, ready.population
    left_out: dict[str, int] = {reason.value: count for reason, count in population.left_out.items()}
    for reason, count in late.reasons.items():
        left_out[reason] = left_out.get(reason, 0) + count
    flag = {each: tally.flags.get(each, 0) - late.flags.get(each, 0) for each in Flag}
    agreement = adjusted_rand(tally.table) if plan.before.run is not None else None
    return RunReport(
        run=ready.run,
        scheme=task.definition.scheme,
        version=task.version,
        kind=task.definition.kind.value,
        unit=task.definition.unit.value,
        purpose=task.definition.purpose,
        now=task.now.isoformat(),
        watermark=population.watermark,
        total=population.total,
        permitted=population.size - sum(late.reasons.values()),
        left_out=left_out,
        withheld=dict(population.withheld),
        not_assessed=flag[Flag.NOT_ASSESSED],
        unmatched=flag[Flag.NO_RULE],
        suppressed=flag[Flag.SUPPRESSED],
        corrected=flag[Flag.CORRECTED],
        held=flag[Flag.HELD],
        queued=flag[Flag.QUEUED],
        second_time=flag[Flag.SECOND_TIME],
        model_changed=flag[Flag.MODEL_CHANGED],
        conflicts=tally.conflicts,
        moved=tally.moved,
        overtaken=late.overtaken,
        left=len(plan.before.leavers),
        agreement=None if agreement is None else f"{agreement:.6f}",
        migration=tuple(tuple(int(cell) for cell in row) for row in tally.table) if plan.before.run is not None else (),
        overlaps=_overlaps(ready.model, tally),
        segments=_segments(ready.model, tally, late, suppressed),
        minimum_size=task.definition.minimum_size,
        refitted=refitted,
        fit=dict(ready.model.fit),
        seconds=dict(clock.seconds),
        definition=task.definition.digest.hex(),
        model=ready.model.digest.hex(),
        root=ready.built.root.hex(),
        size=ready.built.size,
        previous=ready.previous,
        base=ready.base,
        fits={segment.key: int(fits) for segment, fits in zip(ready.model.segments, tally.fits, strict=False)},
    )


def _segments(model: Model, tally: Tally, late: Late, suppressed: frozenset[int]) -> tuple[SegmentCount, ...]:
    lost: Mapping[int, int] = late.segments
    return tuple(
        SegmentCount(
            segment.key,
            segment.name,
            int(tally.scored[number]),
            int(tally.effective[number]) - lost.get(number, 0),
            number in suppressed,
        )
        for number, segment in enumerate(model.segments)
    )


def _overlaps(model: Model, tally: Tally) -> tuple[Overlap, ...]:
    if tally.overlap is None:
        return ()
    firsts, seconds = np.nonzero(np.triu(tally.overlap, k=1))
    pairs = zip(firsts.tolist(), seconds.tolist(), strict=True)
    found = [Overlap(model.segments[a].key, model.segments[b].key, int(tally.overlap[a, b])) for a, b in pairs]
    return tuple(sorted(found, key=lambda each: (-each.people, each.first, each.second))[:MOST_OVERLAPS])


def sweep(connection: Connection) -> int:
    """Remove what runs left behind that were never published, such as after a kill; how many runs those were.

    Called at start and by `doctor`. A run that is still under way in another process is swept too and then refuses to
    publish: nothing half-written is ever visible.
    """
    numbers = store.staged_runs(connection)
    for number in numbers:
        while store_assignments.drop_some(connection, number):
            pass
        store_assignments.drop_batch(connection, number)
        store.set_state(connection, number, store.SWEPT)
    return len(numbers)


def _sweep_scheme(database: Database, scheme: str) -> None:
    with database.reading() as connection:
        numbers = store.staged_runs(connection, scheme)
    for number in numbers:
        _drop(database, number)


def _drop(database: Database, number: int) -> None:
    """Sweep one run in short transactions; what was published meanwhile stays."""
    with database.writing() as connection:
        if not store.hold_staged(connection, number):
            return
        store.set_state(connection, number, store.SWEPT)
    while True:
        with database.writing() as connection:
            if not store_assignments.drop_some(connection, number):
                store_assignments.drop_batch(connection, number)
                return


__all__ = ["DefinitionRow", "Task", "run", "sweep"]
