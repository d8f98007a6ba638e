"""All SQL about people and companies: subject, profile, activity, import_record.

Rows are written as tuples in the form the database keeps; keys are looked up by the thousand. Reading helpers take and
give whole lists, in the order asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from audit.database import from_microseconds, insert_rows, to_microseconds
from governance.bulk import select_by_keys
from governance.tables import activity, import_record, profile, subject

SUBJECT_COLUMNS = (
    "id",
    "pseudonym",
    "unit",
    "natural",
    "account",
    "parent",
    "counterparty",
    "role_mailbox",
    "minor",
    "contract_active",
    "informed_at",
    "created_at",
    "updated_at",
)
CHANGEABLE = ("natural", "account", "parent", "counterparty", "role_mailbox", "minor", "contract_active", "informed_at")
"""What a later import may change of a subject."""
ACTIVITY_COLUMNS = (
    "owner",
    "day",
    "seq",
    "kind",
    "amount",
    "quantity",
    "occasion",
    "currency",
    "category",
    "batch",
)
_NUMBERING_LOCK = 0x4C61_7574_6572  # advisory: two imports on PostgreSQL must not draw the same numbers
_PART = 8_192


@dataclass(frozen=True)
class SubjectRow:
    """What the work database knows of one subject; instants are microseconds since 1970."""

    id: int
    natural: bool
    account: int | None
    parent: int | None
    counterparty: str
    role_mailbox: bool
    minor: bool | None
    contract_active: bool | None
    informed_at: int | None
    erased_at: int | None


@dataclass(frozen=True)
class Counts:
    """How much is held; exact, so for the operator and the officer."""

    contacts: int
    accounts: int
    natural_accounts: int
    erased: int
    activities: int

    def to_json(self) -> dict[str, int]:
        """All of it."""
        return dict(vars(self))


def subject_of(connection: Connection, pseudonyms: Sequence[bytes]) -> list[int | None]:
    """The subject id of each pseudonym, or None where the work database has no row."""
    found = {
        bytes(row[1]): int(row[0])
        for row in select_by_keys(connection, subject, ("id", "pseudonym"), "pseudonym", pseudonyms)
    }
    return [found.get(pseudonym) for pseudonym in pseudonyms]


def pseudonyms_of(connection: Connection, ids: Sequence[int]) -> list[bytes | None]:
    """The pseudonym of each subject id, or None where there is no such subject."""
    found = {row[0]: bytes(row[1]) for row in _by_number(connection, subject, ("id", "pseudonym"), "id", ids)}
    return [found.get(number) for number in ids]


def subject_row(connection: Connection, number: int) -> Row[Any] | None:
    """The whole row of one subject, instants as datetimes; None where there is none."""
    return connection.execute(select(subject).where(subject.c.id == number)).one_or_none()


def profile_of(connection: Connection, number: int) -> tuple[dict[str, Any], int, dict[str, int]] | None:
    """Attributes, the day they were stated, and the days that differ by field; None without a profile."""
    row = connection.execute(select(profile).where(profile.c.subject == number)).one_or_none()
    if row is None:
        return None
    return json.loads(row.attributes), row.observed_on, json.loads(row.observed) if row.observed else {}


def counts(connection: Connection) -> Counts:
    """How many people, companies and activities are held."""
    query = select(subject.c.unit, subject.c.natural, subject.c.erased_at.is_not(None), func.count()).group_by(
        subject.c.unit, subject.c.natural, subject.c.erased_at.is_not(None)
    )
    rows = [tuple(row) for row in connection.execute(query)]
    live = [row for row in rows if not row[2]]
    return Counts(
        contacts=sum(row[3] for row in live if row[0] == "contact"),
        accounts=sum(row[3] for row in live if row[0] == "account"),
        natural_accounts=sum(row[3] for row in live if row[0] == "account" and row[1]),
        erased=sum(row[3] for row in rows if row[2]),
        activities=int(connection.execute(select(func.count()).select_from(activity)).scalar_one()),
    )


def subject_rows(connection: Connection, ids: Sequence[int]) -> dict[int, SubjectRow]:
    """The changeable part of the subjects, by id."""
    columns = ("id", *CHANGEABLE, "erased_at")
    return {row[0]: SubjectRow(*row) for row in _by_number(connection, subject, columns, "id", ids)}


def profiles(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, int, str | None]]:
    """Attributes as stored, day stated and days by field, by subject id."""
    columns = ("subject", "attributes", "observed_on", "observed")
    return {row[0]: tuple(row[1:]) for row in _by_number(connection, profile, columns, "subject", ids)}


def next_number(connection: Connection, table: Table = subject) -> int:
    """The first free number of a table; call it in the writing transaction that uses it."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_NUMBERING_LOCK})")
    return int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1


def add_subjects(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert subjects as tuples of SUBJECT_COLUMNS."""
    return insert_rows(connection, subject, SUBJECT_COLUMNS, rows)


def add_profiles(connection: Connection, rows: Iterable[tuple[int, str, int, str | None]]) -> int:
    """Insert profiles as (subject, attributes, observed_on, observed)."""
    return insert_rows(connection, profile, ("subject", "attributes", "observed_on", "observed"), rows)


def change_subjects(connection: Connection, rows: Sequence[SubjectRow], *, now: datetime) -> None:
    """Write the changeable part of the subjects anew."""
    at = to_microseconds(now)
    columns = (*CHANGEABLE, "updated_at")
    values = [(*(getattr(row, name) for name in CHANGEABLE), at, row.id) for row in rows]
    _update(connection, subject, columns, "id", values)


def touch_subjects(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Note that an import changed something about the subjects."""
    _update(connection, subject, ("updated_at",), "id", [(to_microseconds(now), number) for number in ids])


def change_profiles(connection: Connection, rows: Sequence[tuple[int, str, int, str | None]]) -> None:
    """Write profiles anew: (subject, attributes, observed_on, observed)."""
    values = [(attributes, day, days, number) for number, attributes, day, days in rows]
    _update(connection, profile, ("attributes", "observed_on", "observed"), "subject", values)


def add_activities(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert activities as tuples of ACTIVITY_COLUMNS; those held already are passed over.

    Returns:
        How many were new.
    """
    return insert_rows(connection, activity, ACTIVITY_COLUMNS, rows, ignore=True)


def known_activities(connection: Connection, keys: Sequence[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    """Which of the (owner, day, seq) are held already."""
    owners = sorted({key[0] for key in keys})
    wanted = set(keys)
    found = _by_number(connection, activity, ("owner", "day", "seq"), "owner", owners)
    return {(row[0], row[1], row[2]) for row in found} & wanted


def start_import(connection: Connection, kind: str, actor: str, mapping: bytes, *, now: datetime) -> int:
    """Record that an import began.

    Returns:
        Its number.
    """
    number = next_number(connection, import_record)
    columns = ("id", "kind", "started_at", "actor", "mapping")
    insert_rows(connection, import_record, columns, [(number, kind, to_microseconds(now), actor, mapping)])
    return number


def finish_import(connection: Connection, number: int, report: str, *, now: datetime) -> None:
    """Record that it ended, with its report (JSON without a value of a row)."""
    connection.execute(update(import_record).where(import_record.c.id == number).values(finished_at=now, report=report))


def imports(connection: Connection, limit: int = 50) -> list[Row[Any]]:
    """The latest imports, newest first."""
    return list(connection.execute(select(import_record).order_by(import_record.c.id.desc()).limit(limit)))


def _quoted(columns: Sequence[str]) -> list[str]:
    """Names of our own as SQL identifiers: `natural` is a reserved word."""
    return [f'"{name}"' for name in columns]


def _by_number(
    connection: Connection, table: Table, columns: Sequence[str], key: str, ids: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    head = f'SELECT {", ".join(_quoted(columns))} FROM "{table.name}" WHERE {key}'  # noqa: S608
    cursor = connection.connection.cursor()
    try:
        for start in range(0, len(ids), _PART):
            part = list(ids[start : start + _PART])
            if connection.dialect.name == "sqlite":
                query = f"{head} IN (SELECT value FROM json_each(?))"  # noqa: S608
                cursor.execute(query, (json.dumps(part),))
            else:
                cursor.execute(f"{head} = ANY(%s)", (part,))
            yield from cursor.fetchall()
    finally:
        cursor.close()


def _update(
    connection: Connection, table: Table, columns: Sequence[str], key: str, values: list[tuple[Any, ...]]
) -> None:
    if not values:
        return
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sets = ", ".join(f"{name} = {mark}" for name in _quoted(columns))
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(f'UPDATE "{table.name}" SET {sets} WHERE {key} = {mark}', values)  # noqa: S608
    finally:
        cursor.close()


def instant(value: int | None) -> datetime | None:
    """An instant as stored, as a datetime."""
    return None if value is None else from_microseconds(value)
