"""The SQL of computing the projections again: whole ranges of subjects, in and out as plain tuples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, func, select

from audit.database import from_microseconds, insert_rows
from consent.replay_many import ACTS, AT_LAST, CHANNELS, NEVER, SOURCES, STATES, Acts, Standings
from consent.store_ledger import IDS_PER_QUERY, OBJECTION_COLUMNS, STANDING_COLUMNS, WITHHELD_COLUMNS, Recorded
from consent.tables import declaration, objection, standing, withheld
from governance.vocabulary import Act, Channel, Declaration, Scope, Source

FIRST, LAST = -(2**63), 2**63 - 1
_ACT = {act.value: code for code, act in enumerate(ACTS)}
_CHANNEL = {None if each is None else each.value: code for code, each in enumerate(CHANNELS)}
_SOURCE = {source.value: code for code, source in enumerate(SOURCES)}
_STATE = tuple(None if state is None else state.value for state in STATES)
_COLUMNS = (
    "subject, seq, act, scope, purpose, channel, field, source, evidence IS NOT NULL, said_at, received_at, "
    f"COALESCE(valid_until, {AT_LAST}), COALESCE(evidence_said_at, {NEVER})"
)


class Range(NamedTuple):
    """Subjects above *low* up to *high*."""

    low: int
    high: int


@dataclass(frozen=True)
class Part:
    """What the declarations of a range say: about purposes as columns, the rest one by one."""

    acts: Acts
    purposes: tuple[str, ...]
    others: dict[int, list[Recorded]]
    subjects: int


def newest(connection: Connection) -> int:
    """Number of the newest declaration."""
    return int(connection.execute(select(func.coalesce(func.max(declaration.c.seq), 0))).scalar_one())


def next_range(connection: Connection, low: int, rows: int) -> Range:
    """The next subjects with about so many declarations; the last range reaches to the end of all numbers."""
    column = declaration.c.subject
    edge = select(column).where(column > low).order_by(column).limit(1).offset(rows - 1)
    high = connection.execute(edge).scalar_one_or_none()
    return Range(low, LAST if high is None else int(high))


def changed_in(connection: Connection, range_: Range, since: int) -> bool:
    """Whether anything was declared in the range after declaration *since*."""
    column = declaration.c.subject
    later = select(declaration.c.seq).where(declaration.c.seq > since, column > range_.low, column <= range_.high)
    return connection.execute(later.limit(1)).first() is not None


def read(connection: Connection, range_: Range) -> Part:
    """Everything declared in the range."""
    return _part(_rows(connection, f"subject > {range_.low:d} AND subject <= {range_.high:d}"))


def read_of(connection: Connection, subjects: Sequence[int]) -> Part:
    """Everything that some subjects declared."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(subjects), IDS_PER_QUERY):
        among = ", ".join(f"{number:d}" for number in subjects[start : start + IDS_PER_QUERY])
        rows += _rows(connection, f"subject IN ({among})")
    return _part(rows)


def _rows(connection: Connection, which: str) -> list[tuple[Any, ...]]:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"SELECT {_COLUMNS} FROM declaration WHERE {which} ORDER BY subject, seq")  # noqa: S608
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _part(rows: Sequence[tuple[Any, ...]]) -> Part:
    plain = [row for row in rows if row[6] is None and row[3] == "purpose"]
    others: dict[int, list[Recorded]] = {}
    if len(plain) != len(rows):
        for row in rows:
            if row[6] is not None or row[3] != "purpose":
                others.setdefault(row[0], []).append(_recorded(row))
    purposes = tuple(sorted({row[4] for row in plain}))
    return Part(_acts(plain, purposes), purposes, others, len({row[0] for row in rows}))


def _acts(rows: Sequence[tuple[Any, ...]], purposes: Sequence[str]) -> Acts:
    columns = tuple(zip(*rows, strict=True)) if rows else ((),) * 13
    keys = {key: code for code, key in enumerate(purposes)}
    count = len(rows)

    def numbers(at: int) -> Any:
        return np.fromiter(columns[at], np.int64, count)

    def codes(at: int, known: dict[Any, int]) -> Any:
        return np.fromiter(map(known.__getitem__, columns[at]), np.int8, count)

    return Acts(
        subject=numbers(0),
        seq=numbers(1),
        act=codes(2, _ACT),
        purpose=np.fromiter(map(keys.__getitem__, columns[4]), np.int64, count),
        channel=codes(5, _CHANNEL),
        source=codes(7, _SOURCE),
        evidence=np.fromiter(columns[8], np.bool_, count),
        said_at=numbers(9),
        received_at=numbers(10),
        valid_until=numbers(11),
        evidence_said_at=numbers(12),
    )


def _recorded(row: tuple[Any, ...]) -> Recorded:
    subject, seq, act, scope, purpose, channel, field, source, evidence, said_at, received_at, _, shown = row
    said = Declaration(
        act=Act(act),
        scope=Scope(scope),
        purpose=purpose,
        channel=None if channel is None else Channel(channel),
        field=field,
        said_at=from_microseconds(said_at),
        received_at=from_microseconds(received_at),
        source=Source(source),
        has_evidence=bool(evidence),
        evidence_said_at=None if shown == NEVER else from_microseconds(shown),
    )
    return Recorded(seq, subject, said, None)


@dataclass(frozen=True)
class Keys:
    """What the projections are clustered by, so that a range of subjects is found in them without a scan."""

    purposes: frozenset[str]
    fields: frozenset[tuple[str, str]]


def keys_in(connection: Connection) -> Keys:
    """Purposes and fields that the projections have rows for."""
    purposes = connection.execute(select(standing.c.purpose).distinct()).scalars()
    fields = connection.execute(select(withheld.c.purpose, withheld.c.field).distinct())
    return Keys(frozenset(purposes), frozenset((row.purpose, row.field) for row in fields))


Rows = Iterable[tuple[Any, ...]]


def replace(connection: Connection, range_: Range, keys: Keys, standings: Rows, objections: Rows, fields: Rows) -> None:
    """Put the projections of a range in the place of what stood there."""
    for purpose in sorted(keys.purposes):
        connection.execute(delete(standing).where(standing.c.purpose == purpose, *_within(standing, range_)))
    for purpose, field in sorted(keys.fields):
        about = (withheld.c.purpose == purpose, withheld.c.field == field)
        connection.execute(delete(withheld).where(*about, *_within(withheld, range_)))
    connection.execute(delete(objection).where(*_within(objection, range_)))
    add(connection, standings, objections, fields)


def add(connection: Connection, standings: Rows, objections: Rows, fields: Rows) -> None:
    """Put projected rows where nothing stands, each list in the order of its table's key."""
    insert_rows(connection, standing, STANDING_COLUMNS, standings)
    insert_rows(connection, objection, OBJECTION_COLUMNS, objections)
    insert_rows(connection, withheld, WITHHELD_COLUMNS, fields)


def _within(table: Any, range_: Range) -> tuple[Any, Any]:
    return table.c.subject > range_.low, table.c.subject <= range_.high


def standing_rows(found: Standings, purposes: Sequence[str]) -> Rows:
    """The rows of `standing`, ordered as its key is."""
    return zip(
        map(purposes.__getitem__, found.purpose.tolist()),
        found.subject.tolist(),
        map(_STATE.__getitem__, found.state.tolist()),
        map(_time, found.valid_until.tolist()),
        map(_time, found.granted_at.tolist()),
        found.objected.astype(np.int8).tolist(),
        found.channels.tolist(),
        found.channels_denied.tolist(),
        found.seq.tolist(),
        strict=True,
    )


def _time(moment: int) -> int | None:
    return None if moment == NEVER else moment
