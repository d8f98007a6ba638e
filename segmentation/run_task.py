"""What one run works on: its order, who was where before, and what is counted on the way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from consent.permission import PermittedPopulation
from consent.relations import CODE, LAWFUL_CODES, decisions
from governance.catalogue import Catalogue
from governance.purposes import Purpose
from governance.vocabulary import Actor, Reason
from segmentation import store_assignments
from segmentation.definitions import Definition
from segmentation.models import Model
from segmentation.periods import day_of
from segmentation.record import NO_SEGMENT, reason_code
from segmentation.steadiness import Earlier, OldModel, nobody

Progress = Callable[[int, int | None], None]
"""Called with how many people are done and how many there are."""


def no_progress(_done: int, _of: int | None) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Task:
    """The order of one run."""

    definition: Definition
    version: int
    catalogue: Catalogue
    actor: Actor
    now: datetime
    code_version: str
    refit: bool = False
    entropy: Callable[[int], bytes] = os.urandom
    """Source of the 16 random bytes of each leaf."""
    progress: Progress = no_progress
    cause: str = "hand"
    """hand, schedule or change."""
    incremental: bool = False
    """Record only whom something changed for, where the last run allows it."""

    @property
    def purpose(self) -> Purpose:
        """The purpose everybody is asked for."""
        return self.catalogue.purpose(self.definition.purpose)

    @property
    def today(self) -> int:
        """The day of the run by the controller's calendar."""
        return day_of(self.now, self.definition.zone)


@dataclass
class Clock:
    """Seconds by stage; monotonic, never the time of day."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - started, 4)


@dataclass(frozen=True)
class Before:
    """The last run against today's population."""

    run: int | None
    earlier: Earlier
    """The permitted, in their order."""
    leavers: NDArray[np.int64]
    """In the last run and not permitted now, ascending."""
    leaver_segments: NDArray[np.int16]
    leaver_reasons: NDArray[np.uint8]
    """Record codes of why."""
    old: OldModel | None = None
    """The last run's model, where another one of the same inputs takes its place."""


def before_this(
    connection: Connection, population: PermittedPopulation, task: Task, last: tuple[int, Model] | None, model: Model
) -> Before:
    """Look the last run up; segments are told by key, so that another version of the scheme compares rightly."""
    earlier = nobody(population.size)
    if last is None:
        none = np.zeros(0, dtype=np.int64)
        return Before(None, earlier, none, none.astype(np.int16), none.astype(np.uint8))
    segments = earlier.segments.copy()
    renumber = renumbering(last[1], model)
    gone: list[NDArray[np.int64]] = []
    gone_from: list[NDArray[np.int16]] = []
    for block in store_assignments.blocks_of(connection, last[0]):
        present = np.isin(block.subjects, population.subjects, assume_unique=True)
        places = np.searchsorted(population.subjects, block.subjects[present])
        segments[places] = renumber[block.effective[present]]
        leaving = ~present & ~block.left
        gone.append(block.subjects[leaving])
        gone_from.append(renumber[block.effective[leaving]])
    leavers = np.concatenate([np.zeros(0, dtype=np.int64), *gone])
    return Before(
        last[0],
        _waiting(connection, population, last[0], renumber, model, segments),
        leavers,
        np.concatenate([np.zeros(0, dtype=np.int16), *gone_from]),
        _reasons(population, task, leavers),
        OldModel(last[1], renumber) if last[1].digest != model.digest and last[1].features == model.features else None,
    )


def _waiting(
    connection: Connection,
    population: PermittedPopulation,
    run: int,
    renumber: NDArray[np.int16],
    model: Model,
    segments: NDArray[np.int16],
) -> Earlier:
    """What the last run wanted; read only where the scheme has a guard that asks for it."""
    wanted, queued = np.full(len(segments), NO_SEGMENT, dtype=np.int16), np.zeros(len(segments), dtype=bool)
    if model.stability.margin > 0 or model.stability.budget is not None:
        found = store_assignments.waiting_in(connection, run)
        present = np.isin(found.subjects, population.subjects, assume_unique=True)
        places = np.searchsorted(population.subjects, found.subjects[present])
        wanted[places] = renumber[found.wanted[present]]
        queued[places] = found.queued[present]
    return Earlier(segments, wanted, queued)


def renumbering(old: Model, new: Model) -> NDArray[np.int16]:
    """Old segment number to new one by key; the last item is that of -1."""
    numbers = {segment.key: number for number, segment in enumerate(new.segments)}
    return np.array([*(numbers.get(segment.key, NO_SEGMENT) for segment in old.segments), NO_SEGMENT], dtype=np.int16)


def _reasons(population: PermittedPopulation, task: Task, leavers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Why each leaver is not permitted; whoever is not here any more was erased."""
    codes = np.full(len(leavers), reason_code(Reason.ERASED), dtype=np.uint8)
    if not len(leavers):
        return codes
    decided = decisions(task.purpose, now=task.now, unit=task.definition.unit)
    unlawful = decided.filter(~decided.reason.isin(LAWFUL_CODES)).select(subject="id", reason="reason")
    to_record = {code: reason_code(reason) for reason, code in CODE.items()}
    for batch in population.run_sql(unlawful):
        subjects = batch.column("subject").to_numpy(zero_copy_only=False)
        reasons = batch.column("reason").to_numpy(zero_copy_only=False)
        places = np.searchsorted(leavers, subjects)
        hit = places < len(leavers)
        hit[hit] = leavers[places[hit]] == subjects[hit]
        codes[places[hit]] = [to_record[int(code)] for code in reasons[hit]]
    return codes
