"""The decision about one person by pseudonym, with one read: for a question that is asked before each use.

The same facts and the same pure rules as `permission.decide_one`, and the same answer; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Dialect, and_, bindparam, select

from audit.database import from_microseconds, to_microseconds
from consent import store
from consent.channels import NO_GROUNDS, Grounds, channel_decision
from consent.decision import decide
from consent.standing import NO_STANDING, Objections, Standing, SubjectFacts
from consent.tables import objection, open_channel, standing
from governance.tables import subject
from governance.vocabulary import Channel, ConsentState, Decision, Reason

if TYPE_CHECKING:
    from consent.permission import Blocked
    from governance.purposes import Purpose


def decide_about(
    connection: Connection,
    pseudonym: bytes,
    purpose: Purpose,
    *,
    now: datetime,
    channel: Channel | None = None,
    blocked: Blocked | None = None,
) -> Decision:
    """The decision about whoever is behind a pseudonym; one that is not here any more was erased.

    Raises:
        PermissionUnavailable: what the subject declared cannot be read.
    """
    with store.fail_closed("what this subject declared"):
        row = _read(connection, pseudonym, purpose.key)
        if row is None:
            return Decision(False, Reason.ERASED)
        facts, stands, objections, grounds = _facts(row, now), _standing(row), _objections(row), _grounds(row)
    answer = decide(purpose, facts, stands, objections, now=now)
    if channel is not None:
        about = (answer, purpose, channel, facts.counterparty, stands, objections, grounds)
        answer = channel_decision(*about, now=now)
    if answer.lawful and blocked is not None and blocked([row.id])[0]:
        return Decision(False, Reason.ADDRESS_BLOCKED)
    return answer


class _Row(NamedTuple):
    """Subject, standing, objections and open channels of one person for one purpose; times in microseconds."""

    id: int
    natural: int
    minor: int | None
    informed_at: int | None
    contract_active: int | None
    counterparty: str
    restricted_at: int | None
    erased_at: int | None
    state: str | None
    valid_until: int | None
    granted_at: int | None
    objected: int | None
    channels: int
    channels_denied: int
    general_at: int | None
    marketing_at: int | None
    profiling_at: int | None
    customer: int | None
    presumed: int


_FROM = {"subject": subject, "standing": standing, "objection": objection, "open_channel": open_channel}


def _read(connection: Connection, pseudonym: bytes, key: str) -> _Row | None:
    """Straight from the driver: the statement is compiled once, and its few columns need no types."""
    values = {"pseudonym": pseudonym, "key": key}
    statement, order = _statement(connection.dialect)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, values if order is None else tuple(values[name] for name in order))
        row = cursor.fetchone()
    finally:
        cursor.close()
    return None if row is None else _Row._make(row)


@cache
def _statement(dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """The SQL and, where places are counted, the order of its parameters."""
    key: Any = bindparam("key")
    columns = [next(table.c[name] for table in _FROM.values() if name in table.c) for name in _Row._fields]
    statement = (
        select(*columns)
        .select_from(subject)
        .outerjoin(standing, and_(standing.c.subject == subject.c.id, standing.c.purpose == key))
        .outerjoin(objection, objection.c.subject == subject.c.id)
        .outerjoin(open_channel, and_(open_channel.c.subject == subject.c.id, open_channel.c.purpose == key))
        .where(subject.c.pseudonym == bindparam("pseudonym"))
    )
    compiled = statement.compile(dialect=dialect)
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return str(compiled), order


def _facts(row: _Row, now: datetime) -> SubjectFacts:
    return SubjectFacts(
        natural=bool(row.natural),
        restricted=row.restricted_at is not None,
        erased=row.erased_at is not None,
        minor=None if row.minor is None else bool(row.minor),
        informed=row.informed_at is not None and row.informed_at <= to_microseconds(now),
        contract_active=bool(row.contract_active),
        counterparty=row.counterparty,
    )


def _standing(row: _Row) -> Standing:
    if row.objected is None:
        return NO_STANDING
    return Standing(
        state=None if row.state is None else ConsentState(row.state),
        valid_until=_time(row.valid_until),
        granted_at=_time(row.granted_at),
        objected=bool(row.objected),
        channels=row.channels,
        channels_denied=row.channels_denied,
    )


def _objections(row: _Row) -> Objections:
    return Objections(_time(row.general_at), _time(row.marketing_at), _time(row.profiling_at))


def _grounds(row: _Row) -> Grounds:
    return NO_GROUNDS if row.customer is None else Grounds(row.customer, row.presumed)


def _time(moment: int | None) -> datetime | None:
    return None if moment is None else from_microseconds(moment)
