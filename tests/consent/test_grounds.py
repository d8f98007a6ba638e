"""Facts that open a channel, and the proof of consents to calls: recorded with evidence, acting at once, kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from audit import log
from audit.database import Database
from audit.errors import NotFound
from consent import grounds, ledger
from consent.channels import Grounds
from consent.errors import DeclarationInvalid, GroundInvalid, PresumedForConsumer
from consent.grounds import CUSTOMER_FACTS, Ground, GroundEntry, GroundKind, GroundsRecorded
from consent.ledger import declare
from consent.openings import openings_of
from consent.permission import decide_one, lawful
from consent.rebuilding import rebuild, rebuild_at_once
from consent.store_grounds import open_channels, rows_of
from consent.tables import open_channel
from governance.purposes import Purpose
from governance.tables import subject
from governance.vocabulary import OPERATOR, Act, Channel, Declaration, LegalBasis, Reason, Scope, Source
from tests.consent.builders import DAY, NOON, a_purpose, objected_to, people, said

CARE = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, key="sales_care", marketing=True)
SEALED = b"sealed"


def a_fact(kind: GroundKind, channel: Channel = Channel.EMAIL, since: datetime = NOON - DAY) -> Ground:
    return Ground("sales_care", channel, kind, since)


SALE = [a_fact(kind) for kind in CUSTOMER_FACTS]
PRESUMED = a_fact(GroundKind.PRESUMED_CONSENT, Channel.PHONE)


def record(work: Database, number: int, *facts: Ground, ended: bool = False) -> GroundsRecorded:
    act = grounds.end if ended else grounds.record
    with work.writing() as connection:
        return act(connection, number, facts, actor=OPERATOR, now=NOON, evidence=[SEALED] * len(facts))


def say(work: Database, number: int, *declarations: Declaration) -> None:
    with work.writing() as connection:
        evidence = [SEALED if d.has_evidence else None for d in declarations]
        declare(connection, number, declarations, actor=OPERATOR, now=NOON, evidence=evidence)


def reason(work: Database, number: int, channel: Channel = Channel.EMAIL, purpose: Purpose = CARE) -> Reason:
    """The answer about one, which must be the answer in bulk."""
    with work.reading() as connection:
        one = decide_one(connection, number, purpose, now=NOON, channel=channel)
        assert lawful(connection, np.array([number]), purpose, now=NOON, channel=channel).tolist() == [one.lawful]
        return one.reason


def test_the_four_facts_open_the_channel_the_moment_the_last_is_recorded(work: Database) -> None:
    """§ 7(3) UWG: three facts are none (UWG-2, T18)."""
    people(work, [1])
    record(work, 1, *SALE[:3])
    assert reason(work, 1) is Reason.NO_EXPRESS_CONSENT

    record(work, 1, SALE[3])

    assert reason(work, 1) is Reason.INTERESTS_PREVAIL
    assert reason(work, 1, Channel.SMS) is Reason.NO_EXPRESS_CONSENT
    assert reason(work, 1, Channel.PHONE) is Reason.NO_EXPRESS_CONSENT


@pytest.mark.parametrize(
    "no",
    [
        said(Act.OBJECTED, purpose="sales_care", channel=Channel.EMAIL),
        said(Act.WITHDRAWN, purpose="sales_care", channel=Channel.EMAIL),
        objected_to(Scope.MARKETING),
    ],
)
def test_a_no_ends_the_exception_for_good_and_only_an_express_consent_reopens(work: Database, no: Declaration) -> None:
    """§ 7(3) no. 3 UWG: whichever came first, and though the objection is lifted and the facts recorded again."""
    people(work, [1, 2])
    record(work, 1, *SALE)
    say(work, 1, no)
    say(work, 2, no)
    record(work, 2, *SALE)
    lifted = said(Act.OBJECTION_LIFTED, NOON, scope=no.scope, purpose=no.purpose, channel=no.channel)
    for number in (1, 2):
        assert reason(work, number) in {Reason.CHANNEL_REFUSED, Reason.OBJECTED_TO_MARKETING}
        say(work, number, lifted)
        record(work, number, *(a_fact(kind, since=NOON) for kind in CUSTOMER_FACTS))
        assert reason(work, number) is Reason.NO_EXPRESS_CONSENT

        say(work, number, said(Act.GIVEN, NOON, purpose="sales_care", channel=Channel.EMAIL))
        assert reason(work, number) is Reason.INTERESTS_PREVAIL


def test_a_ground_makes_no_processing_lawful(work: Database) -> None:
    """UWG-6: two gates; whoever was never informed is not written to, § 7(3) UWG or not."""
    people(work, [1], informed_at=None)
    record(work, 1, *SALE)

    assert reason(work, 1) is Reason.NOT_INFORMED


def test_presumed_consent_is_for_a_business_and_its_phone(work: Database) -> None:
    """§ 7(2) no. 1 UWG: never for a consumer or somebody unknown, whatever is in the file (UWG-3, UWG-7)."""
    people(work, [1])
    people(work, [2], counterparty="unknown")
    people(work, [3], counterparty="consumer")
    record(work, 1, PRESUMED)

    assert reason(work, 1, Channel.PHONE) is Reason.INTERESTS_PREVAIL
    for number in (2, 3):
        with pytest.raises(PresumedForConsumer):
            record(work, number, PRESUMED)
    say(work, 1, said(Act.OBJECTED, purpose="sales_care", channel=Channel.PHONE))
    assert reason(work, 1, Channel.PHONE) is Reason.CHANNEL_REFUSED


def test_a_fact_without_evidence_or_out_of_place_is_none(work: Database) -> None:
    """§ 7(3) UWG: who relies on the exception shows it."""
    people(work, [1])
    wrong = [
        (a_fact(GroundKind.ADDRESS_FROM_SALE, Channel.PHONE), SEALED),
        (a_fact(GroundKind.PRESUMED_CONSENT, Channel.EMAIL), SEALED),
        (a_fact(GroundKind.ADDRESS_FROM_SALE, since=NOON + DAY), SEALED),
        (a_fact(GroundKind.ADDRESS_FROM_SALE), b""),
    ]
    for fact, evidence in wrong:
        with pytest.raises(GroundInvalid), work.writing() as connection:
            grounds.record(connection, 1, [fact], actor=OPERATOR, now=NOON, evidence=[evidence])
    with pytest.raises(NotFound):
        record(work, 9, *SALE)

    with work.reading() as connection:
        assert rows_of(connection, [1]) == {}
        assert log.size(connection) == 0


def test_the_same_fact_twice_changes_nothing_and_an_end_is_not_undone_by_repeating(work: Database) -> None:
    """§ 7(3) UWG: a nightly file brings nothing back that was found wrong."""
    people(work, [1])
    assert record(work, 1, *SALE).recorded == 4
    assert record(work, 1, *SALE) == GroundsRecorded(0, 4, None)

    record(work, 1, a_fact(GroundKind.OWN_SIMILAR_GOODS, since=NOON), ended=True)

    record(work, 1, *SALE)
    assert reason(work, 1) is Reason.NO_EXPRESS_CONSENT
    with work.reading() as connection:
        kinds = [entry.kind for entry in log.entries(connection, subject=1)]
        assert kinds == ["ground:ended"] + ["ground:recorded"] * 4
        assert log.entries(connection)[0].body["fact"] == "own_similar_goods"


def test_a_file_of_facts_is_one_entry_of_the_log(work: Database) -> None:
    """LOG-5: who is missing or a consumer is told apart, the rest is recorded."""
    people(work, [1])
    people(work, [2], counterparty="consumer")
    entries = [GroundEntry(1, fact, SEALED) for fact in SALE]
    entries += [GroundEntry(9, SALE[0], SEALED), GroundEntry(2, PRESUMED, SEALED)]
    with work.writing() as connection:
        done = grounds.bulk_record(connection, [*entries, entries[0]], batch=3, actor=OPERATOR, now=NOON)

    assert (done.recorded, done.missing, done.refused, done.repeated, done.entry) == (4, (4,), (5,), (6,), 0)
    assert reason(work, 1) is Reason.INTERESTS_PREVAIL
    with work.reading() as connection:
        assert dict(log.entry(connection, 0).body) == {"import": 3, "rows": 4, "first": 1, "last": 4}


def _opened(connection: Connection) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, connection.execute(select(open_channel))))


def test_what_is_open_can_be_computed_again(work: Database) -> None:
    """CON-1: the projection is what the records say, before and after it was dropped."""
    people(work, [1, 2, 3])
    record(work, 1, *SALE, PRESUMED)
    record(work, 2, *SALE)
    record(work, 3, *SALE)
    say(work, 2, said(Act.OBJECTED, purpose="sales_care"))
    expected = [("sales_care", 1, 1, 2), ("sales_care", 3, 1, 0)]
    with work.writing() as connection:
        assert _opened(connection) == expected
        connection.execute(delete(open_channel).where(open_channel.c.subject == 3))
        connection.execute(update(open_channel).values(customer=15))
        connection.execute(insert(open_channel), {"purpose": "other", "subject": 8, "customer": 1, "presumed": 0})

    rebuild(work)

    with work.writing() as connection:
        assert _opened(connection) == expected
        connection.execute(delete(open_channel))
        rebuild_at_once(connection)
        assert _opened(connection) == expected


MOVES = st.lists(
    st.one_of(
        st.sampled_from([*SALE, PRESUMED]),
        st.sampled_from([Act.OBJECTED, Act.WITHDRAWN, Act.GIVEN, Act.OBJECTION_LIFTED]),
        st.sampled_from([(each, True) for each in SALE]),
    ),
    max_size=10,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_the_projection_is_the_pure_rule_after_any_order_of_acts(sqlite_work: Database, moves: list[Any]) -> None:
    """§ 7(3) UWG: facts, ends, denials and grants in any order."""
    with sqlite_work.reading() as connection:
        number = connection.execute(select(func.count()).select_from(subject)).scalar_one() + 1
    people(sqlite_work, [number])
    for step, move in enumerate(moves):
        if isinstance(move, Act):
            when = NOON - timedelta(hours=20 - step)
            say(sqlite_work, number, said(move, when, purpose="sales_care", channel=Channel.EMAIL))
        elif isinstance(move, Ground):
            record(sqlite_work, number, move)
        else:
            record(sqlite_work, number, move[0], ended=True)

    with sqlite_work.reading() as connection:
        rows = rows_of(connection, [number]).get(number, [])
        expected = openings_of(rows, ledger.history(connection, number)).get("sales_care", Grounds())
        assert open_channels(connection, number, "sales_care") == expected


# --- calls: the proof of § 7a UWG -------------------------------------------------------------------------------------

GRANT = datetime(2026, 1, 10, 9, tzinfo=UTC)
FIRST_CALL, LAST_CALL = datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2027, 2, 1, 9, tzinfo=UTC)
LATER = datetime(2027, 3, 1, tzinfo=UTC)


def call(work: Database, used_at: datetime, *numbers: int, export: int | None = None) -> int | None:
    with work.writing() as connection:
        return grounds.record_use(
            connection, numbers, "sales_care", Channel.PHONE, used_at=used_at, export=export, actor=OPERATOR, now=LATER
        )


def consent_to_calls(work: Database, number: int, when: datetime = GRANT) -> None:
    with work.writing() as connection:
        given = said(Act.GIVEN, when, purpose="sales_care", channel=Channel.PHONE, source=Source.SUBJECT)
        declare(connection, number, [given], actor=OPERATOR, now=LATER)


def test_the_proof_of_a_consent_to_calls_is_kept_five_years_from_the_grant_and_from_each_use(work: Database) -> None:
    """§ 7a(2) UWG, CON-11, T19: granted 2026-01-10, used 2026-05-01 and 2027-02-01: until 2032-02-01."""
    people(work, [1])
    consent_to_calls(work, 1)
    with work.reading() as connection:
        assert grounds.phone_proof(connection, 1).retain_until == date(2031, 1, 10)

    call(work, LAST_CALL, 1)
    call(work, FIRST_CALL, 1)

    with work.reading() as connection:
        proof = grounds.phone_proof(connection, 1)
    assert proof.retain_until == date(2032, 2, 1)
    assert [use.used_at for use in proof.uses] == [FIRST_CALL, LAST_CALL]
    assert [each.declaration.said_at for each in proof.grants] == [GRANT]


def test_withdrawing_ends_the_calls_and_not_the_proof(work: Database) -> None:
    """§ 7a UWG, T19: kept as proof, closed for every call."""
    people(work, [1], counterparty="consumer")
    consent_to_calls(work, 1)
    call(work, LAST_CALL, 1)
    with work.writing() as connection:
        no = said(Act.WITHDRAWN, LATER, purpose="sales_care", channel=Channel.PHONE)
        declare(connection, 1, [no], actor=OPERATOR, now=LATER)
        proof = grounds.phone_proof(connection, 1)

    assert proof.retain_until == date(2032, 2, 1)
    assert [each.declaration.act for each in proof.denials] == [Act.WITHDRAWN]
    with work.reading() as connection:
        assert not decide_one(connection, 1, CARE, now=LATER, channel=Channel.PHONE).lawful


def test_without_a_consent_there_is_no_proof_to_keep(work: Database) -> None:
    """Article 5(1)(e) GDPR: a consent to e-mails or to the purpose alone is none to calls."""
    people(work, [1])
    say(work, 1, said(Act.GIVEN, channel=Channel.EMAIL), said(Act.GIVEN))
    with work.reading() as connection:
        assert grounds.phone_proof(connection, 1).retain_until is None


@pytest.mark.parametrize(
    ("latest", "until"),
    [
        (datetime(2028, 2, 29, 12, tzinfo=UTC), date(2033, 2, 28)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2032, 1, 1)),  # the day after in Germany
    ],
)
def test_five_years_are_years_of_the_calendar(latest: datetime, until: date) -> None:
    """CON-7: a leap day ends in February, and a day is a day in Germany."""
    assert grounds.retained_until([latest]) == until


def test_uses_of_a_whole_list_are_one_fact_and_a_call_is_noted_once(work: Database) -> None:
    """CON-11: a released list restarts the years of everybody on it."""
    people(work, [1, 2, 3])
    assert call(work, LAST_CALL, 1, 2, 3, export=7) == 0
    assert call(work, FIRST_CALL, 1) == 1
    assert call(work, FIRST_CALL, 1) is None

    with work.reading() as connection:
        assert [entry.body["uses"] for entry in log.entries(connection, kind="channel:used")] == [1, 3]
        assert [len(grounds.phone_proof(connection, number).uses) for number in (1, 2, 3)] == [2, 1, 1]
    with pytest.raises(GroundInvalid):
        call(work, LATER + DAY, 1)
    with pytest.raises(NotFound):
        call(work, LAST_CALL, 9)


@pytest.mark.parametrize("source", [Source.DESK_FOR_SUBJECT, Source.CONTROLLER_API])
def test_a_consent_to_calls_that_nothing_documents_is_refused(work: Database, source: Source) -> None:
    """§ 7a(1) UWG: documented when it is given; our own word for it is no document."""
    people(work, [1])
    bare = said(Act.GIVEN, purpose="sales_care", channel=Channel.PHONE, source=source)

    with pytest.raises(DeclarationInvalid):
        say(work, 1, bare)
    say(work, 1, said(Act.GIVEN, purpose="sales_care", channel=Channel.PHONE, source=source, has_evidence=True))
    assert reason(work, 1, Channel.PHONE) is Reason.INTERESTS_PREVAIL
