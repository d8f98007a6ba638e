"""Deciding and staging: score, stability, corrections, suppression, then packed and hashed rows, a few at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from audit.batch_tree import BatchBuilder, BuiltBatch
from audit.database import STAGING_ROWS, Database
from audit.instants import to_microseconds
from audit.opening import RANDOM_BYTES
from segmentation import store, store_assignments
from segmentation.changes import changed_only
from segmentation.corrections import Corrections
from segmentation.decided import Decided
from segmentation.errors import RunOverlapped
from segmentation.features import FactBatch, FactSource
from segmentation.methods.scores import pack_bits
from segmentation.models import Model
from segmentation.record import NO_SEGMENT, RECORD_VERSION, Flag
from segmentation.run_task import Before, Task
from segmentation.scoring import score
from segmentation.steadiness import Earlier, Movers, queue, steadied
from segmentation.store_assignments import PackedRows
from segmentation.tally import Tally

Numbers = NDArray[np.int16]


@dataclass(frozen=True)
class Plan:
    """All that deciding needs besides the facts."""

    run: int
    task: Task
    model: Model
    before: Before
    corrections: Corrections
    watermark: int
    base: int | None = None
    """The run whose records stand for everybody nothing changed for; None: this run records everybody."""
    standing: Callable[[int, int], NDArray[np.void]] | None = None
    """The newest records of the people in a span of subjects (after, until], where there is a base."""
    queue: NDArray[np.int64] | None = None
    """Who has to wait for the next run, ascending; None: nobody, there is no budget."""


def header_of(model: Model) -> bytes:
    """What every leaf of a run begins with: record version and model digest."""
    return bytes([RECORD_VERSION]) + model.digest


def decided(plan: Plan, source: FactSource) -> Iterator[Decided]:
    """Everybody's decision before suppression, in batches of ascending subjects."""
    start = 0
    for batch in source.batches():
        stop = start + len(batch.subjects)
        yield _decide(plan, batch, plan.before.earlier.part(start, stop))
        start = stop


def _decide(plan: Plan, batch: FactBatch, earlier: Earlier) -> Decided:
    today = plan.task.today
    scores = score(plan.model, batch.facts, today=today)
    stable, flags = steadied(plan.model, scores, earlier, plan.before.old, batch.facts, today=today)
    if plan.queue is not None:
        waits = np.isin(batch.subjects, plan.queue, assume_unique=True)
        stable = np.where(waits, earlier.segments, stable).astype(np.int16)
        flags[waits] |= int(Flag.QUEUED)
        flags[waits] &= np.uint16(~int(Flag.MODEL_CHANGED) & 0xFFFF)
    flags[~scores.assessed] |= int(Flag.NOT_ASSESSED)
    flags[scores.assessed & (scores.segment == NO_SEGMENT)] |= int(Flag.NO_RULE)
    segments, numbers = stable.copy(), np.zeros(len(stable), dtype=np.int64)
    places, which = plan.corrections.among(batch.subjects)
    segments[places] = plan.corrections.segments[which]
    numbers[places] = plan.corrections.numbers[which]
    flags[places] |= int(Flag.CORRECTED)
    flags[places[plan.corrections.segments[which] == NO_SEGMENT]] |= int(Flag.TAKEN_OUT)
    rules = pack_bits(scores.matches).T if scores.matches is not None else None
    return Decided(batch, replace(scores, matches=None), earlier, stable, segments, numbers, flags, rules)


def with_queue(plan: Plan, source: FactSource) -> Plan:
    """The plan with those who wait because too many would move at once; needs a look at everybody."""
    budget, earlier = plan.model.stability.budget, plan.before.earlier
    if budget is None or plan.before.run is None:
        return plan
    movers = (_movers(people) for people in decided(plan, source))
    return replace(plan, queue=queue(movers, int(np.count_nonzero(earlier.segments >= 0)), budget))


def _movers(people: Decided) -> Movers:
    before = people.earlier.segments
    moves = (before >= 0) & (people.stable >= 0) & (people.stable != before) & (people.correction == 0)
    return Movers(people.batch.subjects[moves], people.scores.strength[moves], people.earlier.queued[moves])


def census(plan: Plan, source: FactSource) -> tuple[frozenset[int], Iterator[Decided]]:
    """Segments with members, but fewer than the minimum; and everybody's decision.

    Looking stops as soon as every segment has enough. What was decided on the way is kept where memory allows.
    """
    count = len(plan.model.segments)
    sizes = np.zeros(count, dtype=np.int64)
    everybody, kept = decided(plan, source), []
    for people in everybody:
        if source.small:
            kept.append(people)
        sizes += np.bincount(people.segments[people.segments >= 0], minlength=count)
        if (sizes >= plan.task.definition.minimum_size).all():
            break
    small = (sizes > 0) & (sizes < plan.task.definition.minimum_size)
    rest = chain(kept, everybody) if source.small else decided(plan, source)
    return frozenset(np.flatnonzero(small).tolist()), rest


def stage(
    database: Database, plan: Plan, everybody: Iterator[Decided], suppressed: frozenset[int], people: int
) -> tuple[BuiltBatch, Tally]:
    """Write every record; nothing of it is visible.

    Raises:
        RunOverlapped: another run of the scheme swept this one.
    """
    tally = Tally.blank(plan.model)
    builder = BatchBuilder(header_of(plan.model))
    done, last = 0, -(2**63)
    with _Writer(database, plan, builder) as writer:
        for part in everybody:
            until = int(part.batch.subjects[-1])
            records = _records(plan, part, suppressed, tally)
            if plan.standing is not None:
                records = changed_only(records, plan.standing(last, until))
            writer.write(_with_leavers(plan, records, last, until))
            last = until
            done += len(part.batch.subjects)
            plan.task.progress(done, people)
        writer.write(_with_leavers(plan, np.zeros(0, dtype=plan.model.layout.dtype), last, 2**63 - 1))
    return builder.finish(), tally


def _records(plan: Plan, part: Decided, suppressed: frozenset[int], tally: Tally) -> NDArray[np.void]:
    effective, flags = part.segments.copy(), part.flags
    if suppressed:
        hit = np.isin(part.segments, list(suppressed)) & (part.correction == 0)
        effective[hit] = NO_SEGMENT
        flags = flags | np.where(hit, int(Flag.SUPPRESSED), 0).astype(np.uint16)
    records = _blank(plan, len(effective))
    records["subject"] = part.batch.subjects
    records["strength"] = part.scores.strength
    records["correction"] = part.correction
    records["scored"] = part.scores.segment
    records["stable"] = part.stable
    records["effective"] = effective
    records["previous"] = part.earlier.segments
    records["flags"] = flags
    _put_facts(records, part, plan.model)
    tally.count(part, effective, flags, again=plan.before.run is not None)
    return records


def _blank(plan: Plan, count: int) -> NDArray[np.void]:
    records = np.zeros(count, dtype=plan.model.layout.dtype)
    records["run"] = plan.run
    records["now"] = to_microseconds(plan.task.now)
    records["watermark"] = plan.watermark
    return records


def _put_facts(records: NDArray[np.void], part: Decided, model: Model) -> None:
    if model.layout.facts:
        records["facts"] = part.batch.facts.values.T
        records["presence"] = np.packbits(part.batch.facts.present, axis=0).T
    if model.layout.rules and part.rules is not None:
        records["rules"] = part.rules


def _with_leavers(plan: Plan, records: NDArray[np.void], after: int, until: int) -> NDArray[np.void]:
    """The records with those of leavers between two subjects, in order: leaving a scheme is a record too."""
    start = int(np.searchsorted(plan.before.leavers, after, side="right"))
    stop = int(np.searchsorted(plan.before.leavers, until, side="right"))
    if start == stop:
        return records
    leaving = _blank(plan, stop - start)
    leaving["subject"] = plan.before.leavers[start:stop]
    leaving["scored"] = leaving["stable"] = leaving["effective"] = NO_SEGMENT
    leaving["previous"] = plan.before.leaver_segments[start:stop]
    leaving["reason"] = plan.before.leaver_reasons[start:stop]
    leaving["flags"] = int(Flag.LEFT)
    both = np.empty(len(records) + len(leaving), dtype=records.dtype)  # concatenate() would lose the byte order
    both[: len(records)], both[len(records) :] = records, leaving
    return both[np.argsort(both["subject"].astype(np.int64), kind="stable")]


class _Writer:
    """Hashes records here and inserts them beside it, one transaction of at most 16,384 rows after the other."""

    def __init__(self, database: Database, plan: Plan, builder: BatchBuilder) -> None:
        self._database, self._plan, self._builder = database, plan, builder
        self._position = 0
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            while self._waiting and kind is None:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def write(self, records: NDArray[np.void]) -> None:
        """Hash and hand on; waits while more than two transactions are ahead."""
        for start in range(0, len(records), STAGING_ROWS):
            part = records[start : start + STAGING_ROWS]
            data, randoms = part.tobytes(), self._plan.task.entropy(RANDOM_BYTES * len(part))
            rows = PackedRows(
                run=self._plan.run,
                position=self._position,
                width=self._plan.model.layout.width,
                subjects=part["subject"].astype(np.int64),
                effective=part["effective"].astype(np.int64),
                records=data,
                randoms=randoms,
                locators=self._builder.add(randoms, data, self._plan.model.layout.width),
            )
            self._position += len(part)
            self._waiting.append(self._pool.submit(self._insert, rows))
            if len(self._waiting) > 2:
                self._waiting.popleft().result()

    def _insert(self, rows: PackedRows) -> None:
        with self._database.writing() as connection:
            if not store.hold_staged(connection, rows.run):
                raise RunOverlapped(rows.run)
            store_assignments.stage(connection, rows)
