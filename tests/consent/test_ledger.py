"""The ledger: one declaration, one fact, one transaction; and projections that can be computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from audit import log
from audit.database import Database, open_database
from audit.errors import NotFound
from consent import ledger, notices
from consent.decision import Standing
from consent.errors import DeclarationInvalid, MayNotRaise
from consent.ledger import Entry, bulk_declare, declare
from consent.permission import changed_since, decide_one
from consent.rebuilding import project, rebuild_at_once
from consent.replay import position_of
from consent.tables import declaration, objection, standing, withheld
from governance.purposes import NoticeText
from governance.vocabulary import OPERATOR, Act, Channel, ConsentState, Declaration, LegalBasis, Scope, Source, Text
from tests.conftest import WORK_TABLES
from tests.consent.builders import DAY, NOON, a_purpose, a_subject, objected_to, people, said
from tests.consent.test_replay import histories

SEALED = b"sealed"


def record(work: Database, number: int, *declarations: Declaration, **more: Any) -> ledger.Declared:
    evidence = [SEALED if d.has_evidence else None for d in declarations]
    with work.writing() as connection:
        return declare(connection, number, declarations, actor=OPERATOR, now=NOON, evidence=evidence, **more)


def projections(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        sorted(map(tuple, connection.execute(select(table))), key=repr) for table in (standing, objection, withheld)
    ]


def test_a_declaration_acts_the_moment_it_is_committed(work: Database) -> None:
    """Articles 7(3) and 21(3) GDPR: no job, no night, no cache."""
    people(work, [1])
    newsletter, care = a_purpose(), a_purpose(LegalBasis.LEGITIMATE_INTERESTS, key="care")

    def lawful() -> list[bool]:
        with work.reading() as connection:
            return [decide_one(connection, 1, purpose, now=NOON).lawful for purpose in (newsletter, care)]

    assert lawful() == [False, True]
    record(work, 1, said(Act.GIVEN))
    assert lawful() == [True, True]
    record(work, 1, said(Act.OBJECTED, NOON, purpose="care"), said(Act.WITHDRAWN, NOON))
    assert lawful() == [False, False]


def test_each_declaration_is_one_fact_that_names_nobody(work: Database) -> None:
    """Article 5(2) GDPR, LOG-5, LOG-6: whose it is stands beside the entry, outside the hashed bytes."""
    people(work, [1, 77_777])
    record(work, 77_777, said(Act.GIVEN, channel=Channel.EMAIL), objected_to(Scope.MARKETING))
    record(work, 1, said(Act.FIELD_WITHHELD, field="employees"))

    with work.reading() as connection:
        entries = log.entries(connection)
        assert [entry.kind for entry in entries] == ["field:withheld", "objection:raised", "consent:given"]
        assert [entry.kind for entry in log.entries(connection, subject=77_777)] == [
            "objection:raised",
            "consent:given",
        ]
        assert all(77_777 not in entry.body.values() for entry in entries)
        assert entries[2].body["purpose"] == "newsletter"
        assert changed_since(connection, 2).tolist() == [1]
        assert changed_since(connection, 0).tolist() == [1, 77_777]


def test_the_same_declaration_twice_changes_nothing(work: Database) -> None:
    """OBJ-10: a repeated delivery, heard at another time, is the same declaration."""
    people(work, [1])
    first = said(Act.GIVEN, has_evidence=True, evidence_said_at=NOON - DAY, source=Source.DESK_FOR_SUBJECT)
    assert record(work, 1, first).recorded == 1

    again = record(work, 1, replace(first, received_at=NOON))

    assert (again.recorded, again.repeated, again.entry) == (0, 1, None)
    with work.reading() as connection:
        assert log.size(connection) == 1
        assert ledger.history(connection, 1) == [first]


@pytest.mark.parametrize("moment", ["said_at", "received_at", "evidence_said_at"])
def test_nothing_is_declared_in_the_future(work: Database, moment: str) -> None:
    """Article 5(1)(d) GDPR: a date that has not come is a mistake, and nothing is kept of it."""
    people(work, [1])
    wrong = replace(said(Act.GIVEN, has_evidence=True), **{moment: NOON + timedelta(microseconds=1)})

    with pytest.raises(DeclarationInvalid, match=moment):
        record(work, 1, wrong)
    with work.reading() as connection:
        assert (ledger.history(connection, 1), log.size(connection)) == ([], 0)


@pytest.mark.parametrize(
    "wrong",
    [
        said(Act.GIVEN, purpose=None),
        said(Act.GIVEN, field="employees"),
        said(Act.FIELD_WITHHELD),
        said(Act.FIELD_WITHHELD, field="employees", channel=Channel.EMAIL),
        said(Act.WITHDRAWN, valid_until=NOON),
        said(Act.WITHDRAWN, scope=Scope.MARKETING, purpose=None),
        objected_to(Scope.MARKETING, channel=Channel.EMAIL),
        objected_to(Scope.GENERAL, purpose="newsletter"),
        said(Act.GIVEN, source=Source.SIGNAL),
        said(Act.OBJECTION_LIFTED, source=Source.SIGNAL),
        said(Act.GIVEN, evidence_said_at=NOON - DAY),
        said(Act.GIVEN, NOON.replace(tzinfo=None)),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(sqlite_work: Database, wrong: Declaration) -> None:
    """Article 7(1) GDPR: what cannot be read back cannot be proven."""
    people(sqlite_work, [1])

    with pytest.raises(DeclarationInvalid):
        record(sqlite_work, 1, wrong)


def test_evidence_that_is_announced_has_to_be_there(sqlite_work: Database) -> None:
    """Article 7(1) GDPR: a flag is no evidence."""
    people(sqlite_work, [1])
    with sqlite_work.writing() as connection, pytest.raises(DeclarationInvalid, match="evidence"):
        declare(connection, 1, [said(Act.GIVEN, has_evidence=True)], actor=OPERATOR, now=NOON)


def test_a_grant_that_may_not_raise_is_refused_at_the_door(work: Database) -> None:
    """Invariant 2, with the way to mend it."""
    people(work, [1])
    record(work, 1, said(Act.WITHDRAWN))

    with pytest.raises(MayNotRaise, match="subject's own later act"):
        record(work, 1, said(Act.GIVEN, NOON, source=Source.DESK_FOR_SUBJECT))
    with work.reading() as connection:
        assert ledger.state_at(connection, 1, "newsletter", NOON).state is ConsentState.WITHDRAWN


def test_nobody_declares_for_somebody_who_is_gone(work: Database) -> None:
    """Article 17 GDPR."""
    people(work, [1], erased_at=NOON)

    for number in (1, 2):
        with pytest.raises(NotFound):
            record(work, number, said(Act.GIVEN))
        with pytest.raises(NotFound), work.writing() as connection:
            ledger.restrict(connection, number, actor=OPERATOR, now=NOON)


def test_a_bulk_act_is_one_fact_and_says_what_it_left_aside(work: Database) -> None:
    """Finding D4, OBJ-10: counts in the log, and each refused row by its position."""
    people(work, [1, 2, 3])
    record(work, 2, objected_to(Scope.MARKETING), said(Act.REFUSED))
    imported = {"source": Source.IMPORT, "has_evidence": True}
    entries = [
        Entry(1, said(Act.GIVEN, channel=Channel.EMAIL, **imported), SEALED),
        Entry(2, said(Act.GIVEN, NOON, channel=Channel.EMAIL, **imported), SEALED),
        Entry(9, said(Act.GIVEN, **imported), SEALED),
        Entry(1, said(Act.GIVEN, channel=Channel.EMAIL, **imported), SEALED),
        Entry(3, said(Act.GIVEN, source=Source.IMPORT)),
    ]
    with work.writing() as connection:
        outcome = bulk_declare(connection, entries, batch=7, actor=OPERATOR, now=NOON)

    assert (outcome.recorded, outcome.repeated, outcome.refused, outcome.missing) == (2, (3,), (1,), (2,))
    with work.reading() as connection:
        newest = log.entries(connection, kind="consents:imported")[0]
        assert newest.body == {"import": 7, "rows": 2, "first": 3, "last": 4, "given": 2}
        assert changed_since(connection, newest.index).tolist() == [1, 3]
        states = [ledger.state_at(connection, number, "newsletter", NOON).state for number in (1, 2, 3)]
        assert states == [ConsentState.GIVEN, ConsentState.REFUSED, ConsentState.UNKNOWN]


def test_an_import_repeated_as_a_whole_leaves_no_trace(work: Database) -> None:
    """OBJ-10: nothing new, no fact."""
    people(work, [1, 2])
    entries = [Entry(number, said(Act.REFUSED, source=Source.IMPORT)) for number in (1, 2)]
    for expected in (2, 0):
        with work.writing() as connection:
            assert bulk_declare(connection, entries, batch=1, actor=OPERATOR, now=NOON).recorded == expected
    with work.reading() as connection:
        assert log.size(connection) == 1


def test_restriction_stops_everything_and_is_recorded_once(work: Database) -> None:
    """Article 18 GDPR."""
    people(work, [1])
    for expected in (True, False):
        with work.writing() as connection:
            assert ledger.restrict(connection, 1, actor=OPERATOR, now=NOON) is expected
    with work.reading() as connection:
        assert not decide_one(connection, 1, a_purpose(LegalBasis.LEGITIMATE_INTERESTS), now=NOON).lawful
        assert [entry.kind for entry in log.entries(connection)] == ["subject:restricted"]


def test_the_notice_that_was_shown_can_be_read_again_byte_for_byte(work: Database) -> None:
    """Article 7(1) GDPR, CON-1: also after the catalogue has moved on."""
    people(work, [1])

    class Catalogue:
        def __init__(self, version: str, de: str) -> None:
            purpose = a_purpose(notice=NoticeText(version, Text(de, "We write\r\nto you.")))
            self.purposes = {purpose.key: purpose}

    with work.writing() as connection:
        assert notices.register(connection, Catalogue("1", "Wir schreiben Ihnen. ß"), now=NOON) == 2  # type: ignore[arg-type]
        assert notices.register(connection, Catalogue("1", "Wir schreiben Ihnen. ß"), now=NOON) == 0  # type: ignore[arg-type]
        assert notices.register(connection, Catalogue("2", "Wir schreiben."), now=NOON) == 1  # type: ignore[arg-type]
    with work.reading() as connection:
        digest = notices.hashes(connection)["newsletter", "1"]
        assert notices.text_of(connection, digest) == "Wir schreiben Ihnen. ß"
        assert digest == hashlib.sha256("Wir schreiben Ihnen. ß".encode()).digest()
        assert notices.text_of(connection, bytes(32)) is None


# --- projection == replay, whatever arrives in whatever order --------------------------------------------------------


@st.composite
def everything(draw: st.DrawFn) -> list[tuple[int, Declaration]]:
    """Histories of three subjects over channels, fields and two purposes, in a random order of arrival."""
    arrived: list[tuple[int, Declaration]] = []
    for number in (1, 2, 3):
        for d in draw(histories()):
            arrived.append((number, draw(st.sampled_from(_variants(d)))))
    return draw(st.permutations(arrived))


def _variants(d: Declaration) -> Sequence[Declaration]:
    if d.scope is not Scope.PURPOSE or d.source is Source.SIGNAL:
        return [replace(d, act=Act.OBJECTED, has_evidence=False, evidence_said_at=None, valid_until=None)]
    plain = replace(d, valid_until=None)
    return [
        d,
        replace(d, channel=Channel.EMAIL),
        replace(d, channel=Channel.PHONE, purpose="care", has_evidence=True),
        replace(plain, act=Act.OBJECTION_LIFTED),
        replace(plain, act=Act.OBJECTION_LIFTED, scope=Scope.MARKETING, purpose=None),
        replace(plain, act=Act.FIELD_WITHHELD, field="employees"),
        replace(plain, act=Act.FIELD_WITHHELD, field="employees", purpose=None),
        replace(plain, act=Act.FIELD_RELEASED, field="employees"),
        replace(plain, act=Act.FIELD_RELEASED, field="employees", purpose=None),
    ]


@pytest.fixture(scope="module")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    database = open_database(f"sqlite:///{folder / 'work.db'}")
    with database.writing() as connection:
        for metadata in WORK_TABLES:
            metadata.create_all(connection)
        log.initialise(connection)
        for number in (1, 2, 3):
            a_subject(connection, number)
    yield database
    database.close()


def _emptied(connection: Connection) -> None:
    for table in (declaration, standing, objection, withheld):
        connection.execute(table.delete())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(everything(), st.booleans())
def test_projection_replay_and_rebuild_agree_on_every_history(
    ledger_file: Database, arrived: list[tuple[int, Declaration]], in_bulk: bool
) -> None:
    """Article 7(1) GDPR, CON-1: the state can be proven from the declarations alone."""
    with ledger_file.engine.connect() as connection, connection.begin() as transaction:
        _emptied(connection)
        entries = [Entry(number, d, SEALED if d.has_evidence else None) for number, d in arrived]
        if in_bulk:
            bulk_declare(connection, entries, batch=1, actor=OPERATOR, now=NOON)
        else:
            for entry in entries:
                try:
                    declare(
                        connection,
                        entry.subject,
                        [entry.declaration],
                        actor=OPERATOR,
                        now=NOON,
                        evidence=[entry.evidence],
                    )
                except MayNotRaise:
                    continue
        kept = projections(connection)
        for number in (1, 2, 3):
            _equals_replay(connection, number)
        assert rebuild_at_once(connection) == len({row.subject for row in connection.execute(select(declaration))})
        assert projections(connection) == kept
        project(connection, [1, 2, 3])
        assert projections(connection) == kept
        transaction.rollback()


def _equals_replay(connection: Connection, number: int) -> None:
    position = position_of(ledger.history(connection, number))
    rows = connection.execute(select(standing).where(standing.c.subject == number))
    found = {
        row.purpose: Standing(
            None if row.state is None else ConsentState(row.state),
            row.valid_until, row.granted_at, bool(row.objected), row.channels, row.channels_denied,
        )
        for row in rows
    }  # fmt: skip
    assert found == position.standings
    hidden = connection.execute(select(withheld).where(withheld.c.subject == number))
    assert {(row.purpose, row.field): not row.released for row in hidden} == position.withheld


def test_the_projections_can_be_dropped_and_computed_again(work: Database) -> None:
    """The same on PostgreSQL, with one history of each kind."""
    people(work, [1, 2])
    record(
        work,
        1,
        said(Act.GIVEN, channel=Channel.EMAIL),
        objected_to(Scope.PROFILING),
        said(Act.FIELD_WITHHELD, purpose=None, field="f"),
    )
    record(work, 1, said(Act.FIELD_RELEASED, NOON, field="f"))
    record(work, 2, said(Act.WITHDRAWN, purpose="care"))

    with work.writing() as connection:
        kept = projections(connection)
        assert [len(rows) for rows in kept] == [2, 1, 2]
        assert rebuild_at_once(connection) == 2
        assert projections(connection) == kept
