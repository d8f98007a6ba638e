"""The SQL behind the permission check: decisions, profiles and withheld fields of one snapshot, in bulk.

Numbers and JSON come out of the database as a few long strings per 65,536 rows, parsed by numpy and Arrow: a third of
the time that a million Python tuples take.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import ibis
import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.json
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from audit import log
from audit.database import from_microseconds
from audit.tables import log_leaf, log_subject
from consent.errors import PermissionUnavailable
from consent.replay import EVERY_PURPOSE
from consent.sorted_ids import among
from consent.standing import NO_OBJECTIONS, NO_STANDING, Objections, Standing, SubjectFacts
from consent.tables import objection, standing
from governance.tables import subject
from governance.vocabulary import ConsentState

Ids = npt.NDArray[np.int64]

DECISION_ROWS = 262_144
JSON_BLOCK = 4 << 20
"""Bytes per parsing block; a longer line is parsed in one block of its own."""

LOOKS = ("assignment:explained", "assignment:proven", "assignment:read", "channel:used", "subject:viewed")
"""Facts after which everything about a subject is permitted that was permitted before."""

UNREADABLE = (SQLAlchemyError, sqlite3.Error, psycopg.Error, pa.ArrowException, ValueError, TypeError, OverflowError)


class ProfileChunk(NamedTuple):
    """Profiles of a range of subjects, ascending."""

    subjects: Ids
    cells: pa.Table
    observed_on: Ids | None
    observed: pa.Table | None


class Known(NamedTuple):
    """What one decision needs."""

    facts: SubjectFacts
    standing: Standing
    objections: Objections


@contextmanager
def fail_closed(what: str) -> Iterator[None]:
    """Turn whatever keeps *what* from being read into a refusal that shows nobody's data (PRI-10)."""
    try:
        yield
    except UNREADABLE as error:
        kind = type(error).__name__
        raise PermissionUnavailable(
            f"{what} cannot be read ({kind}); nobody is let through. Run `lauter doctor`."
        ) from None


def compile_for(connection: Connection, expression: Any) -> str:
    """The SQL of an Ibis expression in the connection's dialect."""
    dialect = "sqlite" if connection.dialect.name == "sqlite" else "postgres"
    return str(ibis.to_sql(expression, dialect=dialect))


def watermark(connection: Connection) -> int:
    """Size of the log in this snapshot."""
    with fail_closed("the log"):
        return log.size(connection)


def decided(connection: Connection, decisions: Any) -> tuple[Ids, npt.NDArray[np.int16]]:
    """Subject ids, ascending, and the code of each decision."""
    return _decided(connection, compile_for(connection, decisions), "")


def _decided(connection: Connection, inner: str, among: str) -> tuple[Ids, npt.NDArray[np.int16]]:
    statement = (
        f"SELECT {_joined(connection, 'id')}, {_joined(connection, 'reason')} FROM (SELECT id, reason "  # noqa: S608
        f"FROM ({inner}) AS d WHERE id > {{last}} {among} ORDER BY id LIMIT {DECISION_ROWS}) AS c"
    )
    ids: list[Ids] = []
    codes: list[npt.NDArray[np.int16]] = []
    last = -(2**63)
    with fail_closed("what people declared"):
        while row := _one(connection, statement.format(last=last)):
            part = _numbers(row[0])
            order = np.argsort(part, kind="stable")
            ids.append(part[order])
            codes.append(_numbers(row[1])[order].astype(np.int16))
            last = int(ids[-1][-1])
            if len(part) < DECISION_ROWS:
                break
    if not ids:
        return np.empty(0, np.int64), np.empty(0, np.int16)
    return np.concatenate(ids), np.concatenate(codes)


def decided_for(connection: Connection, decisions: Any, subjects: Ids) -> tuple[Ids, npt.NDArray[np.int16]]:
    """The same for some subjects only; in pieces that every database takes as literals."""
    inner = compile_for(connection, decisions)  # once; within the expression every single id would be compiled, too
    ids: list[Ids] = []
    codes: list[npt.NDArray[np.int16]] = []
    for start in range(0, len(subjects), 8192):
        piece = ", ".join(str(int(each)) for each in subjects[start : start + 8192])
        part_ids, part_codes = _decided(connection, inner, f"AND id IN ({piece})")
        ids.append(part_ids)
        codes.append(part_codes)
    if not ids:
        return np.empty(0, np.int64), np.empty(0, np.int16)
    return np.concatenate(ids), np.concatenate(codes)


def subject_ids(connection: Connection, expression: Any) -> Ids:
    """The one integer column of an expression, ascending."""
    name = expression.columns[0]
    inner = compile_for(connection, expression)
    with fail_closed("what people withheld"):
        row = _one(connection, f"SELECT {_joined(connection, name)} FROM ({inner}) AS w")  # noqa: S608
        return np.sort(_numbers(row[0])) if row else np.empty(0, np.int64)


def withheld_by_field(connection: Connection, purpose: str) -> dict[str, Ids]:
    """Per field, everybody who withholds it for the purpose, ascending; the same as `relations.withheld_subjects`."""
    statement = text(
        f"SELECT field, purpose, released, {_joined(connection, 'subject')} FROM withheld "  # noqa: S608
        "WHERE purpose IN (:every, :purpose) GROUP BY field, purpose, released"
    )
    with fail_closed("what people withheld"):
        rows = connection.execute(statement, {"every": EVERY_PURPOSE, "purpose": purpose}).all()
        parts = {(row[0], row[1], bool(row[2])): _numbers(row[3]) for row in rows}
    nobody = np.empty(0, np.int64)
    found: dict[str, Ids] = {}
    for field in {key[0] for key in parts}:
        named, released = (parts.get((field, purpose, state), nobody) for state in (False, True))
        everywhere = np.setdiff1d(parts.get((field, EVERY_PURPOSE, False), nobody), released)
        found[field] = np.union1d(named, everywhere)
    return found


def profiles(connection: Connection, wanted: Ids, schema: pa.Schema, observed: pa.Schema | None) -> ProfileChunk:
    """The profiles of those *wanted* who have one; nobody else's is looked into. Columns as *schema* says."""
    columns = ["subject", "attributes"] + (["observed_on", "observed"] if observed is not None else [])
    parts = [_column(connection, name) for name in columns]
    where, values = _among(connection, wanted)
    statement = text(f"SELECT {', '.join(parts)} FROM profile WHERE {where}")  # noqa: S608
    with fail_closed("the profiles"):
        row = connection.execute(statement, values).one()
        subjects = _numbers(row[0]) if row[0] else np.empty(0, np.int64)
        order = np.argsort(subjects, kind="stable")
        order = order[among(subjects[order], wanted)]
        cells = _parse(_lines(row[1], order, len(subjects)), schema)
        if observed is None:
            return ProfileChunk(subjects[order], cells, None, None)
        days = _numbers(row[2]) if row[2] else np.empty(0, np.int64)
        return ProfileChunk(subjects[order], cells, days[order], _parse(_lines(row[3], order, len(subjects)), observed))


def _column(connection: Connection, name: str) -> str:
    if name in ("subject", "observed_on"):
        return _joined(connection, name, order="subject")
    value = "coalesce(observed, '{}')" if name == "observed" else name
    return _joined(connection, value, separator="\n", order="subject")


def _among(connection: Connection, wanted: Ids) -> tuple[str, dict[str, Any]]:
    """By range where the wanted lie close together, else by name: memory stays bounded by the batch."""
    low, high = int(wanted[0]), int(wanted[-1])
    if high - low < 3 * len(wanted):
        return "subject BETWEEN :low AND :high", {"low": low, "high": high}
    if connection.dialect.name == "sqlite":
        return "subject IN (SELECT value FROM json_each(:ids))", {"ids": str(wanted.tolist())}
    return "subject = ANY(:ids)", {"ids": wanted.tolist()}


def _joined(connection: Connection, value: str, *, separator: str = ",", order: str | None = None) -> str:
    if connection.dialect.name == "sqlite":
        shown = "char(10)" if separator == "\n" else f"'{separator}'"
        return f"group_concat({value}, {shown})"
    shown = "chr(10)" if separator == "\n" else f"'{separator}'"
    return (
        f"string_agg(CAST({value} AS text), {shown} ORDER BY {order or value})"
        if order
        else (f"string_agg(CAST({value} AS text), {shown})")
    )


def _one(connection: Connection, statement: str) -> Any:
    row = connection.execute(text(statement.replace(":", r"\:"))).one()
    return row if row[0] is not None else None


def _numbers(joined: str) -> Ids:
    return np.fromstring(joined, dtype=np.int64, sep=",")


def _lines(joined: str | None, order: Ids, rows: int) -> list[str]:
    lines = joined.split("\n") if joined is not None else []
    if len(lines) != rows:
        raise ValueError("a row is not one line")
    if len(order) == rows and bool(np.all(order[1:] > order[:-1])):
        return lines
    return [lines[at] for at in order.tolist()]


def _parse(lines: list[str], schema: pa.Schema) -> pa.Table:
    if not lines:
        return schema.empty_table()
    data = "\n".join(lines).encode()
    longest = max(map(len, lines)) * 4 + 1  # bytes of one character
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    reading = pyarrow.json.ReadOptions(block_size=min(max(JSON_BLOCK, longest), len(data) + 1))
    table = pyarrow.json.read_json(io.BytesIO(data), read_options=reading, parse_options=options)
    if table.num_rows != len(lines):
        raise ValueError("a row is not one JSON object")
    return table.select(schema.names)


def known(connection: Connection, number: int, purpose: str, now_us: int) -> Known | None:
    """Everything one decision looks at, or None when the subject is not here."""
    with fail_closed("what this subject declared"):
        row = connection.execute(select(subject).where(subject.c.id == number)).one_or_none()
        if row is None:
            return None
        standing_row = connection.execute(
            select(standing).where(standing.c.subject == number, standing.c.purpose == purpose)
        ).one_or_none()
        objection_row = connection.execute(select(objection).where(objection.c.subject == number)).one_or_none()
        informed = row.informed_at is not None and row.informed_at <= from_microseconds(now_us)
        facts = SubjectFacts(
            natural=row.natural,
            restricted=row.restricted_at is not None,
            erased=row.erased_at is not None,
            minor=row.minor,
            informed=informed,
            contract_active=bool(row.contract_active),
            counterparty=row.counterparty,
        )
        return Known(facts, _standing(standing_row), _objections(objection_row))


def _standing(row: Any) -> Standing:
    if row is None:
        return NO_STANDING
    return Standing(
        state=None if row.state is None else ConsentState(row.state),
        valid_until=row.valid_until,
        granted_at=row.granted_at,
        objected=bool(row.objected),
        channels=row.channels,
        channels_denied=row.channels_denied,
    )


def _objections(row: Any) -> Objections:
    if row is None:
        return NO_OBJECTIONS
    return Objections(row.general_at, row.marketing_at, row.profiling_at)


def changed_since(connection: Connection, index: int) -> Ids:
    """Subjects that an entry of the log from *index* on is about, ascending; entries that only looked are left out."""
    entries = select(log_subject.c.subject).join(log_leaf, log_leaf.c.idx == log_subject.c.idx)
    changing = entries.where(log_subject.c.idx >= index, log_leaf.c.kind.not_in(LOOKS))
    with fail_closed("the log"):
        found = connection.execute(changing).scalars()
        return np.unique(np.fromiter(found, dtype=np.int64))


def arrow_batches(connection: Connection, statement: str, schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a query as Arrow batches, never more than *rows* of them in memory."""
    # A cursor's name is unique in a session, and a scheme may read two kinds of activities side by side.
    arguments = {} if connection.dialect.name == "sqlite" else {"name": f"lauter_rows_{uuid4().hex}"}
    cursor = connection.connection.cursor(**arguments)
    try:
        with fail_closed("the activities"):
            cursor.execute(statement)
        while True:
            with fail_closed("the activities"):
                piece = cursor.fetchmany(rows)
                batch = _to_batch(piece, schema) if piece else None
            if batch is None:
                return
            yield batch
    finally:
        cursor.close()


def _to_batch(piece: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*piece, strict=True)
    return pa.record_batch(
        [pa.array(column, type=kind.type) for column, kind in zip(columns, schema, strict=True)], schema=schema
    )
