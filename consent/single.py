"""The decision about one person by pseudonym, with one read: for a question that is asked before each use.

The same facts and the same pure rules as `permission.decide_one`, and the same answer; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, and_, bindparam, select

from consent import store
from consent.channels import NO_GROUNDS, Grounds, channel_decision
from consent.decision import decide
from consent.standing import Objections, Standing, SubjectFacts
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
        row = connection.execute(_everything(), {"pseudonym": pseudonym, "key": purpose.key}).one_or_none()
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


@cache
def _everything() -> Select[Any]:
    """Subject, standing, objections and open channels of one person for one purpose, in one row."""
    key: Any = bindparam("key")
    return (
        select(
            subject.c.id, subject.c.natural, subject.c.minor, subject.c.informed_at, subject.c.contract_active,
            subject.c.counterparty, subject.c.restricted_at, subject.c.erased_at,
            standing.c.state, standing.c.valid_until, standing.c.granted_at, standing.c.objected,
            standing.c.channels, standing.c.channels_denied,
            objection.c.general_at, objection.c.marketing_at, objection.c.profiling_at,
            open_channel.c.customer, open_channel.c.presumed,
        )
        .select_from(subject)
        .outerjoin(standing, and_(standing.c.subject == subject.c.id, standing.c.purpose == key))
        .outerjoin(objection, objection.c.subject == subject.c.id)
        .outerjoin(open_channel, and_(open_channel.c.subject == subject.c.id, open_channel.c.purpose == key))
        .where(subject.c.pseudonym == bindparam("pseudonym"))
    )  # fmt: skip


def _facts(row: Any, now: datetime) -> SubjectFacts:
    return SubjectFacts(
        natural=row.natural,
        restricted=row.restricted_at is not None,
        erased=row.erased_at is not None,
        minor=row.minor,
        informed=row.informed_at is not None and row.informed_at <= now,
        contract_active=bool(row.contract_active),
        counterparty=row.counterparty,
    )


def _standing(row: Any) -> Standing:
    if row.objected is None:
        return Standing()
    return Standing(
        state=None if row.state is None else ConsentState(row.state),
        valid_until=row.valid_until,
        granted_at=row.granted_at,
        objected=bool(row.objected),
        channels=row.channels,
        channels_denied=row.channels_denied,
    )


def _objections(row: Any) -> Objections:
    return Objections(row.general_at, row.marketing_at, row.profiling_at)


def _grounds(row: Any) -> Grounds:
    return NO_GROUNDS if row.customer is None else Grounds(row.customer, row.presumed)
