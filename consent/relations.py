"""The decision table as a relation, for a million people at once: one place for every SQL condition of this package.

The population, the re-check under the log's lock and the activities all filter by the same relation, which a property
test holds equal to the pure `decide`. A value the table does not know gets the code of `BROKEN`: never lawful.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import ibis

from audit.database import to_microseconds
from consent.channels import BUSINESS, CONSUMER, Opening, grounds_count, openings
from consent.decision import excludes_minors, has_valid_assessment
from consent.replay import EVERY_PURPOSE
from consent.standing import PERMITTING_STATES
from governance.vocabulary import CHANNEL_BITS, Channel, ConsentState, LegalBasis, Reason, Unit

if TYPE_CHECKING:
    from governance.purposes import Purpose

Expression = Any
"""An Ibis expression; the package ships no types."""

REASONS: tuple[Reason, ...] = tuple(Reason)
CODE: dict[Reason, int] = {reason: code for code, reason in enumerate(REASONS)}
BROKEN = -1
LAWFUL = frozenset({Reason.CONSENT_GIVEN, Reason.CONTRACT_ACTIVE, Reason.INTERESTS_PREVAIL, Reason.NOT_A_PERSON})
LAWFUL_CODES = tuple(sorted(CODE[reason] for reason in LAWFUL))

SUBJECT = ibis.table(
    {
        "id": "int64", "unit": "string", "natural": "boolean", "account": "int64", "counterparty": "string",
        "minor": "boolean", "contract_active": "boolean", "informed_at": "int64", "restricted_at": "int64",
        "erased_at": "int64",
    },
    name="subject",
)  # fmt: skip
STANDING = ibis.table(
    {
        "purpose": "string", "subject": "int64", "state": "string", "valid_until": "int64", "granted_at": "int64",
        "objected": "int64", "channels": "int64", "channels_denied": "int64",
    },
    name="standing",
)  # fmt: skip
OBJECTION = ibis.table(
    {"subject": "int64", "general_at": "int64", "marketing_at": "int64", "profiling_at": "int64"}, name="objection"
)
OPEN_CHANNEL = ibis.table(
    {"purpose": "string", "subject": "int64", "customer": "int64", "presumed": "int64"}, name="open_channel"
)
WITHHELD = ibis.table(
    {"purpose": "string", "field": "string", "subject": "int64", "released": "int64"}, name="withheld"
)


def decisions(
    purpose: Purpose, *, now: datetime, unit: Unit | None = None, channel: Channel | None = None
) -> Expression:
    """Columns `id`, `reason` (code): one row for every subject of the unit."""
    rows = facts(purpose.key, unit)
    cases = [*_processing(rows, purpose, now)]
    if channel is not None:
        return _with_channel(rows, cases, purpose, channel, now)
    return rows.select(id=rows.id, reason=ibis.cases(*cases, else_=BROKEN))


def permitted_ids(
    purpose: Purpose, *, now: datetime, unit: Unit | None = None, channel: Channel | None = None
) -> Expression:
    """Column `id` of everybody the decision lets through."""
    decided = decisions(purpose, now=now, unit=unit, channel=channel)
    return decided.filter(decided.reason.isin(LAWFUL_CODES)).select("id")


def facts(purpose: str, unit: Unit | None) -> Expression:
    """Every subject beside its standing for the purpose and its wide objections, both sparse."""
    subjects = SUBJECT if unit is None else SUBJECT.filter(SUBJECT.unit == unit.value)
    standing = STANDING.filter(STANDING.purpose == purpose)
    joined = subjects.left_join(standing, subjects.id == standing.subject)
    joined = joined.left_join(OBJECTION, joined.id == OBJECTION.subject)
    wanted = ("id", "natural", "counterparty", "minor", "contract_active", "informed_at", "restricted_at", "erased_at")
    return joined.select(
        *wanted, "state", "valid_until", "granted_at", "general_at", "marketing_at", "profiling_at",
        objected=joined.objected.fill_null(0), channels=joined.channels.fill_null(0),
        channels_denied=joined.channels_denied.fill_null(0),
    )  # fmt: skip


def withheld_subjects(purpose: str, field: str) -> Expression:
    """Column `subject` of everybody who withholds the field for the purpose."""
    named = WITHHELD.filter((WITHHELD.field == field) & (WITHHELD.purpose == purpose))
    everywhere = WITHHELD.filter((WITHHELD.field == field) & (WITHHELD.purpose == EVERY_PURPOSE))
    released = named.filter(named.released != 0)
    general = everywhere.anti_join(released, everywhere.subject == released.subject).select("subject")
    return named.filter(named.released == 0).select("subject").union(general, distinct=True)


Case = tuple[Expression, int]


def _processing(rows: Expression, purpose: Purpose, now: datetime) -> list[Case]:
    known = rows.state.isnull() | rows.state.isin([state.value for state in ConsentState])
    cases: list[Case] = [
        (~known, BROKEN),
        (rows.erased_at.notnull(), CODE[Reason.ERASED]),
        (rows.restricted_at.notnull(), CODE[Reason.RESTRICTED]),
        (~rows.natural, CODE[Reason.NOT_A_PERSON]),
    ]
    if excludes_minors(purpose):
        cases.append((rows.minor.fill_null(False), CODE[Reason.MINOR]))
    if purpose.basis is LegalBasis.CONSENT:
        return cases + _on_consent(rows, purpose, now)
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS:
        return cases + _on_interests(rows, purpose, now)
    if purpose.basis is LegalBasis.CONTRACT:
        active = rows.contract_active.fill_null(False)
        return [*cases, (active, CODE[Reason.CONTRACT_ACTIVE]), (~active, CODE[Reason.NO_CONTRACT])]
    return cases


def _on_consent(rows: Expression, purpose: Purpose, now: datetime) -> list[Case]:
    by_state = {
        ConsentState.UNKNOWN: Reason.CONSENT_UNKNOWN,
        ConsentState.REQUESTED: Reason.REQUESTED_ONLY,
        ConsentState.EXPIRED: Reason.CONSENT_EXPIRED,
    }
    return [
        (rows.state == ConsentState.REFUSED.value, CODE[Reason.CONSENT_REFUSED]),
        (rows.state == ConsentState.WITHDRAWN.value, CODE[Reason.CONSENT_WITHDRAWN]),
        (rows.objected != 0, CODE[Reason.OBJECTED]),
        *_objections(rows, purpose, outranked=True),
        (_consented(rows, now), CODE[Reason.CONSENT_GIVEN]),
        (_state_permits(rows), CODE[Reason.CONSENT_EXPIRED]),
        (rows.state.isnull() & (rows.channels_denied != 0), CODE[Reason.CONSENT_REFUSED]),
        (rows.state.isnull(), CODE[Reason.NEVER_ASKED]),
        *((rows.state == state.value, CODE[reason]) for state, reason in by_state.items()),
    ]


def _on_interests(rows: Expression, purpose: Purpose, now: datetime) -> list[Case]:
    cases = [(rows.objected != 0, CODE[Reason.OBJECTED]), *_objections(rows, purpose, outranked=False)]
    if not has_valid_assessment(purpose, now):
        return [*cases, (rows.id.notnull(), CODE[Reason.ASSESSMENT_EXPIRED])]
    informed = _by(rows.informed_at, now)
    return [*cases, (~informed, CODE[Reason.NOT_INFORMED]), (informed, CODE[Reason.INTERESTS_PREVAIL])]


def _by(moment: Expression, now: datetime) -> Expression:
    return moment.notnull() & (moment <= to_microseconds(now))


def _state_permits(rows: Expression) -> Expression:
    return rows.state.notnull() & rows.state.isin(sorted(state.value for state in PERMITTING_STATES))


def _consented(rows: Expression, now: datetime) -> Expression:
    return _state_permits(rows) & (rows.valid_until.isnull() | (rows.valid_until > to_microseconds(now)))


def _objections(rows: Expression, purpose: Purpose, *, outranked: bool) -> list[Case]:
    stops = [(rows.general_at, Reason.OBJECTED)]
    if purpose.marketing:
        stops.append((rows.marketing_at, Reason.OBJECTED_TO_MARKETING))
    if purpose.profiling:
        stops.append((rows.profiling_at, Reason.OBJECTED_TO_PROFILING))
    if not outranked:
        return [(since.notnull(), CODE[reason]) for since, reason in stops]
    later = rows.granted_at
    return [(since.notnull() & (later.isnull() | (later <= since)), CODE[reason]) for since, reason in stops]


def refusals(purpose: Purpose, channel: Channel) -> Expression:
    """Columns `id`, `reason` (code): whoever said no to this use of the channel, whatever the processing decision."""
    rows = facts(purpose.key, None)
    decided = rows.select(id=rows.id, reason=ibis.cases(*_refusals(rows, purpose, channel), else_=ibis.null("int64")))
    return decided.filter(decided.reason.notnull())


def _refusals(rows: Expression, purpose: Purpose, channel: Channel) -> list[Case]:
    if channel not in purpose.channels:
        return [(rows.id.notnull(), CODE[Reason.CHANNEL_NOT_PERMITTED])]
    cases: list[Case] = [((rows.channels_denied & CHANNEL_BITS[channel]) != 0, CODE[Reason.CHANNEL_REFUSED])]
    if purpose.marketing:
        cases += [(rows.objected != 0, CODE[Reason.OBJECTED]), *_objections(rows, purpose, outranked=True)]
    return cases


def _with_channel(rows: Expression, cases: list[Case], purpose: Purpose, channel: Channel, now: datetime) -> Expression:
    decided = rows.mutate(processing=ibis.cases(*cases, else_=BROKEN))
    asks_grounds = purpose.marketing and _asks_grounds(purpose, channel)
    if asks_grounds:
        decided = _with_grounds(decided, purpose)
    gate: list[Case] = [(~decided.processing.isin(LAWFUL_CODES), decided.processing)]
    gate += _refusals(decided, purpose, channel)
    if not purpose.marketing:
        return decided.select(id=decided.id, reason=ibis.cases(*gate, else_=decided.processing))
    # what opens the gate is stated, so that a null on the way keeps it shut
    gate.append((_opened(decided, channel, now, by_facts=asks_grounds), decided.processing))
    return decided.select(id=decided.id, reason=ibis.cases(*gate, else_=CODE[Reason.NO_EXPRESS_CONSENT]))


def _asks_grounds(purpose: Purpose, channel: Channel) -> bool:
    """Whether recorded facts can open the channel at all; where not, their table is left alone."""
    by_facts = {Opening.EXISTING_CUSTOMER, Opening.PRESUMED_CONSENT}
    return grounds_count(purpose) and any(openings(channel, who) & by_facts for who in (CONSUMER, BUSINESS))


def _with_grounds(rows: Expression, purpose: Purpose) -> Expression:
    grounds = OPEN_CHANNEL.filter(OPEN_CHANNEL.purpose == purpose.key)
    grounds = grounds.select(opened_for="subject", customer="customer", presumed="presumed")
    joined = rows.left_join(grounds, rows.id == grounds.opened_for)
    return joined.mutate(customer=joined.customer.fill_null(0), presumed=joined.presumed.fill_null(0))


def _opened(rows: Expression, channel: Channel, now: datetime, *, by_facts: bool) -> Expression:
    """The table of § 7 UWG: anything but business is a consumer, and one of a cell's openings suffices."""
    bit, shown = CHANNEL_BITS[channel], {Opening.NO_OBJECTION: ibis.literal(True)}
    shown[Opening.EXPRESS_CONSENT] = _consented(rows, now) & ((rows.channels & bit) != 0)
    if by_facts:
        nobody_objected = rows.marketing_at.isnull() & rows.general_at.isnull()
        shown[Opening.EXISTING_CUSTOMER] = nobody_objected & ((rows.customer & bit) != 0)
        shown[Opening.PRESUMED_CONSENT] = nobody_objected & ((rows.presumed & bit) != 0)
    business = rows.counterparty == BUSINESS
    cells = {who: [shown[each] for each in openings(channel, who) if each in shown] for who in (CONSUMER, BUSINESS)}
    return (business & reduce(or_, cells[BUSINESS])) | (~business & reduce(or_, cells[CONSUMER]))
