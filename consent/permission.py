"""Who may be processed for a purpose, and which of their data: row by row, field by field, on one snapshot.

`PermittedPopulation` is the only thing segmentation works on. Its promises:

- everybody in it was permitted for the purpose (and the channel) at `now` in the snapshot (Articles 6, 7, 21 GDPR);
- everybody left out is counted under the first reason, and `total = size + sum(left_out)` always;
- a cell that is withheld, stale or absent is null, and changing a withheld value changes not a byte of the batches;
- what cannot be read lets nobody through (PRI-10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from audit.database import to_microseconds
from consent import cells, relations, store, store_grounds
from consent.channels import channel_decision
from consent.decision import decide
from consent.errors import FieldNotForPurpose, PermissionUnavailable
from consent.relations import BROKEN, CODE, LAWFUL_CODES, REASONS
from consent.sorted_ids import among, common
from governance.vocabulary import Channel, Decision, Reason, Unit

if TYPE_CHECKING:
    from governance.fields import Field
    from governance.purposes import Purpose

Ids = npt.NDArray[np.int64]
Blocked = Callable[[Sequence[int]], Sequence[bool]]
"""Asks the block list about subjects; handed in, because this package can see no address."""

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class PopulationRequest:
    """What is asked for: whom, for which purpose, with which fields, over which channel if any."""

    purpose: Purpose
    unit: Unit
    fields: tuple[Field, ...] = ()
    channel: Channel | None = None


@dataclass(frozen=True)
class PermittedBatch:
    """Some permitted subjects, ascending, and their cells; what may not be used is null."""

    subjects: Ids
    cells: dict[str, pa.Array]


@dataclass(frozen=True)
class PermittedPopulation:
    """Everybody permitted, over the snapshot it was read from; iterate as often as needed while that is open."""

    request: PopulationRequest
    now: datetime
    watermark: int
    """Size of the log in the snapshot: what was declared later has this index or a higher one."""
    subjects: Ids
    total: int
    left_out: Mapping[Reason, int]
    hidden: Mapping[str, Ids]
    """Per field, the permitted subjects who withhold it."""
    connection: Connection = dataclass_field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """How many are permitted."""
        return len(self.subjects)

    @cached_property
    def withheld(self) -> dict[str, int]:
        """Per field, how many of the permitted withhold it."""
        return {key: len(ids) for key, ids in self.hidden.items()}

    def digest(self) -> bytes:
        """SHA-256 over purpose, instant, subjects and who withholds what: two equal digests, one population."""
        return self._digest

    @cached_property
    def _digest(self) -> bytes:
        hashed = hashlib.sha256(f"lauter/population/1\n{self.request.purpose.key}\n{self.request.unit}\n".encode())
        hashed.update(to_microseconds(self.now).to_bytes(8, "big", signed=True))
        hashed.update(len(self.subjects).to_bytes(8, "big"))
        for start in range(0, len(self.subjects), BATCH_ROWS):
            hashed.update(self.subjects[start : start + BATCH_ROWS].astype(">i8").tobytes())
        for key in sorted(self.hidden):
            mask = np.packbits(among(self.subjects, self.hidden[key]))
            hashed.update(f"\n{key}\n".encode() + mask.tobytes())
        return hashed.digest()

    def batches(self, rows: int = BATCH_ROWS, *, stated_by: int | None = None) -> Iterator[PermittedBatch]:
        """The permitted subjects with their profile cells, ascending, at most *rows* at a time.

        Args:
            stated_by: day number; a value stated later is null, because nobody knows what it was before.

        Raises:
            PermissionUnavailable: a profile cannot be read; nothing more is let through.
        """
        for start in range(0, self.size, rows):
            wanted = self.subjects[start : start + rows]
            fields, hidden = self.request.fields, self.hidden
            read = cells.read(self.connection, fields, wanted, hidden, self.now, stated_by=stated_by)
            yield PermittedBatch(wanted, read)

    def activities(self, field: Field, category: Field | None = None) -> Any:
        """Acts of permitted subjects as an Ibis relation with the columns `consent.activities.COLUMNS`.

        Raises:
            FieldNotForPurpose: the purpose may not use the field.
        """
        from consent.activities import activities_of

        _check_fields(self.request.purpose, (field,) if category is None else (field, category))
        request = self.request
        return activities_of(request.purpose, request.unit, field, category, now=self.now, channel=request.channel)

    def run_sql(self, expression: Any, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Run an Ibis expression over `activities` in the snapshot; rows come ordered by `subject`.

        Raises:
            PermissionUnavailable: the database cannot answer.
        """
        ordered = expression.order_by("subject")
        statement = store.compile_for(self.connection, ordered)
        return store.arrow_batches(self.connection, statement, ordered.schema().to_pyarrow(), rows)


def permitted(connection: Connection, request: PopulationRequest, *, now: datetime) -> PermittedPopulation:
    """Decide about everybody of the unit at once.

    Args:
        connection: a `Database.reading()` snapshot, open for as long as the population is used.
        request: purpose, unit, fields and channel.
        now: the instant that every expiry, window and staleness is judged at.

    Raises:
        FieldNotForPurpose: a field may not be used for the purpose.
        PermissionUnavailable: a declaration, profile or the log cannot be read.
    """
    _check_fields(request.purpose, request.fields)
    mark = store.watermark(connection)
    expression = relations.decisions(request.purpose, now=now, unit=request.unit, channel=request.channel)
    ids, codes = store.decided(connection, expression)
    _check_codes(codes)
    subjects = ids[_IS_LAWFUL[codes]]
    return PermittedPopulation(
        request=request,
        now=now,
        watermark=mark,
        subjects=subjects,
        total=len(ids),
        left_out=_left_out(codes),
        hidden=_hidden(connection, request, subjects),
        connection=connection,
    )


def lawful(
    connection: Connection,
    subjects: Ids,
    purpose: Purpose,
    *,
    now: datetime,
    channel: Channel | None = None,
    blocked: Blocked | None = None,
) -> npt.NDArray[np.bool_]:
    """For each subject whether processing is lawful at *now*; one that is not here any more is not.

    Under the log's lock this is the last word before a release (OBJ-3).
    """
    wanted, back = np.unique(np.asarray(subjects, dtype=np.int64), return_inverse=True)
    answer = among(wanted, _lawful_among(connection, wanted, purpose, now, channel))
    if blocked is not None and answer.any():
        stopped = np.asarray(blocked([int(each) for each in wanted[answer]]), dtype=np.bool_)
        answer[np.flatnonzero(answer)[stopped]] = False
    found: npt.NDArray[np.bool_] = answer[back]
    return found


def decide_one(
    connection: Connection,
    subject: int,
    purpose: Purpose,
    *,
    now: datetime,
    channel: Channel | None = None,
    blocked: Blocked | None = None,
) -> Decision:
    """The decision about one subject; one that is not here any more was erased.

    Raises:
        PermissionUnavailable: what the subject declared cannot be read.
    """
    found = store.known(connection, subject, purpose.key, to_microseconds(now))
    if found is None:
        return Decision(False, Reason.ERASED)
    answer = decide(purpose, found.facts, found.standing, found.objections, now=now)
    if channel is not None:
        answer = _for_channel(connection, subject, found, answer, purpose, channel, now)
    if answer.lawful and blocked is not None and blocked([subject])[0]:
        return Decision(False, Reason.ADDRESS_BLOCKED)
    return answer


def _for_channel(
    connection: Connection,
    subject: int,
    found: store.Known,
    processing: Decision,
    purpose: Purpose,
    channel: Channel,
    now: datetime,
) -> Decision:
    with store.fail_closed("what opens a channel to this subject"):
        grounds = store_grounds.open_channels(connection, subject, purpose.key)
    counterparty = found.facts.counterparty
    return channel_decision(
        processing, purpose, channel, counterparty, found.standing, found.objections, grounds, now=now
    )


def refused(connection: Connection, subjects: Ids, purpose: Purpose, channel: Channel) -> dict[int, Reason]:
    """Those of some subjects who said no to this use of the channel, and which no; the processing is not asked.

    For a company whose contacts are asked for themselves: its own consent opens nobody's mailbox, but its no closes
    them (§ 7(1) sentence 2 UWG).
    """
    ids, codes = store.decided_for(connection, relations.refusals(purpose, channel), np.unique(subjects))
    return {int(one): REASONS[int(code)] for one, code in zip(ids, codes, strict=True)}


def changed_since(connection: Connection, watermark: int) -> Ids:
    """Subjects that something was recorded about since the log had *watermark* entries, ascending.

    The publishing transaction re-checks these and nobody else: every declaration, bulk ones included, names its
    subjects beside its entry.
    """
    return store.changed_since(connection, watermark)


_IS_LAWFUL = np.isin(np.arange(len(REASONS)), LAWFUL_CODES)
_ONE_BY_ONE = 100_000
"""Up to so many subjects are asked for by name; beyond, the whole table is decided once."""


def _lawful_among(connection: Connection, wanted: Ids, purpose: Purpose, now: datetime, channel: Channel | None) -> Ids:
    expression = relations.decisions(purpose, now=now, channel=channel)
    if len(wanted) <= _ONE_BY_ONE:
        ids, codes = store.decided_for(connection, expression, wanted)
    else:
        ids, codes = store.decided(connection, expression)
    _check_codes(codes)
    return ids[_IS_LAWFUL[codes]]


def _hidden(connection: Connection, request: PopulationRequest, subjects: Ids) -> dict[str, Ids]:
    everybody = store.withheld_by_field(connection, request.purpose.key)
    nobody = np.empty(0, np.int64)
    return {each.key: common(everybody.get(each.key, nobody), subjects) for each in request.fields}


def _left_out(codes: npt.NDArray[np.int16]) -> dict[Reason, int]:
    counts = np.bincount(codes, minlength=len(REASONS))
    unlawful = (reason for reason in REASONS if CODE[reason] not in LAWFUL_CODES)
    return {reason: int(counts[CODE[reason]]) for reason in unlawful if counts[CODE[reason]]}


def _check_codes(codes: npt.NDArray[np.int16]) -> None:
    broken = int(np.count_nonzero(codes == BROKEN))
    if broken:
        raise PermissionUnavailable(
            f"{broken} subjects have a consent state nobody knows here; none is let through. Run `lauter doctor`."
        )


def _check_fields(purpose: Purpose, fields: Sequence[Field]) -> None:
    for each in fields:
        if purpose.key not in each.purposes:
            raise FieldNotForPurpose(
                f"field {each.key} may not be used for purpose {purpose.key}; the catalogue permits it for: "
                + (", ".join(sorted(each.purposes)) or "no purpose")
            )
