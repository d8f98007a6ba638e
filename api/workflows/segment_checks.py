"""Check a sample of a live run: does every record replay, and does every change that is told really flip (invariant 8)?

What an officer asks of a scheme without looking anybody up: the answer holds counts alone. The records that were read
are named in the log all the same, as one `assignment:replayed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from api.workflows.stored_definitions import stored_definition
from audit import log
from audit.errors import BadInput
from audit.fact import Fact, FactValue
from segmentation import membership, store_assignments
from segmentation.counterfactual import find_counterfactual, outcome
from segmentation.record import NO_SEGMENT, Flag, unpack
from segmentation.report import report_from_json
from segmentation.scoring import replays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor
    from segmentation.models import Model
    from segmentation.record import Record

SAMPLE = 1_000
MOST_SAMPLED = 10_000
"""One reading of records, and one fact about it, stays small."""


@dataclass(frozen=True)
class SchemeChecked:
    """What a check of a sample found."""

    scheme: str
    kind: str
    run: int
    records: int
    """How many records the live run holds."""
    sampled: int
    seed: int
    replayed: int
    """Records that came out again as stored, bit for bit in their steps."""
    asked: int
    """Assessed and neither corrected nor gone: a change is looked for."""
    found: int
    """Of these, those to whom a change can be told."""
    flipped: int
    """Of these, those whose change leads to the told segment when it is scored again, alone."""
    entry: int
    """Entry of the log about this reading."""

    @property
    def sound(self) -> bool:
        """Everything replays, and every change that is told flips."""
        return self.replayed == self.sampled and self.flipped == self.found

    @property
    def agreement(self) -> float | None:
        """Share of the sample that replays; None without anybody."""
        return self.replayed / self.sampled if self.sampled else None

    @property
    def without(self) -> float | None:
        """Share of those asked about to whom no change can be told; None without anybody."""
        return (self.asked - self.found) / self.asked if self.asked else None

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        shares = {"agreement": self.agreement, "share_without_change": self.without}
        return dict(vars(self)) | shares | {"sound": self.sound}


def check(
    house: House, scheme: str, *, sample: int = SAMPLE, seed: int = 0, actor: Actor, now: datetime
) -> SchemeChecked:
    """Replay a random sample of the live run's records and verify what they would be told.

    Raises:
        BadInput: the sample is empty or larger than is read at once.
        SchemeUnknown, NeverRun, ModelBroken: there is nothing to check.
    """
    if not 1 <= sample <= MOST_SAMPLED:
        raise BadInput(f"sample: from 1 to {MOST_SAMPLED} people")
    if seed < 0:
        raise BadInput("seed: a whole number from 0")
    with house.work.reading() as connection:
        live = membership.live(connection, scheme)
        stored = stored_definition(house, connection, live.definition, at=live.run.now)
        size, subjects = _sample(connection, live.run.id, sample, seed)
        rows = store_assignments.assignments_among(connection, live.run.id, subjects)
    fields = {**house.catalogue.fields, **stored.catalogue.fields}
    suggestable = {key: field.mutable and field.suggestable for key, field in fields.items()}
    report = report_from_json(live.run.report) if live.run.report is not None else None
    small = frozenset(number for number, segment in enumerate(report.segments) if segment.suppressed) if report else ()
    records = [unpack(row.record, live.model.layout) for row in rows]
    told = [_told(live.model, record, suggestable, frozenset(small)) for record in records if _asked(record)]
    with house.work.writing() as connection:
        body: dict[str, FactValue] = {"scheme": scheme, "run": live.run.id}
        fact = Fact("assignment:replayed", str(actor), now, body, tuple(row.subject for row in rows))
        entry = log.append(connection, [fact])
    return SchemeChecked(
        scheme=scheme,
        kind=live.model.kind.value,
        run=live.run.id,
        records=size,
        sampled=len(records),
        seed=seed,
        replayed=sum(replays(live.model, record) for record in records),
        asked=len(told),
        found=sum(flips is not None for flips in told),
        flipped=sum(bool(flips) for flips in told),
        entry=entry,
    )


def _sample(connection: Connection, run: int, sample: int, seed: int) -> tuple[int, list[int]]:
    """How many records there are, and as many people as wanted, each as likely; no more is held than a block."""
    random = np.random.default_rng(seed)
    subjects: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    keys: NDArray[np.float64] = np.zeros(0)
    size = 0
    for block in store_assignments.blocks_of(connection, run):
        size += len(block.subjects)
        subjects = np.concatenate([subjects, block.subjects])
        keys = np.concatenate([keys, random.random(len(block.subjects))])
        first = np.argsort(keys, kind="stable")[:sample]
        subjects, keys = subjects[first], keys[first]
    return size, sorted(subjects.tolist())


def _asked(record: Record) -> bool:
    """Whether a change is looked for at all."""
    return record.effective != NO_SEGMENT and not record.flags & (Flag.CORRECTED | Flag.LEFT | Flag.NOT_ASSESSED)


def _told(model: Model, record: Record, suggestable: Mapping[str, bool], suppressed: frozenset[int]) -> bool | None:
    """Whether the change that would be told flips when scored again by itself; None where none would be told."""
    found = find_counterfactual(model, record, suggestable, suppressed=suppressed)
    if found is None:
        return None
    [segment] = outcome(model, record, [found.changes], suppressed)
    return segment == found.segment and segment != record.effective
